//! Who is calling. Agencies come with a token signed by their own registered key; everyone else is anonymous.
//!
//! This says who, not what they may do: rules about that belong to the service that is asked.

mod token;

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, StatusCode, header, request::Parts};

pub use token::{Authenticator, KeyDirectory, TokenFault};

use crate::http::Problem;

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    Agency { id: String },
    Anonymous,
}

/// Finds out who is calling and passes it on; a token that is present and wrong is refused, never taken for none.
/// Add it with `axum::middleware::from_fn_with_state(authenticator, identify)`.
pub async fn identify(
    State(authenticator): State<Arc<Authenticator>>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = match request.headers().get(header::AUTHORIZATION) {
        None => Ok(Caller::Anonymous),
        Some(value) => {
            bearer(value).and_then(|token| authenticator.verify(token)).map(|id| Caller::Agency { id })
        }
    };
    match caller {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(fault) => refuse(&fault).into_response(),
    }
}

fn bearer(value: &HeaderValue) -> Result<&str, TokenFault> {
    let value = value.to_str().map_err(|_| TokenFault::NotBearer)?;
    let (scheme, token) = value.split_once(' ').ok_or(TokenFault::NotBearer)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(TokenFault::NotBearer) }
}

/// The answer to a bad token, as RFC 6750 wants it.
fn refuse(fault: &TokenFault) -> Problem {
    let challenge =
        format!("Bearer realm=\"hutong\", error=\"invalid_token\", error_description=\"{fault}\"");
    let problem = Problem::new("invalid_token", StatusCode::UNAUTHORIZED, format!("Invalid token: {fault}."))
        .with("reason", fault.code());
    match HeaderValue::try_from(challenge) {
        Ok(challenge) => problem.header(header::WWW_AUTHENTICATE, challenge),
        Err(_) => problem,
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    /// Fails where [`identify`] is missing: taking everyone for anonymous would hide that mistake.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Problem::internal("a route asks who is calling, but nothing finds out"))
    }
}

/// The agency that is calling; without a token the answer is 401.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequireAgency(pub String);

impl<S: Send + Sync> FromRequestParts<S> for RequireAgency {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Caller::from_request_parts(parts, state).await? {
            Caller::Agency { id } => Ok(Self(id)),
            Caller::Anonymous => Err(Problem::new(
                "authentication_required",
                StatusCode::UNAUTHORIZED,
                "This needs an agency's token: Authorization: Bearer <token>.",
            )
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"hutong\""))),
        }
    }
}

#[cfg(test)]
mod tests;
