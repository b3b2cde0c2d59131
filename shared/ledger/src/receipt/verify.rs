//! Checking a document against a trust file. Nothing is believed that does not lead back to the pinned epoch.

use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    contract::record_hash,
    entry::Outcome,
    epoch::Epoch,
    hash::Hash,
    id::{AgencyId, ChainId, Domain, RecordId, TxId},
    note::Checkpoint,
    proof,
    state_tree::{StateKey, StateProof},
};

use super::{
    court::Court,
    document::{Receipt, StateReceipt, TRANSITIONS_MAX, Transition, TrustFile, VERSION},
};

/// What a valid receipt proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub id: TxId,
    pub domain: Domain,
    pub outcome: Outcome,
    pub height: u64,
    pub block: Hash,
    pub standing: Standing,
}

/// What a valid proof of a record proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedState {
    pub domain: Domain,
    pub record: RecordId,
    /// The version and its value; None: there is no such record. A value of None: deleted.
    pub current: Option<(u64, Option<Vec<u8>>)>,
    /// As of which height this holds at least.
    pub height: u64,
    pub block: Hash,
    pub standing: Standing,
}

/// Who stands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The epoch in force at the height.
    pub epoch: u64,
    /// The domain's hosts that count.
    pub hosts: Vec<AgencyId>,
    pub quorum: usize,
    /// Those of the hosts that cosigned.
    pub cosigners: Vec<AgencyId>,
    /// How many of the hosts may be faulty without this being false.
    pub tolerated_faults: usize,
    /// The same of all validating agencies.
    pub validating: usize,
    pub validating_quorum: usize,
    pub validating_cosigners: Vec<AgencyId>,
    pub validating_tolerated_faults: usize,
    /// When the domain's quorum was complete, by the hosts' own clocks, in unix seconds.
    pub time_s: u64,
}

/// Which document or part of it is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Receipt,
    /// The epoch of this number in the chain of epochs.
    Epoch(u64),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Receipt => f.write_str("the receipt"),
            Self::Epoch(number) => write!(f, "the proof of epoch {number}"),
        }
    }
}

/// Why a document proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("it is not a receipt: {0}")]
    Form(serde_json::Error),
    #[error("it has form {0}; this software reads form {VERSION}")]
    Version(u32),
    #[error("the trust file is not usable: {0}")]
    Trust(String),
    #[error("it is of chain {found}; the trust file is of {trusted}")]
    Chain { found: ChainId, trusted: ChainId },
    #[error("{part}: outcome and code do not fit each other, or it shows too many changes")]
    Opening { part: Fault },
    #[error("{part}: {source}")]
    Inclusion { part: Fault, source: proof::Fault },
    #[error("{part} carries bytes of no meaning")]
    Extra { part: Fault },
    #[error("{part}: the note of {domain} is no checkpoint")]
    Checkpoint { part: Fault, domain: Domain },
    #[error("{part}: the note is of {found}, not of {wanted}")]
    Origin { part: Fault, found: String, wanted: String },
    #[error("{part}: the note is of height {found}, not of {wanted}")]
    Height { part: Fault, found: u64, wanted: u64 },
    #[error("{part}: the notes of {domain} and membership name different blocks")]
    Block { part: Fault, domain: Domain },
    #[error("{part}: the notes of {domain} and membership are of different views")]
    View { part: Fault, domain: Domain },
    #[error("{part}: the epoch has no domain {domain}")]
    Domain { part: Fault, domain: Domain },
    #[error("{part}: the note of {domain} has a signature by {name}, whose key the epoch does not list")]
    UnknownSigner { part: Fault, domain: Domain, name: String },
    #[error("{part}: the note of {domain} has two signatures by {name}")]
    SignedTwice { part: Fault, domain: Domain, name: String },
    #[error("{part}: the note of {domain}: {source}")]
    Signature { part: Fault, domain: Domain, source: crate::note::BadSignature },
    #[error("{part}: {cosigned} of {hosts} hosts of {domain} cosigned; {quorum} are needed")]
    Quorum { part: Fault, domain: Domain, cosigned: usize, hosts: usize, quorum: usize },
    #[error("it names epoch {found} where epoch {expected} has to follow")]
    EpochGap { expected: u64, found: u64 },
    #[error("epoch {number} is not the one that the trust file pins")]
    EpochConflict { number: u64 },
    #[error("epoch {number} is not well formed: {reason}")]
    EpochForm { number: u64, reason: String },
    #[error("the transaction of epoch {number} did not make it")]
    EpochUnmade { number: u64 },
    #[error("epoch {number} was made at height {height} and cannot be in force from height {from}")]
    EpochHeight { number: u64, height: u64, from: u64 },
    #[error("it is of height {height}; epoch {epoch} holds from height {from} only")]
    BeforeEpoch { height: u64, epoch: u64, from: u64 },
    #[error("a note is no checkpoint of a domain of the city")]
    CheckpointForm,
    #[error("the proof of the record's state is malformed")]
    StateForm,
    #[error("the record's state: {0}")]
    State(crate::state_tree::Disproved),
}

