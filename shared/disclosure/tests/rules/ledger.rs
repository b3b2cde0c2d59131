//! Receipts and state proofs of what a test's city did, signed by its hosts as a running one's are.

use hutong_disclosure::{
    Handle,
    accesses::{AccessList, ListedEntry, PersonAccesses},
    records,
};
use hutong_ledger::{
    contract::record_salt,
    hash::{Hash, sha256},
    id::{Domain, RecordId, TxId},
    log::{Tree, leaf_hash},
    note::{Algorithm, Checkpoint, SignedNote, VerifierKey, cosignature_message, host_name, origin},
    proof::TlogProof,
    receipt::{
        Place, Receipt, RevealedRecord, StateReceipt, TrustFile,
        document::{Base64, Hex, Text},
    },
    state_tree::{MemoryTree, StateKey},
};
use hutong_wire::{
    prost::Message,
    v1::disclosure::{AccessEntry, AccessIndex},
};

use crate::{notes::domain, support::*};

pub(crate) fn trust() -> TrustFile {
    TrustFile::of(&genesis())
}

/// The note of a domain at a height, cosigned by all hosts a second after the block.
fn note(checkpoint: &Checkpoint) -> SignedNote {
    let (text, chain) = (checkpoint.to_string(), genesis().chain());
    let mut note = SignedNote::new(text.clone()).unwrap();
    for agency in ALL {
        let (key, time_s) = (host_key(agency), time_ms(checkpoint.height) / 1000 + 1);
        let verifier = VerifierKey::new(
            host_name(&chain, &id(agency)),
            Algorithm::CosignatureV1,
            *key.public().as_bytes(),
        );
        let signature = key.sign(&cosignature_message(&text, time_s));
        note.add(verifier.unwrap().cosignature(time_s, &signature));
    }
    note
}

impl City {
    /// The log, the state and the signed notes as of a height.
    fn at(&self, height: u64) -> (Tree, MemoryTree, SignedNote, SignedNote) {
        let done = self.executed.iter().filter(|executed| executed.entry.height <= height);
        let log = Tree::new(done.clone().map(|executed| leaf_hash(&executed.entry.encode())));
        let mut state = MemoryTree::new();
        for executed in done {
            let leaves = executed
                .changes
                .iter()
                .map(|change| (StateKey::of(&change.record), change.value.as_ref().map(|_| change.hash)));
            state.apply(executed.entry.height, leaves).unwrap();
        }
        let checkpoint = |domain: &Domain, root| Checkpoint {
            origin: origin(&genesis().chain(), domain),
            size: log.size() as u64,
            root,
            height,
            block: sha256(&[&height.to_be_bytes()]),
            state: state.root(),
            view: 0,
        };
        let own = note(&checkpoint(&domain(), log.root()));
        let membership = note(&checkpoint(&Domain::MEMBERSHIP, Hash::ZERO));
        (log, state, own, membership)
    }

    pub(crate) fn receipt(&self, transaction: &TxId) -> Receipt {
        let at = self.executed.iter().position(|executed| executed.entry.id == *transaction).unwrap();
        let executed = &self.executed[at];
        let height = executed.entry.height;
        let (log, _, checkpoint, membership) = self.at(height);
        let path = log.path(at).unwrap();
        Receipt {
            version: 1,
            chain: genesis().chain(),
            domain: domain(),
            transaction: *transaction,
            entry: Place { height, index: executed.entry.index },
            opening: (&executed.opening).into(),
            proof: Text(TlogProof { extra: None, index: at as u64, path, checkpoint }),
            membership: Text(membership),
            epochs: Vec::new(),
        }
    }

    /// The proof of a record's state as of a height.
    pub(crate) fn state(&self, record: &RecordId, height: u64) -> StateReceipt {
        let (_, state, note, membership) = self.at(height);
        let done = self.executed.iter().filter(|executed| executed.entry.height <= height);
        let last =
            done.flat_map(|executed| executed.changes.iter().map(|change| (executed.opening.nonce, change)));
        let last = last.filter(|(_, change)| change.record == *record).last();
        let current = last.map(|(nonce, change)| RevealedRecord {
            version: change.version,
            salt: Hex(record_salt(&nonce, record)),
            value: change.value.as_ref().map(|value| Base64(value.to_vec())),
        });
        StateReceipt {
            version: 1,
            chain: genesis().chain(),
            domain: domain(),
            record: record.clone(),
            current,
            proof: Base64(state.prove(&StateKey::of(record)).unwrap().encode()),
            note: Text(note),
            membership: Text(membership),
            epochs: Vec::new(),
        }
    }

    /// What an honest portal lists of a person as of now.
    pub(crate) fn listed(&self, handle: &Handle) -> PersonAccesses {
        let record = records::index(handle);
        let count = self.get::<AccessIndex>(record.as_str()).unwrap_or_default().count;
        let entry = |number| {
            let entry: AccessEntry = self.get(records::entry(handle, number).as_str()).unwrap();
            let id = TxId(entry.access[..].try_into().unwrap());
            let open = entry.sealed_until_ms <= time_ms(self.height) + 1000;
            let access = self.value(records::access(&id).as_str()).unwrap();
            ListedEntry {
                number,
                sealed_until_ms: entry.sealed_until_ms,
                details: Hash(entry.details[..].try_into().unwrap()),
                access: open.then(|| Base64(access.to_vec())),
                receipt: open.then(|| self.receipt(&id)),
            }
        };
        PersonAccesses {
            domain: domain(),
            handle: Hex(*handle),
            index: self.state(&record, self.height),
            entries: (1..=count).map(entry).collect(),
        }
    }

    pub(crate) fn list(&self, handles: &[Handle]) -> AccessList {
        let persons = handles.iter().map(|handle| self.listed(handle)).collect();
        AccessList { chain: genesis().chain(), persons }
    }
}

/// A record's value, decoded again: what a list reveals is what was stored.
pub(crate) fn decoded<M: Message + Default>(value: &Base64) -> M {
    M::decode(&value.0[..]).unwrap()
}
