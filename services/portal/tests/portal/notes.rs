//! A domain as small as can be: notes of a few persons, with sealed fields. `put <record> <handles>|<field>,<field>`.

use std::sync::Arc;

use hutong_disclosure::{SealedDomain, SealedRecord, SealedType, records::parse_handle};
use hutong_ledger::{
    contract::{Action, Change, Contract, Refusal, Verified, View},
    hash::sha256,
    id::{Domain, RecordId, RecordKey},
};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Notes(pub(crate) Domain);

struct Put(RecordId, String);

impl Contract for Notes {
    fn domain(&self) -> Domain {
        self.0
    }

    fn version(&self) -> u32 {
        1
    }

    fn decode(&self, action: &[u8]) -> Result<Action, Refusal> {
        let malformed = || Refusal::malformed("no action of notes");
        let text = std::str::from_utf8(action).map_err(|_| malformed())?;
        let (record, value) =
            text.strip_prefix("put ").and_then(|put| put.split_once(' ')).ok_or_else(malformed)?;
        Ok(Arc::new(Put(record.parse().map_err(|_| malformed())?, value.to_owned())))
    }

    fn reads(&self, tx: &Verified<'_>, _: &View<'_>) -> Result<Vec<RecordKey>, Refusal> {
        let Put(record, _) = tx.action()?;
        Ok(vec![RecordKey { domain: self.0, record: record.clone() }])
    }

    fn decide(&self, tx: &Verified<'_>, _: &View<'_>) -> Result<Vec<Change>, Refusal> {
        let Put(record, value) = tx.action()?;
        Ok(vec![Change::put(record.clone(), value.clone())])
    }

    fn render(&self, _: &RecordId, value: &[u8]) -> Option<serde_json::Value> {
        std::str::from_utf8(value).ok().map(Into::into)
    }
}

impl SealedDomain for Notes {
    fn sealed_types(&self) -> Vec<SealedType> {
        vec![SealedType { name: "note", fields: &["text"] }]
    }

    fn sealed(&self, record: &RecordId, value: &[u8]) -> Option<SealedRecord> {
        record.as_str().starts_with("note/").then_some(())?;
        let (subjects, fields) = std::str::from_utf8(value).ok()?.split_once('|')?;
        Some(SealedRecord {
            record_type: "note",
            subjects: subjects.split(',').filter_map(parse_handle).collect(),
            fields: fields.split(',').map(|name| (name.to_owned(), sha256(&[name.as_bytes()]))).collect(),
        })
    }
}
