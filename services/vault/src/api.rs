//! The routes of disclosure: asking for sealed fields, and, for a domain's own officials, registering persons and sealing
//! values. One front serves all the vaults that a process knows.
//!
//! What must be sealed comes in bodies alone, never in a path or a query, and goes to the vault and nowhere else.

mod disclosures;
mod persons;
mod problems;
mod sealing;

use std::collections::BTreeMap;

use axum::{
    Router,
    extract::{FromRequest, FromRequestParts, Request},
    routing::post,
};
use http::{StatusCode, header, request::Parts};
use hutong_desk::Desk;
use hutong_ledger::id::{AgencyId, Domain};
use hutong_peer::{SharedStorage, ingest::SharedIngest, vault::SharedVault};
use hutong_runtime::{
    auth::{Caller, RequireAgency},
    config::Secret,
    http::{Json, Problem},
};
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::OpenApi;

use problems::unavailable;

/// What the routes work with.
#[derive(Clone, Debug)]
pub struct Front {
    pub ingest: SharedIngest,
    /// Of the agency whose port this is.
    pub storage: SharedStorage,
    /// The vaults of domains' owners, here or over the bus.
    pub vaults: BTreeMap<AgencyId, SharedVault>,
    /// The desks of the agencies that this process signs for.
    pub desks: BTreeMap<AgencyId, Desk>,
}

#[derive(Debug, OpenApi)]
#[openapi(
    paths(disclosures::disclose, persons::register, sealing::seal),
    components(schemas(
        disclosures::Disclosure,
        disclosures::Disclosed,
        disclosures::Sealed,
        persons::Registration,
        persons::Registered,
        sealing::Sealing,
        sealing::Commitments
    ))
)]
struct Document;

/// The description of these routes.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

pub fn routes(front: Front) -> Router {
    Router::new()
        .route("/v1/disclosures", post(disclosures::disclose))
        .route("/v1/persons", post(persons::register))
        .route("/v1/sealed", post(sealing::seal))
        .with_state(front)
}

impl Front {
    /// The owner of a domain, as membership has it now.
    async fn owner(&self, domain: Domain) -> Result<AgencyId, Problem> {
        let epoch = self.storage.standing().await.map_err(unavailable)?.epoch;
        let rules = epoch.rules(domain).ok_or_else(|| {
            Problem::new("unknown_domain", StatusCode::NOT_FOUND, format!("There is no domain {domain}."))
        })?;
        Ok(rules.owner)
    }

    /// The desk and the vault of the clerk's agency, if it owns the domain and this process signs for it.
    async fn office(&self, clerk: &Clerk, domain: Domain) -> Result<(&Desk, &SharedVault), Problem> {
        let owner = self.owner(domain).await?;
        let refuse = |detail: String| Err(Problem::new("not_the_owner", StatusCode::FORBIDDEN, detail));
        if owner.as_str() != clerk.agency {
            return refuse(format!("{owner} owns the domain {domain}; its own officials alone do this."));
        }
        match (self.desks.get(&owner), self.vaults.get(&owner)) {
            (Some(desk), Some(vault)) => Ok((desk, vault)),
            _ => refuse(format!("This process does not sign for {owner}: call one of its own.")),
        }
    }
}

/// An agency or an official of it, with the token that the vault is shown: it believes nobody in between.
struct Clerk {
    agency: String,
    official: Option<String>,
    token: Secret,
}

impl<S: Send + Sync> FromRequestParts<S> for Clerk {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let RequireAgency(agency) = RequireAgency::from_request_parts(parts, state).await?;
        let official = match Caller::from_request_parts(parts, state).await? {
            Caller::Agency { official, .. } => official,
            Caller::Person(_) | Caller::Anonymous => None,
        };
        let token = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = token.and_then(|value| Some(value.split_once(' ')?.1.trim().to_owned()));
        let token =
            token.ok_or_else(|| Problem::internal("a caller is known, and its token is not there"))?;
        Ok(Self { agency, official, token: Secret::new(token) })
    }
}

/// A body of JSON that holds what must be sealed: what is wrong with its form is told without its content.
struct Private<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Private<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let taken = Json::from_request(request, state).await;
        taken.map(|Json(body)| Self(body)).map_err(|problem| match problem.status() {
            status @ (StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY) => {
                let detail =
                    "The JSON is not what the API's description says; what is wrong is not shown here.";
                Problem::new(problem.code().to_owned(), status, detail)
            }
            _ => problem,
        })
    }
}

/// Texts by field name, each name once.
#[derive(Default)]
struct Values(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Values;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of texts by field name")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Values, A::Error> {
                let mut values: Vec<(String, String)> = Vec::new();
                while let Some((name, value)) = map.next_entry()? {
                    if values.iter().any(|(other, _)| *other == name) {
                        return Err(serde::de::Error::custom("a field is named twice"));
                    }
                    values.push((name, value));
                }
                Ok(Values(values))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

impl Values {
    fn into_bytes(self) -> Vec<(String, bytes::Bytes)> {
        self.0.into_iter().map(|(name, value)| (name, value.into_bytes().into())).collect()
    }
}
