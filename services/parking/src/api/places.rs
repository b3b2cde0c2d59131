//! Sites: the list, one, and those around a place.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::HeaderMap;
use hutong_runtime::http::{Json, Path, Problem, Query};
use hutong_wire::v1::parking::{Purpose, SiteType};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{collection, geojson_answer, limit, malformed, unavailable, unknown_site, wants_geojson};
use crate::{
    ParkingService, shown,
    view::{Near, Standing},
};

/// The widest search, metres.
const RADIUS_M_MAX: f64 = 50_000.0;
const RADIUS_M: f64 = 1000.0;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// Only sites of this feed.
    source: Option<String>,
    /// The uid of the last site of the page before.
    after: Option<String>,
    /// 1 to 1,000; 100 unless told.
    limit: Option<usize>,
}

/// A page of sites, in the names of ParkAPI.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page {
    pub(super) items: Vec<Value>,
    /// Address of the next page, if there is one.
    pub(super) next: Option<String>,
}

/// All sites in order of uid
///
/// With `Accept: application/geo+json` as GeoJSON.
#[utoipa::path(get, path = "/parking/v1/sites", tag = "parking", params(Search), responses(
    (status = 200, description = "A page of sites.", content((Page = "application/json"), (Value = "application/geo+json"))),
    (status = 400, description = "A parameter is wrong.", content_type = "application/problem+json")))]
pub(super) async fn sites(
    State(service): State<ParkingService>,
    headers: HeaderMap,
    Query(search): Query<Search>,
) -> Result<Response, Problem> {
    list(&service, &search, "/parking/v1/sites", wants_geojson(&headers))
}

/// All sites as GeoJSON
#[utoipa::path(get, path = "/parking/v1/sites.geojson", tag = "parking", params(Search), responses(
    (status = 200, description = "A FeatureCollection; `next` is the address of the next page.", content_type = "application/geo+json"),
    (status = 400, description = "A parameter is wrong.", content_type = "application/problem+json")))]
pub(super) async fn geojson(
    State(service): State<ParkingService>,
    Query(search): Query<Search>,
) -> Result<Response, Problem> {
    list(&service, &search, "/parking/v1/sites.geojson", true)
}

fn list(service: &ParkingService, search: &Search, path: &str, geojson: bool) -> Result<Response, Problem> {
    let limit = limit(search.limit)?;
    let (found, more) = service.0.view.read().list(search.source.as_deref(), search.after.as_deref(), limit);
    let items: Vec<_> =
        found.into_iter().map(|standing| (standing.clone(), render(service, &standing))).collect();
    let next = items.last().filter(|_| more).map(|(_, last)| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(source) = &search.source {
            query.append_pair("source", source);
        }
        let last = last["uid"].as_str().unwrap_or_default();
        query.append_pair("after", last).append_pair("limit", &limit.to_string());
        format!("{path}?{}", query.finish())
    });
    Ok(collection(items, next, geojson))
}

fn render(service: &ParkingService, standing: &Standing) -> Value {
    shown::site(standing, service.0.clock.unix_ms(), &service.0.config)
}

/// One site
#[utoipa::path(get, path = "/parking/v1/sites/{uid}", tag = "parking", params(("uid" = String, Path)), responses(
    (status = 200, description = "The site.", content((Value = "application/json"), (Value = "application/geo+json"))),
    (status = 404, description = "No such site.", content_type = "application/problem+json"),
    (status = 503, description = "The ledger does not answer.", content_type = "application/problem+json")))]
pub(super) async fn site(
    State(service): State<ParkingService>,
    headers: HeaderMap,
    Path(uid): Path<String>,
) -> Result<Response, Problem> {
    let standing = service.site(&uid).await.map_err(unavailable)?.ok_or_else(|| unknown_site(&uid))?;
    let shown = render(&service, &standing);
    if wants_geojson(&headers) {
        return Ok(geojson_answer(&shown::feature(&standing, shown)));
    }
    Ok(Json(shown).into_response())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Around {
    /// Degrees north, -90 to 90.
    lat: f64,
    /// Degrees east, -180 to 180.
    lon: f64,
    /// Metres, above 0 and up to 50,000; 1,000 unless told.
    radius: Option<f64>,
    /// At least so many free spaces; sites of which none are known are left out.
    free: Option<String>,
    /// `true`: without sites that are told to be closed.
    open: Option<bool>,
    /// ON_STREET, OFF_STREET_PARKING_GROUND, UNDERGROUND, CAR_PARK or OTHER.
    r#type: Option<String>,
    /// CAR, BIKE, MOTORCYCLE or ITEM.
    purpose: Option<String>,
    /// 1 to 1,000; 100 unless told.
    limit: Option<usize>,
}

impl Around {
    fn near(&self) -> Result<Near, Problem> {
        if !(-90.0..=90.0).contains(&self.lat) {
            return Err(malformed("lat", "A latitude is -90 to 90."));
        }
        if !(-180.0..=180.0).contains(&self.lon) {
            return Err(malformed("lon", "A longitude is -180 to 180."));
        }
        let radius_m = self.radius.unwrap_or(RADIUS_M);
        if !(radius_m > 0.0 && radius_m <= RADIUS_M_MAX) {
            return Err(malformed("radius", format!("A radius is above 0 and up to {RADIUS_M_MAX} metres.")));
        }
        let free = match self.free.as_deref() {
            None | Some("0" | "false") => None,
            Some("true") => Some(1),
            Some(text) => Some(text.parse().map_err(|_| malformed("free", "A number of free spaces."))?),
        };
        let kind = self.r#type.as_deref().map(|name| {
            let kind = SiteType::from_str_name(name).filter(|kind| *kind != SiteType::Unspecified);
            kind.ok_or_else(|| malformed("type", "This is no type of sites."))
        });
        let purpose = self.purpose.as_deref().map(|name| {
            let purpose = Purpose::from_str_name(name).filter(|purpose| *purpose != Purpose::Unspecified);
            purpose.ok_or_else(|| malformed("purpose", "This is no purpose of sites."))
        });
        Ok(Near {
            lat: self.lat,
            lon: self.lon,
            radius_m,
            free,
            open: self.open.unwrap_or_default(),
            kind: kind.transpose()?,
            purpose: purpose.transpose()?,
            limit: limit(self.limit)?,
        })
    }
}

/// Sites around a place, the nearest first
///
/// Each with its `distance` in metres along the great circle. With `Accept: application/geo+json` as GeoJSON.
#[utoipa::path(get, path = "/parking/v1/near", tag = "parking", params(Around), responses(
    (status = 200, description = "The sites.", content((Page = "application/json"), (Value = "application/geo+json"))),
    (status = 400, description = "A parameter is missing or wrong.", content_type = "application/problem+json")))]
pub(super) async fn near(
    State(service): State<ParkingService>,
    headers: HeaderMap,
    Query(around): Query<Around>,
) -> Result<Response, Problem> {
    let found = service.0.view.read().near(&around.near()?);
    let items = found.into_iter().map(|(distance_m, standing)| {
        let mut item = render(&service, &standing);
        // Positions are known to a centimetre.
        item["distance"] = ((distance_m * 100.0).round() / 100.0).into();
        (standing, item)
    });
    Ok(collection(items.collect(), None, wants_geojson(&headers)))
}
