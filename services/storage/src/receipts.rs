//! Receipts: assembling what a stranger needs to check a final transaction or record offline. What is in them and how
//! it is checked is the ledger's; here it is only gathered.

use std::sync::Arc;

use bytes::Bytes;
use hutong_ledger::{
    epoch::Epoch,
    id::{Domain, RecordKey, TxId},
    log::inclusion_proof,
    note::SignedNote,
    proof::TlogProof,
    receipt::{
        Place, Receipt, StateReceipt, Transition,
        document::{Base64, Hex, RevealedRecord, Text, VERSION},
    },
};
use hutong_peer::FinalTransaction;
use parking_lot::RwLock;

use crate::{
    Error,
    checkpoint::SignedCheckpoint,
    read::{Reads, damaged},
    segment::opening,
    state::ProvenState,
    tiles::Tiles,
};

/// All epochs so far, with the proof that each was made: found once, for they never change.
#[derive(Debug, Default)]
pub(crate) struct Epochs(RwLock<Vec<Made>>);

#[derive(Clone, Debug)]
struct Made {
    epoch: Arc<Epoch>,
    /// None for the first.
    transition: Option<Transition>,
}

impl Reads {
    /// The epoch in force at a final height.
    pub(crate) fn epoch_at(&self, height: u64) -> Result<Arc<Epoch>, Error> {
        self.learn_epochs()?;
        let epochs = self.epochs.0.read();
        let made = epochs.iter().rev().find(|made| made.epoch.from_height <= height.max(1));
        made.map(|made| made.epoch.clone()).ok_or_else(|| damaged("the first epoch is missing".into()))
    }

    /// The chain of epochs up to the one in force at a height.
    pub(crate) fn transitions(&self, height: u64) -> Result<Vec<Transition>, Error> {
        self.learn_epochs()?;
        let epochs = self.epochs.0.read();
        let past = epochs.iter().take_while(|made| made.epoch.from_height <= height);
        Ok(past.filter_map(|made| made.transition.clone()).collect())
    }

    fn learn_epochs(&self) -> Result<(), Error> {
        let (_, current) = self.recent.tip();
        let key = RecordKey { domain: Domain::MEMBERSHIP, record: Epoch::record() };
        loop {
            let known = self.epochs.0.read().len() as u64;
            if known > current.number {
                return Ok(());
            }
            let version = known + 1;
            let missing = || damaged(format!("version {version} of {key} is missing"));
            let record = self.record(&key, Some(version))?.ok_or_else(missing)?;
            let value = record.value.clone().ok_or_else(missing)?;
            let epoch = Epoch::decode(&value).map_err(|error| damaged(format!("epoch {known}: {error}")))?;
            let transition = match version {
                1 => None,
                _ => {
                    let tx = self.transaction(&record.transaction)?.ok_or_else(missing)?;
                    let (proof, _) = self.proof(&tx, &*self.epoch_before(known)?)?;
                    Some(Transition {
                        transaction: tx.id,
                        entry: place(&tx),
                        opening: (&opening(&tx)).into(),
                        proof: Text(proof),
                        epoch: Base64(value.to_vec()),
                        salt: Hex(record.salt),
                    })
                }
            };
            let mut epochs = self.epochs.0.write();
            if epochs.len() as u64 == known {
                epochs.push(Made { epoch: Arc::new(epoch), transition });
            }
        }
    }

    fn epoch_before(&self, number: u64) -> Result<Arc<Epoch>, Error> {
        let epochs = self.epochs.0.read();
        let before = number.checked_sub(1).and_then(|before| epochs.get(usize::try_from(before).ok()?));
        before
            .map(|made| made.epoch.clone())
            .ok_or_else(|| damaged(format!("epoch {number} comes from nowhere")))
    }

    /// The proof that a transaction is in its domain's log, and membership's note for the same block.
    fn proof(&self, tx: &FinalTransaction, epoch: &Epoch) -> Result<(TlogProof, SignedNote), Error> {
        let height = tx.position.height;
        let own = self.needed_note(tx.domain, height)?;
        let all = self.needed_note(Domain::MEMBERSHIP, height)?;
        let tiles = Tiles::new(self, tx.domain, own.point.size);
        let path = inclusion_proof(&tiles, tx.log_index, own.point.size)
            .map_err(|error| damaged(format!("the log of {}: {error}", tx.domain)))?;
        let checkpoint = self.signed_note(&own, epoch)?;
        let proof = TlogProof { extra: None, index: tx.log_index, path, checkpoint };
        Ok((proof, self.signed_note(&all, epoch)?))
    }

    fn needed_note(&self, domain: Domain, height: u64) -> Result<SignedCheckpoint, Error> {
        let note = self.note(domain, height)?;
        note.ok_or_else(|| damaged(format!("the note of {domain} at height {height} is missing")))
    }

    pub(crate) fn signed_note(&self, note: &SignedCheckpoint, epoch: &Epoch) -> Result<SignedNote, Error> {
        let signed = note.note(&self.chain, epoch);
        signed.map_err(|error| {
            damaged(format!("the note of {} at {}: {error}", note.point.domain, note.height))
        })
    }

    /// The receipt of a final transaction.
    pub(crate) fn receipt(&self, id: &TxId) -> Result<Option<Bytes>, Error> {
        let Some(tx) = self.transaction(id)? else { return Ok(None) };
        let height = tx.position.height;
        let (proof, membership) = self.proof(&tx, &*self.epoch_at(height)?)?;
        let receipt = Receipt {
            version: VERSION,
            chain: self.chain,
            domain: tx.domain,
            transaction: tx.id,
            entry: place(&tx),
            opening: (&opening(&tx)).into(),
            proof: Text(proof),
            membership: Text(membership),
            epochs: self.transitions(height)?,
        };
        json(&receipt).map(Some)
    }

    /// The proof of what a record is as of the last block that touched its domain.
    pub(crate) fn state_receipt(&self, key: &RecordKey, proven: &ProvenState) -> Result<Bytes, Error> {
        let ProvenState { proof, note, membership } = proven;
        let height = note.height;
        let epoch = self.epoch_at(height)?;
        let current = self.record_at(key, height)?.map(|record| RevealedRecord {
            version: record.version,
            salt: Hex(record.salt),
            value: record.value.map(|value| Base64(value.to_vec())),
        });
        let receipt = StateReceipt {
            version: VERSION,
            chain: self.chain,
            domain: key.domain,
            record: key.record.clone(),
            current,
            proof: Base64(proof.encode()),
            note: Text(self.signed_note(note, &epoch)?),
            membership: Text(self.signed_note(membership, &epoch)?),
            epochs: self.transitions(height)?,
        };
        json(&receipt)
    }
}

fn place(tx: &FinalTransaction) -> Place {
    Place { height: tx.position.height, index: tx.index }
}

fn json(document: &impl serde::Serialize) -> Result<Bytes, Error> {
    let json = serde_json::to_vec(document);
    json.map(Bytes::from).map_err(|error| damaged(format!("a receipt cannot be written: {error}")))
}
