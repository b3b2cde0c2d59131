//! A resource between client and vault: what is sealed, and what a client is shown.
//!
//! Sealed is what the client sent, with its id and without version and time: those are the ledger's, and are added when
//! a resource is shown. Numbers, narrative and the order of members stay as they were.

use crate::{
    json::{Json, fhir, remove, set, text},
    kind::{Key, Kind},
    outcome::Fault,
    time::instant,
};

/// Reads a body of a request.
pub(crate) fn parse(bytes: &[u8]) -> Result<Json, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|e| {
        Fault::bad(format!("The body must be UTF-8; the byte at {} is not.", e.valid_up_to()))
    })?;
    Json::parse(text).map_err(|e| Fault::bad(format!("The body is not JSON: {e}.")))
}

/// Whether the document is a resource of the type.
pub(crate) fn expect(kind: Kind, json: &Json) -> Result<(), Fault> {
    match json.get("resourceType").and_then(Json::as_str) {
        Some(found) if found == kind.name() => Ok(()),
        Some(found) => Err(Fault::bad(format!("This is the place of {kind}, and the body is a {found}."))),
        None => Err(Fault::bad(format!("The body is no resource: it has no resourceType {kind}."))),
    }
}

/// The resource as it is sealed: under its id, without the ledger's part of meta.
pub(crate) fn seal(key: &Key, mut json: Json) -> Json {
    if let Some(Json::Object(mut meta)) = remove(&mut json, "meta") {
        meta.retain(|(name, _)| !matches!(name.as_str(), "versionId" | "lastUpdated"));
        if !meta.is_empty() {
            insert(&mut json, 1, "meta", Json::Object(meta));
        }
    }
    remove(&mut json, "resourceType");
    remove(&mut json, "id");
    insert(&mut json, 0, "id", Json::String(key.id.clone()));
    insert(&mut json, 0, "resourceType", Json::String(key.kind.name().to_owned()));
    json
}

/// The resource as a client sees it.
pub(crate) fn show(mut json: Json, version: u64, time_ms: u64) -> Json {
    let mut meta = fhir!({ "versionId": version.to_string(), "lastUpdated": instant(time_ms) });
    if let Some(Json::Object(rest)) = remove(&mut json, "meta") {
        for (name, value) in rest {
            set(&mut meta, &name, value);
        }
    }
    insert(&mut json, 2, "meta", meta);
    json
}

/// The id in a body, if there is one.
pub(crate) fn id(json: &Json) -> Option<&str> {
    text(json, "id")
}

fn insert(json: &mut Json, at: usize, name: &str, value: Json) {
    if let Json::Object(members) = json {
        members.insert(at.min(members.len()), (name.to_owned(), value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_said_stays_as_it_was() {
        let sent = r#"{ "resourceType":"Observation", "meta":{"versionId":"7","profile":["p"],"lastUpdated":"x"},
            "valueQuantity":{"unit":"kg","value":72.50}, "text":{"div":"<div>\u00e9 \"</div>"} }"#;
        let key = Key::new(Kind::Observation, "a").unwrap();
        let sealed = seal(&key, parse(sent.as_bytes()).unwrap());
        assert_eq!(
            sealed.to_compact(),
            r#"{"resourceType":"Observation","id":"a","meta":{"profile":["p"]},"valueQuantity":{"unit":"kg","value":72.50},"text":{"div":"<div>é \"</div>"}}"#
        );
        let shown = show(sealed.clone(), 2, 0).to_compact();
        assert!(shown.contains(
            r#""id":"a","meta":{"versionId":"2","lastUpdated":"1970-01-01T00:00:00.000Z","profile":["p"]},"#
        ));
        assert_eq!(seal(&key, show(sealed.clone(), 2, 0)).to_compact(), sealed.to_compact());
        let bare = seal(
            &key,
            parse(br#"{"id":"b","resourceType":"Observation","meta":{"versionId":"1"}}"#).unwrap(),
        );
        assert_eq!(bare.to_compact(), r#"{"resourceType":"Observation","id":"a"}"#);
    }

    #[test]
    fn what_is_no_resource_is_refused() {
        assert_eq!(parse(b"{").unwrap_err().status, 400);
        assert_eq!(parse(b"\xff").unwrap_err().status, 400);
        let patient = parse(br#"{"resourceType":"Patient"}"#).unwrap();
        assert!(expect(Kind::Patient, &patient).is_ok());
        assert_eq!(expect(Kind::Consent, &patient).unwrap_err().status, 400);
        assert_eq!(expect(Kind::Consent, &Json::Null).unwrap_err().status, 400);
    }
}
