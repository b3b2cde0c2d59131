//! Searches over the index, a page at a time, as JSON or as GeoJSON.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::HeaderMap;
use hutong_ledger::id::RecordId;
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Problem, Query},
};
use hutong_wire::v1::property::Status;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::{find, geojson_answer, limit, malformed, shown, wants_geojson};
use crate::{
    PropertyService, geojson,
    geometry::{Bounds, Point},
    view,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// Handle of a holder, lender, objector or noticed party, 32 hex digits.
    party: Option<String>,
    /// Place, exactly as registered.
    place: Option<String>,
    /// Real-estate unit number.
    number: Option<String>,
    /// min easting, min northing, max easting, max northing, in metres of the city's grid: the parcel's box meets it.
    bbox: Option<String>,
    /// Easting, northing: the point lies in the parcel.
    point: Option<String>,
    /// current (unless told), cancelled or retired.
    status: Option<String>,
    /// The last parcel of the page before.
    after: Option<String>,
    /// 1 to 200; 50 unless told.
    limit: Option<usize>,
}

/// One page of a search.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page {
    parcels: Vec<Value>,
    /// Address of the next page, if there is one.
    next: Option<String>,
}

impl Search {
    fn query(&self) -> Result<view::Query, Problem> {
        let given = [&self.party, &self.place, &self.number, &self.bbox, &self.point, &self.status];
        if given.iter().all(|filter| filter.is_none()) {
            return Err(malformed("party", "Search by party, place, number, bbox, point or status."));
        }
        let party = self.party.as_deref().map(|text| {
            let mut handle = [0; 16];
            hex::decode_to_slice(text, &mut handle).map(|()| handle)
        });
        let after = self.after.as_deref().map(|text| text.parse::<RecordId>()).transpose();
        Ok(view::Query {
            status: match self.status.as_deref() {
                None | Some("current") => Status::Current,
                Some("cancelled") => Status::Cancelled,
                Some("retired") => Status::Retired,
                Some(_) => return Err(malformed("status", "A status is current, cancelled or retired.")),
            },
            party: party.transpose().map_err(|_| malformed("party", "A handle is 32 hex digits."))?,
            place: self.place.clone(),
            number: self.number.clone(),
            bounds: self.bbox.as_deref().map(bounds).transpose()?,
            point: self.point.as_deref().map(point).transpose()?,
            after: after.map_err(|error| malformed("after", error.to_string()))?,
            limit: limit(self.limit)?,
        })
    }

    fn next_page(&self, path: &str, last: &RecordId, limit: usize) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let filters = [
            ("party", &self.party),
            ("place", &self.place),
            ("number", &self.number),
            ("bbox", &self.bbox),
            ("point", &self.point),
            ("status", &self.status),
        ];
        for (name, value) in filters {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        query.append_pair("after", last.as_str()).append_pair("limit", &limit.to_string());
        format!("{path}?{}", query.finish())
    }
}

/// Numbers of metres, as millimetres.
fn numbers<const N: usize>(text: &str) -> Option<[i64; N]> {
    let numbers = text.split(',').map(|part| geojson::millimetres(part.trim().parse().ok()?));
    numbers.collect::<Option<Vec<_>>>()?.try_into().ok()
}

fn bounds(text: &str) -> Result<Bounds, Problem> {
    let [west, south, east, north] = numbers(text)
        .filter(|[west, south, east, north]| west <= east && south <= north)
        .ok_or_else(|| malformed("bbox", "Four metres of the grid: west,south,east,north."))?;
    Ok(Bounds { min: Point { x: west, y: south }, max: Point { x: east, y: north } })
}

fn point(text: &str) -> Result<Point, Problem> {
    let [x, y] =
        numbers(text).ok_or_else(|| malformed("point", "Two metres of the grid: easting,northing."))?;
    Ok(Point { x, y })
}

/// Search by party, place, number, area of the map or status, in order of parcel id
#[utoipa::path(get, path = "/property/v1/parcels", tag = "property", params(Search), responses(
    (status = 200, description = "A page of parcels.", content((Page = "application/json"), (Value = "application/geo+json"))),
    (status = 400, description = "A parameter is missing or wrong.", content_type = "application/problem+json"),
    (status = 401, description = "A token of an agency is required.", content_type = "application/problem+json"),
    (status = 403, description = "The caller is no agency.", content_type = "application/problem+json"),
    (status = 503, description = "The ledger does not answer.", content_type = "application/problem+json")))]
pub(super) async fn parcels(
    State(service): State<PropertyService>,
    _: RequireAgency,
    headers: HeaderMap,
    Query(search): Query<Search>,
) -> Result<Response, Problem> {
    let drawn = wants_geojson(&headers);
    answer(&service, &search, "/property/v1/parcels", drawn).await
}

/// The same as a GeoJSON FeatureCollection
#[utoipa::path(get, path = "/property/v1/parcels.geojson", tag = "property", params(Search), responses(
    (status = 200, description = "A FeatureCollection in the grid that `crs` names; `next` is the address of the next page.",
        content_type = "application/geo+json"),
    (status = 400, description = "A parameter is missing or wrong.", content_type = "application/problem+json"),
    (status = 401, description = "A token of an agency is required.", content_type = "application/problem+json"),
    (status = 403, description = "The caller is no agency.", content_type = "application/problem+json"),
    (status = 503, description = "The ledger does not answer.", content_type = "application/problem+json")))]
pub(super) async fn geojson(
    State(service): State<PropertyService>,
    _: RequireAgency,
    Query(search): Query<Search>,
) -> Result<Response, Problem> {
    answer(&service, &search, "/property/v1/parcels.geojson", true).await
}

async fn answer(
    service: &PropertyService,
    search: &Search,
    path: &str,
    drawn: bool,
) -> Result<Response, Problem> {
    let query = search.query()?;
    let (ids, more) = service.view.read().search(&query);
    let mut parcels = Vec::with_capacity(ids.len());
    for id in &ids {
        // A parcel that changed since the index was read is shown as it is now.
        parcels.extend(find(service, id.clone(), None).await?.as_ref().map(shown));
    }
    let next = ids.last().filter(|_| more).map(|last| search.next_page(path, last, query.limit));
    if !drawn {
        return Ok(Json(Page { parcels, next }).into_response());
    }
    Ok(geojson_answer(&json!({
        "type": "FeatureCollection",
        "crs": geojson::crs(&service.config.crs),
        "features": parcels.into_iter().map(geojson::feature).collect::<Vec<_>>(),
        "next": next,
    })))
}
