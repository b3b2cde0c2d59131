//! `/fhir/R4` over HTTP: who may, in which form, and how an answer is written. What is done, the engine does.

mod media;

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{FromRequestParts as _, Request, State},
    response::Response,
    routing::{any, get, post},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header, request::Parts};
use hutong_runtime::{auth::Caller, http::Problem};

use crate::{
    HealthService,
    engine::{Answer, Call, PatchKind, Return},
    json::Json,
    outcome::Fault,
    resource,
    time::http_date,
};
use media::Form;

/// Where it is served.
pub(crate) const BASE: &str = "/fhir/R4";
/// The largest body: a Bundle of many resources.
const BODY_BYTES_MAX: usize = 8 << 20;
/// The pseudonym under which reads and writes are done when the caller names no official.
const ACTOR: &str = "fhir";

pub fn routes(service: HealthService) -> Router {
    let kind = get(serve).post(serve).put(serve).patch(serve).delete(serve);
    let one = get(serve).put(serve).patch(serve).delete(serve);
    Router::new()
        .route(BASE, post(serve))
        .route("/fhir/R4/", post(serve))
        .route("/fhir/R4/metadata", get(serve))
        .route("/fhir/R4/_history", get(serve))
        .route("/fhir/R4/{type}", kind.clone())
        .route("/fhir/R4/{type}/", kind)
        .route("/fhir/R4/{type}/_search", post(serve))
        .route("/fhir/R4/{type}/_history", get(serve))
        .route("/fhir/R4/{type}/{id}", one)
        .route("/fhir/R4/{type}/{id}/_history", get(serve))
        .route("/fhir/R4/{type}/{id}/_history/{version}", get(serve))
        // What is not done is told as FHIR tells it.
        .route("/fhir/R4/{type}/{id}/{operation}", any(serve))
        .route("/fhir/R4/{type}/{id}/{operation}/{more}", any(serve))
        .method_not_allowed_fallback(wrong_method)
        .with_state(service)
}

async fn wrong_method(request: Request) -> Response {
    let told = format!("{} is not done here.", request.method());
    let fault = Fault::new(StatusCode::METHOD_NOT_ALLOWED, "not-supported", told);
    refuse(&fault, Form::default())
}

async fn serve(State(service): State<HealthService>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let query: Vec<(String, String)> =
        form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let form = match media::accepted(&parts.headers, &query) {
        Ok(form) => form,
        Err(fault) => return refuse(&fault, Form::default()),
    };
    let done = async {
        let actor = allowed(&service, &mut parts).await?;
        let call = read(&service, parts, query, body, actor).await?;
        let head = call.method == Method::HEAD;
        service.perform(&call).await.map(|answer| (answer, head))
    };
    match done.await {
        Ok((answer, head)) => write(answer, form, head),
        Err(fault) => refuse(&fault, form),
    }
}

/// The official who acts, if the caller may: what the server can do, anyone may know; all else is the owner's.
async fn allowed(service: &HealthService, parts: &mut Parts) -> Result<String, Fault> {
    if parts.uri.path() == "/fhir/R4/metadata" {
        return Ok(ACTOR.to_owned());
    }
    let owner = service.records().agency();
    match Caller::from_request_parts(parts, &()).await.map_err(Fault::internal)? {
        Caller::Agency { id, official } if id == owner.as_str() => {
            Ok(official.unwrap_or_else(|| ACTOR.to_owned()))
        }
        Caller::Agency { .. } => {
            let told = format!("The domain is {owner}'s; others ask at /v1/disclosures.");
            Err(Fault::new(StatusCode::FORBIDDEN, "forbidden", told))
        }
        _ => {
            let told = "This needs the token of an agency: Authorization: Bearer <token>.";
            Err(Fault::new(StatusCode::UNAUTHORIZED, "login", told))
        }
    }
}

