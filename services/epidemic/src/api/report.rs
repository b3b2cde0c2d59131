//! Reporting and revising cases in the owner's name: personal data goes to the vault, its commitments to the ledger.

use axum::extract::State;
use bytes::Bytes;
use http::{StatusCode, header};
use hutong_desk::Error;
use hutong_ledger::{
    hash::Hash,
    id::{RecordId, RecordKey},
};
use hutong_peer::vault::{Handle, ToSeal};
use hutong_runtime::{
    auth::Caller,
    http::{Json, Path, Problem},
};
use hutong_wire::{
    prost::Message,
    v1::{
        disclosure::{self, SealedField},
        epidemic as wire,
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    cases::{named, unknown},
    form::{Facts, Sealed, check_resident, facts},
    unavailable,
};
use crate::{EpidemicService, build, contract::domain};

/// A case to report.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCase {
    /// Made here unless told: 1 to 64 of a-z, 0-9 and -.
    id: Option<String>,
    facts: Facts,
    sealed: Option<Sealed>,
}

/// A case as it is now.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Revision {
    /// The whole of it.
    facts: Facts,
    /// Replaces what is given.
    sealed: Option<Sealed>,
    /// Needed where a case is discarded or taken up again. No personal data.
    reason: Option<String>,
    /// The version that was seen.
    expected_version: Option<u64>,
}

/// What became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Written {
    id: String,
    transaction: String,
    height: u64,
    receipt: String,
}

type Answer = (StatusCode, [(header::HeaderName, String); 1], Json<Written>);

/// Report a case; the domain's owner signs
#[utoipa::path(post, path = "/epidemic/v1/cases", tag = "epidemic", request_body = NewCase, responses(
    (status = 201, body = Written, description = "Final."),
    (status = 400, description = "The body is no JSON: an RFC 9457 problem."),
    (status = 401, description = "No agency's token."),
    (status = 403, description = "This node does not sign for the caller."),
    (status = 413, description = "The body is too large."),
    (status = 415, description = "The body does not say that it is JSON."),
    (status = 422, description = "The contract refuses it; the code says why."),
    (status = 503, description = "The ledger or the vault does not answer.")))]
pub(super) async fn report(
    State(service): State<EpidemicService>,
    caller: Caller,
    Json(new): Json<NewCase>,
) -> Result<Answer, Problem> {
    let actor = actor(&service, &caller)?;
    let id = match new.id {
        Some(id) => id,
        None => random_id()?,
    };
    let record = named(&id)?;
    let facts = facts(new.facts, service.clock.unix_ms())?;
    let sealed = new.sealed.unwrap_or_default();
    let subject = match &sealed.resident_id {
        Some(resident) => Some(person(&service, resident, &actor).await?),
        None => None,
    };
    let fields = seal(&service, record, subject, &sealed).await?;
    let subject = subject.map(|handle| Bytes::copy_from_slice(&handle)).unwrap_or_default();
    let report = wire::ReportCase { id: id.clone(), facts: Some(facts), subject, sealed: fields };
    let written = submit(&service, id, build::report(report), &actor).await?;
    let location = format!("/epidemic/v1/cases/{}", written.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(written)))
}

/// Revise a case; the domain's owner signs
#[utoipa::path(post, path = "/epidemic/v1/cases/{id}/revisions", tag = "epidemic", params(("id" = String, Path)),
    request_body = Revision, responses(
    (status = 201, body = Written, description = "Final."),
    (status = 400, description = "The body is no JSON, or the id is none: an RFC 9457 problem."),
    (status = 401, description = "No agency's token."),
    (status = 403, description = "This node does not sign for the caller."),
    (status = 404, description = "No such case."),
    (status = 413, description = "The body is too large."),
    (status = 415, description = "The body does not say that it is JSON."),
    (status = 422, description = "The contract refuses it; the code says why."),
    (status = 503, description = "The ledger or the vault does not answer.")))]
