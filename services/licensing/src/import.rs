//! An older register, read into actions: each row is a licence that was issued before. Pure; the same row gives the same
//! number, so that a file read twice changes nothing the second time.
//!
//! NDJSON of {uscc, name, kind, valid_from, valid_until}, or CSV with these columns. A row is a line; a broken one breaks no
//! other.

use bytes::Bytes;
use hutong_ledger::hash::sha256;
pub use hutong_table::RowError;
use hutong_table::{Quotes, Table};
use hutong_wire::v1::licensing as wire;
use serde::Deserialize;

use crate::{
    build,
    code::CreditCode,
    contract::{NAME_BYTES_MAX, TIME_MS_MAX, is_kind},
    moment::Moment,
};

const COLUMNS: [&str; 5] = ["uscc", "name", "kind", "valid_from", "valid_until"];

/// A licence, ready to be signed by the domain's owner.
#[derive(Clone, Debug)]
pub struct Entry {
    pub line: u64,
    /// The licence's number, made of the row.
    pub id: String,
    pub uscc: String,
    pub action: Bytes,
    nonce: [u8; 16],
}

impl Entry {
    /// Of the transaction: the same for the same row, so that a repeat is known as one.
    pub fn nonce(&self) -> [u8; 16] {
        self.nonce
    }
}

#[derive(Debug, Deserialize)]
struct Row {
    uscc: String,
    name: String,
    kind: String,
    valid_from: Moment,
    valid_until: Moment,
}

/// Reads a file: its licences, and the rows that are broken. A row that is there twice counts once.
pub fn import(file: &[u8]) -> (Vec<Entry>, Vec<RowError>) {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let (rows, mut errors) =
        if file.trim_ascii_start().starts_with(b"{") { objects(file) } else { cells(file) };
    let (mut entries, mut ids) = (Vec::new(), std::collections::BTreeSet::new());
    for (line, row) in rows {
        match entry(line, row) {
            Ok(entry) if !ids.insert(entry.id.clone()) => {}
            Ok(entry) => entries.push(entry),
            Err(error) => errors.push(error),
        }
    }
    errors.sort_by_key(|error| error.line);
    (entries, errors)
}

/// Rows with their lines, and what is broken.
type Rows = (Vec<(u64, Row)>, Vec<RowError>);

/// One object a line.
fn objects(file: &[u8]) -> Rows {
    let (mut rows, mut errors) = (Vec::new(), Vec::new());
    let lines = file.split(|byte| *byte == b'\n').zip(1..);
    for (text, line) in lines.filter(|(text, _)| !text.trim_ascii().is_empty()) {
        match serde_json::from_slice(text) {
            Ok(row) => rows.push((line, row)),
            Err(error) => errors.push(RowError { line, field: "row".into(), reason: error.to_string() }),
        }
    }
    (rows, errors)
}

/// A table with a header.
fn cells(file: &[u8]) -> Rows {
    let Ok(table) = Table::read(file, Quotes::OneLine, &COLUMNS) else {
        let reason = format!("neither an object nor a header with the columns {}", COLUMNS.join(", "));
        return (Vec::new(), vec![RowError { line: 1, field: "row".into(), reason }]);
    };
    table.rows(|row| {
        let cell = |name| row.text(name).map(str::to_owned);
        let moment = |name| cell(name).map(|text| text.parse().map_or(Moment::Text(text), Moment::Number));
        let read = Row {
            uscc: cell("uscc")?,
            name: cell("name")?,
            kind: cell("kind")?,
            valid_from: moment("valid_from")?,
            valid_until: moment("valid_until")?,
        };
        Ok((row.line, read))
    })
}

