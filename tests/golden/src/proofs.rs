//! What proofs are made of: entries, openings, record hashes, logs, state trees, checkpoints and notes.

use hutong_ledger::{
    contract::{record_hash, record_salt},
    entry::{Changed, Entry, Opening, Outcome},
    epoch::Purpose,
    hash::Hash,
    id::{Domain, RecordId},
    log::{self, Frontier, leaf_hash},
    note::{Algorithm, Checkpoint, SignedNote, VerifierKey, cosignature_message, host_name, origin},
    proof::TlogProof,
    state_tree::{MemoryTree, StateKey},
};

use crate::{
    Form,
    blocks::header,
    city::{agency, genesis, key, parse, property},
    transactions::transaction,
};

fn parcel() -> RecordId {
    parse("526301100")
}

fn opening(outcome: Outcome) -> Opening {
    let salt = record_salt(&[1; 16], &parcel());
    let hash = record_hash(property(), &parcel(), 1, &salt, Some(b"value"));
    let changed = Changed { record: parcel(), version: 1, hash };
    let changes = if outcome == Outcome::Applied { vec![changed] } else { Vec::new() };
    Opening { nonce: [1; 16], outcome, changes }
}

fn entry(n: u8) -> Entry {
    let blind = opening(Outcome::Applied).hash();
    Entry { id: transaction(n).id, height: 1, index: u32::from(n) - 1, blind }
}

fn tree() -> log::Tree {
    log::Tree::new((1..=5).map(|n| leaf_hash(&entry(n).encode())))
}

fn state() -> MemoryTree {
    let mut state = MemoryTree::new();
    for n in 0..5_u8 {
        let key = StateKey::of(&parse(&format!("record-{n}")));
        let changed = state.apply(u64::from(n) + 1, [(key, Some(Hash([n; 32])))]);
        changed.expect("a tree in memory has its pages");
    }
    state
}

pub fn checkpoint() -> Checkpoint {
    let (block, state) = (header().hash(), state().root());
    let origin = origin(&genesis().chain(), &property());
    Checkpoint { origin, size: 5, root: tree().root(), height: 1, block, state, view: 2 }
}

/// The checkpoint, signed by the domain's owner and cosigned by both hosts.
pub fn note() -> SignedNote {
    let (chain, text) = (genesis().chain(), checkpoint().to_string());
    let mut note = SignedNote::new(text.clone()).expect("a checkpoint is a note's text");
    let log = key("land-registry", Purpose::Log);
    let name = origin(&chain, &property());
    let signer = VerifierKey::new(name, Algorithm::Ed25519, *log.public().as_bytes()).expect("a valid name");
    note.add(signer.signature(&log.sign(text.as_bytes())));
    for (host, time_s) in [("data-bureau", 1_700_000_001), ("land-registry", 1_700_000_002)] {
        let key = key(host, Purpose::Host);
        let (name, public) = (host_name(&chain, &agency(host)), *key.public().as_bytes());
        let signer = VerifierKey::new(name, Algorithm::CosignatureV1, public).expect("a valid name");
        note.add(signer.cosignature(time_s, &key.sign(&cosignature_message(&text, time_s))));
    }
    note
}

pub(crate) fn forms() -> Vec<Form> {
    let (applied, refused) = (opening(Outcome::Applied), opening(Outcome::Refused("parcel_seized".into())));
    let (entry, tree, state, record) = (entry(2), tree(), state(), parcel());
    let salt = record_salt(&[1; 16], &record);
    let mut frontier = Frontier::new();
    frontier.extend((1..=5).map(|n| leaf_hash(&self::entry(n).encode())));
    let prove =
        |name: &str| state.prove(&StateKey::of(&parse(name))).expect("a tree in memory has its pages");
    let path = tree.path(1).expect("the second of five");
    let proof = TlogProof { extra: Some(b"extra".to_vec()), index: 1, path, checkpoint: note() };
    let key = StateKey::of(&record);
    vec![
        Form::new("entry").bytes("leaf", entry.encode()).text("leaf_hash", leaf_hash(&entry.encode())),
        Form::new("opening")
            .bytes("applied", applied.encode())
            .text("applied_hash", applied.hash())
            .bytes("refused", refused.encode())
            .text("refused_hash", refused.hash()),
        Form::new("record")
            .bytes("salt", salt)
            .text("hash", record_hash(property(), &record, 1, &salt, Some(b"value")))
            .text("deleted", record_hash(property(), &record, 2, &salt, None))
            .text("of_membership", record_hash(Domain::MEMBERSHIP, &record, 1, &[0; 16], Some(b"value"))),
        Form::new("log")
            .text("root_of_none", log::EMPTY_ROOT)
            .text("root_of_five", tree.root())
            .bytes("frontier_of_five", frontier.encode()),
        Form::new("state")
            .text("key", key.0)
            .text("root_of_none", MemoryTree::new().root())
            .text("root_of_five", state.root())
            .bytes("head", state.head().encode())
            .bytes("presence", prove("record-3").encode())
            .bytes("absence", prove("record-9").encode()),
        Form::new("checkpoint").text("text", checkpoint()).text("note", note()),
        Form::new("proof").text("text", proof),
    ]
}
