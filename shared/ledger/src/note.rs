//! C2SP signed notes: a text, and signatures on it by named keys.
//!
//! Parts: [`key`] names and encodes the keys and checks one signature; [`checkpoint`] is the text that a log's note
//! carries. This file reads and writes the note around them. It does not sign: the bytes to sign are given out, and
//! who holds the key hands the signature back.
//!
//! Own code, since the signed_note crate knows no cosignatures and brings a second Ed25519 implementation, whose
//! verdict could differ from ring's.

use std::{fmt, str::FromStr};

use base64::prelude::*;

use crate::{
    canon::Malformed,
    id::{AgencyId, ChainId, Domain},
};

pub mod checkpoint;
pub mod key;

pub use checkpoint::Checkpoint;
pub use key::{Algorithm, VerifierKey, cosignature_message};

/// A longer note is refused unread.
pub const NOTE_BYTES_MAX: usize = 1 << 20;
/// Every agency of an epoch, the owner, and room for outside witnesses.
pub const SIGNATURES_MAX: usize = 512;

/// The name of a domain's log, and of the owner's key on its checkpoints.
pub fn origin(chain: &ChainId, domain: &Domain) -> String {
    format!("{chain}/{domain}")
}

/// The name of an agency's host key on the checkpoints that it cosigns.
pub fn host_name(chain: &ChainId, agency: &AgencyId) -> String {
    format!("{chain}/host/{agency}")
}

/// One signature line: `— <name> base64(key id ‖ signature)`. It claims; [`SignedNote::verify`] checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    pub(crate) name: String,
    pub(crate) key_id: [u8; 4],
    pub(crate) bytes: Vec<u8>,
}

impl NoteSignature {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn key_id(&self) -> [u8; 4] {
        self.key_id
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let payload = [self.key_id.as_slice(), &self.bytes].concat();
        write!(f, "— {} {}", self.name, BASE64_STANDARD.encode(payload))
    }
}

impl FromStr for NoteSignature {
    type Err = Malformed;

    fn from_str(line: &str) -> Result<Self, Malformed> {
        let bad = || Malformed { what: "a signature line, — <name> <base64>".into(), at: 0 };
        let (name, payload) =
            line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).ok_or_else(bad)?;
        let payload = BASE64_STANDARD.decode(payload).map_err(|_| bad())?;
        match payload.split_first_chunk() {
            Some((key_id, bytes)) if key::is_name(name) && !bytes.is_empty() => {
                Ok(Self { name: name.to_owned(), key_id: *key_id, bytes: bytes.to_vec() })
            }
            _ => Err(bad()),
        }
    }
}

/// A text and its signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// A note that a key in use signed falsely: it was altered, or the signature never was one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature of {name} does not fit the note")]
pub struct BadSignature {
    pub name: String,
}

/// A signature that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed<'a> {
    pub key: &'a VerifierKey,
    /// When a cosignature says that it was made, in unix seconds.
    pub time_s: Option<u64>,
}

impl SignedNote {
    /// A text to collect signatures on: lines, each ended, without other control characters.
    pub fn new(text: impl Into<String>) -> Result<Self, Malformed> {
        let text = text.into();
        if text.len() > NOTE_BYTES_MAX {
            return Err(Malformed {
                what: format!("a note of at most {NOTE_BYTES_MAX} bytes"),
                at: NOTE_BYTES_MAX,
            });
        }
        if let Some(at) = text.bytes().position(|b| b < 0x20 && b != b'\n') {
            return Err(Malformed { what: "a control character".into(), at });
        }
        if !text.ends_with('\n') {
            return Err(Malformed { what: "a text that ends in a line end".into(), at: text.len() });
        }
        Ok(Self { text, signatures: Vec::new() })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a signature, unless the same key already has one here or the note is full.
    pub fn add(&mut self, signature: NoteSignature) -> bool {
        let new = self.signatures.len() < SIGNATURES_MAX
            && !self.signatures.iter().any(|held| same_key(held, &signature));
        if new {
            self.signatures.push(signature);
        }
        new
    }

    /// The signatures that fit, by these keys; one per name however often it signed. Signatures by other keys are
    /// passed over; one by these keys that does not fit fails the note.
    pub fn verify<'k>(&self, keys: &'k [VerifierKey]) -> Result<Vec<Signed<'k>>, BadSignature> {
        let mut signed: Vec<Signed<'k>> = Vec::new();
        for (place, signature) in self.signatures.iter().enumerate() {
            let Some(key) = keys.iter().find(|key| key.made(signature)) else { continue };
            if self.signatures[..place].iter().any(|earlier| same_key(earlier, signature)) {
                continue;
            }
            let time_s =
                key.verify(&self.text, signature).map_err(|_| BadSignature { name: key.name().into() })?;
            if !signed.iter().any(|other| other.key.name() == key.name()) {
                signed.push(Signed { key, time_s });
            }
        }
        Ok(signed)
    }
}

fn same_key(one: &NoteSignature, other: &NoteSignature) -> bool {
    (&one.name, one.key_id) == (&other.name, other.key_id)
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl FromStr for SignedNote {
    type Err = Malformed;

    /// Reads a note with at least one signature.
    fn from_str(note: &str) -> Result<Self, Malformed> {
        let bad = |what: &str, at: usize| Malformed { what: what.into(), at };
        if note.len() > NOTE_BYTES_MAX {
            return Err(bad("a note that is too long", NOTE_BYTES_MAX));
        }
        // The last empty line ends the text; a text may hold empty lines of its own.
        let end =
            note.rfind("\n\n").ok_or_else(|| bad("no empty line before the signatures", note.len()))? + 1;
        let mut out = Self::new(&note[..end])?;
        let lines =
            note[end + 1..].strip_suffix('\n').ok_or_else(|| bad("an unended signature line", note.len()))?;
        let mut at = end + 1;
        for line in lines.split('\n') {
            if out.signatures.len() == SIGNATURES_MAX {
                return Err(bad("too many signatures", at));
            }
            out.signatures.push(line.parse().map_err(|e: Malformed| Malformed { at, ..e })?);
            at += line.len() + 1;
        }
        Ok(out)
    }
}

#[cfg(test)]
pub(crate) mod tests;
