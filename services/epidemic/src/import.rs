//! Line lists as open data, read into actions: the districts that occur, then the cases in batches. Pure.
//!
//! The columns are those of Taiwan CDC's list of dengue cases. It names nobody, so there is nothing to seal. Everything is
//! derived from the rows: a file read twice gives the same ids, nonces and actions.

mod rows;

use std::collections::BTreeMap;

use bytes::Bytes;
use hutong_ledger::hash::sha256;
use hutong_wire::v1::epidemic as wire;

pub use hutong_table::RowError;
pub use rows::{NotLineList, Row, read};

use crate::{build, contract::CASES_MAX};

/// The disease of the list.
pub const DISEASE: &str = "dengue";

/// A file, ready to be signed: actions in their order, each with its nonce, and the rows that cannot be read.
#[derive(Clone, Debug, Default)]
pub struct Prepared {
    pub actions: Vec<([u8; 16], Bytes)>,
    /// Cases in the actions.
    pub cases: usize,
    pub broken_rows: Vec<RowError>,
}

/// The actions that a file comes to. The domain's owner submits them, in this order.
pub fn actions(file: &[u8]) -> Result<Prepared, NotLineList> {
    let (rows, broken_rows) = read(file)?;
    let mut districts = BTreeMap::new();
    let mut cases = Vec::new();
    // Rows may be the same to the letter and still be two cases: the second is another one than the first.
    let mut seen: BTreeMap<[u8; 32], u32> = BTreeMap::new();
    for row in &rows {
        if !row.district.is_empty() {
            districts.insert(row.district.clone(), row.district_name.clone());
        }
        for _ in 0..row.cases {
            let number = seen.entry(row.hash).or_default();
            *number += 1;
            let hash = sha256(&[b"hutong case\0", &row.hash, &number.to_be_bytes()]);
            let id = format!("dengue-{}", hex::encode(&hash.0[..12]));
            cases.push(wire::ReportCase {
                id,
                facts: Some(row.facts.clone()),
                ..wire::ReportCase::default()
            });
        }
    }
    let first = (!districts.is_empty()).then(|| build::add_districts(districts));
    let batches = cases.chunks(CASES_MAX).map(|batch| build::import(batch.to_vec()));
    let actions = first.into_iter().chain(batches).map(|action| (nonce(&action), action)).collect();
    Ok(Prepared { actions, cases: cases.len(), broken_rows })
}

fn nonce(action: &[u8]) -> [u8; 16] {
    let mut nonce = [0; 16];
    nonce.copy_from_slice(&sha256(&[b"hutong line list\0", action]).0[..16]);
    nonce
}

/// Districts from a file with the columns `code` and `name`, such as the list of Beijing's; None if it is none.
pub fn districts(file: &[u8]) -> Option<Vec<(String, String)>> {
    let mut reader = csv::Reader::from_reader(file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file));
    let header = reader.headers().ok()?.clone();
    let place = |name: &str| header.iter().position(|column| column == name);
    let (code, name) = (place("code")?, place("name")?);
    let rows = reader.records().map(|row| {
        let row = row.ok()?;
        Some((row.get(code)?.to_owned(), row.get(name)?.to_owned()))
    });
    rows.collect()
}
