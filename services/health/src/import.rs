//! Reads files to be loaded: a Bundle, a list of resources, or one resource per line (NDJSON). What comes out are Bundles
//! to be posted to the base one after another.

use crate::{
    contract::REVISIONS_MAX,
    json::{Json, fhir, list, text},
    kind::{Key, Kind},
};

/// A Bundle to post, and how many resources it has.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    pub bundle: String,
    pub resources: usize,
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Import {
    pub loads: Vec<Load>,
    /// What can't be loaded, each with its line or place.
    pub refused: Vec<String>,
}

/// The file is none that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    #[error("the file is not UTF-8: the byte at {0}")]
    NotUtf8(usize),
    #[error("the file is neither JSON nor NDJSON: {0}")]
    NotJson(String),
}

/// Reads a file. A Bundle of requests stays as it is; resources are put under their ids, or posted if they have none.
pub fn import(bytes: &[u8]) -> Result<Import, ImportError> {
    let text = std::str::from_utf8(bytes).map_err(|error| ImportError::NotUtf8(error.valid_up_to()))?;
    let mut import = Import::default();
    let mut resources = Vec::new();
    match Json::parse(text) {
        Ok(Json::Array(all)) => {
            for (at, resource) in all.into_iter().enumerate() {
                import.take(resource, &format!("item {at}"), &mut resources);
            }
        }
        Ok(one) => import.take(one, "the document", &mut resources),
        Err(error) => {
            lines(text, &mut import, &mut resources).ok_or(ImportError::NotJson(error.to_string()))?
        }
    }
    for part in resources.chunks(REVISIONS_MAX) {
        let bundle = fhir!({ "resourceType": "Bundle", "type": "transaction", "entry": part.to_vec() });
        import.loads.push(Load { bundle: bundle.to_compact(), resources: part.len() });
    }
    Ok(import)
}

/// One document per line; None if the first is none.
fn lines(text: &str, import: &mut Import, resources: &mut Vec<Json>) -> Option<()> {
    let filled = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    for (at, line) in filled {
        match Json::parse(line) {
            Ok(json) => import.take(json, &format!("line {}", at + 1), resources),
            Err(_) if import.loads.is_empty() && import.refused.is_empty() && resources.is_empty() => {
                return None;
            }
            Err(error) => import.refused.push(format!("line {}: {error}", at + 1)),
        }
    }
    Some(())
}

impl Import {
    fn take(&mut self, json: Json, at: &str, resources: &mut Vec<Json>) {
        if text(&json, "resourceType") != Some("Bundle") {
            match entry(json) {
                Ok(entry) => resources.push(entry),
                Err(why) => self.refused.push(format!("{at}: {why}")),
            }
            return;
        }
        if matches!(text(&json, "type"), Some("transaction" | "batch")) {
            self.loads.push(Load { resources: list(&json, "entry").len(), bundle: json.to_compact() });
            return;
        }
        for (number, held) in list(&json, "entry").iter().enumerate() {
            let resource = held.get("resource").cloned().unwrap_or(Json::Null);
            self.take(resource, &format!("{at}, entry {number}"), resources);
        }
    }
}

/// The request that keeps a resource.
fn entry(resource: Json) -> Result<Json, String> {
    let named = text(&resource, "resourceType").ok_or("there is no resourceType")?;
    let kind = Kind::parse(named).ok_or_else(|| format!("there are no resources {named:?} here"))?;
    let (method, url) = match text(&resource, "id") {
        None => ("POST", kind.to_string()),
        Some(id) => {
            let key = Key::new(kind, id).ok_or_else(|| format!("{id:?} is no id"))?;
            ("PUT", key.to_string())
        }
    };
    Ok(fhir!({ "resource": resource, "request": fhir!({ "method": method, "url": url }) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_every_form() {
        let transaction = br#"{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"resourceType":"Patient"}}]}"#;
        let read = import(transaction).unwrap();
        assert_eq!(
            read.loads,
            [Load { bundle: String::from_utf8(transaction.to_vec()).unwrap(), resources: 1 }]
        );
        let collection = br#"{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"1","x":72.50}},{"resource":{"resourceType":"Foo"}},{}]}"#;
        let read = import(collection).unwrap();
        assert_eq!((read.loads.len(), read.refused.len()), (1, 2));
        assert!(
            read.loads[0].bundle.contains("72.50") && read.loads[0].bundle.contains("\"url\":\"Patient/1\"")
        );
        let lines = "{\"resourceType\":\"Patient\"}\n\n{\"resourceType\":\"Patient\",\"id\":\"a b\"}\nx\n{\"resourceType\":\"Consent\"}\n";
        let read = import(lines.as_bytes()).unwrap();
        assert_eq!((read.loads[0].resources, read.refused.len()), (2, 2));
        assert!(read.refused[1].starts_with("line 4"));
        let many = "{\"resourceType\":\"Patient\"}\n".repeat(REVISIONS_MAX + 1);
        assert_eq!(import(many.as_bytes()).unwrap().loads.len(), 2);
        assert!(import(b"hello").is_err() && import(b"\xff").is_err());
    }
}
