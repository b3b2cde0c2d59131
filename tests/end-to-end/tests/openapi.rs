//! The API does what its description says, and nothing else: each operation that is described is there and answers with
//! statuses and content types that are described; each that is not is refused with 405.

#![allow(clippy::unwrap_used, clippy::panic)] // A test's helpers fail as its tests do.

use std::collections::BTreeSet;

use hutong::city::{
    layout::Layout,
    settings::CitySettings,
    up::{Options, Running},
};
use hutong_client::{City, Client};
use hutong_test_end_to_end::program;
use reqwest::{Method, StatusCode, header};
use serde_json::Value;

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

struct Described {
    running: Running,
    city: City,
    document: Value,
    http: reqwest::Client,
    _folder: tempfile::TempDir,
}

/// An answer, as far as it is described.
struct Answered {
    status: StatusCode,
    content_type: String,
    allow: Option<String>,
    body: String,
}

impl Described {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            settings: CitySettings::listening(([127, 0, 0, 1], 0)),
            agencies: 4,
            nats: None,
            name: "testville".parse().unwrap(),
        };
        let running = Running::start(Layout::new(folder.path()), options).await.unwrap();
        let city = City::open(folder.path()).unwrap();
        let http = program::plain_client();
        let response = http.get(format!("{}/openapi.json", city.url)).send().await.unwrap();
        let document = response.json().await.unwrap();
        Self { running, city, document, http, _folder: folder }
    }

    /// A token of the agency that may do most under a path.
    fn token(&self, path: &str) -> String {
        let prefix = path.split('/').nth(1).unwrap_or_default();
        let domain = match prefix {
            "fhir" => "health",
            "open311" => "requests",
            "v1" | "log" => "membership",
            other => other,
        };
        let owner = domain.parse().ok().and_then(|domain| self.city.owner(&domain));
        let owner = owner.unwrap_or(&self.city.agencies[0]);
        Client::of(&self.city, &owner.id).unwrap().token().unwrap()
    }

    /// A path with something in place of its parameters.
    fn filled(&self, path: &str, item: &Value) -> String {
        let operations = item.as_object().unwrap().values().filter(|part| part.is_object());
        let parameters: Vec<&Value> =
            operations.filter_map(|operation| operation["parameters"].as_array()).flatten().collect();
        let mut filled = path.to_owned();
        for parameter in parameters.iter().filter(|parameter| parameter["in"] == "path") {
            let schema = &parameter["schema"];
            let example = [&parameter["example"], &schema["example"], &schema["enum"][0]];
            let example = example.into_iter().find(|value| !value.is_null());
            let value = match example {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None if schema["type"] == "integer" => "1".to_owned(),
                None => "x".to_owned(),
            };
            let name = parameter["name"].as_str().unwrap();
            filled = filled.replace(&format!("{{{name}}}"), &value).replace(&format!("{{*{name}}}"), &value);
        }
        assert!(!filled.contains('{'), "{path} has parameters that are not described");
        filled
    }

    async fn call(&self, method: &Method, path: &str, token: Option<&str>, body: Option<&str>) -> Answered {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.city.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body.to_owned());
        }
        let response = request.send().await.unwrap();
        let text = |name| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.map(str::to_owned)
        };
        let content_type = text(header::CONTENT_TYPE).unwrap_or_default();
        let content_type = content_type.split(';').next().unwrap_or_default().to_owned();
        let (status, allow) = (response.status(), text(header::ALLOW));
        // A stream of events does not end.
        let body =
            if content_type == "text/event-stream" { String::new() } else { response.text().await.unwrap() };
        Answered { status, content_type, allow, body }
    }
}

