//! Problem documents (RFC 9457): the one form of every HTTP error.
//!
//! A problem has a stable code, which programs may rely on, and a detail, which helps people. It must not carry
//! secrets, personal data or what only the log should know.

use std::{borrow::Cow, fmt};

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use problem_details::ProblemDetails;
use serde::Serialize;
use serde_json::{Map, Value};

/// Where the page of a code is, from the server's own root.
const PAGES: &str = "/docs/errors/";
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// An error as HTTP shows it.
#[derive(Clone)]
pub struct Problem(Box<Inner>);

#[derive(Clone)]
struct Inner {
    code: Cow<'static, str>,
    status: StatusCode,
    detail: String,
    extensions: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// `code` is snake_case and never changes once published: `docs/errors` has a page of that name.
    pub fn new(code: impl Into<Cow<'static, str>>, status: StatusCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code: code.into(),
            status,
            detail: detail.into(),
            extensions: Map::new(),
            headers: Vec::new(),
        }))
    }

    /// Something that is the server's fault. The cause goes to the log and not to the caller.
    pub fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed inside");
        Self::new("internal", StatusCode::INTERNAL_SERVER_ERROR, "Something failed here; the log says what.")
    }

    /// Adds a member, such as the field or line that is wrong. A value that is no JSON is left out.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        if let Ok(value) = serde_json::to_value(value) {
            self.0.extensions.insert(name.to_owned(), value);
        }
        self
    }

    /// The field of the request that is wrong.
    #[must_use]
    pub fn field(self, name: &str) -> Self {
        self.with("field", name)
    }

    /// When to try again.
    #[must_use]
    pub fn retry_after_s(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    pub fn code(&self) -> &str {
        &self.0.code
    }

    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The document. `code` stands in it again, so that no one has to take it out of the type.
    pub fn to_json(&self) -> Value {
        let mut extensions = self.0.extensions.clone();
        extensions.insert("code".to_owned(), Value::from(self.0.code.as_ref()));
        let details = ProblemDetails::new()
            .with_status(self.0.status)
            .with_title(title(&self.0.code))
            .with_detail(self.0.detail.clone())
            .with_extensions(extensions);
        let details = match format!("{PAGES}{}", self.0.code).parse::<Uri>() {
            Ok(page) => details.with_type(page),
            Err(_) => details,
        };
        serde_json::to_value(&details).unwrap_or(Value::Null)
    }
}

/// The code in words: it says the same for every occurrence, as a title should.
fn title(code: &str) -> String {
    let words = code.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers may hold a challenge or a cookie: not for logs.
        f.debug_struct("Problem")
            .field("code", &self.0.code)
            .field("status", &self.0.status.as_u16())
            .field("detail", &self.0.detail)
            .field("extensions", &self.0.extensions)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.detail)
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = self.to_json().to_string();
        let mut response = (self.0.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
        for (name, value) in &self.0.headers {
            headers.append(name, value.clone());
        }
        // For whoever writes it in another form.
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn is_an_rfc_9457_document() {
        let problem = Problem::new("unknown_domain", StatusCode::NOT_FOUND, "There is no domain \"x\".")
            .field("domain")
            .with("line", 7);
        assert_eq!(
            problem.to_json(),
            json!({
                "type": "/docs/errors/unknown_domain",
                "title": "Unknown domain",
                "status": 404,
                "detail": "There is no domain \"x\".",
                "code": "unknown_domain",
                "field": "domain",
                "line": 7,
            })
        );
        let response = problem.retry_after_s(3).into_response();
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[header::RETRY_AFTER], "3");
    }

    #[test]
    fn an_inner_failure_keeps_its_cause_to_the_log() {
        let problem = Problem::internal("password of the store: hunter2");
        assert!(!problem.to_json().to_string().contains("hunter2"));
        assert_eq!(problem.status(), 500);
    }
}
