//! The loop: keeps the view up to date with what becomes final.

use std::{sync::Arc, time::Duration};

use hutong_desk::Desk;
use hutong_keys::{PublicKey, SigningKey};
use hutong_ledger::id::ChainId;
use hutong_peer::SharedStorage;
use hutong_runtime::SharedClock;
use parking_lot::RwLock;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Error, Issuer,
    contract::domain,
    status::Tokens,
    view::{Page, Query, View},
};

/// The service, and what its API works with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LicensingService {
    pub(crate) storage: SharedStorage,
    pub(crate) desk: Desk,
    pub(crate) clock: SharedClock,
    pub(crate) config: Arc<Config>,
    pub(crate) issuer: Arc<Issuer>,
    /// Signs credentials and status lists, and nothing of the ledger.
    pub(crate) key: SigningKey,
    /// All keys whose credentials count: this one first.
    pub(crate) keys: Arc<[PublicKey]>,
    pub(crate) view: Arc<RwLock<View>>,
    pub(crate) tokens: Arc<Tokens>,
    /// The last height that the view shows in full.
    shown: Arc<watch::Sender<u64>>,
}

impl LicensingService {
    /// The desk is that of the agency in whose name it acts; the key is that agency's own for credentials.
    pub fn new(
        config: Config,
        chain: ChainId,
        storage: SharedStorage,
        desk: Desk,
        key: SigningKey,
        clock: SharedClock,
    ) -> Result<Self, Error> {
        let issuer = match &config.issuer {
            Some(url) => Issuer::parse(url)?,
            None => Issuer::of(chain)?,
        };
        let mut keys = vec![key.public()];
        for text in &config.retired_keys {
            let retired: Option<PublicKey> = text.parse().ok();
            keys.push(
                retired.filter(|key| key.check().is_ok()).ok_or_else(|| Error::RetiredKey(text.clone()))?,
            );
        }
        Ok(Self {
            storage,
            desk,
            clock,
            issuer: Arc::new(issuer),
            key,
            keys: keys.into(),
            view: Arc::default(),
            tokens: Arc::new(Tokens::default()),
            shown: Arc::new(watch::Sender::new(0)),
            config: Arc::new(config),
        })
    }

    /// Runs until stopped. Storage that does not answer is asked again; the view then shows what it knew.
    pub async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.follow() => {}
        }
    }

    /// Licences as they stand at this moment.
    pub(crate) fn search(&self, query: &Query) -> Page {
        let now_ms = self.clock.unix_ms();
        let view = self.view.read();
        if !view.is_due(now_ms) {
            return view.search(query);
        }
        drop(view);
        let mut view = self.view.write();
        view.settle(now_ms);
        view.search(query)
    }

    /// Waits until the view shows a height, so that who was told of a change finds it; not for long.
    pub(crate) async fn until_shown(&self, height: u64) {
        let mut shown = self.shown.subscribe();
        let wait = Duration::from_millis(self.config.shown_wait_ms);
        let _ = tokio::time::timeout(wait, shown.wait_for(|shown| *shown >= height)).await;
    }

    async fn follow(&self) {
        loop {
            if let Err(error) = self.catch_up().await {
                tracing::debug!(%error, "the licensing view waits for storage");
                tokio::time::sleep(Duration::from_millis(self.config.retry_ms)).await;
            }
        }
    }

    /// Reads what is final and not in the view yet; waits for more when there is none.
    async fn catch_up(&self) -> Result<(), hutong_peer::Error> {
        let after = self.view.read().position();
        let (finals, reached) = self.storage.finals(after, Some(vec![domain()]), self.config.page).await?;
        {
            let mut view = self.view.write();
            view.settle(self.clock.unix_ms());
            for change in finals.iter().flat_map(|transaction| &transaction.changes) {
                view.apply(change);
            }
            view.advance(reached);
        }
        // A full page may end amid a height.
        let whole =
            if finals.len() < self.config.page { reached.height } else { reached.height.saturating_sub(1) };
        self.shown.send_if_modified(|shown| {
            let more = whole > *shown;
            *shown = whole.max(*shown);
            more
        });
        if reached == after {
            self.storage.wait_final(after.height, Duration::from_millis(self.config.wait_ms)).await?;
        }
        Ok(())
    }
}
