//! The names of property's records.

use hutong_ledger::{contract::Refusal, id::RecordId};

/// A parcel's id, which names its record.
pub fn record(id: &str) -> Result<RecordId, Refusal> {
    let valid = (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
        // In a URL's path, . and .. are steps and no names.
        && !matches!(id, "." | "..");
    let refusal = || Refusal::new("parcel_id_invalid", "1 to 64 of 0-9, A-Z, a-z, - and .").at("parcel");
    if valid { id.parse().map_err(|_| refusal()) } else { Err(refusal()) }
}

/// Whether a record is a parcel: all others of the domain have a path for a name.
pub fn is_parcel(record: &RecordId) -> bool {
    !record.as_str().contains('/')
}

/// `unit/<number>`, for a number that was checked.
pub(super) fn unit(number: &str) -> Result<RecordId, Refusal> {
    named(format!("unit/{number}"))
}

/// `cell/<x>/<y>`
pub(super) fn cell((x, y): (i64, i64)) -> Result<RecordId, Refusal> {
    named(format!("cell/{x}/{y}"))
}

/// `config/authorities`
pub(super) fn authorities() -> Result<RecordId, Refusal> {
    named("config/authorities".to_owned())
}

fn named(name: String) -> Result<RecordId, Refusal> {
    name.parse().map_err(|_| Refusal::fault(format!("{name} is no name of a record")))
}
