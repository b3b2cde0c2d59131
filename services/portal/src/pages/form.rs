//! The forms that the pages send.

use axum::extract::{FromRequest, Request};
use http::{StatusCode, header};
use hutong_runtime::{
    config::Secret,
    http::{Problem, RawBody},
};

/// More than any of our forms has.
const FIELDS_MAX: usize = 8;

/// The fields of a form. Its values hold a token, so none is shown.
#[derive(Debug)]
pub(super) struct Form(Vec<(String, Secret)>);

impl Form {
    /// A field; empty if it is not there.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.expose())
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
            let detail = "The body is a form: Content-Type: application/x-www-form-urlencoded.";
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new("unsupported_media_type", status, detail));
        }
        let RawBody(body) = RawBody::from_request(request, state).await?;
        let fields = form_urlencoded::parse(&body).take(FIELDS_MAX);
        Ok(Self(fields.map(|(name, value)| (name.into_owned(), Secret::new(value))).collect()))
    }
}
