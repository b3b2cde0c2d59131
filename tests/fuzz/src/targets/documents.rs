//! Documents that people carry: notes, receipts, trust files, key files, forms of agencies.

use hutong_ledger::{
    id::AgencyId,
    note::{Checkpoint, SignedNote, VerifierKey},
    proof::TlogProof,
    receipt::{Receipt, StateReceipt, TrustFile, verify, verify_state},
};
use hutong_membership::joint;

use crate::{Form, Target, corpus};

pub(super) fn targets() -> Vec<Target> {
    let text = |name, check| Target { name, check, form: Form::Text };
    vec![
        text("checkpoint", written::<Checkpoint>),
        text("note", written::<SignedNote>),
        text("verifier_key", written::<VerifierKey>),
        text("tlog_proof", written::<TlogProof>),
        text("receipt", receipt),
        text("state_receipt", state_receipt),
        text("trust", trust),
        text("genesis_file", genesis),
        text("joint_file", joint_file),
        text("access_list", |bytes| drop(hutong_disclosure::accesses::verify(bytes, &trusted()))),
        text("admission", admission),
    ]
}

/// What is read is written as it was, or at least as what reads as the same.
fn written<T: std::str::FromStr + ToString>(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(read) = text.parse::<T>() {
        let again = read.to_string();
        let twice = again.parse::<T>().unwrap_or_else(|_| panic!("{again:?} does not read")).to_string();
        assert_eq!(twice, again);
    }
}

fn trusted() -> TrustFile {
    let file = corpus("trust").into_iter().find(|(name, _)| name == "trust.json").unwrap().1;
    serde_json::from_slice(&file).unwrap()
}

fn receipt(bytes: &[u8]) {
    if let Ok(verified) = verify(bytes, &trusted()) {
        // Whatever was changed, what it proves is what was proved: the id is that of a receipt of the corpus.
        let known = corpus("receipt").into_iter().filter_map(|(_, file)| verify(&file, &trusted()).ok());
        assert!(known.into_iter().any(|known| known == verified), "a forged receipt verifies: {verified:?}");
    }
    if let Ok(receipt) = serde_json::from_slice::<Receipt>(bytes) {
        let again = serde_json::to_vec(&receipt).unwrap();
        let twice: Receipt = serde_json::from_slice(&again).expect("what was written reads");
        assert_eq!(serde_json::to_vec(&twice).unwrap(), again);
    }
}

fn state_receipt(bytes: &[u8]) {
    if let Ok(verified) = verify_state(bytes, &trusted()) {
        let known =
            corpus("state_receipt").into_iter().filter_map(|(_, file)| verify_state(&file, &trusted()).ok());
        assert!(known.into_iter().any(|known| known == verified), "a forged proof verifies: {verified:?}");
    }
    if let Ok(receipt) = serde_json::from_slice::<StateReceipt>(bytes) {
        assert!(serde_json::to_vec(&receipt).is_ok());
    }
}

fn trust(bytes: &[u8]) {
    let Ok(trust) = serde_json::from_slice::<TrustFile>(bytes) else { return };
    for (_, file) in corpus("receipt").iter().take(1) {
        let _ = verify(file, &trust);
    }
    let again = serde_json::to_vec(&trust).unwrap();
    assert!(serde_json::from_slice::<TrustFile>(&again).is_ok());
}

fn genesis(bytes: &[u8]) {
    use hutong_ledger::genesis::Genesis;
    let Ok(genesis) = serde_json::from_slice::<Genesis>(bytes) else { return };
    if genesis.check().is_ok() {
        assert_eq!(Genesis::decode(&genesis.encode()).expect("a sound genesis decodes"), genesis);
    }
}

fn joint_file(bytes: &[u8]) {
    let Ok(file) = serde_json::from_slice::<joint::File>(bytes) else { return };
    let trust = trusted();
    if let Ok(joint) = file.open(trust.chain, &trust.epoch, 1_700_000_000_000) {
        let _ =
            (joint.may_sign(&trust.epoch, &"land".parse::<AgencyId>().unwrap(), &[7; 32]), joint.complete());
    }
}

fn admission(bytes: &[u8]) {
    let (Ok(text), trust) = (std::str::from_utf8(bytes), trusted()) else { return };
    let _ = hutong::deploy::admission::read(text, &trust.chain, &trust.epoch);
}
