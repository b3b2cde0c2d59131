//! The configuration on the ledger: services, districts, weights. Agencies read it, the domain's owner writes it.

use axum::extract::State;
use http::StatusCode;
use hutong_ledger::contract::Refusal;
use hutong_runtime::{
    auth::{Caller, RequireAgency},
    http::{Json, Path, Problem},
};
use hutong_wire::v1::requests::{self as wire, action::Kind};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{desk, refused};
use crate::{
    RequestsService, build,
    contract::{
        check_areas, check_service, check_weights, parse_class, parse_datatype, parse_type, render_areas,
        render_service, render_weights,
    },
};

/// All services, with their rules and deadlines
#[utoipa::path(get, path = "/requests/v1/services", tag = "requests", responses(
    (status = 200, body = Value),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`agency_required`")))]
pub(super) async fn services(State(service): State<RequestsService>, _: RequireAgency) -> Json<Value> {
    let view = service.view.read();
    Json(json!({ "services": view.services().map(render_service).collect::<Vec<_>>() }))
}

/// A service
#[utoipa::path(get, path = "/requests/v1/services/{code}", tag = "requests", params(("code" = String, Path)), responses(
    (status = 200, body = Value),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`agency_required`"),
    (status = 404, description = "`service_unknown`")))]
pub(super) async fn service(
    State(service): State<RequestsService>,
    _: RequireAgency,
    Path(code): Path<String>,
) -> Result<Json<Value>, Problem> {
    service.view.read().service(&code).map(|found| Json(render_service(found))).ok_or_else(|| {
        Problem::new("service_unknown", StatusCode::NOT_FOUND, format!("There is no service {code}."))
    })
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewService {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    group: String,
    #[serde(default)]
    keywords: Vec<String>,
    /// `realtime`, `batch` or `blackbox`.
    #[serde(default = "realtime")]
    r#type: String,
    #[serde(default)]
    attributes: Vec<NewAttribute>,
    /// `emergency`, `utilities`, `general` or `complex`.
    #[serde(default = "general")]
    deadline: String,
    /// Who gets its requests.
    #[serde(default)]
    rules: Vec<NewRule>,
    /// Told to whoever makes a request.
    #[serde(default)]
    notice: String,
    /// No longer offered.
    #[serde(default)]
    retired: bool,
}

fn realtime() -> String {
    "realtime".into()
}

fn general() -> String {
    "general".into()
}

const fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAttribute {
    code: String,
    #[serde(default = "yes")]
    variable: bool,
    /// `string`, `number`, `datetime`, `text`, `singlevaluelist` or `multivaluelist`.
    datatype: String,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    datatype_description: String,
    #[serde(default)]
    order: u32,
    #[serde(default)]
    description: String,
    #[serde(default)]
    values: Vec<NewChoice>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewChoice {
    key: String,
    name: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRule {
    /// Left out: wherever no other rule says otherwise.
    #[serde(default)]
    district: Option<String>,
    agency: String,
}

impl NewService {
    fn wire(self, code: String) -> Result<wire::Service, Refusal> {
        let invalid = |told: &str, field: &str| Refusal::new("service_invalid", told).at(field);
        let kind = parse_type(&self.r#type)
            .ok_or_else(|| invalid("a type is realtime, batch or blackbox", "type"))?;
        let deadline = parse_class(&self.deadline)
            .ok_or_else(|| invalid("a deadline is emergency, utilities, general or complex", "deadline"))?;
        let attribute = |new: NewAttribute| {
            let datatype = parse_datatype(&new.datatype)
                .ok_or_else(|| invalid("a datatype is one of Open311's", "attributes"))?;
            let values = new.values.into_iter().map(|v| wire::Choice { key: v.key, name: v.name });
            Ok(wire::Attribute {
                code: new.code,
                variable: new.variable,
                datatype: datatype.into(),
                required: new.required,
                datatype_description: new.datatype_description,
                order: new.order,
                description: new.description,
                values: values.collect(),
            })
        };
        let rules = self.rules.into_iter();
        let rules =
            rules.map(|r| wire::DispatchRule { district: r.district.unwrap_or_default(), agency: r.agency });
        let service = wire::Service {
            code,
            name: self.name,
            description: self.description,
            group: self.group,
            keywords: self.keywords,
            r#type: kind.into(),
            attributes: self.attributes.into_iter().map(attribute).collect::<Result<_, Refusal>>()?,
            deadline: deadline.into(),
            rules: rules.collect(),
            notice: self.notice,
            retired: self.retired,
        };
        check_service(&service)?;
        Ok(service)
    }
}

/// Define a service, or replace it
///
/// For the domain's owner. Requests that are open keep their deadlines.
#[utoipa::path(put, path = "/requests/v1/services/{code}", tag = "requests", params(("code" = String, Path)),
    request_body = NewService, responses(
    (status = 200, description = "It stands.", body = Value),
    (status = 400, description = "`malformed_json`, `not_utf8`, `truncated_body`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`not_the_owner`, `agency_required`"),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`unexpected_json`, or a refusal: `owner_required`, `service_invalid`, `service_code_invalid`, `agency_invalid`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn define(
    State(service): State<RequestsService>,
    caller: Caller,
    _: RequireAgency,
    Path(code): Path<String>,
    Json(new): Json<NewService>,
) -> Result<Json<Value>, Problem> {
    let (desk, official) = desk(&service, &caller)?;
    let defined = new.wire(code).map_err(refused)?;
    let shown = render_service(&defined);
    service.submit(desk, build::action(Kind::DefineService(defined)), official).await?;
    Ok(Json(shown))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAreas {
    areas: Vec<NewArea>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewArea {
    code: String,
    name: String,
    /// The district's office, which catches what has no clear owner.
    agency: String,
    /// Corners; left out: no point is found in it.
    #[serde(default)]
    boundary: Vec<NewPoint>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPoint {
    lat: f64,
    long: f64,
}

/// The districts and their offices
#[utoipa::path(get, path = "/requests/v1/areas", tag = "requests", responses(
    (status = 200, body = Value),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`agency_required`")))]
pub(super) async fn areas(State(service): State<RequestsService>, _: RequireAgency) -> Json<Value> {
    Json(render_areas(service.view.read().areas()))
}

/// Set the districts and their offices
///
/// For the domain's owner. Requests keep the district that they were found in.
#[utoipa::path(put, path = "/requests/v1/areas", tag = "requests", request_body = NewAreas, responses(
    (status = 200, description = "They stand.", body = Value),
    (status = 400, description = "`malformed_json`, `not_utf8`, `truncated_body`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`not_the_owner`, `agency_required`"),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`unexpected_json`, or a refusal: `owner_required`, `areas_invalid`, `agency_invalid`, `location_invalid`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn set_areas(
    State(service): State<RequestsService>,
    caller: Caller,
    _: RequireAgency,
    Json(new): Json<NewAreas>,
) -> Result<Json<Value>, Problem> {
    let (desk, official) = desk(&service, &caller)?;
    let area = |new: NewArea| {
        let point = |at: NewPoint| crate::open311::point(at.lat, at.long);
        let boundary = new.boundary.into_iter().map(point).collect::<Result<_, _>>()?;
        Ok(wire::Area { code: new.code, name: new.name, agency: new.agency, boundary })
    };
    let mut areas = new.areas.into_iter().map(area).collect::<Result<Vec<_>, Refusal>>().map_err(refused)?;
    areas.sort_by(|a, b| a.code.cmp(&b.code));
    let areas = wire::Areas { areas };
    check_areas(&areas).map_err(refused)?;
    let shown = render_areas(&areas);
    service.submit(desk, build::action(Kind::SetAreas(areas)), official).await?;
    Ok(Json(shown))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewWeights {
    response: u32,
    resolution: u32,
    satisfaction: u32,
}

/// What the three rates count for
#[utoipa::path(get, path = "/requests/v1/weights", tag = "requests", responses(
    (status = 200, body = Value),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`agency_required`")))]
pub(super) async fn weights(State(service): State<RequestsService>, _: RequireAgency) -> Json<Value> {
    Json(render_weights(&service.view.read().weights()))
}

/// Set what the three rates count for
///
/// For the domain's owner.
#[utoipa::path(put, path = "/requests/v1/weights", tag = "requests", request_body = NewWeights, responses(
    (status = 200, description = "They stand.", body = Value),
    (status = 400, description = "`malformed_json`, `not_utf8`, `truncated_body`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`not_the_owner`, `agency_required`"),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`unexpected_json`, or a refusal: `owner_required`, `weights_invalid`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn set_weights(
    State(service): State<RequestsService>,
    caller: Caller,
    _: RequireAgency,
    Json(new): Json<NewWeights>,
) -> Result<Json<Value>, Problem> {
    let (desk, official) = desk(&service, &caller)?;
    let NewWeights { response, resolution, satisfaction } = new;
    let weights = wire::Weights { response, resolution, satisfaction };
    check_weights(&weights).map_err(refused)?;
    service.submit(desk, build::action(Kind::SetWeights(weights)), official).await?;
    Ok(Json(render_weights(&weights)))
}