/// What of an answer is not as the operation is described.
fn fault(operation: &Value, answer: &Answered) -> Option<String> {
    let Answered { status, content_type, body, .. } = answer;
    let described = &operation["responses"][status.as_str()];
    if described.is_null() {
        return Some(format!("{status} is not described: {body}"));
    }
    if status.is_server_error() {
        return Some(format!("{status}: {body}"));
    }
    let types: BTreeSet<&str> =
        described["content"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    (!body.is_empty() && !types.contains(content_type.as_str()))
        .then(|| format!("{status} comes as {content_type:?} and is described as {types:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_described_is_there_and_nothing_else() {
    let described = Described::new().await;
    let paths = described.document["paths"].as_object().unwrap();
    let mut faults = Vec::new();
    let mut operations = 0;
    for (path, item) in paths {
        let filled = described.filled(path, item);
        // What stands here may be another path's, whose parameter takes this name too.
        let shadowed = paths.keys().any(|other| other != path && fits(other, &filled));
        let token = described.token(path);
        for method in METHODS {
            let operation = &item[method.as_str().to_ascii_lowercase()];
            if operation.is_null() {
                let answer = described.call(&method, &filled, Some(&token), None).await;
                if !shadowed && (answer.status != StatusCode::METHOD_NOT_ALLOWED || answer.allow.is_none()) {
                    faults.push(format!("{method} {path} is not described, and answers {}", answer.status));
                }
                continue;
            }
            operations += 1;
            let with_body = !operation["requestBody"].is_null();
            let calls = [
                (None, None),
                (Some("nonsense"), None),
                (Some(token.as_str()), None),
                (Some(token.as_str()), with_body.then_some("{}")),
                (Some(token.as_str()), with_body.then_some("[{")),
            ];
            for (token, body) in calls {
                let answer = described.call(&method, &filled, token, body).await;
                faults.extend(fault(operation, &answer).map(|fault| format!("{method} {path}: {fault}")));
            }
        }
    }
    faults.dedup();
    faults.extend(form_faults(paths));
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    // All that the city is for is among them.
    for prefix in [
        "/v1/transactions",
        "/v1/records",
        "/v1/blocks",
        "/v1/status",
        "/v1/events",
        "/v1/subscriptions",
        "/v1/disclosures",
        "/v1/subjects/me/accesses",
        "/log/",
        "/fhir/R4",
        "/open311/v2",
        "/property/v1",
        "/parking/v1",
        "/epidemic/v1",
        "/licensing/v1",
        "/catalogue/",
        "/requests/v1",
        "/.well-known/",
    ] {
        assert!(paths.keys().any(|path| path.starts_with(prefix)), "nothing is described under {prefix}");
    }
    assert!(operations > paths.len(), "{operations} operations on {} paths", paths.len());
    described.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_described_as_streams() {
    let described = Described::new().await;
    for path in ["/v1/events", "/parking/v1/live"] {
        let answer = described.call(&Method::GET, path, Some(&described.token(path)), None).await;
        assert_eq!(
            (answer.status, answer.content_type.as_str()),
            (StatusCode::OK, "text/event-stream"),
            "{path}"
        );
        let content = &described.document["paths"][path]["get"]["responses"]["200"]["content"];
        assert!(content["text/event-stream"].is_object(), "{path}: {content}");
    }
    described.running.stop().await.unwrap();
}

/// What of the description itself is not as OpenAPI 3.1 wants it, beyond its JSON.
fn form_faults(paths: &serde_json::Map<String, Value>) -> Vec<String> {
    let mut ids = BTreeSet::new();
    let mut faults = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let at = format!("{method} {path}");
            if !ids.insert(operation["operationId"].as_str().unwrap_or_default()) {
                faults.push(format!("{at}: its id is another's too"));
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap_or_default();
                let in_path = path.contains(&format!("{{{name}}}"));
                if (parameter["in"] == "path") != in_path || !parameter["schema"].is_object() {
                    faults.push(format!("{at}: the parameter {name} is not as it is described"));
                }
            }
            for (status, response) in operation["responses"].as_object().unwrap() {
                if response["description"].as_str().is_none_or(str::is_empty) {
                    faults.push(format!("{at}: {status} has no description"));
                }
            }
        }
    }
    faults
}

/// Whether a path could be this template's.
fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(&path).all(|(one, other)| one == other || one.starts_with('{'))
}