async fn read(
    service: &HealthService,
    parts: Parts,
    mut query: Vec<(String, String)>,
    body: Body,
    actor: String,
) -> Result<Call, Fault> {
    let headers = &parts.headers;
    let rest = parts.uri.path().strip_prefix(BASE).unwrap_or_default();
    let path: Vec<String> = rest.split('/').filter(|step| !step.is_empty()).map(decoded).collect();
    let is_search = parts.method == Method::POST && path.last().is_some_and(|last| last == "_search");
    let mut patch = PatchKind::Merge;
    let mut json = None;
    if is_search {
        let bytes = bytes_of(body).await?;
        query.extend(form_urlencoded::parse(&bytes).into_owned());
    } else if matches!(parts.method, Method::POST | Method::PUT | Method::PATCH) {
        let bytes = bytes_of(body).await?;
        patch = media::sent(&parts.method, headers)?;
        json = Some(resource::parse(&bytes)?);
    }
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let prefer = text(HeaderName::from_static("prefer")).unwrap_or_default();
    Ok(Call {
        method: parts.method.clone(),
        path,
        query,
        body: json,
        patch,
        if_match: text(header::IF_MATCH),
        if_none_match: text(header::IF_NONE_MATCH),
        if_none_exist: text(HeaderName::from_static("if-none-exist")),
        if_modified_since: text(header::IF_MODIFIED_SINCE),
        returns: returns(&prefer),
        strict: prefer.contains("handling=strict"),
        base: base(service, headers),
        actor,
    })
}

async fn bytes_of(body: Body) -> Result<Bytes, Fault> {
    let told = format!("A body has at most {BODY_BYTES_MAX} bytes.");
    to_bytes(body, BODY_BYTES_MAX)
        .await
        .map_err(|_| Fault::new(StatusCode::PAYLOAD_TOO_LARGE, "too-long", told))
}

fn decoded(step: &str) -> String {
    // A step without =, & and +: reading it as a form's name undoes the percents alone.
    let plain = step.replace('+', "%2B").replace('=', "%3D").replace('&', "%26");
    form_urlencoded::parse(plain.as_bytes()).next().map_or_else(String::new, |(name, _)| name.into_owned())
}

fn returns(prefer: &str) -> Option<Return> {
    let wanted = prefer.split([';', ',']).map(str::trim).find_map(|part| part.strip_prefix("return="));
    match wanted?.trim_matches('"') {
        "minimal" => Some(Return::Minimal),
        "representation" => Some(Return::Representation),
        "OperationOutcome" => Some(Return::Outcome),
        _ => None,
    }
}

/// The base URL: as configured, or as the caller reached it.
fn base(service: &HealthService, headers: &HeaderMap) -> String {
    if let Some(base) = &service.config().base_url {
        return base.clone();
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text("host").unwrap_or("localhost");
    let scheme =
        text("x-forwarded-proto").filter(|scheme| matches!(*scheme, "http" | "https")).unwrap_or("http");
    format!("{scheme}://{host}{BASE}")
}

fn write(answer: Answer, form: Form, head: bool) -> Response {
    let mut response = respond(answer.status, answer.body.as_ref(), form);
    if head {
        *response.body_mut() = Body::empty();
    }
    let headers = response.headers_mut();
    let mut put = |name: HeaderName, text: String| {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    };
    if let Some(version) = answer.version {
        put(header::ETAG, format!("W/\"{version}\""));
    }
    if let Some(modified_ms) = answer.modified_ms {
        put(header::LAST_MODIFIED, http_date(modified_ms));
    }
    if let Some(location) = answer.location {
        put(header::CONTENT_LOCATION, location.clone());
        put(header::LOCATION, location);
    }
    response
}

/// A problem that others found, as FHIR tells it.
pub fn error_form(problem: &Problem, _: &Uri, headers: &HeaderMap) -> Response {
    let status = problem.status();
    // Of the value set issue-type.
    let kind = match status.as_u16() {
        401 => "login",
        403 => "forbidden",
        404 => "not-found",
        405 => "not-supported",
        413 => "too-long",
        429 => "throttled",
        503 => "transient",
        500.. => "exception",
        _ => "invalid",
    };
    let form = media::accepted(headers, &[]).unwrap_or_default();
    refuse(&Fault::new(status, kind, problem.detail()), form)
}

fn refuse(fault: &Fault, form: Form) -> Response {
    let mut response = respond(fault.status, Some(&fault.outcome()), form);
    let headers = response.headers_mut();
    match fault.status {
        StatusCode::UNAUTHORIZED => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"hutong\""));
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    response
}

fn respond(status: StatusCode, body: Option<&Json>, form: Form) -> Response {
    let text = body.map(|json| if form.pretty { json.to_pretty() } else { json.to_compact() });
    let mut response = Response::new(text.map_or_else(Body::empty, Body::from));
    *response.status_mut() = status;
    if body.is_some() {
        response.headers_mut().insert(header::CONTENT_TYPE, form.content_type());
    }
    response
}
