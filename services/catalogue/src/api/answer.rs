//! Answers in the form that the caller asked for, with what caches need to know.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value;

/// How a resource is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// JSON-LD in the words of DCAT or ODRL.
    Linked,
    /// Plain JSON.
    Plain,
}

impl Form {
    fn media_type(self) -> &'static str {
        match self {
            Self::Linked => "application/ld+json",
            Self::Plain => "application/json",
        }
    }

    /// What the caller would rather have; the given form where that is all the same to it.
    pub(super) fn wanted(headers: &HeaderMap, otherwise: Self) -> Self {
        let accept = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
        let accept = accept.collect::<Vec<_>>().join(",");
        let weigh = |form: Self| weight(&accept, form.media_type());
        match weigh(Self::Linked).cmp(&weigh(Self::Plain)) {
            std::cmp::Ordering::Greater => Self::Linked,
            std::cmp::Ordering::Less => Self::Plain,
            std::cmp::Ordering::Equal => otherwise,
        }
    }
}

/// How much an Accept header wants a media type, in thousandths; the most specific range that fits counts.
fn weight(accept: &str, media_type: &str) -> u16 {
    let mut best = (0, 0);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let specific = match parts.next().unwrap_or_default() {
            range if range.eq_ignore_ascii_case(media_type) => 3,
            range if range.eq_ignore_ascii_case("application/*") => 2,
            "*/*" => 1,
            _ => continue,
        };
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let quality = quality.map_or(1.0, |quality| quality.parse().unwrap_or(1.0_f32));
        best = best.max((specific, (quality.clamp(0.0, 1.0) * 1000.0) as u16));
    }
    best.1
}

/// A resource as it stands: 200, or 304 for who has just this. `state` names what the answer was made from.
pub(super) fn resource(headers: &HeaderMap, form: Form, state: &str, body: &Value) -> Response {
    let tag = match form {
        Form::Linked => format!("{state}-ld"),
        Form::Plain => format!("{state}-json"),
    };
    let mut response =
        if is_known(headers, &tag) { StatusCode::NOT_MODIFIED.into_response() } else { document(form, body) };
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::try_from(format!("\"{tag}\"")) {
        headers.insert(header::ETAG, tag);
    }
    // To be kept, and asked about each time.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    response
}

/// A document in its form.
pub(super) fn document(form: Form, body: &Value) -> Response {
    let kind = HeaderValue::from_static(form.media_type());
    ([(header::CONTENT_TYPE, kind)], body.to_string()).into_response()
}

/// Whether If-None-Match names this tag, or any.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    known.flat_map(|tags| tags.split(',')).map(str::trim).any(|known| {
        let known = known.strip_prefix("W/").unwrap_or(known);
        known == "*" || known.trim_matches('"') == tag
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(accept: &str) -> Form {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        Form::wanted(&headers, Form::Linked)
    }

    #[test]
    fn the_caller_chooses() {
        assert_eq!(Form::wanted(&HeaderMap::new(), Form::Plain), Form::Plain);
        for linked in [
            "*/*",
            "application/ld+json",
            "text/html",
            "application/json;q=0.5, */*",
            "application/ld+json, application/json",
        ] {
            assert_eq!(wanted(linked), Form::Linked, "{linked}");
        }
        for plain in [
            "application/json",
            "Application/JSON, text/plain",
            "application/ld+json;q=0.5, application/json; q=0.9",
            "application/ld+json;q=0, */*",
        ] {
            assert_eq!(wanted(plain), Form::Plain, "{plain}");
        }
    }

    #[test]
    fn tags_are_found_however_they_are_written() {
        let known = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, value.parse().unwrap());
            is_known(&headers, "7-ld")
        };
        assert!(["\"7-ld\"", "W/\"7-ld\"", "7-ld", "\"6-ld\", \"7-ld\"", "*"].into_iter().all(known));
        assert!(!["\"7-json\"", "\"\"", "\"17-ld\""].into_iter().any(known));
    }
}
