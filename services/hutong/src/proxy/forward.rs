//! Sends a call on and its answer back, without holding either.

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
    routing::any,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::TryStreamExt as _;
use http::{HeaderMap, HeaderName, StatusCode, header};
use hutong_runtime::http::{ClientAddress, FORWARDED_FOR, Problem};
use serde_json::Value;

use super::{Front, Target, target, unknown};

/// What concerns one connection, or what the client here sets itself.
const HOP: [HeaderName; 10] = [
    header::CONNECTION,
    header::HOST,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    FORWARDED_FOR,
];

pub(super) fn routes(front: Front) -> Router {
    // Not a fallback, which the server has its own of; and a route with one name, since paths may name persons.
    Router::new().route("/{*path}", any(forward)).with_state(front)
}

async fn forward(State(front): State<Front>, request: Request) -> Response {
    match sent(&front, request).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn sent(front: &Front, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let target = target(&parts.method, parts.uri.path()).ok_or_else(unknown)?;
    let upstream = front.upstream(target, &parts.headers).ok_or_else(unknown)?;
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let url = format!("{}{path}", upstream.trim_end_matches('/'));
    let caller = parts.extensions.get::<ClientAddress>().copied();
    let mut call = front.client.request(parts.method, url).headers(passed(parts.headers));
    // Who calls, as far as it is believed here; what the caller wrote of himself goes no further.
    if let Some(ClientAddress(address)) = caller {
        call = call.header(FORWARDED_FOR, address.to_string());
    }
    // An empty body is not sent as a stream: some methods have none.
    if !hyper::body::Body::is_end_stream(&body) {
        call = call.body(reqwest::Body::wrap_stream(body.into_data_stream()));
    }
    let answer = call.send().await.map_err(failed)?;
    let (status, headers) = (answer.status(), passed(answer.headers().clone()));
    let body = Body::from_stream(answer.bytes_stream().map_err(std::io::Error::other));
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

impl Front {
    fn upstream(&self, target: Target, headers: &HeaderMap) -> Option<&String> {
        let of = |kind: &str, agency: &str| self.upstreams.get(&format!("{kind}-{agency}"));
        match target {
            Target::Only(name) => self.upstreams.get(name),
            Target::Own(kind) => of(kind, &self.agency),
            Target::Callers(kind) => {
                caller(headers).and_then(|agency| of(kind, &agency)).or_else(|| of(kind, &self.agency))
            }
        }
    }
}

/// Who a token says that its bearer is. Nothing is believed of it: the service that is reached checks it.
fn caller(headers: &HeaderMap) -> Option<String> {
    let token = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    Some(claims.get("iss")?.as_str()?.to_owned())
}

/// The headers that go on.
fn passed(mut headers: HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP) {
        headers.remove(name);
    }
    headers
}

fn failed(error: reqwest::Error) -> Problem {
    // The address is the city's own affair.
    let error = error.without_url();
    tracing::warn!(%error, "a service did not answer");
    if error.is_connect() {
        let detail = "The service that answers this is away. Nothing was taken.";
        return Problem::new("unavailable", StatusCode::SERVICE_UNAVAILABLE, detail).retry_after_s(1);
    }
    let detail =
        "The service broke off; whether the request took effect is unknown. Ask for its state, or repeat it.";
    Problem::new("timeout", StatusCode::SERVICE_UNAVAILABLE, detail).retry_after_s(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_found_by_what_the_token_says() {
        let token = |claims: &str| {
            let mut headers = HeaderMap::new();
            let token = format!("Bearer a.{}.c", URL_SAFE_NO_PAD.encode(claims));
            headers.insert(header::AUTHORIZATION, token.parse().unwrap());
            caller(&headers)
        };
        assert_eq!(token(r#"{"iss":"land"}"#).as_deref(), Some("land"));
        assert_eq!(token(r#"{"iss":7}"#), None);
        assert_eq!(token("no json"), None);
        assert_eq!(caller(&HeaderMap::new()), None);
    }

    #[test]
    fn what_concerns_a_connection_stays_with_it() {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("connection", "close, X-Mine"), ("x-mine", "1"), ("te", "trailers"), ("accept", "a")]
        {
            headers.insert(name, value.parse().unwrap());
        }
        let kept: Vec<_> = passed(headers).keys().map(ToString::to_string).collect();
        assert_eq!(kept, ["accept"]);
    }
}
