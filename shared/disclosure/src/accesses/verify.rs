//! Checking a list of accesses against a trust file.

use std::collections::BTreeSet;

use hutong_ledger::{
    contract::{record_hash, record_salt},
    entry::Outcome,
    hash::Hash,
    id::{ChainId, Domain, RecordId, RecordKey, TxId},
    receipt::{Receipt, Standing, TrustFile, VerifyError},
};
use hutong_wire::{
    prost::Message,
    v1::disclosure::{Access, AccessIndex},
};

use super::{AccessList, ListedEntry, PersonAccesses};
use crate::{Handle, index::access_head, is_open, records};

/// What a valid list proves.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    pub chain: ChainId,
    pub persons: Vec<VerifiedPerson>,
}

/// All accesses under one handle, as of a height.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedPerson {
    pub domain: Domain,
    pub handle: Handle,
    /// The list is complete as of this height at least.
    pub height: u64,
    /// Who stands for the index.
    pub standing: Standing,
    pub entries: Vec<VerifiedEntry>,
}

/// One access.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedEntry {
    pub number: u64,
    pub sealed_until_ms: u64,
    /// None: sealed by a court.
    pub opened: Option<Opened>,
}

/// What is shown of an access.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    pub id: TxId,
    pub height: u64,
    pub access: Access,
}

/// Why a list proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("it is not a list of accesses: {0}")]
    Form(serde_json::Error),
    #[error("it is of chain {found}; the trust file is of {trusted}")]
    Chain { found: ChainId, trusted: ChainId },
    #[error("{domain}/{}: it is listed twice", hex::encode(.handle))]
    Twice { domain: Domain, handle: Handle },
    #[error("{domain}/{}: {fault}", hex::encode(.handle))]
    Person { domain: Domain, handle: Handle, fault: Box<PersonFault> },
}

/// What is wrong with the accesses under one handle.
#[derive(Debug, thiserror::Error)]
pub enum PersonFault {
    #[error("the proof of the index: {0}")]
    Index(VerifyError),
    #[error("the proof is of the record {found}, not of {wanted}")]
    Record { found: RecordKey, wanted: RecordKey },
    #[error("the record of the index cannot be read")]
    IndexForm,
    #[error("incomplete: the index counts {counted}, the list has {listed}; entry {missing} is missing")]
    Incomplete { counted: u64, listed: u64, missing: u64 },
    #[error("the index counts {counted}, the list has {listed}")]
    TooMany { counted: u64, listed: u64 },
    #[error("out of order: entry {found} stands where entry {wanted} has to")]
    Order { found: u64, wanted: u64 },
    #[error("entry {number}: {fault}")]
    Entry { number: u64, fault: EntryFault },
    #[error("the entries do not lead to the head of the index: one that is sealed was altered ({})", list(.sealed))]
    Head { sealed: Vec<u64> },
}

/// What is wrong with one access.
#[derive(Debug, thiserror::Error)]
pub enum EntryFault {
    #[error("its receipt: {0}")]
    Receipt(VerifyError),
    #[error("its receipt is of the domain {0}")]
    Domain(Domain),
    #[error("its transaction was refused")]
    Refused,
    #[error("it has either its access or its receipt; both belong to it")]
    Half,
    #[error("withheld: it was sealed until {until_ms} at most, and the index is of a later time")]
    Withheld { until_ms: u64 },
    #[error("its transaction is not the one that made it")]
    Unmade,
    #[error("altered: what it shows is not what the ledger has")]
    Altered,
    #[error("its access cannot be read")]
    Form,
    #[error("its access is about others")]
    Subject,
    #[error("altered: its access is sealed until another time")]
    SealedUntil,
}

