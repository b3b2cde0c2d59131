//! Axum's extractors with problem documents for what they refuse.

use axum::{
    body::Bytes,
    extract::{
        FromRequest, FromRequestParts, Request,
        rejection::{BytesRejection, PathRejection, QueryRejection},
    },
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header, request::Parts};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::error::Category;

use super::Problem;

/// A body of JSON, taken only under a JSON media type. Also a response of JSON.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json<T>(pub T);

/// The parameters in the path.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

/// The query string.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

/// The body as bytes, within the body limit.
#[derive(Clone, Debug)]
pub struct RawBody(pub Bytes);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                "unsupported_media_type",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "The body must be JSON and say so: Content-Type: application/json.",
            ));
        }
        let RawBody(bytes) = RawBody::from_request(request, state).await?;
        parse(&bytes).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Bytes::from_request(request, state).await.map(Self).map_err(body_problem)
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            // A route that doesn't have the parameters its handler wants is a mistake of ours.
            Err(error @ PathRejection::MissingPathParams(_)) => Err(Problem::internal(error)),
            Err(error) => Err(Problem::new("malformed_path", StatusCode::BAD_REQUEST, error.body_text())),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(error @ QueryRejection::FailedToDeserializeQueryString(_)) => {
                Err(Problem::new("malformed_query", StatusCode::BAD_REQUEST, error.body_text()))
            }
            Err(error) => Err(Problem::internal(error)),
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// JSON or the problem with it. serde_json stops at a depth of 128, so nesting can't exhaust the stack.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if let Err(error) = std::str::from_utf8(bytes) {
        let detail = format!("The body must be UTF-8; the byte at {} is not.", error.valid_up_to());
        return Err(
            Problem::new("not_utf8", StatusCode::BAD_REQUEST, detail).with("offset", error.valid_up_to())
        );
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let (code, status) = match error.classify() {
            Category::Data => ("unexpected_json", StatusCode::UNPROCESSABLE_ENTITY),
            Category::Syntax | Category::Eof | Category::Io => ("malformed_json", StatusCode::BAD_REQUEST),
        };
        Problem::new(code, status, format!("The JSON can't be taken: {error}."))
            .with("line", error.line())
            .with("column", error.column())
    })
}

fn body_problem(rejection: BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        too_large()
    } else {
        Problem::new("truncated_body", StatusCode::BAD_REQUEST, "The body ended before its announced length.")
    }
}

pub(super) fn too_large() -> Problem {
    Problem::new(
        "body_too_large",
        StatusCode::PAYLOAD_TOO_LARGE,
        "The body is larger than this server takes; send it in parts.",
    )
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, routing::post};
    use serde::Deserialize;
    use tower::ServiceExt as _;

    use super::*;

    #[derive(Deserialize, Serialize)]
    struct Sale {
        parcel: u32,
    }

    #[derive(Deserialize)]
    struct Page {
        #[serde(default)]
        size: u8,
    }

    async fn send(path: &str, media_type: &str, body: impl Into<Body>) -> (u16, serde_json::Value) {
        let app = Router::new()
            .route("/sales", post(|Json(sale): Json<Sale>| async move { Json(sale) }))
            .route("/any", post(|Json(any): Json<serde_json::Value>| async move { Json(any) }))
            .route(
                "/page/{number}",
                post(|Path(number): Path<u32>, Query(page): Query<Page>| async move {
                    Json(number + u32::from(page.size))
                }),
            )
            .layer(axum::extract::DefaultBodyLimit::max(3_000_000));
        let request =
            Request::post(path).header("content-type", media_type).body(body.into()).expect("a request");
        let response = app.oneshot(request).await.expect("infallible");
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.expect("a body");
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    async fn code(path: &str, media_type: &str, body: impl Into<Body>) -> (u16, String) {
        let (status, body) = send(path, media_type, body).await;
        (status, body["code"].as_str().unwrap_or("none").to_owned())
    }

    #[tokio::test]
    async fn good_json_passes() {
        for media_type in ["application/json", "Application/JSON; charset=utf-8", "application/fhir+json"] {
            assert_eq!(send("/sales", media_type, "{\"parcel\":7}").await.0, 200, "{media_type}");
        }
        assert_eq!(send("/page/3?size=4", "", "").await, (200, 7.into()));
    }

    #[tokio::test]
    async fn bad_json_is_a_problem_that_says_where() {
        let json = "application/json";
        let (status, body) = send("/sales", json, "{\n\"parcel\": 7,,}").await;
        assert_eq!((status, &body["code"], &body["line"]), (400, &"malformed_json".into(), &2.into()));
        assert_eq!(code("/sales", json, "").await, (400, "malformed_json".into()));
        assert_eq!(code("/sales", json, "{\"parcel\"").await, (400, "malformed_json".into()));
        assert_eq!(code("/sales", json, "{\"parcel\":\"x\"}").await, (422, "unexpected_json".into()));
        assert_eq!(code("/sales", json, "{}").await, (422, "unexpected_json".into()));
        assert_eq!(code("/sales", json, vec![b'{', 0xff, b'}']).await, (400, "not_utf8".into()));
        assert_eq!(code("/sales", "text/plain", "{}").await, (415, "unsupported_media_type".into()));
        assert_eq!(code("/any", json, vec![b' '; 3_000_001]).await, (413, "body_too_large".into()));
    }

    #[tokio::test]
    async fn a_million_levels_do_not_exhaust_the_stack() {
        for bomb in ["[".repeat(1_000_000), "{\"a\":".repeat(500_000)] {
            assert_eq!(code("/any", "application/json", bomb).await, (400, "malformed_json".into()));
        }
    }

    #[tokio::test]
    async fn bad_paths_and_queries_are_problems() {
        assert_eq!(code("/page/x", "", "").await, (400, "malformed_path".into()));
        assert_eq!(code("/page/%ff", "", "").await, (400, "malformed_path".into()));
        assert_eq!(code("/page/1?size=300", "", "").await, (400, "malformed_query".into()));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_a_problem() {
        let parts = [Ok(Bytes::from("{\"par")), Err(std::io::Error::other("connection lost"))];
        let body = Body::from_stream(tokio_stream::iter(parts));
        assert_eq!(code("/sales", "application/json", body).await, (400, "truncated_body".into()));
    }
}
