//! Reading one resource: as it stands, or one of its versions. What is shown was accessed first.

use bytes::Bytes;
use futures::{FutureExt as _, future::join_all};
use http::StatusCode;
use hutong_wire::v1::disclosure::{RequestAccess, action::Kind as Disclosed};

use super::{Answer, Call};
use crate::{
    HealthService,
    audit::PURPOSE,
    build,
    contract::BODY,
    error::Error,
    json::Json,
    kind::Key,
    outcome::Fault,
    records::duty,
    resource,
    search::summary::{self, Part},
    view::{Content, Version},
};

impl HealthService {
    pub(super) async fn read_one(&self, call: &Call, key: &Key) -> Result<Answer, Fault> {
        let part = part(call)?;
        let version = self.standing(key)?;
        if call.has_it(version.number, version.time_ms) {
            return Ok(shown(&version, None, StatusCode::NOT_MODIFIED));
        }
        self.access(key, &version, "read", &call.actor).await?;
        let json = summary::cut(key.kind, self.show(&version)?, &part);
        Ok(shown(&version, Some(json), StatusCode::OK))
    }

    pub(super) async fn vread(&self, call: &Call, key: &Key, number: &str) -> Result<Answer, Fault> {
        let missing = || Fault::not_found(format!("{key} has no version {number:?}."));
        let version = {
            let view = self.view();
            let doc = view.get(key).ok_or_else(missing)?;
            if doc.erased {
                return Err(erased(key));
            }
            doc.version(number.parse().map_err(|_| missing())?).ok_or_else(missing)?.clone()
        };
        if version.content == Content::Deleted {
            return Err(Fault::gone(format!("{key} was deleted by version {number}.")));
        }
        if call.has_it(version.number, version.time_ms) {
            return Ok(shown(&version, None, StatusCode::NOT_MODIFIED));
        }
        self.access(key, &version, &format!("vread {}", version.number), &call.actor).await?;
        let json = self.show(&version)?;
        Ok(shown(&version, Some(summary::cut(key.kind, json, &part(call)?)), StatusCode::OK))
    }

    /// The version that stands; why there is none to show.
    pub(super) fn standing(&self, key: &Key) -> Result<Version, Fault> {
        let view = self.view();
        let doc = view.get(key).ok_or_else(|| Fault::not_found(format!("There is no {key}.")))?;
        if doc.erased {
            return Err(erased(key));
        }
        match doc.last() {
            Some(last) if last.content != Content::Deleted => Ok(last.clone()),
            _ => Err(Fault::gone(format!("{key} was deleted."))),
        }
    }

    /// Makes the access final without which nothing is shown.
    pub(super) async fn access(
        &self,
        key: &Key,
        version: &Version,
        purpose: &str,
        actor: &str,
    ) -> Result<(), Fault> {
        // An AuditEvent made from an access shows what the ledger shows.
        let Content::Body(_) = version.content else { return Ok(()) };
        match self.records().submit(access(key, purpose), actor).await {
            Ok(_) => Ok(()),
            Err(Error::Refused { code }) if code == "erased" => Err(erased(key)),
            Err(error) => Err(failed(error)),
        }
    }

    /// Accesses for a page. What was erased meanwhile is left out.
    pub(super) async fn access_all(
        &self,
        page: Vec<(Key, Version)>,
        purpose: &str,
        actor: &str,
    ) -> Result<Vec<(Key, Version)>, Fault> {
        let at_once = self.config().accesses_at_once.max(1);
        let mut shown = Vec::with_capacity(page.len());
        for part in page.chunks(at_once) {
            let accesses =
                part.iter().map(|(key, version)| self.access(key, version, purpose, actor).boxed());
            for (accessed, done) in part.iter().zip(join_all(accesses).await) {
                match done {
                    Ok(()) => shown.push(accessed.clone()),
                    Err(fault) if fault.status == StatusCode::GONE => {}
                    Err(fault) => return Err(fault),
                }
            }
        }
        Ok(shown)
    }

    /// A version as a client sees it.
    pub(super) fn show(&self, version: &Version) -> Result<Json, Fault> {
        let json = self.body_of(version)?;
        Ok(resource::show(json, version.number, version.time_ms))
    }

    /// A version as it was sealed.
    pub(super) fn body_of(&self, version: &Version) -> Result<Json, Fault> {
        match &version.content {
            Content::Body(commitment) => {
                let body = self.bodies().get(commitment).map_err(Fault::internal)?;
                let body = body.ok_or_else(|| {
                    let told = "The body of this version is not kept here; the vault of its owner has it.";
                    Fault::new(StatusCode::GONE, "not-found", told)
                })?;
                Json::parse(&body).map_err(Fault::internal)
            }
            Content::Access(access) => Ok(access.json()),
            Content::Deleted => Err(Fault::gone("This version deleted the resource.")),
        }
    }
}

/// The access to a resource's body for the owner's own task.
fn access(key: &Key, purpose: &str) -> Bytes {
    build::disclosure(Disclosed::RequestAccess(RequestAccess {
        record: key.to_string(),
        fields: vec![BODY.to_owned()],
        purpose: format!("{PURPOSE}{purpose}"),
        basis: Some(duty()),
        sealed_until_ms: 0,
    }))
}

fn shown(version: &Version, body: Option<Json>, status: StatusCode) -> Answer {
    let (number, time_ms) = (Some(version.number), Some(version.time_ms));
    Answer { status, body, version: number, modified_ms: time_ms, location: None }
}

pub(super) fn erased(key: &Key) -> Fault {
    Fault::gone(format!("{key} was erased."))
}

pub(super) fn failed(error: Error) -> Fault {
    match error {
        Error::Refused { code } => Fault::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "business-rule",
            format!("The ledger refuses: {code}."),
        ),
        Error::Unavailable(reason) => {
            tracing::warn!(reason, "the ledger does not answer");
            Fault::unavailable()
        }
        Error::Bodies(error) => Fault::internal(error),
    }
}

/// The part of a resource that is asked for.
pub(super) fn part(call: &Call) -> Result<Part, Fault> {
    let find = |wanted: &str| call.query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
    if let Some(summary) = find("_summary") {
        let part = Part::parse(summary).filter(|part| *part != Part::Count);
        return part.ok_or_else(|| Fault::bad(format!("{summary:?} is no _summary of one resource.")));
    }
    let elements = find("_elements").filter(|elements| !elements.is_empty());
    let part =
        |elements: &String| Part::Elements(elements.split(',').map(|it| it.trim().to_owned()).collect());
    Ok(elements.map_or(Part::Whole, part))
}
