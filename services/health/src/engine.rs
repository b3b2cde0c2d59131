//! The interactions of FHIR, without HTTP: a [`Call`] comes in, an [`Answer`] goes out. Bundles make calls of their entries.

mod bundle;
mod capability;
mod change;
mod commit;
mod history;
pub(crate) mod persons;
mod read;
mod searching;
mod transaction;

use http::{Method, StatusCode};

use crate::{
    HealthService,
    json::{Json, items},
    kind::{Key, Kind, is_id},
    outcome::{Fault, success},
    resource,
    search::query::Reading,
    time::parse_http_date,
};

/// What a body of PATCH is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatchKind {
    Json,
    Merge,
}

/// What a writer wants back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Return {
    Representation,
    Minimal,
    Outcome,
}

/// One interaction.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Below the base.
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Option<Json>,
    pub(crate) patch: PatchKind,
    pub(crate) if_match: Option<String>,
    pub(crate) if_none_match: Option<String>,
    pub(crate) if_none_exist: Option<String>,
    pub(crate) if_modified_since: Option<String>,
    pub(crate) returns: Option<Return>,
    pub(crate) strict: bool,
    pub(crate) base: String,
    /// The pseudonym of the official.
    pub(crate) actor: String,
}

/// What becomes of it.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Option<Json>,
    pub(crate) version: Option<u64>,
    pub(crate) modified_ms: Option<u64>,
    pub(crate) location: Option<String>,
}

impl Answer {
    pub(crate) fn of(status: StatusCode, body: Option<Json>) -> Self {
        Self { status, body, version: None, modified_ms: None, location: None }
    }
}

impl Call {
    pub(super) fn reading<'a>(&'a self, service: &HealthService) -> Reading<'a> {
        let config = service.config();
        Reading { base: &self.base, count: config.count, count_max: config.count_max, strict: self.strict }
    }

    /// On what a create depends: If-None-Exist, or the query of the URL, as some clients have it.
    fn create_condition(&self) -> Option<Vec<(String, String)>> {
        if let Some(condition) = &self.if_none_exist {
            let query = condition.rsplit_once('?').map_or(condition.as_str(), |(_, query)| query);
            return Some(form_urlencoded::parse(query.as_bytes()).into_owned().collect());
        }
        let form = |name: &str| matches!(name, "_format" | "_pretty");
        let query: Vec<_> = self.query.iter().filter(|(name, _)| !form(name)).cloned().collect();
        (!query.is_empty()).then_some(query)
    }

    fn body(&self) -> Result<&Json, Fault> {
        self.body.as_ref().ok_or_else(|| Fault::bad("There is no body."))
    }

    /// Whether a version is the one of If-Match, if there is that.
    fn check_match(&self, version: Option<u64>) -> Result<(), Fault> {
        let Some(wanted) = self.if_match.as_deref() else { return Ok(()) };
        let fits = version.is_some_and(|version| tags(wanted, version));
        if fits {
            return Ok(());
        }
        let told = match version {
            Some(version) => format!("If-Match is not W/\"{version}\", the version that stands."),
            None => "If-Match names a version, and there is no such resource.".into(),
        };
        Err(Fault::precondition(told))
    }

    /// Whether the caller has this version already.
    fn has_it(&self, version: u64, time_ms: u64) -> bool {
        if let Some(known) = &self.if_none_match {
            return tags(known, version);
        }
        let since = self.if_modified_since.as_deref().and_then(parse_http_date);
        since.is_some_and(|since| time_ms / 1000 <= since)
    }
}

/// Whether a list of entity tags has one of the version: `W/"1"`, `"1"`, a bare `1`, or any.
fn tags(list: &str, version: u64) -> bool {
    list.split(',').map(str::trim).any(|tag| {
        let bare = tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"');
        bare == "*" || bare.parse() == Ok(version)
    })
}

