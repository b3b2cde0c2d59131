//! Receipts and state proofs of what the city in memory did, signed by its hosts as a running one's are.
#![allow(clippy::unwrap_used)]

use hutong_ledger::{
    contract::record_salt,
    hash::{Hash, sha256},
    id::{Domain, RecordKey, TxId},
    log::{Tree, leaf_hash},
    note::{Algorithm, Checkpoint, SignedNote, VerifierKey, cosignature_message, host_name, origin},
    proof::TlogProof,
    receipt::{
        Place, Receipt, RevealedRecord, StateReceipt, TrustFile,
        document::{Base64, Hex, Text},
    },
    state_tree::{MemoryTree, StateKey},
};

use crate::city::{ALL, BEGAN_MS, City, agency, genesis, host_key};

pub(crate) fn trust() -> TrustFile {
    TrustFile::of(&genesis())
}

/// The note of a domain at a height, cosigned by all hosts when the block is made.
fn note(checkpoint: &Checkpoint) -> SignedNote {
    let (text, chain) = (checkpoint.to_string(), genesis().chain());
    let mut note = SignedNote::new(text.clone()).unwrap();
    for name in ALL {
        let (key, time_s) = (host_key(name), BEGAN_MS / 1000 + checkpoint.height);
        let host = host_name(&chain, &agency(name));
        let verifier = VerifierKey::new(host, Algorithm::CosignatureV1, *key.public().as_bytes());
        let signature = key.sign(&cosignature_message(&text, time_s));
        note.add(verifier.unwrap().cosignature(time_s, &signature));
    }
    note
}

/// A domain as of a height.
struct Then {
    log: Tree,
    state: MemoryTree,
    own: SignedNote,
    membership: SignedNote,
}

impl City {
    fn then(&self, domain: Domain, height: u64) -> Then {
        let executed = self.state.lock().executed.clone();
        let done = executed.iter().filter(|(of, done)| *of == domain && done.entry.height <= height);
        let log = Tree::new(done.clone().map(|(_, done)| leaf_hash(&done.entry.encode())));
        let mut state = MemoryTree::new();
        for (_, done) in done {
            let leaves = done
                .changes
                .iter()
                .map(|change| (StateKey::of(&change.record), change.value.as_ref().map(|_| change.hash)));
            state.apply(done.entry.height, leaves).unwrap();
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
        let own = note(&checkpoint(&domain, log.root()));
        let membership = note(&checkpoint(&Domain::MEMBERSHIP, Hash::ZERO));
        Then { log, state, own, membership }
    }

    pub(crate) fn proof_of(&self, id: &TxId) -> Option<Receipt> {
        let executed = self.state.lock().executed.clone();
        let (domain, done) = executed.iter().find(|(_, done)| done.entry.id == *id)?;
        let mut of_domain = executed.iter().filter(|(of, _)| of == domain);
        let at = of_domain.position(|(_, done)| done.entry.id == *id)?;
        let height = done.entry.height;
        let then = self.then(*domain, height);
        let path = then.log.path(at).unwrap();
        Some(Receipt {
            version: 1,
            chain: genesis().chain(),
            domain: *domain,
            transaction: *id,
            entry: Place { height, index: done.entry.index },
            opening: (&done.opening).into(),
            proof: Text(TlogProof { extra: None, index: at as u64, path, checkpoint: then.own }),
            membership: Text(then.membership),
            epochs: Vec::new(),
        })
    }

    /// The proof of a record's state as of the last block that touched its domain.
    pub(crate) fn state_of(&self, key: &RecordKey) -> Option<StateReceipt> {
        let executed = self.state.lock().executed.clone();
        let own: Vec<_> = executed.iter().filter(|(of, _)| *of == key.domain).map(|(_, done)| done).collect();
        let then = self.then(key.domain, own.last()?.entry.height);
        let changes =
            own.iter().flat_map(|done| done.changes.iter().map(|change| (done.opening.nonce, change)));
        let last = changes.filter(|(_, change)| change.record == key.record).last();
        let current = last.map(|(nonce, change)| RevealedRecord {
            version: change.version,
            salt: Hex(record_salt(&nonce, &key.record)),
            value: change.value.as_ref().map(|value| Base64(value.to_vec())),
        });
        Some(StateReceipt {
            version: 1,
            chain: genesis().chain(),
            domain: key.domain,
            record: key.record.clone(),
            current,
            proof: Base64(then.state.prove(&StateKey::of(&key.record)).unwrap().encode()),
            note: Text(then.own),
            membership: Text(then.membership),
            epochs: Vec::new(),
        })
    }
}
