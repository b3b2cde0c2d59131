//! The names of records.

use hutong_ledger::{contract::Refusal, id::RecordId};

use crate::code::CreditCode;

/// Before the code of a business, in a record's name.
pub const BUSINESSES: &str = "business/";
/// Before the number of a licence.
pub const LICENCES: &str = "licence/";

/// The record of a business.
pub fn business_record(uscc: &str) -> Result<RecordId, Refusal> {
    let code: CreditCode =
        uscc.parse().map_err(|error| Refusal::new("uscc_invalid", format!("{error}")).at("uscc"))?;
    format!("{BUSINESSES}{code}").parse().map_err(|_| Refusal::fault("a code names no record"))
}

/// The record of a licence.
pub fn licence_record(id: &str) -> Result<RecordId, Refusal> {
    if !is_licence(id) {
        let told = "the number of a licence is 1 to 64 of a-z, 0-9 and -";
        return Err(Refusal::new("licence_id_invalid", told).at("id"));
    }
    format!("{LICENCES}{id}").parse().map_err(|_| Refusal::fault("a number names no record"))
}

/// Whether a text may be the number of a licence.
pub fn is_licence(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The record that counts the places taken in the status lists.
pub fn status_record() -> Result<RecordId, Refusal> {
    "status/next".parse().map_err(|_| Refusal::fault("the name of a record is valid"))
}
