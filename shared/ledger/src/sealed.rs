//! Sealed fields: what stands on the ledger instead of a value that must not.
//!
//! The value and its salt rest in a vault; here is the one way to commit to them. Domain, record and name are hashed
//! with their lengths, so that a commitment fits one field of one record and no other.

use crate::{
    canon::Writer,
    hash::{Hash, Tag},
    id::{Domain, RecordId},
};

/// The longest name of a field, in bytes.
pub const FIELD_NAME_BYTES_MAX: usize = 64;

/// The bytes of a salt. Random: without it a value of few possible ones could be guessed.
pub const SALT_BYTES: usize = 16;

/// The commitment to a field's value under a salt.
pub fn commitment(
    domain: Domain,
    record: &RecordId,
    name: &str,
    salt: &[u8; SALT_BYTES],
    value: &[u8],
) -> Hash {
    let mut w = Writer::new();
    w.raw(salt).text(domain.as_str()).text(record.as_str()).text(name);
    Tag::SealedField.hash(&[&w.finish(), value])
}

/// Whether a text may name a field: 1 to 64 of a-z, 0-9, _, - and .
pub fn is_field_name(text: &str) -> bool {
    (1..=FIELD_NAME_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(domain: &str, record: &str, name: &str, salt: u8, value: &[u8]) -> Hash {
        commitment(domain.parse().unwrap(), &record.parse().unwrap(), name, &[salt; 16], value)
    }

    #[test]
    fn the_bytes_are_as_documented() {
        let mut bytes = b"hutong/v1/sealed-field\0".to_vec();
        bytes.extend([7; 16]);
        bytes.extend(b"\0\0\0\x06health\0\0\0\x08person/1\0\0\0\x04nameZhang San");
        assert_eq!(of("health", "person/1", "name", 7, b"Zhang San"), crate::hash::sha256(&[&bytes]));
    }

    #[test]
    fn a_commitment_fits_one_field_alone() {
        let one = of("health", "a/b", "name", 1, b"value");
        let others = [
            of("property", "a/b", "name", 1, b"value"),
            of("health", "a/c", "name", 1, b"value"),
            of("health", "a/b", "namf", 1, b"value"),
            of("health", "a/b", "name", 2, b"value"),
            of("health", "a/b", "name", 1, b"valuf"),
            // What ends one part may not begin the next.
            of("health", "a/bname", "n", 1, b"value"),
            of("healtha", "/b", "name", 1, b"value"),
            of("health", "a/b", "namev", 1, b"alue"),
            of("health", "a/b", "nam", 1, b"evalue"),
        ];
        assert!(others.iter().all(|other| *other != one));
    }

    #[test]
    fn names_of_fields() {
        for name in ["a", "id", "name.family", "x-1", "_", &"a".repeat(64)] {
            assert!(is_field_name(name), "{name}");
        }
        for name in ["", "A", "a b", "名", "a/b", "a\0", &"a".repeat(65)] {
            assert!(!is_field_name(name), "{name}");
        }
    }
}
