//! Bundles of requests: a batch does each entry on its own, a transaction all or nothing.

use http::{Method, StatusCode};

use super::{Answer, Call, PatchKind};
use crate::{
    HealthService,
    json::{Json, fhir, list, text},
    outcome::Fault,
    time::instant,
};

/// The most entries of a Bundle.
const ENTRIES_MAX: usize = 2000;

/// The order in which entries are done.
pub(super) fn rank(method: &Method) -> u8 {
    match method.as_str() {
        "DELETE" => 0,
        "POST" => 1,
        "PUT" | "PATCH" => 2,
        _ => 3,
    }
}

impl HealthService {
    pub(super) async fn bundle(&self, call: &Call) -> Result<Answer, Fault> {
        let body = call.body()?;
        if text(body, "resourceType") != Some("Bundle") {
            return Err(Fault::bad("What is posted to the base is a Bundle."));
        }
        let entries = list(body, "entry");
        if entries.len() > ENTRIES_MAX {
            let told = format!("A Bundle has at most {ENTRIES_MAX} entries.");
            return Err(Fault::new(StatusCode::PAYLOAD_TOO_LARGE, "too-costly", told));
        }
        match text(body, "type") {
            Some("batch") => self.batch(call, entries).await,
            Some("transaction") => self.transaction(call, entries).await,
            other => {
                Err(Fault::bad(format!("A Bundle to be done is a batch or a transaction, not {other:?}.")))
            }
        }
    }

    async fn batch(&self, call: &Call, entries: &[Json]) -> Result<Answer, Fault> {
        let mut calls: Vec<(usize, Result<Call, Fault>)> =
            entries.iter().map(|entry| entry_call(call, entry)).enumerate().collect();
        calls.sort_by_key(|(_, call)| call.as_ref().map_or(0, |call| rank(&call.method)));
        let mut answers = vec![Json::Null; entries.len()];
        for (index, one) in calls {
            let done = match &one {
                // A Bundle in a Bundle would be one without end.
                Ok(one) if one.path.is_empty() => Err(Fault::bad("A Bundle is not an entry of a Bundle.")),
                Ok(one) => Box::pin(self.perform(one)).await,
                Err(fault) => Err(fault.clone()),
            };
            answers[index] = match done {
                Ok(answer) => response(call, &answer),
                Err(fault) => fhir!({
                    "response": fhir!({ "status": status(fault.status), "outcome": fault.outcome() }),
                }),
            };
        }
        Ok(responses("batch-response", answers))
    }
}

pub(super) fn responses(kind: &str, entries: Vec<Json>) -> Answer {
    let bundle = fhir!({
        "resourceType": "Bundle",
        "type": kind,
        "entry": (!entries.is_empty()).then_some(entries),
    });
    Answer::of(StatusCode::OK, Some(bundle))
}

/// The entry that tells an answer.
pub(super) fn response(call: &Call, answer: &Answer) -> Json {
    let relative = |location: &String| {
        location.strip_prefix(&call.base).unwrap_or(location).trim_start_matches('/').to_owned()
    };
    fhir!({
        "resource": answer.body.clone(),
        "response": fhir!({
            "status": status(answer.status),
            "location": answer.location.as_ref().map(relative),
            "etag": answer.version.map(|version| format!("W/\"{version}\"")),
            "lastModified": answer.modified_ms.map(instant),
        }),
    })
}

fn status(status: StatusCode) -> String {
    status
        .canonical_reason()
        .map_or_else(|| status.as_str().to_owned(), |reason| format!("{} {reason}", status.as_u16()))
}

/// The call that an entry makes.
pub(super) fn entry_call(call: &Call, entry: &Json) -> Result<Call, Fault> {
    let request = entry.get("request").ok_or_else(|| Fault::bad("An entry has a request."))?;
    let method = match text(request, "method") {
        Some(method @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE")) => method,
        other => return Err(Fault::bad(format!("{other:?} is no method of a request."))),
    };
    let method: Method = method.parse().map_err(Fault::internal)?;
    let url = text(request, "url").ok_or_else(|| Fault::bad("A request has a url."))?;
    let url = url.strip_prefix(&call.base).unwrap_or(url).trim_start_matches('/');
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let path: Vec<String> = path.split('/').filter(|step| !step.is_empty()).map(str::to_owned).collect();
    let header = |name: &str| text(request, name).map(str::to_owned);
    let (patch, body) = match method {
        Method::PATCH => patch_of(entry.get("resource"))?,
        _ => (PatchKind::Merge, entry.get("resource").cloned()),
    };
    Ok(Call {
        method,
        path,
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        body,
        patch,
        if_match: header("ifMatch"),
        if_none_match: header("ifNoneMatch"),
        if_none_exist: header("ifNoneExist"),
        if_modified_since: header("ifModifiedSince"),
        ..call.clone()
    })
}

/// A JSON Patch travels as a Binary; a partial resource is a merge patch.
fn patch_of(resource: Option<&Json>) -> Result<(PatchKind, Option<Json>), Fault> {
    let resource = resource.ok_or_else(|| Fault::bad("A PATCH has a resource."))?;
    if text(resource, "resourceType") != Some("Binary") {
        return Ok((PatchKind::Merge, Some(resource.clone())));
    }
    let bytes = text(resource, "data").and_then(decode_base64);
    let bytes = bytes.ok_or_else(|| Fault::bad("The Binary of a PATCH has data in base64."))?;
    let kind = match text(resource, "contentType") {
        Some(kind) if kind.starts_with("application/json-patch+json") => PatchKind::Json,
        _ => PatchKind::Merge,
    };
    Ok((kind, Some(crate::resource::parse(&bytes)?)))
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let plain: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    base64::engine::general_purpose::STANDARD.decode(plain).ok()
}
