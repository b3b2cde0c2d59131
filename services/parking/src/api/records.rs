//! What the ledger holds beside the sites as they stand: versions, days, operators, permits.

use axum::extract::State;
use http::StatusCode;
use hutong_ledger::{
    contract::Refusal,
    id::{RecordId, RecordKey},
};
use hutong_peer::StoredRecord;
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Path, Problem, Query},
};
use hutong_wire::{prost::Message, v1::parking as wire};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::{limit, malformed, places::Page, unavailable, unknown_site};
use crate::{
    ParkingService,
    contract::{
        Parking, day_start_ms, digest_record, domain, is_site, operator_record, permit_record, site_record,
    },
    log::day_number,
};

/// The name in a path is none of this kind.
fn malformed_path(refusal: Refusal) -> Problem {
    Problem::new("malformed_path", StatusCode::BAD_REQUEST, format!("{}.", refusal.message))
}

/// The record with where it comes from.
fn shown(record: &RecordId, stored: &StoredRecord) -> Value {
    use hutong_ledger::contract::Contract;
    let rendered = stored.value.as_deref().and_then(|value| Parking.render(record, value));
    let mut shown = rendered.unwrap_or_else(|| json!({}));
    shown["version"] = stored.version.into();
    shown["height"] = stored.height.into();
    shown["registered_ms"] = stored.time_ms.into();
    shown["registered_by"] = stored.agency.as_str().into();
    shown["transaction"] = stored.transaction.to_string().into();
    shown
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Versions {
    /// Versions below this one.
    below: Option<u64>,
    /// 1 to 1,000; 100 unless told.
    limit: Option<usize>,
}

/// All versions of a site's static data, newest first
#[utoipa::path(get, path = "/parking/v1/sites/{uid}/history", tag = "parking", params(("uid" = String, Path), Versions), responses(
    (status = 200, description = "A page of versions.", body = Page),
    (status = 400, description = "A parameter is wrong.", content_type = "application/problem+json"),
    (status = 404, description = "No such site.", content_type = "application/problem+json"),
    (status = 503, description = "The ledger does not answer.", content_type = "application/problem+json")))]
pub(super) async fn history(
    State(service): State<ParkingService>,
    Path(uid): Path<String>,
    Query(versions): Query<Versions>,
) -> Result<Json<Page>, Problem> {
    let limit = limit(versions.limit)?;
    let record = site_record(&uid).map_err(|_| unknown_site(&uid))?;
    let key = RecordKey { domain: domain(), record: record.clone() };
    let history = service.0.storage.history(key, versions.below, limit).await.map_err(unavailable)?;
    if history.versions.is_empty() && versions.below.is_none() {
        return Err(unknown_site(&uid));
    }
    let next = history
        .more_below
        .map(|below| format!("/parking/v1/sites/{uid}/history?below={below}&limit={limit}"));
    Ok(Json(Page { items: history.versions.iter().map(|stored| shown(&record, stored)).collect(), next }))
}

/// A site's day of occupancy
///
/// The lines that were accepted on that day (UTC), the SHA-256 over them, and the digest that the ledger holds of the
/// day once it is over. Lines are kept on the owner's node for some weeks.
#[utoipa::path(get, path = "/parking/v1/sites/{uid}/days/{day}", tag = "parking",
    params(("uid" = String, Path), ("day" = String, Path, description = "YYYY-MM-DD, UTC.")), responses(
    (status = 200, description = "The day.", body = Value),
    (status = 400, description = "This is no day.", content_type = "application/problem+json"),
    (status = 404, description = "No such site, or nothing is known of the day.", content_type = "application/problem+json"),
    (status = 503, description = "The ledger does not answer.", content_type = "application/problem+json")))]
