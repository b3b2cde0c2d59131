//! Writing: bodies are sealed, kept, and come to be together in one transaction.

use std::sync::Arc;

use bytes::Bytes;
use futures::{FutureExt as _, future::try_join_all};
use http::StatusCode;
use hutong_disclosure::Handle;
use hutong_ledger::hash::Hash;
use hutong_peer::vault::VALUE_BYTES_MAX;

use super::{
    persons::Made,
    read::{erased, failed},
};
use crate::{
    HealthService, build,
    contract::REVISIONS_MAX,
    error::Error,
    json::Json,
    kind::{Key, Kind},
    outcome::Fault,
    view::Content,
};

/// How often a write that others overtook is planned anew.
const TRIES_MAX: usize = 8;

/// A version to be.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) key: Key,
    /// The one that stands; 0: none.
    pub(super) standing: u64,
    /// As it will be sealed. None deletes.
    pub(super) body: Option<Json>,
}

/// Why nothing was written.
pub(super) enum NotWritten {
    /// Others were quicker: plan anew.
    Overtaken,
    Fault(Fault),
}

impl From<Fault> for NotWritten {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl HealthService {
    /// Plans and writes; plans anew when others were quicker.
    pub(super) async fn writing<T>(
        &self,
        actor: &str,
        base: &str,
        mut plan: impl FnMut() -> Result<(Vec<Draft>, T), Fault>,
    ) -> Result<T, Fault> {
        for _ in 0..TRIES_MAX {
            let (drafts, planned) = plan()?;
            let standing: Vec<_> = drafts.iter().map(|draft| (draft.key.clone(), draft.standing)).collect();
            match self.commit(drafts, actor, base).await {
                Ok(()) => return Ok(planned),
                Err(NotWritten::Fault(fault)) => return Err(fault),
                Err(NotWritten::Overtaken) => {
                    let shown = |view: &crate::view::View| {
                        standing.iter().any(|(key, version)| {
                            view.get(key).and_then(|doc| doc.last()).map_or(0, |last| last.number) != *version
                        })
                    };
                    if !self.settled(shown).await {
                        return Err(Fault::unavailable());
                    }
                }
            }
        }
        Err(Fault::conflict("Others write the same resources; try again."))
    }

    async fn commit(&self, drafts: Vec<Draft>, actor: &str, base: &str) -> Result<(), NotWritten> {
        if drafts.is_empty() {
            return Ok(());
        }
        if drafts.len() > REVISIONS_MAX {
            let told = format!("A transaction writes at most {REVISIONS_MAX} resources.");
            return Err(Fault::new(StatusCode::PAYLOAD_TOO_LARGE, "too-costly", told).into());
        }
        let about = self.about(&drafts, actor, base).await?;
        let sealing = drafts.iter().zip(&about).map(|(draft, subjects)| self.seal(draft, subjects).boxed());
        let sealed = try_join_all(sealing).await?;
        let kept: Vec<_> = sealed.iter().flatten().cloned().collect();
        let bodies = self.bodies().clone();
        let put = tokio::task::spawn_blocking(move || bodies.put(&kept)).await.map_err(Fault::internal)?;
        put.map_err(Fault::internal)?;
        let revisions = drafts.iter().zip(&sealed).zip(&about).map(|((draft, sealed), subjects)| {
            let body = sealed.as_ref().map(|(commitment, _)| (*commitment, &subjects[..]));
            build::revision(&draft.key, draft.standing + 1, body)
        });
        match self.records().submit(build::write(revisions.collect()), actor).await {
            Ok(_) => {}
            Err(Error::Refused { code }) if code == "stale_version" => return Err(NotWritten::Overtaken),
            Err(Error::Refused { code }) if code == "erased" => {
                let told = "A resource of these was erased; its id is not used again.";
                return Err(Fault::gone(told).into());
            }
            Err(error) => return Err(failed(error).into()),
        }
        let shown = self.settled(|view| {
            drafts.iter().all(|draft| {
                view.get(&draft.key).is_some_and(|doc| doc.version(draft.standing + 1).is_some())
            })
        });
        if !shown.await {
            return Err(Fault::unavailable().into());
        }
        for draft in drafts.iter().filter(|draft| draft.key.kind == Kind::Consent) {
            self.follow_consent(&draft.key, actor).await;
        }
        Ok(())
    }

    /// Whom each draft is about: patients first, since the others refer to them.
    async fn about(&self, drafts: &[Draft], actor: &str, base: &str) -> Result<Vec<Vec<Handle>>, Fault> {
        let mut made = Made::new();
        for draft in drafts.iter().filter(|draft| draft.key.kind == Kind::Patient) {
            if let Some(body) = &draft.body {
                made.insert(draft.key.clone(), self.handle_of(&draft.key, body, actor).await?);
            }
        }
        let about = drafts.iter().map(|draft| match (&draft.body, made.get(&draft.key)) {
            (_, Some(handles)) => handles.clone(),
            (Some(body), None) => self.subjects_of(draft.key.kind, body, &made, base),
            (None, None) => Vec::new(),
        });
        Ok(about.collect())
    }

    async fn seal(&self, draft: &Draft, subjects: &[Handle]) -> Result<Option<(Hash, Arc<str>)>, Fault> {
        let Some(body) = &draft.body else { return Ok(None) };
        let text = body.to_compact();
        if text.len() > VALUE_BYTES_MAX {
            let told = format!("{} has {} bytes; at most {VALUE_BYTES_MAX} are kept.", draft.key, text.len());
            return Err(Fault::new(StatusCode::PAYLOAD_TOO_LARGE, "too-long", told));
        }
        let sealed =
            self.records().seal(&draft.key, subjects.to_vec(), Bytes::copy_from_slice(text.as_bytes()));
        let commitment = sealed.await.map_err(failed)?;
        Ok(Some((commitment, text.into())))
    }

    /// The number of the version that stands, and whether it is a live one. What was erased, or is the ledger's own,
    /// can't be written.
    pub(super) fn number_of(&self, key: &Key) -> Result<(u64, bool), Fault> {
        let view = self.view();
        let Some(doc) = view.get(key) else { return Ok((0, false)) };
        if doc.erased {
            return Err(erased(key));
        }
        if doc.last().is_some_and(|last| matches!(last.content, Content::Access(_))) {
            let told = format!("{key} is made from an access on the ledger; nobody changes it.");
            return Err(Fault::new(StatusCode::METHOD_NOT_ALLOWED, "not-supported", told));
        }
        Ok((doc.last().map_or(0, |last| last.number), doc.is_live()))
    }
}
