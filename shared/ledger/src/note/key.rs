//! The keys of signed notes: a name, an algorithm and an Ed25519 public key; and what each of the two algorithms in
//! use signs.

use std::{fmt, str::FromStr};

use base64::prelude::*;

use crate::{
    canon::Malformed,
    hash::{sha256, verify_ed25519},
};

use super::NoteSignature;

/// What a key's signatures are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// The text itself: a log's own signature.
    Ed25519,
    /// A time and the text: a host's or witness's cosignature/v1.
    CosignatureV1,
}

impl Algorithm {
    const fn code(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureV1 => 0x04,
        }
    }
}

/// A key to check signatures on notes with. Its text form is C2SP's vkey, `<name>+<key id>+<base64>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VerifierKey {
    name: String,
    algorithm: Algorithm,
    public_key: [u8; 32],
    key_id: [u8; 4],
}

/// A name is not empty and has neither spaces nor pluses; nor, since it stands in a note, control characters.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c == '+' || c < ' ')
}

/// What a cosignature/v1 signs: the text behind a line that says what this is and one with the time.
pub fn cosignature_message(text: &str, time_s: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time_s}\n{text}").into_bytes()
}

/// The signature does not fit the text under this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unfit;

impl VerifierKey {
    pub fn new(
        name: impl Into<String>,
        algorithm: Algorithm,
        public_key: [u8; 32],
    ) -> Result<Self, Malformed> {
        let name = name.into();
        if !is_name(&name) {
            return Err(Malformed { what: "a key name that is empty or has spaces or pluses".into(), at: 0 });
        }
        let hash = sha256(&[name.as_bytes(), b"\n", &[algorithm.code()], &public_key]);
        let [a, b, c, d, ..] = hash.0;
        Ok(Self { name, algorithm, public_key, key_id: [a, b, c, d] })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    pub fn key_id(&self) -> [u8; 4] {
        self.key_id
    }

    /// The line for a signature over the text that this key made.
    pub fn signature(&self, signature: &[u8; 64]) -> NoteSignature {
        self.line(signature.to_vec())
    }

    /// The line for a cosignature that this key made, over [`cosignature_message`] at that time.
    pub fn cosignature(&self, time_s: u64, signature: &[u8; 64]) -> NoteSignature {
        self.line([time_s.to_be_bytes().as_slice(), signature].concat())
    }

    fn line(&self, bytes: Vec<u8>) -> NoteSignature {
        NoteSignature { name: self.name.clone(), key_id: self.key_id, bytes }
    }

    /// Whether the line claims to be by this key.
    pub(super) fn made(&self, signature: &NoteSignature) -> bool {
        signature.key_id == self.key_id && signature.name == self.name
    }

    /// Checks a line by this key; a cosignature's time comes back.
    pub(super) fn verify(&self, text: &str, signature: &NoteSignature) -> Result<Option<u64>, Unfit> {
        let (time_s, message, bytes) = match self.algorithm {
            Algorithm::Ed25519 => (None, text.as_bytes().to_vec(), signature.bytes.as_slice()),
            Algorithm::CosignatureV1 => {
                let (time_s, bytes) = signature.bytes.split_first_chunk().ok_or(Unfit)?;
                let time_s = u64::from_be_bytes(*time_s);
                if i64::try_from(time_s).is_err() {
                    return Err(Unfit);
                }
                (Some(time_s), cosignature_message(text, time_s), bytes)
            }
        };
        let bytes = bytes.try_into().map_err(|_| Unfit)?;
        if verify_ed25519(&self.public_key, &message, bytes) { Ok(time_s) } else { Err(Unfit) }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.algorithm.code()], self.public_key.as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, hex::encode(self.key_id), BASE64_STANDARD.encode(key))
    }
}

impl FromStr for VerifierKey {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let bad = |what: &str| Malformed { what: what.into(), at: 0 };
        let parts: Vec<&str> = text.splitn(3, '+').collect();
        let [name, _, key] = parts[..] else { return Err(bad("a verifier key, <name>+<key id>+<base64>")) };
        let key = BASE64_STANDARD.decode(key).map_err(|_| bad("a verifier key that is not base64"))?;
        let (code, public_key) = key.split_first().ok_or_else(|| bad("an empty verifier key"))?;
        let algorithm =
            [Algorithm::Ed25519, Algorithm::CosignatureV1].into_iter().find(|a| a.code() == *code);
        let algorithm = algorithm.ok_or_else(|| bad("a verifier key of an unknown algorithm"))?;
        let public_key = public_key.try_into().map_err(|_| bad("a verifier key that is not 32 bytes"))?;
        let key = Self::new(name, algorithm, public_key)?;
        if key.to_string() == text { Ok(key) } else { Err(bad("a verifier key whose key id is not its own")) }
    }
}

serde_as_text!(VerifierKey);
