//! SHA-256 and the domain separation of everything Hutong hashes or signs.
//!
//! Two kinds of bytes never share a hash: each use has a tag, and the tag is hashed first, ended by a zero byte.
//! (The Merkle log and the state tree follow their own standards and do not use tags.)

use std::{fmt, str::FromStr};

use ring::digest;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    pub const ZERO: Self = Self([0; 32]);

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Hash {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        decode_hex(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

serde_as_text!(Hash);

/// Decodes lower-case hex: one text for one value, so that no byte of a receipt can change unseen.
pub(crate) fn decode_hex(text: &str, bytes: &mut [u8]) -> Result<(), hex::FromHexError> {
    match text.char_indices().find(|(_, c)| c.is_ascii_uppercase()) {
        Some((index, c)) => Err(hex::FromHexError::InvalidHexCharacter { c, index }),
        None => hex::decode_to_slice(text, bytes),
    }
}

/// SHA-256 over the concatenation of the parts.
pub fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    finish(context)
}

/// What a hash or signature is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    Transaction,
    Acceptance,
    Genesis,
    Header,
    Proposal,
    Vote,
    Status,
    SegmentRequest,
    Outcome,
    RecordSalt,
    Record,
    StateKey,
    Veil,
    SealedField,
    AccessHead,
    Token,
}

impl Tag {
    /// The separator that stands before the bytes: `hutong/v1/<use>` and a zero byte.
    pub const fn prefix(self) -> &'static [u8] {
        match self {
            Self::Transaction => b"hutong/v1/transaction\0",
            Self::Acceptance => b"hutong/v1/acceptance\0",
            Self::Genesis => b"hutong/v1/genesis\0",
            Self::Header => b"hutong/v1/header\0",
            Self::Proposal => b"hutong/v1/proposal\0",
            Self::Vote => b"hutong/v1/vote\0",
            Self::Status => b"hutong/v1/status\0",
            Self::SegmentRequest => b"hutong/v1/segment-request\0",
            Self::Outcome => b"hutong/v1/outcome\0",
            Self::RecordSalt => b"hutong/v1/record-salt\0",
            Self::Record => b"hutong/v1/record\0",
            Self::StateKey => b"hutong/v1/state-key\0",
            Self::Veil => b"hutong/v1/veil\0",
            Self::SealedField => b"hutong/v1/sealed-field\0",
            Self::AccessHead => b"hutong/v1/access-head\0",
            Self::Token => b"hutong/v1/token\0",
        }
    }

    /// The tagged hash of the parts.
    pub fn hash(self, parts: &[&[u8]]) -> Hash {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(self.prefix());
        for part in parts {
            context.update(part);
        }
        finish(context)
    }

    /// The message to sign: prefix and bytes.
    pub fn message(self, bytes: &[u8]) -> Vec<u8> {
        [self.prefix(), bytes].concat()
    }
}

fn finish(context: digest::Context) -> Hash {
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    Hash(out)
}

/// Strict RFC 8032 verification of an Ed25519 signature, for headers, votes, statuses and notes.
pub fn verify_ed25519(public_key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, public_key)
        .verify(message, signature)
        .is_ok()
}
