//! The names of the records of disclosure, which every city domain reserves for it.

use hutong_ledger::id::{Domain, RecordId, RecordKey, TxId};

use crate::Handle;

/// What the names of these records begin with; a domain's own contract may read them and nothing else.
pub const RESERVED: [&str; 7] =
    ["person/", "access/", "accesses/", "consent/", "hold/", "erasure/", "agreement-use/"];

/// The longest name of a record with sealed fields, in bytes: others are named after it.
pub const RECORD_BYTES_MAX: usize = 96;

pub fn is_reserved(record: &RecordId) -> bool {
    RESERVED.iter().any(|prefix| record.as_str().starts_with(prefix))
}

/// `person/<handle>`
pub fn person(handle: &Handle) -> RecordId {
    named(format!("person/{}", hex::encode(handle)))
}

/// The handle in the name of a person's record.
pub fn person_of(record: &RecordId) -> Option<Handle> {
    parse_handle(record.as_str().strip_prefix("person/")?)
}

/// `access/<transaction id>`
pub fn access(id: &TxId) -> RecordId {
    named(format!("access/{id}"))
}

/// `accesses/<handle>`
pub fn index(handle: &Handle) -> RecordId {
    named(format!("accesses/{}", hex::encode(handle)))
}

/// `accesses/<handle>/<number>`
pub fn entry(handle: &Handle, number: u64) -> RecordId {
    named(format!("accesses/{}/{number:016x}", hex::encode(handle)))
}

/// `consent/<handle>/<id>`; None if the id is not 16 lower-case hex digits.
pub fn consent(handle: &Handle, id: &str) -> Option<RecordId> {
    is_hex(id, 16).then(|| named(format!("consent/{}/{id}", hex::encode(handle))))
}

/// The handle and the record that a basis names as `<handle>/<id>`.
pub fn consent_of(text: &str) -> Option<(Handle, RecordId)> {
    let (handle, id) = text.split_once('/')?;
    let handle = parse_handle(handle)?;
    Some((handle, consent(&handle, id)?))
}

/// `hold/<record>`; None if the name is longer than [`RECORD_BYTES_MAX`].
pub fn hold(record: &RecordId) -> Option<RecordId> {
    after("hold/", record)
}

/// `erasure/<record>`; None if the name is longer than [`RECORD_BYTES_MAX`].
pub fn erasure(record: &RecordId) -> Option<RecordId> {
    after("erasure/", record)
}

/// `agreement/<id>` in the catalogue; None if the id is none.
pub fn agreement(id: &str) -> Option<RecordKey> {
    let record = is_agreement(id).then(|| named(format!("agreement/{id}")))?;
    Some(RecordKey { domain: Domain::CATALOGUE, record })
}

/// `agreement-use/<id>`; None if the id is none.
pub fn agreement_use(id: &str) -> Option<RecordId> {
    is_agreement(id).then(|| named(format!("agreement-use/{id}")))
}

/// A handle as it stands in names: 32 lower-case hex digits.
pub fn parse_handle(text: &str) -> Option<Handle> {
    let mut handle = Handle::default();
    (is_hex(text, 32) && hex::decode_to_slice(text, &mut handle).is_ok()).then_some(handle)
}

fn after(prefix: &str, record: &RecordId) -> Option<RecordId> {
    (record.as_str().len() <= RECORD_BYTES_MAX).then(|| named(format!("{prefix}{record}")))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_agreement(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A name that is valid by how it was put together.
fn named(name: String) -> RecordId {
    name.parse().unwrap_or_else(|_| unreachable!("the name of the record is valid"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_fits_and_is_reserved() {
        let (handle, id) = ([0xab; 16], TxId([7; 38]));
        let long: RecordId = "r".repeat(RECORD_BYTES_MAX).parse().unwrap();
        let names = [
            person(&handle),
            access(&id),
            index(&handle),
            entry(&handle, u64::MAX),
            consent(&handle, "0123456789abcdef").unwrap(),
            hold(&long).unwrap(),
            erasure(&long).unwrap(),
            agreement_use(&"a".repeat(64)).unwrap(),
        ];
        assert!(names.iter().all(is_reserved));
        assert!(!is_reserved(&"parcel/person/7".parse().unwrap()));
        assert_eq!(agreement("land-1").unwrap().to_string(), "catalogue/agreement/land-1");
        assert_eq!((person_of(&names[0]), person_of(&names[1])), (Some(handle), None));
    }

    #[test]
    fn wrong_names_are_none() {
        let long: RecordId = "r".repeat(RECORD_BYTES_MAX + 1).parse().unwrap();
        assert_eq!((hold(&long), erasure(&long)), (None, None));
        for id in ["", "0123456789abcde", "0123456789ABCDEF", "0123456789abcdefg"] {
            assert_eq!(consent(&[0; 16], id), None, "{id}");
        }
        for id in ["", "A", "a/b", "é", &"a".repeat(65)] {
            assert_eq!((agreement(id), agreement_use(id)), (None, None), "{id}");
        }
        let handle = "0f".repeat(16);
        assert_eq!(consent_of(&format!("{handle}/0123456789abcdef")).unwrap().0, [15; 16]);
        for text in ["", "/", &handle, &format!("{}/0123456789abcdef", handle.to_uppercase())] {
            assert_eq!(consent_of(text), None, "{text}");
        }
        for person in ["person/", "person/ab", "person/ABABABABABABABABABABABABABABABAB"] {
            assert_eq!(person_of(&person.parse().unwrap()), None);
        }
    }
}
