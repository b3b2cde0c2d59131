//! The routes of `/open311/v2`: Open311 GeoReport v2, in XML and JSON.
//!
//! What a path ends in says the format; without an ending, the Accept header does, and XML is what everyone can read.
//! Errors have the standard's own form here. Contact data goes to the vault and never comes back.
//!
//! `document` is what is answered in either format, `params` what is asked, `post` makes requests, `lists` finds them.

mod document;
mod lists;
mod params;
mod post;
mod services;
mod times;

use axum::{
    Router,
    extract::FromRequestParts,
    response::Response,
    routing::{any, get},
};
use http::{HeaderMap, Method, StatusCode, Uri, request::Parts};
use hutong_ledger::contract::Refusal;
use hutong_runtime::http::Problem;
use hutong_wire::v1::requests as wire;
use utoipa::{OpenApi, openapi::path::PathItem};

use crate::RequestsService;
use document::{Doc, Format};

/// The longest list, and the standard's own bound.
const LIST_MAX: usize = 1000;

#[derive(Debug, OpenApi)]
#[openapi(paths(
    services::discovery,
    services::services,
    services::definition,
    lists::list,
    lists::one,
    lists::token,
    post::create
))]
struct Document;

/// The description: each path as it is, and with either ending.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    let plain: Vec<_> =
        document.paths.paths.iter().map(|(path, item)| (path.clone(), item.clone())).collect();
    for (path, item) in plain {
        for format in [Format::Json, Format::Xml] {
            let ending = format.ending();
            document.paths.paths.insert(format!("{path}.{ending}"), in_format(item.clone(), format));
        }
    }
    document
}

fn in_format(mut item: PathItem, format: Format) -> PathItem {
    for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
        for response in operation.responses.responses.values_mut() {
            if let utoipa::openapi::RefOr::T(response) = response {
                response.content.retain(|media_type, _| media_type == format.media_type());
            }
        }
    }
    item
}

pub(crate) fn routes(service: RequestsService) -> Router {
    let mut router = Router::new();
    for ending in ["", ".json", ".xml"] {
        let path = |name: &str| format!("/open311/v2/{name}{ending}");
        router = router
            .route(&path("discovery"), get(services::discovery))
            .route(&path("services"), get(services::services))
            .route(&path("requests"), get(lists::list).post(post::create));
    }
    router
        .route("/open311/v2/services/{code}", get(services::definition))
        .route("/open311/v2/requests/{id}", get(lists::one))
        .route("/open311/v2/tokens/{token}", get(lists::token))
        // What is not here is told in the standard's form too.
        .route("/open311/v2/{*path}", any(nothing))
        .method_not_allowed_fallback(wrong_method)
        .with_state(service)
}

async fn nothing(format: Format) -> Response {
    reply(format, Err(Fault::unknown("There is nothing here; /open311/v2/discovery tells what there is.")))
}

async fn wrong_method(format: Format, method: Method) -> Response {
    let told = format!("{method} is not done here.");
    reply(format, Err(Fault::new(StatusCode::METHOD_NOT_ALLOWED, told)))
}

/// What went wrong, in the standard's form: the code is that of HTTP.
#[derive(Debug)]
pub(crate) struct Fault {
    status: StatusCode,
    description: String,
}

impl Fault {
    fn new(status: StatusCode, description: impl Into<String>) -> Self {
        Self { status, description: description.into() }
    }

    fn bad(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, description)
    }

    fn unknown(description: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, description)
    }

    fn doc(&self) -> Doc {
        Doc::error(self.status, &self.description)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.code.as_ref() {
            "service_unknown" => StatusCode::NOT_FOUND,
            Refusal::CONTRACT_FAULT => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        let field = refusal.field.map(|field| format!("{field}: ")).unwrap_or_default();
        Self::new(status, format!("{field}{}", refusal.message))
    }
}

impl From<Problem> for Fault {
    /// The standard knows no 422.
    fn from(problem: Problem) -> Self {
        let status = match problem.status() {
            StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            status => status,
        };
        Self::new(status, problem.detail())
    }
}

impl From<hutong_peer::Error> for Fault {
    fn from(error: hutong_peer::Error) -> Self {
        crate::api::unavailable(error).into()
    }
}

/// A problem that others found, in the standard's form.
pub fn error_form(problem: &Problem, uri: &Uri, headers: &HeaderMap) -> Response {
    reply(Format::of(uri, headers), Err(problem.clone().into()))
}

/// Answers in a format, whatever came of it.
fn reply(format: Format, result: Result<Doc, Fault>) -> Response {
    match result {
        Ok(doc) => doc.render(format, StatusCode::OK),
        Err(fault) => {
            let mut response = fault.doc().render(format, fault.status);
            if fault.status == StatusCode::SERVICE_UNAVAILABLE {
                response.headers_mut().insert(http::header::RETRY_AFTER, http::HeaderValue::from_static("1"));
            }
            response
        }
    }
}

/// The last part of a path without the ending that says the format.
#[derive(Clone, Debug)]
struct Name(String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let format = Format::of(&parts.uri, &parts.headers);
        let found = axum::extract::Path::<String>::from_request_parts(parts, state).await;
        let Ok(axum::extract::Path(name)) = found else {
            return Err(reply(format, Err(Fault::bad("The path is not UTF-8."))));
        };
        let endings = [Format::Json, Format::Xml].map(|format| format!(".{}", format.ending()));
        let bare = endings.iter().find_map(|ending| name.strip_suffix(ending.as_str()));
        Ok(Self(bare.unwrap_or(&name).to_owned()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Format {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.uri, &parts.headers))
    }
}

/// Whether a request is for this city.
async fn jurisdiction(service: &RequestsService, params: &params::Params) -> Result<(), Fault> {
    let Some(asked) = params.one("jurisdiction_id")? else { return Ok(()) };
    let known = match &service.config.jurisdiction_id {
        Some(ours) => ours == asked,
        None => {
            let chain = service.storage().standing().await?.final_header.chain;
            let city = chain.as_str().rsplit_once('-').map_or("", |(city, _)| city);
            asked == city || asked == chain.as_str()
        }
    };
    if known { Ok(()) } else { Err(Fault::unknown("jurisdiction_id: this is another jurisdiction.")) }
}

/// A point in degrees as the ledger has it.
pub(crate) fn point(lat: f64, long: f64) -> Result<wire::Point, Refusal> {
    let e7 = |degrees: f64, max: f64| {
        let within = (-max..=max).contains(&degrees);
        // Rounded to a centimetre: within 180e7, so it fits.
        within.then(|| (degrees * 1e7).round() as i32)
    };
    let told = "latitudes are -90 to 90, longitudes -180 to 180 degrees";
    match (e7(lat, 90.0), e7(long, 180.0)) {
        (Some(lat_e7), Some(long_e7)) => Ok(wire::Point { lat_e7, long_e7 }),
        (None, _) => Err(Refusal::new("location_invalid", told).at("lat")),
        (_, None) => Err(Refusal::new("location_invalid", told).at("long")),
    }
}
