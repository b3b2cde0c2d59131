//! What every rule of disclosure has at hand: the transaction, the state, and the domain that knows its own records.

use hutong_ledger::{
    contract::{Change, Refusal, Verified, View},
    hash::Hash,
    id::RecordId,
};
use hutong_wire::prost::Message;

use crate::{Handle, SealedDomain, SealedRecord, decode::stored, records};

/// The record type of persons in agreements and consents.
pub const PERSON: &str = "person";
/// The most subjects of one record: an access changes two records for each.
pub const SUBJECTS_MAX: usize = 120;

pub(crate) struct Case<'a> {
    pub(crate) domain: &'a dyn SealedDomain,
    pub(crate) tx: &'a Verified<'a>,
    pub(crate) state: &'a View<'a>,
}

impl Case<'_> {
    pub(crate) fn time_ms(&self) -> u64 {
        self.state.time_ms
    }

    /// A record of disclosure as it stands.
    pub(crate) fn stored<M: Message + Default>(&self, record: &RecordId) -> Result<Option<M>, Refusal> {
        stored(self.state, record)
    }

    /// The sealed part of a record, if the record is there and has one. Subjects ascend, each once; fields too.
    pub(crate) fn sealed(&self, record: &RecordId) -> Result<Option<SealedRecord>, Refusal> {
        let Some(value) = self.state.get(record) else { return Ok(None) };
        if let Some(handle) = records::person_of(record) {
            let person = self.stored::<hutong_wire::v1::disclosure::Person>(record)?.unwrap_or_default();
            let fields = person.sealed.iter().map(|field| Ok((field.name.clone(), hash(&field.commitment)?)));
            let fields = fields.collect::<Result<_, Refusal>>()?;
            return Ok(Some(SealedRecord { record_type: PERSON, subjects: vec![handle], fields }));
        }
        if records::is_reserved(record) {
            return Ok(None);
        }
        let Some(mut sealed) = self.domain.sealed(record, value) else { return Ok(None) };
        sealed.subjects.sort_unstable();
        sealed.subjects.dedup();
        sealed.fields.sort();
        few_subjects(&sealed)?;
        Ok(Some(sealed))
    }

    /// The sealed part of a record that has to be there.
    pub(crate) fn sealed_or_refuse(&self, record: &RecordId) -> Result<SealedRecord, Refusal> {
        if self.state.get(record).is_none() {
            return Err(Refusal::new("record_unknown", format!("there is no record {record}")).at("record"));
        }
        self.sealed(record)?.ok_or_else(|| nothing_sealed(record))
    }
}

pub(crate) fn nothing_sealed(record: &RecordId) -> Refusal {
    Refusal::new("nothing_sealed", format!("{record} has no sealed fields")).at("record")
}

pub(crate) fn few_subjects(sealed: &SealedRecord) -> Result<(), Refusal> {
    if sealed.subjects.len() <= SUBJECTS_MAX {
        return Ok(());
    }
    let message = format!("at most {SUBJECTS_MAX} persons may be subjects of one record");
    Err(Refusal::new("too_many_subjects", message).at("record"))
}

pub(crate) fn put(record: RecordId, message: &impl Message) -> Change {
    Change::put(record, message.encode_to_vec())
}

/// A handle as it travels.
pub(crate) fn handle(bytes: &[u8]) -> Result<Handle, Refusal> {
    bytes.try_into().map_err(|_| Refusal::new("handle_invalid", "a handle has 16 bytes").at("handle"))
}

/// A stored hash.
pub(crate) fn hash(bytes: &[u8]) -> Result<Hash, Refusal> {
    bytes.try_into().map(Hash).map_err(|_| Refusal::fault("a stored hash does not have 32 bytes"))
}

/// The record that an action names: one whose name leaves room for the records named after it.
pub(crate) fn record(name: &str) -> Result<RecordId, Refusal> {
    let invalid = || {
        let told = format!("1 to {} bytes of a record's name", records::RECORD_BYTES_MAX);
        Refusal::new("record_id_invalid", told).at("record")
    };
    let record: RecordId = name.parse().map_err(|_| invalid())?;
    if name.len() <= records::RECORD_BYTES_MAX { Ok(record) } else { Err(invalid()) }
}

/// The record of holds or of erasure that is named after another; [`record`] made sure that it fits.
pub(crate) fn beside(
    record: &RecordId,
    name: fn(&RecordId) -> Option<RecordId>,
) -> Result<RecordId, Refusal> {
    name(record).ok_or_else(|| Refusal::fault("the name of the record is too long"))
}

/// Whether a text has 1 to `max` bytes and no control characters.
pub(crate) fn is_text(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len()) && !text.chars().any(char::is_control)
}
