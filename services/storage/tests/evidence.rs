//! Who signs what excludes itself, or what a quorum contradicts, changes nothing, and is shown to have done it by a document that
//! verifies with the trust file alone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::{path::Path, time::Duration};

use hutong_ledger::{
    epoch::Purpose,
    evidence::{self, Misdeed, Proven},
    hash::sha256,
    id::{Domain, KeyId},
    note::{Checkpoint, cosignature_message, origin},
    receipt::TrustFile,
};
use hutong_peer::{
    ExecutedBlock,
    agency::{Cosignature, Cosigned},
    subjects,
};
use support::*;

/// The agency that misbehaves; it runs no node.
const LIAR: usize = 3;

/// The evidence of a node, once it is there.
async fn found(node: &Path, name: &str, trust: &TrustFile) -> Proven {
    let path = node.join("evidence").join(name);
    let there = async {
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), there).await.expect("the evidence is kept");
    evidence::verify(&std::fs::read(&path).unwrap(), trust).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agency_that_votes_twice_is_convicted_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = genesis(4);
    let trust = TrustFile::of(&genesis);
    let (bus, mut maker) = (bus(), Maker::new(&genesis));
    let place = |at: usize| dir.path().join(at.to_string());
    let nodes = [0, 1, 2].map(|at| Node::start(at, &genesis, &bus, &place(at)));
    for at in [0, 1, 2] {
        tip(&bus, at).await;
    }
    let block = maker.block(&["a=1"]);
    for node in &nodes[..2] {
        node.submit(&block).await;
    }
    // Its first vote completes the certificate, so it was checked. The height is not final: two of four cosign.
    let (honest, other) = (vote(LIAR, &block, block.hash), vote(LIAR, &block, sha256(&[b"another block"])));
    publish(&bus, subjects::vote(&name(LIAR)), honest.encode()).await;
    while tip(&bus, 0).await.certified < 1 || tip(&bus, 1).await.certified < 1 {
        tokio::task::yield_now().await;
    }
    publish(&bus, subjects::vote(&name(LIAR)), other.encode()).await;
    for at in [0, 1] {
        let proven = found(&place(at), "two-votes-1-0-agency-3.json", &trust).await;
        assert_eq!(proven.agency, name(LIAR));
        let Misdeed::TwoVotes { blocks, .. } = proven.misdeed else { panic!("{proven:?}") };
        assert_eq!(blocks, [block.hash, other.ballot.block]);
    }
    // What it voted for first becomes final all the same.
    nodes[2].submit(&block).await;
    for node in nodes {
        node.final_at(1).await;
        node.stop().await.unwrap();
    }
}

/// A host's cosignatures on made-up results of a block.
fn made_up(block: &ExecutedBlock) -> Cosigned {
    let key = key(LIAR, Purpose::Host);
    let header = &block.proposal.header;
    let cosignature = |domain: Domain| {
        let (size, root, state, time_s) = (1, sha256(&[b"root"]), sha256(&[b"state"]), 7);
        let checkpoint = Checkpoint {
            origin: origin(&header.chain, &domain),
            size,
            root,
            height: header.height,
            block: block.hash,
            state,
            view: 0,
        };
        let signature = key.sign(&cosignature_message(&checkpoint.to_string(), time_s));
        Cosignature { domain, size, root, state, time_s, signature, log_signature: None }
    };
    Cosigned {
        chain: header.chain,
        agency: name(LIAR),
        key: KeyId::of(key.public().as_bytes()),
        height: header.height,
        block: block.hash,
        view: 0,
        notes: [Domain::MEMBERSHIP, notes()].map(cosignature).into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_signs_another_result_is_convicted_once_a_quorum_stands_for_the_right_one() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = genesis(4);
    let trust = TrustFile::of(&genesis);
    let (bus, mut maker) = (bus(), Maker::new(&genesis));
    let place = |at: usize| dir.path().join(at.to_string());
    let nodes = [0, 1, 2].map(|at| Node::start(at, &genesis, &bus, &place(at)));
    let block = maker.block(&["a=1"]);
    for at in [0, 1, 2] {
        tip(&bus, at).await;
    }
    publish(&bus, subjects::cosign(&name(LIAR)), made_up(&block).encode()).await;
    for node in &nodes {
        node.submit(&block).await;
    }
    for node in &nodes {
        node.final_at(1).await;
    }
    for (at, file) in
        [(0, "other-roots-1-notes-agency-3.json"), (2, "other-roots-1-membership-agency-3.json")]
    {
        let proven = found(&place(at), file, &trust).await;
        assert_eq!(proven.agency, name(LIAR));
        let Misdeed::OtherRoots { height, block: of, quorum, .. } = proven.misdeed else {
            panic!("{proven:?}")
        };
        assert_eq!((height, of, quorum.cosigners.len()), (1, block.hash, 3));
    }
    for node in nodes {
        node.stop().await.unwrap();
    }
}
