//! Looks for what must be nowhere, in whatever way it may have been written down.

#![allow(clippy::unwrap_used)] // A test's support fails as its tests do.

use std::{fs, path::Path};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

/// Values that nothing may show.
#[derive(Debug)]
pub struct Secrets {
    patterns: Vec<(String, Vec<u8>)>,
    search: AhoCorasick,
}

impl Secrets {
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let patterns: Vec<_> = secrets.into_iter().flat_map(forms).collect();
        let bytes = patterns.iter().map(|(_, bytes)| bytes);
        let search = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(bytes).unwrap();
        Self { patterns, search }
    }

    /// What of it is in some bytes, and how it is written there.
    pub fn found(&self, bytes: &[u8]) -> Option<&str> {
        self.search.find(bytes).map(|found| self.patterns[found.pattern()].0.as_str())
    }

    /// Fails if some of it is in the bytes.
    pub fn not_in(&self, what: &str, bytes: &[u8]) {
        if let Some(secret) = self.found(bytes) {
            let at = self.search.find(bytes).unwrap().start();
            let around = String::from_utf8_lossy(&bytes[at.saturating_sub(200)..bytes.len().min(at + 100)]);
            assert!(bytes.is_empty(), "{secret} is in {what}: …{around}…");
        }
    }

    /// Fails if some of it is in a file below a folder, or in a file's name; how many files there are.
    pub fn not_below(&self, folder: &Path) -> usize {
        let (mut folders, mut files) = (vec![folder.to_owned()], 0);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                self.not_in("a file's name", path.as_os_str().as_encoded_bytes());
                let kind = fs::symlink_metadata(&path).unwrap().file_type();
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file() {
                    files += 1;
                    self.not_in(&path.display().to_string(), &fs::read(&path).unwrap());
                }
            }
        }
        files
    }
}

/// A secret in all the ways that text is commonly written: raw, in hex, base64 and its URL form wherever it begins,
/// UTF-16, percent-encoded, as JSON escapes, reversed, and with its digits as a number.
fn forms(secret: &str) -> Vec<(String, Vec<u8>)> {
    let raw = secret.as_bytes();
    let mut forms = vec![("itself", raw.to_vec())];
    forms.push(("hex", hex::encode(raw).into_bytes()));
    forms.push(("HEX", hex::encode_upper(raw).into_bytes()));
    for before in 0..3 {
        // The characters whose bits are the secret's alone, whatever stands before and after.
        let text = STANDARD_NO_PAD.encode([vec![0; before], raw.to_vec()].concat());
        let (from, to) = ((before * 8).div_ceil(6), (before + raw.len()) * 8 / 6);
        let inner = text[from..to].to_owned();
        forms.push(("base64url", inner.replace('+', "-").replace('/', "_").into_bytes()));
        forms.push(("base64", inner.into_bytes()));
    }
    forms.push(("UTF-16, little end first", secret.encode_utf16().flat_map(u16::to_le_bytes).collect()));
    forms.push(("UTF-16, big end first", secret.encode_utf16().flat_map(u16::to_be_bytes).collect()));
    let percent = |b: &u8| if b.is_ascii_alphanumeric() { (*b as char).into() } else { format!("%{b:02X}") };
    forms.push(("percent-encoded", raw.iter().map(percent).collect::<String>().into_bytes()));
    forms.push(("as a form", raw.iter().map(percent).collect::<String>().replace("%20", "+").into_bytes()));
    let escaped = serde_json::to_string(secret).unwrap();
    forms.push(("JSON", escaped.trim_matches('"').as_bytes().to_vec()));
    let unicode = |unit: u16| if unit < 128 { (unit as u8 as char).into() } else { format!("\\u{unit:04x}") };
    forms.push(("JSON escapes", secret.encode_utf16().map(unicode).collect::<String>().into_bytes()));
    forms.push(("Rust's escapes", secret.escape_default().to_string().into_bytes()));
    forms.push((
        "a list of numbers",
        raw.iter().map(u8::to_string).collect::<Vec<_>>().join(", ").into_bytes(),
    ));
    forms.push((
        "a list of numbers, dense",
        raw.iter().map(u8::to_string).collect::<Vec<_>>().join(",").into_bytes(),
    ));
    let (lower, upper) = (secret.to_lowercase(), secret.to_uppercase());
    forms.push(("lower case", lower.into_bytes()));
    forms.push(("upper case", upper.into_bytes()));
    forms.into_iter().map(|(form, bytes)| (format!("{secret:?} ({form})"), bytes)).collect()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn whatever_way_it_is_written_it_is_found() {
        let secrets = Secrets::new(["11010519491231002X", "Wáng Lán, 7 Mill Lane"]);
        let written = |text: &str| {
            let raw = text.as_bytes();
            vec![
                raw.to_vec(),
                hex::encode(raw).into_bytes(),
                STANDARD.encode([b"a", raw, b"bcd"].concat()).into_bytes(),
                STANDARD.encode([b"ab", raw, b"c"].concat()).into_bytes(),
                STANDARD.encode([b"abc", raw].concat()).into_bytes(),
                text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                format!("{raw:?}").into_bytes(),
                format!("{text:?}").into_bytes(),
                text.to_lowercase().into_bytes(),
            ]
        };
        for text in ["id 11010519491231002X.", "<Wáng Lán, 7 Mill Lane>"] {
            for bytes in written(text) {
                assert!(secrets.found(&bytes).is_some(), "{:?}", String::from_utf8_lossy(&bytes));
            }
        }
        assert_eq!(secrets.found(b"11010519491231002 Wang Lan Mill Lane 7"), None);
    }
}