fn list(numbers: &[u64]) -> String {
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

/// Checks a list in JSON.
pub fn verify(document: &[u8], trust: &TrustFile) -> Result<Verified, Fault> {
    let document: AccessList = serde_json::from_slice(document).map_err(Fault::Form)?;
    document.verify(trust)
}

impl AccessList {
    pub fn verify(&self, trust: &TrustFile) -> Result<Verified, Fault> {
        if self.chain != trust.chain {
            return Err(Fault::Chain { found: self.chain, trusted: trust.chain });
        }
        let mut seen = BTreeSet::new();
        let verify = |person: &PersonAccesses| {
            let (domain, handle) = (person.domain, person.handle.0);
            if !seen.insert((domain, handle)) {
                return Err(Fault::Twice { domain, handle });
            }
            let fault = |fault| Fault::Person { domain, handle, fault: Box::new(fault) };
            person.verify(trust).map_err(fault)
        };
        let persons = self.persons.iter().map(verify).collect::<Result<_, _>>()?;
        Ok(Verified { chain: self.chain, persons })
    }
}

impl PersonAccesses {
    fn verify(&self, trust: &TrustFile) -> Result<VerifiedPerson, PersonFault> {
        let handle = self.handle.0;
        let state = self.index.verify(trust).map_err(PersonFault::Index)?;
        let found = RecordKey { domain: state.domain, record: state.record };
        let wanted = RecordKey { domain: self.domain, record: records::index(&handle) };
        if found != wanted {
            return Err(PersonFault::Record { found, wanted });
        }
        let (count, head) = match &state.current {
            None => (0, Hash::ZERO),
            Some((_, value)) => index(value.as_deref()).ok_or(PersonFault::IndexForm)?,
        };
        self.numbers(count)?;
        let mut entries = Vec::new();
        let mut reached = Hash::ZERO;
        for listed in &self.entries {
            let fault = |fault| PersonFault::Entry { number: listed.number, fault };
            let opened = listed.verify(self.domain, &handle, state.standing.time_s, trust).map_err(fault)?;
            reached = access_head(&reached, listed.number, listed.sealed_until_ms, &listed.details);
            let (number, sealed_until_ms) = (listed.number, listed.sealed_until_ms);
            entries.push(VerifiedEntry { number, sealed_until_ms, opened });
        }
        if reached != head {
            let sealed = entries.iter().filter(|entry| entry.opened.is_none());
            return Err(PersonFault::Head { sealed: sealed.map(|entry| entry.number).collect() });
        }
        Ok(VerifiedPerson {
            domain: self.domain,
            handle,
            height: state.height,
            standing: state.standing,
            entries,
        })
    }

    /// The entries are numbered from 1 to the count, in order.
    fn numbers(&self, counted: u64) -> Result<(), PersonFault> {
        let listed = self.entries.len() as u64;
        if listed > counted {
            return Err(PersonFault::TooMany { counted, listed });
        }
        let numbers: BTreeSet<u64> = self.entries.iter().map(|entry| entry.number).collect();
        if listed < counted {
            let missing = (1..=counted).find(|number| !numbers.contains(number)).unwrap_or(counted);
            return Err(PersonFault::Incomplete { counted, listed, missing });
        }
        match self.entries.iter().zip(1..).find(|(entry, wanted)| entry.number != *wanted) {
            Some((entry, wanted)) => Err(PersonFault::Order { found: entry.number, wanted }),
            None => Ok(()),
        }
    }
}

fn index(value: Option<&[u8]>) -> Option<(u64, Hash)> {
    let index = AccessIndex::decode(value?).ok()?;
    Some((index.count, Hash(index.head[..].try_into().ok()?)))
}

impl ListedEntry {
    fn verify(
        &self,
        domain: Domain,
        handle: &Handle,
        index_time_s: u64,
        trust: &TrustFile,
    ) -> Result<Option<Opened>, EntryFault> {
        let (access, receipt) = match (&self.access, &self.receipt) {
            (Some(access), Some(receipt)) => (access.0.as_slice(), receipt),
            (None, None) if is_open(self.sealed_until_ms, index_time_s.saturating_mul(1000)) => {
                return Err(EntryFault::Withheld { until_ms: self.sealed_until_ms });
            }
            (None, None) => return Ok(None),
            _ => return Err(EntryFault::Half),
        };
        let verified = receipt.verify(trust).map_err(EntryFault::Receipt)?;
        if verified.domain != domain {
            return Err(EntryFault::Domain(verified.domain));
        }
        if verified.outcome != Outcome::Applied {
            return Err(EntryFault::Refused);
        }
        let record = records::access(&verified.id);
        if made(receipt, &record).is_none() || made(receipt, &records::entry(handle, self.number)).is_none() {
            return Err(EntryFault::Unmade);
        }
        let salt = record_salt(&receipt.opening.nonce.0, &record);
        let hash = record_hash(domain, &record, 1, &salt, Some(access));
        if made(receipt, &record) != Some(self.details) || hash != self.details {
            return Err(EntryFault::Altered);
        }
        let access = Access::decode(access).map_err(|_| EntryFault::Form)?;
        if !access.subjects.iter().any(|subject| subject[..] == handle[..]) {
            return Err(EntryFault::Subject);
        }
        if access.sealed_until_ms != self.sealed_until_ms {
            return Err(EntryFault::SealedUntil);
        }
        Ok(Some(Opened { id: verified.id, height: verified.height, access }))
    }
}

/// The hash of the first version of a record, if the transaction made it.
fn made(receipt: &Receipt, record: &RecordId) -> Option<Hash> {
    let mut changes = receipt.opening.changes.iter();
    changes.find(|change| change.record == *record && change.version == 1).map(|change| change.hash)
}
