//! What stands between the network and every handler: limits, ids, spans, metrics, panics, safe headers.

use std::{any::Any, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use tower::{ServiceBuilder, util::option_layer};
use tower_http::{
    catch_panic::CatchPanicLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
};
use tracing::Instrument as _;

use super::{HttpSettings, Problem, extract::too_large};
use crate::{Metrics, SharedClock, error::panic_message, trace};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Response headers that are right unless a handler said otherwise: nothing is stored, framed, sniffed or run.
const SAFE_HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    ),
];

/// Over TLS only, for so long (RFC 6797). Other hosts under the name are their operators' to decide on.
const TWO_YEARS: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// How a standard that has a form of its own for errors writes a problem, for a caller of this path with these headers.
pub type ErrorForm = fn(&Problem, &Uri, &HeaderMap) -> Response;

/// What the layers work with.
#[derive(Clone, Debug)]
pub struct Edge {
    pub clock: SharedClock,
    pub metrics: Metrics,
    /// What errors look like under paths that begin so; everywhere else they are problem documents.
    pub error_forms: &'static [(&'static str, ErrorForm)],
}

/// A form of errors, and whom it is for.
struct Speaks {
    form: ErrorForm,
    uri: Uri,
    headers: HeaderMap,
}

impl Edge {
    /// Whether a request speaks a standard that has its own form of errors.
    fn speaks(&self, request: &Request) -> Option<Speaks> {
        let path = request.uri().path();
        let (_, form) = self.error_forms.iter().find(|(prefix, _)| path.starts_with(prefix))?;
        Some(Speaks { form: *form, uri: request.uri().clone(), headers: request.headers().clone() })
    }
}

impl Speaks {
    /// Writes the answer in the form, if it is a problem.
    fn answer(self, mut response: Response) -> Response {
        let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
        let mut formed = (self.form)(&problem, &self.uri, &self.headers);
        for (name, value) in response.headers() {
            if !matches!(*name, header::CONTENT_TYPE | header::CONTENT_LENGTH) {
                formed.headers_mut().insert(name, value.clone());
            }
        }
        formed
    }
}

#[derive(Clone, Debug)]
struct EdgeState {
    edge: Edge,
    /// Whether callers come over TLS, and are to come so from now on.
    strict: bool,
    body_bytes_max: usize,
    handler_timeout: Duration,
}

/// Puts all layers around the routes; unknown paths and wrong methods become problems too.
pub fn harden(app: Router, settings: &HttpSettings, edge: Edge) -> Router {
    let state = EdgeState {
        edge,
        strict: settings.tls.is_some(),
        body_bytes_max: settings.body_bytes_max,
        handler_timeout: Duration::from_millis(settings.handler_timeout_ms),
    };
    // From the outside in.
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(option_layer(settings.cors.layer()))
        .layer(from_fn_with_state(state.clone(), observe))
        .layer(from_fn_with_state(state, limit))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(DefaultBodyLimit::max(settings.body_bytes_max));
    app.method_not_allowed_fallback(wrong_method).fallback(unknown_path).layer(layers)
}

/// Span, metrics and headers. The span has the route and not the path, which may name a person or a record.
async fn observe(State(state): State<EdgeState>, request: Request, next: Next) -> Response {
    let Edge { clock, metrics, .. } = &state.edge;
    let speaks = state.edge.speaks(&request);
    let method = known_method(request.method()).to_owned();
    let route = request.extensions().get::<MatchedPath>().map_or("unknown", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!(
        "http",
        otel.kind = "server",
        method,
        route,
        request_id = request_id(request.headers()),
        status = tracing::field::Empty,
    );
    trace::follow(&span, request.headers().iter().filter_map(|(n, v)| Some((n.as_str(), v.to_str().ok()?))));
    let began = clock.monotonic();
    let response = next.run(request).instrument(span.clone()).await;
    let mut response = match speaks {
        Some(speaks) => speaks.answer(response),
        None => response,
    };
    let status = response.status();
    span.record("status", status.as_u16());
    let labels = [("method", method.as_str()), ("route", route.as_str())];
    metrics
        .latency("hutong_http_seconds", "Time from a request's head to its answer's head.", &labels)
        .observe(clock.monotonic().saturating_sub(began).as_secs_f64());
    let labels = [labels[0], labels[1], ("status", status.as_str())];
    metrics.counter("hutong_http_requests_total", "Requests answered.", &labels).inc();
    for (name, value) in SAFE_HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    if state.strict {
        response.headers_mut().entry(header::STRICT_TRANSPORT_SECURITY).or_insert(TWO_YEARS);
    }
    response
}

/// Refuses what is announced as too large, and cuts off what takes too long.
async fn limit(State(state): State<EdgeState>, request: Request, next: Next) -> Response {
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced
        .and_then(|length| length.parse::<u64>().ok())
        .is_some_and(|n| n > state.body_bytes_max as u64)
    {
        return too_large().into_response();
    }
    let clock = state.edge.clock;
    tokio::select! {
        response = next.run(request) => response,
        () = clock.sleep(state.handler_timeout) => Problem::new(
            "timeout",
            StatusCode::SERVICE_UNAVAILABLE,
            "No answer in time; whether the request took effect is unknown. Ask for its state, or repeat it.",
        )
        .retry_after_s(1)
        .into_response(),
    }
}

fn panicked(payload: Box<dyn Any + Send>) -> Response {
    Problem::internal(format_args!("a handler panicked: {}", panic_message(payload.as_ref()))).into_response()
}

async fn unknown_path() -> Problem {
    Problem::new("unknown_path", StatusCode::NOT_FOUND, "There is nothing here; /docs lists what there is.")
}

async fn wrong_method() -> Problem {
    Problem::new(
        "wrong_method",
        StatusCode::METHOD_NOT_ALLOWED,
        "This path exists but does not take this method; /docs lists what it takes.",
    )
}

/// Methods are a label of metrics, so made-up ones count as one.
fn known_method(method: &http::Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    }
}

/// The request's id, if it is one that may stand in a log.
fn request_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let plain = id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    plain.then_some(id)
}
