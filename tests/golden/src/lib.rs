//! Golden bytes of every signed and stored form: what was once signed must verify, and what was once stored must be
//! read, forever.
//!
//! [`forms`] makes each form from fixed inputs; the files under `data/v1` hold what came out when it was new. A file is
//! never edited: a form that must change is a new form, with a new version beside the old one. New forms get their file
//! with `make golden`; without that, a missing file is a failure.

use std::{fs, io, path::PathBuf};

use serde_json::{Map, Value};

pub mod blocks;
pub mod catalogue;
pub mod city;
pub mod disclosure;
pub mod proofs;
pub mod transactions;

/// A form with its parts: each part's label, and its bytes in hex or its text.
#[derive(Debug)]
pub struct Form {
    pub name: &'static str,
    pub parts: Map<String, Value>,
}

impl Form {
    pub fn new(name: &'static str) -> Self {
        Self { name, parts: Map::new() }
    }

    /// Adds bytes, as hex.
    pub fn bytes(self, label: &str, bytes: impl AsRef<[u8]>) -> Self {
        let hex = hex::encode(bytes);
        self.text(label, hex)
    }

    /// Adds what has a text of its own.
    pub fn text(mut self, label: &str, text: impl ToString) -> Self {
        self.parts.insert(label.to_owned(), Value::String(text.to_string()));
        self
    }

    /// Adds a JSON document, as the text that it is written as.
    pub fn document(self, label: &str, document: &impl serde::Serialize) -> Self {
        let text = serde_json::to_string(document).unwrap_or_else(|error| error.to_string());
        self.text(label, text)
    }

    /// Writes the file of a form that has none yet.
    pub fn write_new(&self) -> io::Result<()> {
        let mut text = serde_json::to_string_pretty(&self.parts)?;
        text.push('\n');
        fs::File::create_new(path(self.name))
            .and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()))
    }
}

/// Where the golden files lie.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/v1")
}

fn path(form: &str) -> PathBuf {
    folder().join(format!("{form}.json"))
}

/// What the file of a form holds; `None` if there is none.
pub fn golden(form: &str) -> io::Result<Option<Map<String, Value>>> {
    match fs::read(path(form)) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Every form, made anew.
pub fn forms() -> Vec<Form> {
    let forms = [
        city::forms(),
        transactions::forms(),
        blocks::forms(),
        proofs::forms(),
        disclosure::forms(),
        catalogue::forms(),
    ];
    forms.into_iter().flatten().collect()
}