pub(super) async fn revise(
    State(service): State<EpidemicService>,
    caller: Caller,
    Path(id): Path<String>,
    Json(revision): Json<Revision>,
) -> Result<Answer, Problem> {
    let actor = actor(&service, &caller)?;
    let record = named(&id)?;
    let key = RecordKey { domain: domain(), record: record.clone() };
    let stored = service.storage().record(key, None).await.map_err(unavailable)?;
    let value = stored.and_then(|stored| stored.value).ok_or_else(|| unknown(&id))?;
    let known = wire::Case::decode(value.as_ref()).map_err(Problem::internal)?;
    let facts = facts(revision.facts, service.clock.unix_ms())?;
    let sealed = revision.sealed.unwrap_or_default();
    if let Some(resident) = &sealed.resident_id {
        check_resident(resident)?;
    }
    let subject: Option<Handle> = known.subject.as_ref().try_into().ok();
    let fields = seal(&service, record, subject, &sealed).await?;
    let revise = wire::ReviseCase {
        id: id.clone(),
        expected_version: revision.expected_version.unwrap_or_default(),
        facts: Some(facts),
        reason: revision.reason.unwrap_or_default(),
        sealed: fields,
    };
    let written = submit(&service, id, build::revise(revise), &actor).await?;
    let location = format!("/epidemic/v1/cases/{}", written.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(written)))
}

/// In whose name it is written: the caller is the agency that this node signs for.
fn actor(service: &EpidemicService, caller: &Caller) -> Result<String, Problem> {
    let Caller::Agency { id, official } = caller else {
        return Err(Problem::new(
            "authentication_required",
            StatusCode::UNAUTHORIZED,
            "This needs an agency's token: Authorization: Bearer <token>.",
        )
        .header(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer realm=\"hutong\"")));
    };
    let own = service.desk.agency();
    if id == own.as_str() {
        return Ok(official.clone().unwrap_or_else(|| "epidemic-api".into()));
    }
    let detail = format!(
        "This node signs for {own} and not for {id}: sign the transaction yourself and POST it to /v1/transactions."
    );
    Err(Problem::new("not_the_owner", StatusCode::FORBIDDEN, detail))
}

fn random_id() -> Result<String, Problem> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(Problem::internal)?;
    Ok(hex::encode(bytes))
}

/// The handle of a resident, who is put on the ledger when new.
async fn person(service: &EpidemicService, resident: &str, actor: &str) -> Result<Handle, Problem> {
    check_resident(resident)?;
    let (handle, made) = service.desk.find_person(domain(), resident).await?;
    if made {
        let register =
            disclosure::RegisterPerson { handle: Bytes::copy_from_slice(&handle), sealed: Vec::new() };
        let kind = disclosure::action::Kind::RegisterPerson(register);
        let action = disclosure::Action { kind: Some(kind) };
        let action = build::action(wire::action::Kind::Disclosure(action));
        match service.desk.submit(domain(), action, actor).await {
            Ok(_) => {}
            Err(Error::Refused { code, .. }) if code == "person_exists" => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(handle)
}

async fn seal(
    service: &EpidemicService,
    record: RecordId,
    subject: Option<Handle>,
    sealed: &Sealed,
) -> Result<Vec<SealedField>, Problem> {
    let values = sealed.values();
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let record = RecordKey { domain: domain(), record };
    let subjects = subject.into_iter().collect();
    let mut sealed = service.desk.seal(ToSeal { record, subjects, values }).await?;
    sealed.sort();
    let field = |(name, Hash(hash)): (String, Hash)| SealedField { name, commitment: hash.to_vec().into() };
    Ok(sealed.into_iter().map(field).collect())
}

async fn submit(
    service: &EpidemicService,
    id: String,
    action: Bytes,
    actor: &str,
) -> Result<Written, Problem> {
    let done = service.desk.submit(domain(), action, actor).await?;
    Ok(Written {
        id,
        transaction: done.id.to_string(),
        height: done.height,
        receipt: format!("/v1/transactions/{}/receipt", done.id),
    })
}
