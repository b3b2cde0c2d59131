//! Who is calling. Agencies come with a token signed by their own registered key, persons with one of an identity
//! provider that the city trusts; everyone else is anonymous.
//!
//! This says who, not what they may do: rules about that belong to the service that is asked.

mod fault;
pub mod oidc;
mod person;
mod token;

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, StatusCode, header, request::Parts};

pub use fault::TokenFault;
pub use oidc::{IssuerConfig, OidcConfig, OidcVerifier};
pub use person::Person;
pub use token::{AgencyToken, Authenticator, KeyDirectory};

use crate::http::Problem;

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    Agency {
        id: String,
        /// The pseudonym of the official who acts for it, where the token names one.
        official: Option<String>,
    },
    Person(Person),
    Anonymous,
}

impl Caller {
    /// An agency itself, with no official named.
    pub fn agency(id: impl Into<String>) -> Self {
        Self::Agency { id: id.into(), official: None }
    }
}

/// Finds out who is calling and passes it on; a token that is present and wrong is refused, never taken for none.
/// Add it with `axum::middleware::from_fn_with_state(authenticator, identify)`.
pub async fn identify(
    State(authenticator): State<Arc<Authenticator>>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = match request.headers().get(header::AUTHORIZATION).map(bearer) {
        None => Ok(Caller::Anonymous),
        Some(Ok(token)) => authenticator.caller(token).await,
        Some(Err(fault)) => Err(fault),
    };
    match caller {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            // For protocols that bring the token in another place, such as Open311's api_key.
            request.extensions_mut().insert(authenticator);
            next.run(request).await
        }
        Err(fault) => refusal(fault).into_response(),
    }
}

fn bearer(value: &HeaderValue) -> Result<&str, TokenFault> {
    let value = value.to_str().map_err(|_| TokenFault::NotBearer)?;
    let (scheme, token) = value.split_once(' ').ok_or(TokenFault::NotBearer)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(TokenFault::NotBearer) }
}

/// The answer to a bad token, as RFC 6750 wants it.
pub fn refusal(fault: TokenFault) -> Problem {
    if fault == TokenFault::Unavailable {
        return Problem::new(
            "identity_unavailable",
            StatusCode::SERVICE_UNAVAILABLE,
            "Who is calling cannot be told now: the token's issuer does not answer. Try again.",
        )
        .retry_after_s(oidc::RETRY_S);
    }
    let challenge =
        format!("Bearer realm=\"hutong\", error=\"invalid_token\", error_description=\"{fault}\"");
    let problem = Problem::new("invalid_token", StatusCode::UNAUTHORIZED, format!("Invalid token: {fault}."))
        .with("reason", fault.code());
    match HeaderValue::try_from(challenge) {
        Ok(challenge) => problem.header(header::WWW_AUTHENTICATE, challenge),
        Err(_) => problem,
    }
}

/// The answer to one who brought no token.
fn unauthenticated(detail: &str) -> Problem {
    let challenge = HeaderValue::from_static("Bearer realm=\"hutong\"");
    Problem::new("authentication_required", StatusCode::UNAUTHORIZED, detail)
        .header(header::WWW_AUTHENTICATE, challenge)
}

/// The answer to one whose token is right and of another kind.
fn other_kind(code: &'static str, detail: &str) -> Problem {
    let challenge = HeaderValue::from_static("Bearer realm=\"hutong\", error=\"insufficient_scope\"");
    Problem::new(code, StatusCode::FORBIDDEN, detail).header(header::WWW_AUTHENTICATE, challenge)
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    /// Fails where [`identify`] is missing: taking everyone for anonymous would hide that mistake.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Problem::internal("a route asks who is calling, but nothing finds out"))
    }
}

/// The agency that is calling; without a token the answer is 401, to a person 403.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequireAgency(pub String);

impl<S: Send + Sync> FromRequestParts<S> for RequireAgency {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Caller::from_request_parts(parts, state).await? {
            Caller::Agency { id, .. } => Ok(Self(id)),
            Caller::Person(_) => Err(other_kind("agency_required", "This is for agencies.")),
            Caller::Anonymous => {
                Err(unauthenticated("This needs an agency's token: Authorization: Bearer <token>."))
            }
        }
    }
}

/// The person who is calling; without a token the answer is 401, to an agency 403.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequirePerson(pub Person);

impl<S: Send + Sync> FromRequestParts<S> for RequirePerson {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Caller::from_request_parts(parts, state).await? {
            Caller::Person(person) => Ok(Self(person)),
            Caller::Agency { .. } => Err(other_kind("person_required", "This is for the person themselves.")),
            Caller::Anonymous => {
                Err(unauthenticated("This needs a person's token: Authorization: Bearer <token>."))
            }
        }
    }
}

#[cfg(test)]
mod tests;