/// Checks a receipt in JSON.
pub fn verify(receipt: &[u8], trust: &TrustFile) -> Result<Verified, VerifyError> {
    read::<Receipt>(receipt)?.verify(trust)
}

/// Checks a proof of a record in JSON.
pub fn verify_state(receipt: &[u8], trust: &TrustFile) -> Result<VerifiedState, VerifyError> {
    read::<StateReceipt>(receipt)?.verify(trust)
}

/// The version first: a later form is told as one, and not as a document that is wrong somewhere.
pub(crate) fn read<T: DeserializeOwned>(document: &[u8]) -> Result<T, VerifyError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let Versioned { version } = serde_json::from_slice(document).map_err(VerifyError::Form)?;
    if version != VERSION {
        return Err(VerifyError::Version(version));
    }
    serde_json::from_slice(document).map_err(VerifyError::Form)
}

impl Receipt {
    pub fn verify(&self, trust: &TrustFile) -> Result<Verified, VerifyError> {
        let part = Fault::Receipt;
        trust.admits(self.version, self.chain)?;
        let epoch = follow(trust, &self.epochs, self.entry.height)?;
        let opening = self.opening.opening().ok_or(VerifyError::Opening { part })?;
        let entry = self.entry.entry(self.transaction, &opening).encode();
        if self.proof.0.extra.is_some() {
            return Err(VerifyError::Extra { part });
        }
        let inclusion = self.proof.0.verify_inclusion(&entry);
        let checkpoint = inclusion.map_err(|source| VerifyError::Inclusion { part, source })?;
        let court = Court { chain: &self.chain, epoch: &epoch, part };
        let standing = court.both(self.domain, &self.proof.0.checkpoint, &self.membership.0)?;
        court.height(checkpoint.height, self.entry.height)?;
        Ok(Verified {
            id: self.transaction,
            domain: self.domain,
            outcome: opening.outcome,
            height: self.entry.height,
            block: checkpoint.block,
            standing,
        })
    }
}

impl StateReceipt {
    pub fn verify(&self, trust: &TrustFile) -> Result<VerifiedState, VerifyError> {
        let part = Fault::Receipt;
        trust.admits(self.version, self.chain)?;
        let checkpoint: Checkpoint =
            self.note.0.text().parse().map_err(|_| VerifyError::Checkpoint { part, domain: self.domain })?;
        let epoch = follow(trust, &self.epochs, checkpoint.height)?;
        let court = Court { chain: &self.chain, epoch: &epoch, part };
        let standing = court.both(self.domain, &self.note.0, &self.membership.0)?;
        let proof = StateProof::decode(&self.proof.0).map_err(|_| VerifyError::StateForm)?;
        let hash = self.current.as_ref().map(|current| {
            let value = current.value.as_ref().map(|value| value.0.as_slice());
            record_hash(self.domain, &self.record, current.version, &current.salt.0, value)
        });
        proof
            .verify(&checkpoint.state, &StateKey::of(&self.record), hash.as_ref())
            .map_err(VerifyError::State)?;
        let current = self.current.as_ref();
        let current = current.map(|c| (c.version, c.value.as_ref().map(|value| value.0.clone())));
        Ok(VerifiedState {
            domain: self.domain,
            record: self.record.clone(),
            current,
            height: checkpoint.height,
            block: checkpoint.block,
            standing,
        })
    }
}

