//! Names and identifiers. Each is checked where it is made, so that whoever holds one may trust its form.

use std::{fmt, str::FromStr, sync::Arc};

use crate::hash::{Hash, decode_hex, sha256};

/// A name or identifier that breaks its form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {found:?} is not valid: {rule}")]
pub struct InvalidName {
    pub kind: &'static str,
    pub found: String,
    pub rule: &'static str,
}

fn invalid(kind: &'static str, found: &str, rule: &'static str) -> InvalidName {
    InvalidName { kind, found: found.chars().take(80).collect(), rule }
}

/// A short name held in place: copying one costs no allocation, and they are copied for every transaction.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Short<const N: usize> {
    len: u8,
    bytes: [u8; N],
}

impl<const N: usize> Short<N> {
    const fn new(text: &str) -> Self {
        let source = text.as_bytes();
        let mut bytes = [0; N];
        let mut at = 0;
        while at < source.len() {
            bytes[at] = source[at];
            at += 1;
        }
        Self { len: source.len() as u8, bytes }
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

fn is_label(text: &str, max: usize) -> bool {
    !text.is_empty()
        && text.len() <= max
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && !text.ends_with('-')
}

macro_rules! label {
    ($(#[$doc:meta])* $name:ident, $max:literal, $kind:literal, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(Short<$max>);

        impl $name {
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                if is_label(text, $max) { Ok(Self(Short::new(text))) } else { Err(invalid($kind, text, $rule)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.as_str().cmp(other.as_str())
            }
        }

        serde_as_text!($name);
    };
}

label!(
    /// A record type with its rules: `property`, `health`, `membership`, …
    Domain, 23, "domain", "1 to 23 of a-z, 0-9 and -, starting with a letter"
);
label!(
    /// A member organisation.
    AgencyId, 31, "agency", "1 to 31 of a-z, 0-9 and -, starting with a letter"
);

impl Domain {
    /// The platform domain that holds epochs: agencies, keys, hosts.
    pub const MEMBERSHIP: Self = Self(Short::new("membership"));
    /// The platform domain that holds datasets and sharing agreements.
    pub const CATALOGUE: Self = Self(Short::new("catalogue"));

    /// Platform domains are hosted by every validating agency and may be read by every contract.
    pub fn is_platform(&self) -> bool {
        *self == Self::MEMBERSHIP || *self == Self::CATALOGUE
    }
}

/// One city's ledger: its name and the first 8 bytes of its genesis hash, `<name>-<16 hex digits>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainId(Short<48>);

impl ChainId {
    pub fn new(name: AgencyId, genesis: &Hash) -> Self {
        Self(Short::new(&format!("{name}-{}", hex::encode(&genesis.0[..8]))))
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for ChainId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let rule = "a name of at most 31 characters, -, and 16 lower-case hex digits";
        let valid = text.rsplit_once('-').is_some_and(|(name, digits)| {
            is_label(name, 31)
                && digits.len() == 16
                && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        });
        if valid { Ok(Self(Short::new(text))) } else { Err(invalid("chain", text, rule)) }
    }
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

serde_as_text!(ChainId);

/// The name of a record within its domain: 1 to 128 printable ASCII characters without spaces.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId(Arc<str>);

impl RecordId {
    pub const BYTES_MAX: usize = 128;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RecordId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let valid = !text.is_empty()
            && text.len() <= Self::BYTES_MAX
            && text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'%' | b'\\'));
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(invalid("record", text, "1 to 128 printable ASCII characters, no space ? # % or \\"))
        }
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(RecordId);

/// A record anywhere on the ledger, written `domain/id`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey {
    pub domain: Domain,
    pub record: RecordId,
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.domain, self.record)
    }
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for RecordKey {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (domain, record) =
            text.split_once('/').ok_or_else(|| invalid("record", text, "written domain/id"))?;
        Ok(Self { domain: domain.parse()?, record: record.parse()? })
    }
}

/// Names a transaction: not_after (48 bits, big-endian unix milliseconds) and SHA-256 of the body. Ids of one
/// time cluster, and a repeat can only be of an id that has not expired.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TxId(pub [u8; 38]);

impl TxId {
    pub const TIME_MS_MAX: u64 = (1 << 48) - 1;

    pub fn new(not_after_ms: u64, body: &[u8]) -> Self {
        let mut bytes = [0; 38];
        bytes[..6].copy_from_slice(&not_after_ms.min(Self::TIME_MS_MAX).to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&sha256(&[body]).0);
        Self(bytes)
    }

    pub fn not_after_ms(&self) -> u64 {
        self.0[..6].iter().fold(0, |time, byte| time << 8 | u64::from(*byte))
    }
}

impl fmt::Display for TxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for TxId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let mut bytes = [0; 38];
        decode_hex(text, &mut bytes)
            .map_err(|_| invalid("transaction id", text, "76 lower-case hex digits"))?;
        Ok(Self(bytes))
    }
}

serde_as_text!(TxId);

/// Names a key: the first 8 bytes of SHA-256 over the public key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 8]);

impl KeyId {
    pub fn of(public_key: &[u8; 32]) -> Self {
        let mut id = [0; 8];
        id.copy_from_slice(&sha256(&[public_key]).0[..8]);
        Self(id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for KeyId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let mut bytes = [0; 8];
        decode_hex(text, &mut bytes).map_err(|_| invalid("key id", text, "16 lower-case hex digits"))?;
        Ok(Self(bytes))
    }
}

serde_as_text!(KeyId);
