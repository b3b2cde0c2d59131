//! Which service answers which path. A test holds this against what the services say of themselves.

use http::Method;
use utoipa::openapi::OpenApi;

use crate::city::domains::RECORD_TYPES;

/// Which of the services of one kind answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The only one in the city.
    Only(&'static str),
    /// That of the agency that the front stands for.
    Own(&'static str),
    /// That of the agency that calls, if it has one.
    Callers(&'static str),
}

/// A path and what is below it.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    pub prefix: &'static str,
    pub target: Target,
}

const fn route(prefix: &'static str, target: Target) -> Route {
    Route { prefix, target }
}

const ROUTES: &[Route] = &[
    route("/v1/transactions", Target::Own("storage")),
    route("/v1/records", Target::Own("storage")),
    route("/v1/blocks", Target::Own("storage")),
    route("/v1/status/ingest", Target::Only("ingest")),
    route("/v1/status/notification", Target::Callers("notification")),
    route("/v1/status", Target::Callers("storage")),
    route("/log", Target::Own("storage")),
    route("/v1/events", Target::Callers("notification")),
    route("/v1/subscriptions", Target::Callers("notification")),
    route("/v1/disclosures", Target::Callers("vault")),
    route("/v1/persons", Target::Callers("vault")),
    route("/v1/sealed", Target::Callers("vault")),
    route("/v1/subjects", Target::Only("portal")),
    route("/portal", Target::Only("portal")),
    route("/v1/membership", Target::Only("membership")),
    route("/catalogue", Target::Only("catalogue")),
    route("/property", Target::Only("property")),
    route("/fhir", Target::Only("health")),
    route("/open311", Target::Only("requests")),
    route("/requests", Target::Only("requests")),
    route("/epidemic", Target::Only("epidemic")),
    route("/parking", Target::Only("parking")),
    route("/licensing", Target::Only("licensing")),
    route("/.well-known/jwt-vc-issuer", Target::Only("licensing")),
];

/// Which service answers, if any does.
pub fn target(method: &Method, path: &str) -> Option<Target> {
    if path == "/v1/transactions" && *method == Method::POST {
        return Some(Target::Only("ingest"));
    }
    let below = |prefix: &str| {
        path.strip_prefix(prefix).is_some_and(|rest| {
            // Open311 names a format behind a dot: `/open311/v2/services.json`.
            rest.is_empty() || rest.starts_with('/')
        })
    };
    ROUTES.iter().find(|route| below(route.prefix)).map(|route| route.target)
}

/// The services that must be there when the front stands for this agency.
pub(super) fn needed(agency: &str) -> Vec<String> {
    let mut names = vec!["ingest".to_owned()];
    for route in ROUTES {
        let name = match route.target {
            Target::Only(name) => name.to_owned(),
            Target::Own(kind) | Target::Callers(kind) => format!("{kind}-{agency}"),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// What the services say of themselves, by the kind of service.
pub fn documents() -> Vec<(&'static str, OpenApi)> {
    let mut documents = vec![
        ("storage", hutong_storage::api::openapi()),
        ("ingest", hutong_ingest::api::openapi()),
        ("notification", hutong_notification::openapi()),
        ("vault", hutong_vault::api::document()),
        ("portal", hutong_portal::document()),
    ];
    documents.extend(RECORD_TYPES.iter().map(|record_type| (record_type.name, (record_type.document)())));
    documents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_that_a_service_describes_reaches_it() {
        let mut calls = 0;
        for (kind, document) in documents() {
            for (path, item) in document.paths.paths {
                let methods = [
                    (Method::GET, item.get.is_some()),
                    (Method::POST, item.post.is_some()),
                    (Method::PUT, item.put.is_some()),
                    (Method::PATCH, item.patch.is_some()),
                    (Method::DELETE, item.delete.is_some()),
                ];
                for (method, _) in methods.into_iter().filter(|(_, described)| *described) {
                    let found = target(&method, &path);
                    let Some(Target::Only(name) | Target::Own(name) | Target::Callers(name)) = found else {
                        panic!("{method} {path} of {kind} goes nowhere")
                    };
                    assert_eq!(name, kind, "{method} {path}");
                    calls += 1;
                }
            }
        }
        assert!(calls > 80, "only {calls} calls are described");
    }

    #[test]
    fn what_only_looks_alike_goes_nowhere() {
        for path in ["/", "/v1", "/v1/transaction", "/propertyx", "/logs/x", "/v2/records", "/docs"] {
            assert_eq!(target(&Method::GET, path), None, "{path}");
        }
    }
}
