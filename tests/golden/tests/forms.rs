//! The forms made today against the files of the day they were new.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fs};

use hutong_disclosure::decode_strict;
use hutong_ledger::{
    acceptance::Acceptance,
    block::{Header, Proposal},
    entry::{Entry, Opening},
    epoch::Epoch,
    genesis::Genesis,
    note::{Checkpoint, SignedNote},
    proof::TlogProof,
    segment_request::SegmentRequest,
    state_tree::{Head, StateProof},
    vote::{Certificate, Status, Vote},
};
use hutong_peer::agency::Cosigned;
use hutong_test_golden::{blocks, city, folder, forms, golden, transactions};
use hutong_wire::{
    prost::Message,
    v1::{catalogue, disclosure, vault},
};

#[test]
fn forms_never_change() {
    let write = std::env::var_os("HUTONG_GOLDEN").is_some_and(|mode| mode == "write");
    for form in forms() {
        match golden(form.name).unwrap() {
            Some(golden) => assert_eq!(
                form.parts, golden,
                "{} changed. What was signed and stored so must stay readable: make a new form beside it, and leave the \
                 golden file as it is",
                form.name
            ),
            None if write => form.write_new().unwrap(),
            None => panic!("{} has no golden file; `make golden` writes it", form.name),
        }
    }
}

#[test]
fn every_golden_file_has_its_form() {
    let names: BTreeSet<String> = forms().iter().map(|form| format!("{}.json", form.name)).collect();
    let files = fs::read_dir(folder()).unwrap();
    let files: BTreeSet<String> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(files.difference(&names).collect::<Vec<_>>(), Vec::<&String>::new());
}

fn part(form: &str, label: &str) -> String {
    let golden = golden(form).unwrap().expect("a golden file");
    golden[label].as_str().unwrap().to_owned()
}

fn bytes(form: &str, label: &str) -> Vec<u8> {
    hex::decode(part(form, label)).unwrap()
}

/// The files alone, without what made them, read back and come out the same.
#[test]
fn golden_bytes_are_read() {
    macro_rules! reads {
        ($($form:literal $label:literal $type:ty;)*) => {
            $(
                let golden = bytes($form, $label);
                assert_eq!(<$type>::decode(&golden).unwrap().encode(), golden, "{} {}", $form, $label);
            )*
        };
    }
    reads! {
        "epoch" "bytes" Epoch;
        "genesis" "bytes" Genesis;
        "genesis" "header" Header;
        "header" "bytes" Header;
        "proposal" "bytes" Proposal;
        "proposal" "repeat" Proposal;
        "vote" "bytes" Vote;
        "certificate" "bytes" Certificate;
        "status" "bytes" Status;
        "status" "without_certificate" Status;
        "segment_request" "bytes" SegmentRequest;
        "cosigned" "bytes" Cosigned;
        "acceptance" "bytes" Acceptance;
        "entry" "leaf" Entry;
        "opening" "applied" Opening;
        "opening" "refused" Opening;
        "state" "head" Head;
        "state" "presence" StateProof;
        "state" "absence" StateProof;
    }
    assert_eq!(
        part("checkpoint", "text").parse::<Checkpoint>().unwrap().to_string(),
        part("checkpoint", "text")
    );
    assert_eq!(
        part("checkpoint", "note").parse::<SignedNote>().unwrap().to_string(),
        part("checkpoint", "note")
    );
    assert_eq!(part("proof", "text").parse::<TlogProof>().unwrap().to_string(), part("proof", "text"));
    let group = hutong_wire::transaction::decode_group(bytes("transaction", "group_of_one").into()).unwrap();
    let tx = group[0].as_ref().unwrap();
    assert_eq!(
        (tx.id.to_string(), &tx.body_bytes[..]),
        (part("transaction", "id"), &bytes("transaction", "body")[..])
    );
    let (_, segment) = hutong_wire::transaction::decode_segment(bytes("segment", "message").into()).unwrap();
    assert_eq!(segment.root().to_string(), part("segment", "root"));
}

/// Records and actions of disclosure and of the catalogue are what they were, to the byte.
#[test]
fn golden_records_of_disclosure_are_read() {
    fn same<M: Message + Default>(form: &str, label: &str) {
        let golden = bytes(form, label);
        assert_eq!(decode_strict::<M>(&golden).unwrap().encode_to_vec(), golden, "{form} {label}");
    }
    same::<disclosure::Person>("disclosure_records", "person");
    same::<disclosure::Access>("disclosure_records", "access");
    same::<disclosure::AccessIndex>("disclosure_records", "index");
    same::<disclosure::AccessEntry>("disclosure_records", "entry");
    same::<disclosure::Consent>("disclosure_records", "consent");
    same::<disclosure::Hold>("disclosure_records", "hold");
    same::<disclosure::Erasure>("disclosure_records", "erasure");
    same::<disclosure::AgreementUse>("disclosure_records", "agreement_use");
    same::<disclosure::Envelope>("disclosure_action", "request");
    for label in [
        "register_person",
        "update_person",
        "give_consent",
        "withdraw_consent",
        "place_hold",
        "lift_hold",
        "erase",
        "confirm_unrecoverable",
    ] {
        same::<disclosure::Envelope>("disclosure_actions", label);
    }
    same::<vault::Opening>("release", "opening");
    for label in ["dataset", "dataset_withdrawn"] {
        same::<catalogue::Dataset>("catalogue_records", label);
    }
    for label in ["agreement", "agreement_revoked"] {
        same::<catalogue::Agreement>("catalogue_records", label);
    }
    for label in ["publish", "withdraw", "agree", "revoke"] {
        same::<catalogue::Action>("catalogue_actions", label);
    }
}

/// The signatures in the files verify under the epoch in the files.
#[test]
fn golden_signatures_verify() {
    let genesis = Genesis::decode(&bytes("genesis", "bytes")).unwrap();
    let (chain, epoch) = (genesis.chain(), &genesis.epoch);
    assert_eq!(chain.to_string(), part("genesis", "chain"));
    assert!(Proposal::decode(&bytes("proposal", "bytes")).unwrap().signed(epoch));
    assert!(Proposal::decode(&bytes("proposal", "repeat")).unwrap().signed(epoch));
    assert!(Vote::decode(&bytes("vote", "bytes")).unwrap().verifies(epoch));
    let certificate = Certificate::decode(&bytes("certificate", "bytes")).unwrap();
    assert!(certificate.verifies(chain, epoch, &[city::property()]));
    assert!(Status::decode(&bytes("status", "bytes")).unwrap().verifies(epoch));
    let acceptance = Acceptance::decode(&bytes("acceptance", "bytes")).unwrap();
    acceptance.verify(chain, epoch, &transactions::transaction(2).id).unwrap();
    let tx = transactions::transaction(1);
    for (public, signature) in tx.to_verify(epoch).unwrap() {
        assert!(hutong_ledger::hash::verify_ed25519(&public, &tx.message(), &signature));
    }
    assert_eq!(blocks::header().hash().to_string(), part("header", "hash"));
}
