//! Which web pages of other origins may call: none unless the operator names them. No cookie and no other credential that a
//! browser would add by itself is in use, so even `*` lends nobody's rights to a page.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, header};
use serde::{Deserialize, Serialize};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may keep the answer to its preflight.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// The origins whose pages may call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CorsSettings {
    /// Such as `https://portal.city.example`; `*` alone for all.
    pub origins: Vec<String>,
}

impl CorsSettings {
    pub(super) fn faults(&self) -> Vec<String> {
        if self.origins == ["*"] {
            return Vec::new();
        }
        let wrong = self.origins.iter().filter(|origin| !is_origin(origin));
        wrong
            .map(|origin| {
                format!("cors.origins: {origin:?} is no origin; write https://host[:port], or \"*\" alone")
            })
            .collect()
    }

    /// None where no page of another origin may call.
    pub(super) fn layer(&self) -> Option<CorsLayer> {
        if self.origins.is_empty() {
            return None;
        }
        let origins = match self.origins.as_slice() {
            [all] if all == "*" => AllowOrigin::any(),
            origins => {
                AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::try_from(origin).ok()))
            }
        };
        let sent = [
            header::ACCEPT,
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static("traceparent"),
            HeaderName::from_static("x-request-id"),
        ];
        let read = [
            header::ETAG,
            header::LINK,
            header::LOCATION,
            header::RETRY_AFTER,
            header::WWW_AUTHENTICATE,
            HeaderName::from_static("x-request-id"),
        ];
        let methods = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        let layer = CorsLayer::new().allow_origin(origins).allow_methods(methods).allow_headers(sent);
        Some(layer.expose_headers(read).max_age(MAX_AGE))
    }
}

/// A scheme and an authority and nothing else, as browsers send it.
fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<http::Uri>() else { return false };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return false };
    matches!(scheme, "http" | "https") && text == format!("{scheme}://{authority}").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_send_them() {
        let faults = |origins: &[&str]| {
            CorsSettings { origins: origins.iter().map(|&origin| origin.to_owned()).collect() }.faults().len()
        };
        assert_eq!(faults(&[]), 0);
        assert_eq!(faults(&["*"]), 0);
        assert_eq!(faults(&["https://portal.city.example", "http://localhost:3000"]), 0);
        let wrong = [
            "*",
            "https://a.example/",
            "https://a.example/path",
            "a.example",
            "HTTPS://a.example",
            "ftp://a",
        ];
        assert_eq!(faults(&wrong), wrong.len());
    }
}
