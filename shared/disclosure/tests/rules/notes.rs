//! A domain as small as can be: notes of a few persons, with sealed fields. Its actions and records are plain texts.

use std::sync::Arc;

use hutong_disclosure::{Handle, SealedDomain, SealedRecord, SealedType, records::parse_handle};
use hutong_ledger::{
    contract::{Action, Change, Contract, Refusal, Verified, View},
    hash::{Hash, sha256},
    id::{Domain, RecordId, RecordKey},
};

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Notes;

pub(crate) fn domain() -> Domain {
    "notes".parse().unwrap()
}

/// The commitment that a note has for a field's content.
pub(crate) fn sealed_as(content: &str) -> Hash {
    sha256(&[content.as_bytes()])
}

/// A note about persons: each field with its content.
pub(crate) fn note(subjects: &[Handle], fields: &[(&str, &str)]) -> String {
    let subjects: Vec<_> = subjects.iter().map(hex::encode).collect();
    let fields: Vec<_> =
        fields.iter().map(|(name, content)| format!("{name}={}", sealed_as(content))).collect();
    format!("{}|{}", subjects.join(","), fields.join(","))
}

/// An action of the domain's own: `put <record> <value>` or `read <record>`.
enum Told {
    Put(RecordId, String),
    /// Refused unless the record is there.
    Read(RecordId),
}

impl Contract for Notes {
    fn domain(&self) -> Domain {
        domain()
    }

    fn version(&self) -> u32 {
        1
    }

    fn decode(&self, action: &[u8]) -> Result<Action, Refusal> {
        let malformed = || Refusal::malformed("no action of notes");
        let text = std::str::from_utf8(action).map_err(|_| malformed())?;
        let mut words = text.split(' ');
        let (Some(verb), Some(Ok(record))) = (words.next(), words.next().map(str::parse)) else {
            return Err(malformed());
        };
        match (verb, words.next()) {
            ("put", Some(value)) => Ok(Arc::new(Told::Put(record, value.to_owned()))),
            ("read", None) => Ok(Arc::new(Told::Read(record))),
            _ => Err(malformed()),
        }
    }

    fn reads(&self, tx: &Verified<'_>, _: &View<'_>) -> Result<Vec<RecordKey>, Refusal> {
        match tx.action()? {
            Told::Put(record, _) | Told::Read(record) => {
                Ok(vec![RecordKey { domain: domain(), record: record.clone() }])
            }
        }
    }

    fn decide(&self, tx: &Verified<'_>, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
        match tx.action()? {
            Told::Put(record, value) => Ok(vec![Change::put(record.clone(), value.clone())]),
            Told::Read(record) => match state.get(record) {
                Some(_) => Ok(Vec::new()),
                None => Err(Refusal::new("nothing_there", "there is no such record")),
            },
        }
    }

    fn render(&self, _: &RecordId, value: &[u8]) -> Option<serde_json::Value> {
        std::str::from_utf8(value).ok().map(Into::into)
    }
}

impl SealedDomain for Notes {
    fn sealed_types(&self) -> Vec<SealedType> {
        vec![SealedType { name: "note", fields: &["name", "phone"] }]
    }

    fn sealed(&self, record: &RecordId, value: &[u8]) -> Option<SealedRecord> {
        record.as_str().starts_with("note/").then_some(())?;
        let (subjects, fields) = std::str::from_utf8(value).ok()?.split_once('|')?;
        let fields = fields.split(',').filter_map(|field| field.split_once('='));
        Some(SealedRecord {
            record_type: "note",
            subjects: subjects.split(',').filter_map(parse_handle).collect(),
            fields: fields
                .filter_map(|(name, commitment)| Some((name.to_owned(), commitment.parse().ok()?)))
                .collect(),
        })
    }
}
