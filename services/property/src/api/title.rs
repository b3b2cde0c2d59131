//! The title: who holds what and what burdens it, now or at a time; and its extract, which proves itself.

use axum::extract::State;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hutong_ledger::id::RecordKey;
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Path, Problem, Query},
};
use hutong_wire::{prost::Message, v1::property as wire};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::{as_of, known, record_id, shown, time_ms, unavailable, unknown};
use crate::{
    PropertyService,
    contract::{domain, render, render_right},
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Times {
    /// As registered at that time, by the time of blocks (RFC 3339). Now unless told.
    registered_on: Option<String>,
    /// With the rights that were valid in law at that time (RFC 3339).
    valid_on: Option<String>,
}

/// The title: rights, mortgages, restrictions and claims, with lineage; as registered on and as valid on a time
#[utoipa::path(get, path = "/property/v1/parcels/{id}/title", tag = "property", params(("id" = String, Path), Times), responses(
    (status = 200, description = "The title."),
    (status = 400, description = "The id or a parameter is wrong.", content_type = "application/problem+json"),
    (status = 401, description = "A token of an agency is required.", content_type = "application/problem+json"),
    (status = 403, description = "The caller is no agency.", content_type = "application/problem+json"),
    (status = 404, description = "No such parcel, or not at that time.", content_type = "application/problem+json"),
    (status = 503, description = "The ledger does not answer.", content_type = "application/problem+json")))]
pub(super) async fn title(
    State(service): State<PropertyService>,
    _: RequireAgency,
    Path(id): Path<String>,
    Query(times): Query<Times>,
) -> Result<Json<Value>, Problem> {
    let registered_on =
        times.registered_on.as_deref().map(|text| time_ms(text, "registered_on")).transpose()?;
    let valid_on = times.valid_on.as_deref().map(|text| time_ms(text, "valid_on")).transpose()?;
    let stored = match registered_on {
        None => known(&service, &id).await?,
        Some(time_ms) => as_of::registered(&service, &id, time_ms).await?.ok_or_else(|| unknown(&id))?,
    };
    let mut title = shown(&stored);
    if let Some(time_ms) = valid_on {
        let rights = as_of::valid(&service, &id, &stored, time_ms).await?;
        title["rights"] = rights.iter().map(render_right).collect();
    }
    // What lapses has done so by the time that is asked for, or by that of the last block.
    let now_ms = match valid_on.or(registered_on) {
        Some(time_ms) => time_ms,
        None => service.storage.standing().await.map_err(unavailable)?.final_header.time_ms,
    };
    for claims in ["objections", "advance_notices"] {
        for claim in title[claims].as_array_mut().into_iter().flatten() {
            claim["lapsed"] = claim["until_ms"].as_u64().is_some_and(|until| until <= now_ms).into();
        }
    }
    let part = |name: &str| title[name].clone();
    Ok(Json(json!({
        "parcel": part("parcel"),
        "status": part("status"),
        "unit": part("unit"),
        "rights": part("rights"),
        "mortgages": part("mortgages"),
        "restrictions": part("restrictions"),
        "objections": part("objections"),
        "advance_notices": part("advance_notices"),
        "lineage": { "parents": part("parents"), "children": part("children") },
        "as_of": {
            "version": stored.version,
            "height": stored.height,
            "time_ms": stored.time_ms,
            "registered_on_ms": registered_on,
            "valid_on_ms": valid_on,
        },
        "receipt": format!("/v1/transactions/{}/receipt", stored.transaction),
    })))
}

/// An extract of the title that proves itself: the parcel, and the state receipt of its record
///
/// `hutong verify FILE --trust FILE` checks it offline: that the receipt verifies, and that `content` is what it proves.
#[utoipa::path(get, path = "/property/v1/parcels/{id}/extract", tag = "property", params(("id" = String, Path)), responses(
    (status = 200, description = "`content` is the parcel, `receipt` the proof of its current state."),
    (status = 400, description = "The id is wrong.", content_type = "application/problem+json"),
    (status = 401, description = "A token of an agency is required.", content_type = "application/problem+json"),
    (status = 403, description = "The caller is no agency.", content_type = "application/problem+json"),
    (status = 404, description = "No such parcel.", content_type = "application/problem+json"),
    (status = 503, description = "The ledger does not answer.", content_type = "application/problem+json")))]
pub(super) async fn extract(
    State(service): State<PropertyService>,
    _: RequireAgency,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let key = RecordKey { domain: domain(), record: record_id(&id)? };
    let receipt =
        service.storage.state_receipt(key).await.map_err(unavailable)?.ok_or_else(|| unknown(&id))?;
    let receipt: Value = serde_json::from_slice(&receipt).map_err(Problem::internal)?;
    // What is proved is what is shown, whatever became final in between.
    let value = receipt["current"]["value"].as_str().ok_or_else(|| unknown(&id))?;
    let value = STANDARD.decode(value).map_err(Problem::internal)?;
    let parcel = wire::Parcel::decode(&value[..]).map_err(Problem::internal)?;
    Ok(Json(json!({ "content": render(&parcel), "receipt": receipt })))
}
