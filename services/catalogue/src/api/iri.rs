//! Absolute addresses of what the catalogue names, as seen from outside.

use axum::extract::FromRequestParts;
use http::{
    header,
    request::Parts,
    uri::{Authority, Scheme},
};

use crate::CatalogueService;

/// The city's address, as configured or as the caller used it, and what lies under it.
#[derive(Clone, Debug)]
pub(super) struct Base(String);

impl Base {
    /// A path as an address.
    pub(super) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    pub(super) fn catalogue(&self) -> String {
        self.path("/catalogue/catalog.jsonld")
    }

    pub(super) fn dataset(&self, id: &str) -> String {
        self.path(&format!("/catalogue/datasets/{id}"))
    }

    pub(super) fn agreement(&self, id: &str) -> String {
        self.path(&format!("/catalogue/agreements/{id}"))
    }

    /// All records of a type in a domain: what an agreement is about. It finds the datasets that describe them.
    pub(super) fn records(&self, domain: &str, record_type: &str) -> String {
        self.path(&format!("/catalogue/datasets?domain={domain}&record_type={record_type}"))
    }

    pub(super) fn service(&self, endpoint: &str) -> String {
        self.path(&format!("{endpoint}#service"))
    }

    pub(super) fn agency(&self, id: &str) -> String {
        self.path(&format!("/v1/membership/agencies/{id}"))
    }
}

impl FromRequestParts<CatalogueService> for Base {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &CatalogueService,
    ) -> Result<Self, Self::Rejection> {
        if let Some(url) = &service.config.public_url {
            return Ok(Self(url.trim_end_matches('/').to_owned()));
        }
        let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let host = text(header::HOST.as_str()).and_then(|host| host.parse::<Authority>().ok());
        // HTTP/2 names the host in the address.
        let host = parts.uri.authority().cloned().or(host);
        // Whatever is no host's name must not come back in an address.
        let sound = host.filter(|host| !host.as_str().contains('@') && !host.host().is_empty());
        let host = sound.map_or_else(|| "localhost".to_owned(), |host| host.to_string());
        let scheme = match text("x-forwarded-proto") {
            Some("https") => Scheme::HTTPS,
            _ => Scheme::HTTP,
        };
        Ok(Self(format!("{scheme}://{host}")))
    }
}
