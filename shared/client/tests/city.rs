//! The data folder that a client starts from.

#![allow(clippy::unwrap_used, clippy::panic)] // A test's helpers fail as its tests do.

use std::{fs, path::Path};

use hutong_client::{City, Error};

const FORM_1: &str = r#"{ "version": 1, "url": "http://127.0.0.1:1", "chain": "testville-0011223344556677", "trust": "trust.json", "agencies": [] }"#;

fn open(folder: &Path, text: &str) -> Result<City, Error> {
    fs::write(folder.join("city.json"), text).unwrap();
    City::open(folder)
}

#[test]
fn a_folder_of_a_later_form_is_refused_and_one_from_before_forms_is_not() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(open(folder.path(), FORM_1).unwrap().url, "http://127.0.0.1:1");
    let unmarked = FORM_1.replace(r#""version": 1, "#, "");
    assert_eq!(open(folder.path(), &unmarked).unwrap().url, "http://127.0.0.1:1");
    // It is its version that is told, not what else is new in it.
    let later = r#"{ "version": 2, "cities": [] }"#;
    let error = open(folder.path(), later).unwrap_err();
    assert!(matches!(&error, Error::Version { found: 2, known: 1, .. }), "{error}");
    assert!(error.to_string().contains("city.json"), "{error}");
}
