//! Permits: the holder's data go to the vault, and the ledger gets a handle and commitments.

use axum::extract::State;
use bytes::Bytes;
use hutong_keys::random_bytes;
use hutong_ledger::id::RecordKey;
use hutong_peer::vault::ToSeal;
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Path, Problem},
};
use hutong_wire::v1::{disclosure::SealedField, parking as wire};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    by_owner, refused,
    write::{Created, Done, Reason, created, submit, unprocessable},
};
use crate::{
    ParkingService, build,
    contract::{SEALED, domain, permit_record},
    realtime::parse_time_ms,
};

/// A permit to be issued. Who holds it goes to the vault, and never to the ledger.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPermit {
    /// A random one unless told.
    id: Option<String>,
    /// A site's uid, or else a zone.
    site: Option<String>,
    zone: Option<String>,
    /// RFC 3339.
    valid_from: String,
    valid_until: String,
    holder: Holder,
}

/// The holder's data; all but the resident id are sealed fields of the permit.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Holder {
    /// GB 11643.
    resident_id: String,
    name: Option<String>,
    plate: Option<String>,
}

/// Issues a permit
///
/// The owner's vault keeps name and plate; the ledger gets the holder's handle and commitments.
#[utoipa::path(post, path = "/parking/v1/permits", tag = "parking", request_body = NewPermit, responses(
    (status = 201, description = "It is final.", body = Done),
    (status = 400, description = "The JSON cannot be taken.", content_type = "application/problem+json"),
    (status = 401, description = "No agency's token.", content_type = "application/problem+json"),
    (status = 403, description = "Not the domain's owner, or the vault refuses.", content_type = "application/problem+json"),
    (status = 413, description = "The body is too large.", content_type = "application/problem+json"),
    (status = 415, description = "The body is no JSON.", content_type = "application/problem+json"),
    (status = 422, description = "The contract refuses it.", content_type = "application/problem+json"),
    (status = 503, description = "The ledger or the vault does not answer.", content_type = "application/problem+json")))]
pub(super) async fn issue_permit(
    State(service): State<ParkingService>,
    RequireAgency(caller): RequireAgency,
    Json(new): Json<NewPermit>,
) -> Result<Created, Problem> {
    by_owner(&service, &caller).await?;
    let time = |field: &str, text: &str| {
        parse_time_ms(text).ok_or_else(|| unprocessable(field, "A time since 1970 in RFC 3339."))
    };
    let valid_from_ms = time("valid_from", &new.valid_from)?;
    let valid_until_ms = time("valid_until", &new.valid_until)?;
    let id = match new.id {
        Some(id) => id,
        None => hex::encode(random_bytes::<16>().map_err(Problem::internal)?),
    };
    let record = permit_record(&id).map_err(refused)?;
    let desk = &service.0.desk;
    let (handle, _) = desk.find_person(domain(), &new.holder.resident_id).await?;
    // A handle that the vault made may be on no ledger yet, also when an earlier try broke off.
    match desk.submit(domain(), build::register_person(handle), &caller).await {
        Ok(_) => {}
        Err(hutong_desk::Error::Refused { code, .. }) if code == "person_exists" => {}
        Err(error) => return Err(error.into()),
    }
    let values: Vec<_> = SEALED
        .into_iter()
        .zip([new.holder.name, new.holder.plate])
        .filter_map(|(name, value)| Some((name.to_owned(), Bytes::from(value?))))
        .collect();
    let mut sealed = Vec::new();
    if !values.is_empty() {
        let record = RecordKey { domain: domain(), record };
        sealed = desk.seal(ToSeal { record, subjects: vec![handle], values }).await?;
        sealed.sort();
    }
    let sealed = sealed
        .into_iter()
        .map(|(name, commitment)| SealedField { name, commitment: Bytes::copy_from_slice(&commitment.0) });
    let action = build::issue_permit(wire::IssuePermit {
        id: id.clone(),
        site: new.site.unwrap_or_default(),
        zone: new.zone.unwrap_or_default(),
        valid_from_ms,
        valid_until_ms,
        holder: Bytes::copy_from_slice(&handle),
        sealed: sealed.collect(),
    });
    created("permits", submit(&service, action, &caller, id).await?)
}

/// Revokes a permit
#[utoipa::path(post, path = "/parking/v1/permits/{id}/revoke", tag = "parking", params(("id" = String, Path)), request_body = Reason, responses(
    (status = 200, description = "It is final.", body = Done),
    (status = 400, description = "The JSON cannot be taken.", content_type = "application/problem+json"),
    (status = 401, description = "No agency's token.", content_type = "application/problem+json"),
    (status = 403, description = "Not the domain's owner.", content_type = "application/problem+json"),
    (status = 413, description = "The body is too large.", content_type = "application/problem+json"),
    (status = 415, description = "The body is no JSON.", content_type = "application/problem+json"),
    (status = 422, description = "The contract refuses it.", content_type = "application/problem+json"),
    (status = 503, description = "The ledger does not answer.", content_type = "application/problem+json")))]
pub(super) async fn revoke_permit(
    State(service): State<ParkingService>,
    RequireAgency(caller): RequireAgency,
    Path(id): Path<String>,
    Json(Reason { reason }): Json<Reason>,
) -> Result<Json<Done>, Problem> {
    by_owner(&service, &caller).await?;
    submit(&service, build::revoke_permit(&id, &reason), &caller, id).await
}