impl HealthService {
    /// Does an interaction.
    pub(crate) async fn perform(&self, call: &Call) -> Result<Answer, Fault> {
        if call.path.first().is_some_and(|first| first == "metadata") {
            return Ok(Answer::of(StatusCode::OK, Some(self.capability(call))));
        }
        if !self.ready().await {
            return Err(Fault::unavailable());
        }
        let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
        match (call.method.as_str(), &path[..]) {
            ("POST", []) => self.bundle(call).await,
            ("GET" | "HEAD", ["_history"]) => self.history(call, None).await,
            ("GET" | "HEAD", [kind]) | ("POST", [kind, "_search"]) => self.find(call, known(kind)?).await,
            ("POST", [kind]) => self.create(call, known(kind)?).await,
            ("PUT", [kind]) => self.update(call, known(kind)?, None).await,
            ("PATCH", [kind]) => self.patch(call, known(kind)?, None).await,
            ("DELETE", [kind]) => self.delete(call, known(kind)?, None).await,
            ("GET" | "HEAD", [kind, "_history"]) => self.history(call, Some(known(kind)?)).await,
            ("GET" | "HEAD", [kind, id]) => self.read_one(call, &key(kind, id)?).await,
            ("PUT", [kind, id]) => self.update(call, known(kind)?, Some(key_to_make(kind, id)?)).await,
            ("PATCH", [kind, id]) => self.patch(call, known(kind)?, Some(key(kind, id)?)).await,
            ("DELETE", [kind, id]) => self.delete(call, known(kind)?, Some(key(kind, id)?)).await,
            ("GET" | "HEAD", [kind, id, "_history"]) => self.history_of(call, &key(kind, id)?).await,
            ("GET" | "HEAD", [kind, id, "_history", version]) => {
                self.vread(call, &key(kind, id)?, version).await
            }
            _ => Err(Fault::not_found(format!("There is nothing at {}.", call.path.join("/")))),
        }
    }

    /// What a writer is answered.
    fn written(&self, call: &Call, key: &Key, made: bool, body: Option<Json>) -> Answer {
        let status = if made { StatusCode::CREATED } else { StatusCode::OK };
        let view = self.view();
        let last = view.get(key).and_then(|doc| doc.last());
        let (version, time_ms) = last.map_or((0, 0), |last| (last.number, last.time_ms));
        let body = match call.returns.unwrap_or(Return::Representation) {
            Return::Representation => body.map(|json| resource::show(json, version, time_ms)),
            Return::Minimal => None,
            Return::Outcome => Some(success(&format!("{key} is at version {version}."))),
        };
        Answer {
            status,
            body,
            version: Some(version),
            modified_ms: Some(time_ms),
            location: Some(format!("{}/{key}/_history/{version}", call.base)),
        }
    }
}

fn known(kind: &str) -> Result<Kind, Fault> {
    Kind::parse(kind).ok_or_else(|| {
        Fault::new(StatusCode::NOT_FOUND, "not-supported", format!("There are no resources {kind:?} here."))
    })
}

fn key(kind: &str, id: &str) -> Result<Key, Fault> {
    Key::new(known(kind)?, id).ok_or_else(|| Fault::not_found(format!("{kind} has none of id {id:?}.")))
}

fn key_to_make(kind: &str, id: &str) -> Result<Key, Fault> {
    let told = format!("{id:?} is no id: 1 to 64 of A-Z, a-z, 0-9, - and .");
    if is_id(id) { key(kind, id) } else { Err(Fault::new(StatusCode::BAD_REQUEST, "value", told)) }
}

/// Every reference in a resource, to change.
fn each_reference(json: &mut Json, change: &mut dyn FnMut(&mut String)) {
    match json {
        Json::Object(members) => {
            for (name, value) in members {
                match value {
                    Json::String(text)
                        if matches!(name.as_str(), "reference" | "url" | "uri" | "valueUri") =>
                    {
                        change(text);
                    }
                    other => each_reference(other, change),
                }
            }
        }
        Json::Array(all) => all.iter_mut().for_each(|item| each_reference(item, change)),
        _ => {}
    }
}

/// The literal references under a member, if there are any.
fn references<'a>(json: &'a Json, name: &str) -> impl Iterator<Item = &'a str> {
    let found = json.get(name).map_or(&[][..], items);
    found.iter().filter_map(|reference| crate::json::text(reference, "reference"))
}
