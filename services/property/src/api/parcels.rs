//! One parcel: as it stands or stood, and all its versions.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::HeaderMap;
use hutong_ledger::id::RecordKey;
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Path, Problem, Query},
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::{as_of, geojson_answer, known, limit, record_id, shown, unavailable, unknown, wants_geojson};
use crate::{PropertyService, contract::domain, geojson};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Then {
    /// As it was registered at that time, by the time of blocks (RFC 3339).
    registered_on: Option<String>,
}

/// A parcel as it stands, or as it was registered at a time
#[utoipa::path(get, path = "/property/v1/parcels/{id}", tag = "property", params(("id" = String, Path), Then), responses(
    (status = 200, description = "The parcel.", content((Value = "application/json"), (Value = "application/geo+json"))),
    (status = 400, description = "The id or a parameter is wrong.", content_type = "application/problem+json"),
    (status = 401, description = "A token of an agency is required.", content_type = "application/problem+json"),
    (status = 403, description = "The caller is no agency.", content_type = "application/problem+json"),
    (status = 404, description = "No such parcel, or not at that time.", content_type = "application/problem+json"),
    (status = 503, description = "The ledger does not answer.", content_type = "application/problem+json")))]
pub(super) async fn parcel(
    State(service): State<PropertyService>,
    _: RequireAgency,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(then): Query<Then>,
) -> Result<Response, Problem> {
    let stored = match &then.registered_on {
        None => known(&service, &id).await?,
        Some(time) => {
            let time_ms = super::time_ms(time, "registered_on")?;
            as_of::registered(&service, &id, time_ms).await?.ok_or_else(|| unknown(&id))?
        }
    };
    if wants_geojson(&headers) {
        let mut feature = geojson::feature(shown(&stored));
        feature["crs"] = geojson::crs(&service.config.crs);
        return Ok(geojson_answer(&feature));
    }
    Ok(Json(shown(&stored)).into_response())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Pages {
    /// Versions below this one.
    below: Option<u64>,
    /// 1 to 200; 50 unless told.
    limit: Option<usize>,
}

/// All versions of a parcel, newest first
#[utoipa::path(get, path = "/property/v1/parcels/{id}/history", tag = "property", params(("id" = String, Path), Pages), responses(
    (status = 200, description = "A page of versions; `next` is the address of the next page."),
    (status = 400, description = "The id or a parameter is wrong.", content_type = "application/problem+json"),
    (status = 401, description = "A token of an agency is required.", content_type = "application/problem+json"),
    (status = 403, description = "The caller is no agency.", content_type = "application/problem+json"),
    (status = 404, description = "No such parcel.", content_type = "application/problem+json"),
    (status = 503, description = "The ledger does not answer.", content_type = "application/problem+json")))]
pub(super) async fn history(
    State(service): State<PropertyService>,
    _: RequireAgency,
    Path(id): Path<String>,
    Query(pages): Query<Pages>,
) -> Result<Json<Value>, Problem> {
    let limit = limit(pages.limit)?;
    let key = RecordKey { domain: domain(), record: record_id(&id)? };
    let history = service.storage.history(key, pages.below, limit).await.map_err(unavailable)?;
    if history.versions.is_empty() && pages.below.is_none() {
        return Err(unknown(&id));
    }
    let next = history
        .more_below
        .map(|below| format!("/property/v1/parcels/{id}/history?below={below}&limit={limit}"));
    Ok(Json(json!({ "versions": history.versions.iter().map(shown).collect::<Vec<_>>(), "next": next })))
}