impl TrustFile {
    pub(crate) fn admits(&self, version: u32, chain: ChainId) -> Result<(), VerifyError> {
        if self.version != VERSION {
            return Err(VerifyError::Trust(format!("form {}", self.version)));
        }
        self.epoch.check().map_err(VerifyError::Trust)?;
        let name = self.chain.as_str().rsplit_once('-').map(|(name, _)| name.parse::<AgencyId>());
        if let (Some(Ok(name)), Some(genesis)) = (name, &self.genesis)
            && ChainId::new(name, genesis) != self.chain
        {
            return Err(VerifyError::Trust("the genesis hash is of another chain".into()));
        }
        if version != VERSION {
            return Err(VerifyError::Version(version));
        }
        if chain != self.chain {
            return Err(VerifyError::Chain { found: chain, trusted: self.chain });
        }
        Ok(())
    }
}

impl TrustFile {
    /// The epoch in force at a height; epochs that came later are passed over.
    pub(crate) fn follow(&self, epochs: &[Transition], height: u64) -> Result<Epoch, VerifyError> {
        let later = |transition: &Transition| {
            Epoch::decode(&transition.epoch.0).is_ok_and(|epoch| epoch.from_height > height)
        };
        let until = epochs.iter().position(later).unwrap_or(epochs.len());
        follow(self, &epochs[..until], height)
    }
}

/// The epoch in force at a height: the pinned one, or the last that the transitions lead to from it.
fn follow(trust: &TrustFile, epochs: &[Transition], height: u64) -> Result<Epoch, VerifyError> {
    let mut epoch = trust.epoch.clone();
    if epochs.len() > TRANSITIONS_MAX {
        return Err(VerifyError::EpochGap { expected: epoch.number, found: u64::MAX });
    }
    for transition in epochs {
        let next = Epoch::decode(&transition.epoch.0).map_err(|error| VerifyError::EpochForm {
            number: epoch.number + 1,
            reason: error.to_string(),
        })?;
        // Documents start at genesis; a trust file may pin a later epoch.
        if next.number < trust.epoch.number {
            continue;
        }
        if next.number == trust.epoch.number {
            if next == trust.epoch {
                continue;
            }
            return Err(VerifyError::EpochConflict { number: next.number });
        }
        transition.verify(&trust.chain, &epoch, &next)?;
        epoch = next;
    }
    if height < epoch.from_height {
        return Err(VerifyError::BeforeEpoch { height, epoch: epoch.number, from: epoch.from_height });
    }
    Ok(epoch)
}

impl Transition {
    /// Checks that the transaction made the next epoch and is final under the one before.
    fn verify(&self, chain: &ChainId, epoch: &Epoch, next: &Epoch) -> Result<(), VerifyError> {
        let (number, part) = (next.number, Fault::Epoch(next.number));
        if number != epoch.number + 1 {
            return Err(VerifyError::EpochGap { expected: epoch.number + 1, found: number });
        }
        let height = self.entry.height;
        if height < epoch.from_height {
            return Err(VerifyError::BeforeEpoch { height, epoch: epoch.number, from: epoch.from_height });
        }
        if height.checked_add(1) != Some(next.from_height) {
            return Err(VerifyError::EpochHeight { number, height, from: next.from_height });
        }
        let opening = self.opening.opening().ok_or(VerifyError::Opening { part })?;
        // The first epoch is version 1 of its record, and each transition makes one more.
        let version = number + 1;
        let record = Epoch::record();
        let hash = record_hash(Domain::MEMBERSHIP, &record, version, &self.salt.0, Some(&self.epoch.0));
        let made =
            opening.changes.iter().any(|c| c.record == record && c.version == version && c.hash == hash);
        if !made || opening.outcome != Outcome::Applied {
            return Err(VerifyError::EpochUnmade { number });
        }
        if self.proof.0.extra.is_some() {
            return Err(VerifyError::Extra { part });
        }
        let entry = self.entry.entry(self.transaction, &opening).encode();
        let inclusion = self.proof.0.verify_inclusion(&entry);
        let checkpoint = inclusion.map_err(|source| VerifyError::Inclusion { part, source })?;
        let court = Court { chain, epoch, part };
        court.height(checkpoint.height, height)?;
        court.note(Domain::MEMBERSHIP, &self.proof.0.checkpoint).map(|_| ())
    }
}
