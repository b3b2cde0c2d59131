//! Media types: what a client takes, and what it sent.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::{engine::PatchKind, outcome::Fault};

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Form {
    /// As plain JSON, for who asks for nothing else.
    plain: bool,
    pub(super) pretty: bool,
}

impl Form {
    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(if self.plain {
            "application/json; charset=utf-8"
        } else {
            "application/fhir+json; charset=utf-8"
        })
    }
}

/// Type and parameters of a media type, in lower case.
fn parts(media: &str) -> (String, Vec<String>) {
    let mut parts = media.split(';').map(|part| part.trim().to_ascii_lowercase());
    (parts.next().unwrap_or_default(), parts.collect())
}

/// Whether the parameters ask for another version of FHIR than this.
fn other_version(parameters: &[String]) -> bool {
    let version = parameters.iter().find_map(|parameter| parameter.strip_prefix("fhirversion="));
    version.is_some_and(|version| !matches!(version.trim_matches('"'), "4.0" | "4.0.1"))
}

/// The form that a client takes; 406 if it takes none of these.
pub(super) fn accepted(headers: &HeaderMap, query: &[(String, String)]) -> Result<Form, Fault> {
    let find = |wanted: &str| query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let pretty = find("_pretty") == Some("true");
    if let Some(format) = find("_format") {
        // A + of a query is a space.
        let (format, parameters) = parts(&format.replace(' ', "+"));
        return match format.as_str() {
            "json" | "application/fhir+json" | "text/json" if !other_version(&parameters) => {
                Ok(Form { plain: false, pretty })
            }
            "application/json" if !other_version(&parameters) => Ok(Form { plain: true, pretty }),
            _ => Err(none(&format)),
        };
    }
    let accept: Vec<_> =
        headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let accept = accept.join(",");
    if accept.trim().is_empty() {
        return Ok(Form { plain: false, pretty });
    }
    let taken: Vec<_> = accept
        .split(',')
        .map(parts)
        .filter(|(_, parameters)| {
            !other_version(parameters) && !parameters.iter().any(|it| matches!(it.as_str(), "q=0" | "q=0.0"))
        })
        .map(|(media, _)| media)
        .collect();
    let takes = |wanted: &[&str]| taken.iter().any(|media| wanted.contains(&media.as_str()));
    if takes(&["application/fhir+json", "*/*", "application/*", "application/json+fhir"]) {
        return Ok(Form { plain: false, pretty });
    }
    if takes(&["application/json", "text/json"]) {
        Ok(Form { plain: true, pretty })
    } else {
        Err(none(&accept))
    }
}

fn none(asked: &str) -> Fault {
    let told = format!("There is no {asked:?} here: application/fhir+json of FHIR 4.0 alone.");
    Fault::new(StatusCode::NOT_ACCEPTABLE, "not-supported", told)
}

/// What a client sent: a resource, or which kind of patch; 415 if neither.
pub(super) fn sent(method: &Method, headers: &HeaderMap) -> Result<PatchKind, Fault> {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    // Who says nothing sends JSON, which is all there is.
    let (media, parameters) = sent.map_or_else(|| ("application/json".to_owned(), Vec::new()), parts);
    let known = match media.as_str() {
        "application/json-patch+json" if *method == Method::PATCH => return Ok(PatchKind::Json),
        "application/merge-patch+json" => *method == Method::PATCH,
        "application/json" | "application/fhir+json" | "application/json+fhir" | "text/json" => true,
        _ => false,
    };
    if known && !other_version(&parameters) {
        return Ok(PatchKind::Merge);
    }
    let told = match *method {
        Method::PATCH => {
            "A patch is application/json-patch+json, application/merge-patch+json or application/json."
        }
        _ => "A body is application/fhir+json or application/json, of FHIR 4.0.",
    };
    Err(Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-supported", told))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::try_from(value).unwrap())])
    }

    #[test]
    fn what_clients_take() {
        let form = |accept: &str| accepted(&headers(header::ACCEPT, accept), &[]).map(|form| form.plain).ok();
        assert_eq!(form("application/fhir+json"), Some(false));
        assert_eq!(form("application/json"), Some(true));
        assert_eq!(form("text/html, application/fhir+xml;q=0.9, */*;q=0.8"), Some(false));
        assert_eq!(form("application/fhir+json; fhirVersion=4.0"), Some(false));
        for none in ["application/fhir+xml", "text/html", "application/fhir+json; fhirVersion=5.0"] {
            assert_eq!(form(none), None, "{none}");
        }
        let format = |format: &str| accepted(&HeaderMap::new(), &[("_format".into(), format.into())]).is_ok();
        assert!(format("json") && format("application/fhir json") && !format("xml") && !format("ttl"));
    }

    #[test]
    fn what_clients_send() {
        let sent = |method, media: &str| super::sent(&method, &headers(header::CONTENT_TYPE, media)).ok();
        assert_eq!(sent(Method::POST, "application/fhir+json; charset=UTF-8"), Some(PatchKind::Merge));
        assert_eq!(sent(Method::PATCH, "application/json-patch+json"), Some(PatchKind::Json));
        assert_eq!(sent(Method::PATCH, "application/json"), Some(PatchKind::Merge));
        assert_eq!(sent(Method::POST, "application/json-patch+json"), None);
        assert_eq!(sent(Method::PUT, "application/fhir+xml"), None);
        assert_eq!(sent(Method::PUT, "application/fhir+json; fhirVersion=3.0"), None);
    }
}
