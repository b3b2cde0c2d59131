//! The index alone, without ledger, vault and HTTP: what the example `health_search` measures.
//!
//! It counts what a search finds and shows no body, for it has none: whoever is to read one goes by the service, and
//! so by an access.

use hutong_ledger::hash::Hash;

use crate::{
    json::Json,
    kind::{Key, Kind},
    search::{
        extract,
        query::{Query, Reading},
    },
    view::{Applied, Content, Version, View},
};

/// The index of a service that holds nothing else.
#[derive(Debug, Default)]
pub struct Sample(View);

impl Sample {
    /// Takes up the first version of a resource. None if this is no id or no JSON.
    pub fn add(&mut self, kind: Kind, id: &str, body: &str, time_ms: u64) -> Option<()> {
        let key = Key::new(kind, id)?;
        let values = extract::values(kind, &Json::parse(body).ok()?, None);
        let version = Version { number: 1, time_ms, content: Content::Body(Hash::ZERO) };
        self.0.apply(Applied { key, version, subjects: Vec::new(), values });
        Some(())
    }

    /// How many match, and how many a page of the search holds. None if it is no search of the type.
    pub fn search(&self, kind: Kind, query: &str) -> Option<(usize, usize)> {
        let given: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let reading = Reading { base: "http://city/fhir/R4", count: 50, count_max: 1000, strict: true };
        let found = self.0.search(&Query::parse(kind, &given, reading).ok()?, 0);
        Some((found.total, found.matches.len() + found.included.len()))
    }
}