pub(super) async fn day(
    State(service): State<ParkingService>,
    Path((uid, day)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    if !is_site(&uid) {
        return Err(unknown_site(&uid));
    }
    let start_ms = day_start_ms(&day).ok_or_else(|| {
        Problem::new("malformed_path", StatusCode::BAD_REQUEST, "A day is YYYY-MM-DD.").field("day")
    })?;
    let record = digest_record(&uid, &day).map_err(malformed_path)?;
    let anchored = service.record(record.clone(), None).await.map_err(unavailable)?;
    let (number, site) = (day_number(start_ms), uid.clone());
    let logged = service.logged(move |service| service.0.log.day(number, &site)).await;
    let logged = logged.map_err(Problem::internal)?;
    if logged.lines.is_empty() && anchored.is_none() {
        let detail = format!("Nothing is known of the occupancy of {uid} on {day}.");
        return Err(Problem::new("day_unknown", StatusCode::NOT_FOUND, detail));
    }
    Ok(Json(json!({
        "site": uid,
        "day": day,
        "updates": logged.lines.len(),
        "sha256": (!logged.lines.is_empty()).then(|| hex::encode(logged.sha256.0)),
        "lines": logged.lines,
        "anchored": anchored.as_ref().map(|stored| shown(&record, stored)),
    })))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Pages {
    /// The id of the last item of the page before.
    after: Option<String>,
    /// 1 to 1,000; 100 unless told.
    limit: Option<usize>,
}

/// Pages through the records of a kind, in the store.
async fn pages(service: &ParkingService, kind: &str, pages: &Pages) -> Result<Json<Page>, Problem> {
    let limit = limit(pages.limit)?;
    let after = pages.after.as_deref().map(|id| format!("{kind}/{id}").parse::<RecordId>()).transpose();
    let after = after.map_err(|error| malformed("after", format!("{error}.")))?;
    let scan = service.0.storage.scan(domain(), format!("{kind}/"), after, limit + 1);
    let mut found = scan.await.map_err(unavailable)?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more).and_then(|(record, _)| record.as_str().split_once('/'));
    let next = last.map(|(_, id)| format!("/parking/v1/{kind}s?after={id}&limit={limit}"));
    Ok(Json(Page { items: found.iter().map(|(record, stored)| shown(record, stored)).collect(), next }))
}

async fn one(
    service: &ParkingService,
    record: RecordId,
    unknown: impl FnOnce() -> Problem,
) -> Result<Json<Value>, Problem> {
    let stored = service.record(record.clone(), None).await.map_err(unavailable)?;
    let stored = stored.filter(|stored| stored.value.is_some()).ok_or_else(unknown)?;
    Ok(Json(shown(&record, &stored)))
}

/// All operators in order of id
#[utoipa::path(get, path = "/parking/v1/operators", tag = "parking", params(Pages), responses(
    (status = 200, description = "A page of operators.", body = Page),
    (status = 400, description = "A parameter is wrong.", content_type = "application/problem+json"),
    (status = 503, description = "The ledger does not answer.", content_type = "application/problem+json")))]
pub(super) async fn operators(
    State(service): State<ParkingService>,
    Query(query): Query<Pages>,
) -> Result<Json<Page>, Problem> {
    pages(&service, "operator", &query).await
}

/// One operator
#[utoipa::path(get, path = "/parking/v1/operators/{id}", tag = "parking", params(("id" = String, Path)), responses(
    (status = 200, description = "The operator.", body = Value),
    (status = 400, description = "This is no id.", content_type = "application/problem+json"),
    (status = 404, description = "No such operator.", content_type = "application/problem+json"),
    (status = 503, description = "The ledger does not answer.", content_type = "application/problem+json")))]
pub(super) async fn operator(
    State(service): State<ParkingService>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let record = operator_record(&id).map_err(malformed_path)?;
    one(&service, record, || {
        Problem::new("operator_unknown", StatusCode::NOT_FOUND, format!("Operator {id} is not registered."))
    })
    .await
}

/// All permits in order of id, for agencies
#[utoipa::path(get, path = "/parking/v1/permits", tag = "parking", params(Pages), responses(
    (status = 200, description = "A page of permits: holders by handle, their data by commitment.", body = Page),
    (status = 400, description = "A parameter is wrong.", content_type = "application/problem+json"),
    (status = 401, description = "No agency's token.", content_type = "application/problem+json"),
    (status = 503, description = "The ledger does not answer.", content_type = "application/problem+json")))]
pub(super) async fn permits(
    State(service): State<ParkingService>,
    _: RequireAgency,
    Query(query): Query<Pages>,
) -> Result<Json<Page>, Problem> {
    pages(&service, "permit", &query).await
}

/// One permit, for agencies
#[utoipa::path(get, path = "/parking/v1/permits/{id}", tag = "parking", params(("id" = String, Path)), responses(
    (status = 200, description = "The permit; `valid` says whether it holds now.", body = Value),
    (status = 400, description = "This is no id.", content_type = "application/problem+json"),
    (status = 401, description = "No agency's token.", content_type = "application/problem+json"),
    (status = 404, description = "No such permit.", content_type = "application/problem+json"),
    (status = 503, description = "The ledger does not answer.", content_type = "application/problem+json")))]
pub(super) async fn permit(
    State(service): State<ParkingService>,
    _: RequireAgency,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let record = permit_record(&id).map_err(malformed_path)?;
    let unknown =
        || Problem::new("permit_unknown", StatusCode::NOT_FOUND, format!("Permit {id} was never issued."));
    let stored = service.record(record.clone(), None).await.map_err(unavailable)?.ok_or_else(unknown)?;
    let mut shown = shown(&record, &stored);
    let permit =
        stored.value.as_deref().and_then(|value| wire::Permit::decode(value).ok()).unwrap_or_default();
    let now_ms = service.0.clock.unix_ms();
    let holds = (permit.valid_from_ms..permit.valid_until_ms).contains(&now_ms) && permit.revoked_ms == 0;
    shown["valid"] = holds.into();
    Ok(Json(shown))
}