fn entry(line: u64, row: Row) -> Result<Entry, RowError> {
    let bad = |field: &str, reason: String| RowError { line, field: field.into(), reason };
    let uscc: CreditCode = row.uscc.trim().parse().map_err(|error| bad("uscc", format!("{error}")))?;
    let (name, kind) = (row.name.trim(), row.kind.trim());
    if !(1..=NAME_BYTES_MAX).contains(&name.len()) || name.chars().any(char::is_control) {
        return Err(bad("name", format!("a name has 1 to {NAME_BYTES_MAX} bytes on one line")));
    }
    if !is_kind(kind) {
        return Err(bad("kind", "what it allows has 1 to 128 bytes on one line".into()));
    }
    let no_moment = || "a day, a date with its time, or a number is expected".to_owned();
    let from_ms = row.valid_from.begin_ms().ok_or_else(|| bad("valid_from", no_moment()))?;
    let until_ms = row.valid_until.end_ms().ok_or_else(|| bad("valid_until", no_moment()))?;
    if from_ms >= until_ms || until_ms > TIME_MS_MAX {
        return Err(bad("valid_until", "it ends after it begins, and before the year 10000".into()));
    }
    let uscc = uscc.to_string();
    let seen = format!("{uscc}\n{kind}\n{from_ms}\n{until_ms}");
    let hash = sha256(&[b"hutong/licensing/import\n", seen.as_bytes()]).0;
    let id = hex::encode(&hash[..12]);
    let mut nonce = [0; 16];
    nonce.copy_from_slice(&hash[16..]);
    let terms = wire::Terms {
        id: id.clone(),
        uscc: uscc.clone(),
        name: name.to_owned(),
        kind: kind.to_owned(),
        valid_from_ms: from_ms,
        valid_until_ms: until_ms,
    };
    Ok(Entry { line, id, uscc, action: build::enter(terms), nonce })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = r#"{"uscc":"91110000600037341L","name":"Noodles & Co","kind":"food","valid_from":"2025-01-01","valid_until":"2029-12-31"}"#;

    #[test]
    fn rows_in_both_forms_are_the_same_licences() {
        let (json, errors) = import(ROW.as_bytes());
        assert!(errors.is_empty() && json.len() == 1);
        let csv = "\u{feff}name,uscc,kind,valid_from,valid_until\r\n\"Noodles & Co\",91110000600037341L,food,2025-01-01,2029-12-31\r\n";
        let (csv, errors) = import(csv.as_bytes());
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(
            (&csv[0].id, &csv[0].action, csv[0].nonce()),
            (&json[0].id, &json[0].action, json[0].nonce())
        );
        assert_eq!((csv[0].line, json[0].line), (2, 1));
    }

    #[test]
    fn a_bad_row_breaks_no_other() {
        let bad = |from: &str, to: &str| ROW.replace(from, to);
        let file = [
            ROW.to_owned(),
            bad("7341L", "7341K"),
            bad("Noodles & Co", ""),
            bad("food", " "),
            bad("2025-01-01", "2025-02-30"),
            bad("2029-12-31", "2024-12-31"),
            "{".into(),
            String::new(),
            ROW.to_owned(),
            bad("food", "tobacco"),
        ];
        let (entries, errors) = import(file.join("\n").as_bytes());
        assert_eq!(entries.iter().map(|entry| entry.line).collect::<Vec<_>>(), [1, 10]);
        let told: Vec<_> = errors.iter().map(|error| (error.line, error.field.as_str())).collect();
        assert_eq!(
            told,
            [(2, "uscc"), (3, "name"), (4, "kind"), (5, "valid_from"), (6, "valid_until"), (7, "row")]
        );
    }

    #[test]
    fn another_file_is_one_error_that_names_the_columns() {
        let (entries, errors) = import(b"a,b\n1,2\n\"\n1\n\xff,2\n");
        assert!(entries.is_empty());
        assert_eq!(errors.iter().map(|error| error.line).collect::<Vec<_>>(), [1], "{errors:?}");
        assert!(errors[0].reason.contains("uscc"), "{errors:?}");
        assert_eq!(import(b"").1.len(), 1);
    }

    #[test]
    fn broken_cells_are_told_by_line_and_column() {
        let file = b"uscc,name,kind,valid_from,valid_until\n\"\n1\n\xff,n,k,1,2\n";
        let told: Vec<_> = import(file).1.into_iter().map(|error| (error.line, error.field)).collect();
        assert_eq!(told, [(2, "row".into()), (3, "row".into()), (4, "uscc".into())]);
    }
}
