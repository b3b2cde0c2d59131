//! What binds an agency: promises, votes, cosignatures, time, and what happens when results differ.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::{sync::Arc, time::Duration};

use hutong_bus::SharedBus;
use hutong_ledger::{
    block::Segment,
    epoch::Purpose,
    execute::Records,
    id::KeyId,
    invariant::Invariant,
    segment_request::{SegmentRequest, Wanted},
    vote::{HostSignature, Status},
};
use hutong_peer::{
    ExecutedBlock, StoragePeer, Submitted,
    agency::{Answer, Ask, ask},
    subjects,
};
use hutong_runtime::{Clock, ManualClock, SystemClock};
use hutong_storage::Error;
use support::*;

async fn question(bus: &SharedBus, agency: usize, question: Ask) -> Answer {
    ask(&**bus, &name(agency), &question, Duration::from_secs(10)).await.unwrap()
}

async fn status(bus: &SharedBus, agency: usize, height: u64, view: u32) -> Status {
    match question(bus, agency, Ask::Status { height, view }).await {
        Answer::Status(status) => Status::decode(&status).unwrap(),
        other => panic!("{other:?}"),
    }
}

async fn certified(bus: &SharedBus, agency: usize) -> u64 {
    tip(bus, agency).await.certified
}

async fn until_certified(bus: &SharedBus, agency: usize, height: u64) {
    while certified(bus, agency).await < height {
        tokio::task::yield_now().await;
    }
}

/// Another block at the height of the given one, on the same parent.
fn rival(maker: &mut Maker, of: &ExecutedBlock, view: u32, statuses: Vec<Status>) -> Arc<ExecutedBlock> {
    let tx = maker.transaction(notes(), b"rival=1");
    let segment = Segment { domain: notes(), transactions: vec![tx] };
    let mut header = of.proposal.header.clone();
    header.segments[0].root = segment.root();
    let epoch = maker.epoch.clone();
    execute(&header, &epoch, vec![segment], &mut Records::new(), view, statuses)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certified_block_is_repeated_and_a_promise_holds_across_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = genesis(4);
    let (bus, mut maker) = (bus(), Maker::new(&genesis));
    let start = |at: usize| Node::start(at, &genesis, &bus, &dir.path().join(at.to_string()));
    let mut nodes = vec![start(0), start(1)];
    let block = maker.block(&["a=1"]);
    for node in &nodes {
        node.submit(&block).await;
    }
    // Both voted in view 0 and now promise view 1; the same question gets the same bytes, also after a restart.
    let promises = [status(&bus, 0, 1, 1).await, status(&bus, 1, 1, 1).await];
    assert!(promises.iter().all(|status| status.certificate.is_none() && status.verifies(&genesis.epoch)));
    assert_eq!(status(&bus, 0, 1, 1).await, promises[0]);
    nodes.remove(0).stop().await.unwrap();
    nodes.insert(0, start(0));
    nodes[0].submit(&block).await;
    assert_eq!(status(&bus, 0, 1, 1).await, promises[0]);

    // The others come late: with the votes of the first two the block is certified in view 0.
    nodes.extend([start(2), start(3)]);
    for node in &nodes[2..] {
        node.submit(&block).await;
    }
    until_certified(&bus, 2, 1).await;
    until_certified(&bus, 3, 1).await;
    // But who promised does not cosign in view 0: it cannot become final there.
    let third = status(&bus, 2, 1, 1).await;
    assert_eq!(third.certificate.as_ref().map(|c| c.block), Some(block.hash));
    for node in &nodes {
        assert_eq!(node.storage.wait_final(0, Duration::ZERO).await.unwrap(), 0);
    }
    // So the next view repeats it, and there it does. What was built on it stays.
    let statuses = vec![promises[0].clone(), promises[1].clone(), third];
    let child = maker.block(&["a=2"]);
    nodes[3].submit(&child).await;
    let repeat = in_view(&block, 1, statuses);
    for node in &nodes {
        node.submit(&repeat).await;
    }
    for node in &nodes[..3] {
        node.submit(&child).await;
    }
    for node in &nodes {
        node.final_at(2).await;
    }
    // A final height answers with its certificate.
    let after = status(&bus, 1, 1, 7).await;
    assert!(after.verifies(&genesis.epoch) && after.certificate.is_some_and(|c| c.block == block.hash));
    for node in nodes {
        assert_eq!(node.invariants.iter().map(|(_, count)| count).sum::<u64>(), 0);
        node.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uncertified_block_is_superseded_with_all_above_it() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = genesis(4);
    let (bus, mut maker) = (bus(), Maker::new(&genesis));
    let start = |at: usize| Node::start(at, &genesis, &bus, &dir.path().join(at.to_string()));
    let mut nodes: Vec<Node> = (0..3).map(start).collect();
    let lost = maker.block(&["a=1"]);
    let child = maker.block(&["a=2"]);
    nodes[0].submit(&lost).await;
    nodes[0].submit(&child).await;
    let statuses = [status(&bus, 0, 1, 1).await, status(&bus, 1, 1, 1).await, status(&bus, 2, 1, 1).await];
    let fresh = rival(&mut maker, &lost, 1, statuses.to_vec());
    let below = rival(&mut maker, &lost, 0, Vec::new());
    assert!(matches!(nodes[0].offer(&below).await, Submitted::Refused { .. }), "a rival in the same view");
    // One restarts with the lost block in its archive; it takes the fresh one all the same.
    nodes.remove(0).stop().await.unwrap();
    nodes.insert(0, start(0));
    nodes[0].submit(&lost).await;
    for node in &nodes {
        node.submit(&fresh).await;
        assert_eq!(node.storage.standing().await.unwrap().next_height, 2);
    }
    for node in &nodes {
        node.final_at(1).await;
        assert!(node.storage.record(record("a"), None).await.unwrap().is_none());
        assert!(node.storage.record(record("rival"), None).await.unwrap().is_some());
        assert!(matches!(node.offer(&lost).await, Submitted::Refused { .. }));
    }
    for node in nodes {
        node.stop().await.unwrap();
    }
}

/// Whoever orders for the agency sees by this that the block has to come again: in the lower view it can't become final.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_below_a_promise_no_longer_counts_as_one() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = genesis(4);
    let (bus, mut maker) = (bus(), Maker::new(&genesis));
    let start = |at: usize| Node::start(at, &genesis, &bus, &dir.path().join(at.to_string()));
    let nodes = [0, 1].map(start);
    let block = maker.block(&["a=1"]);
    for node in &nodes {
        node.submit(&block).await;
    }
    // The third vote makes the certificate; two of four cosignatures make nothing final.
    tip(&bus, 0).await;
    publish(&bus, subjects::vote(&name(2)), vote(2, &block, block.hash).encode()).await;
    until_certified(&bus, 0, 1).await;
    let promise = status(&bus, 0, 1, 1).await;
    assert!(promise.certificate.is_some_and(|held| held.block == block.hash), "it obliges to the same block");
    assert_eq!(certified(&bus, 0).await, 0);
    // Repeated in the view that was promised, it is certified and becomes final.
    let others = [status(&bus, 1, 1, 1).await, status(&bus, 0, 1, 1).await];
    let third = start(2);
    tip(&bus, 2).await;
    let statuses = others.into_iter().chain([status(&bus, 2, 1, 1).await]).collect::<Vec<_>>();
    third.submit(&block).await;
    let repeat = in_view(&block, 1, statuses);
    for node in nodes.iter().chain([&third]) {
        node.submit(&repeat).await;
    }
    for node in nodes.into_iter().chain([third]) {
        node.final_at(1).await;
        node.stop().await.unwrap();
    }
}

/// Another block at the height of the given one, with the same transactions, on another parent.
fn onto(maker: &Maker, of: &ExecutedBlock, parent: &ExecutedBlock) -> Arc<ExecutedBlock> {
    let mut header = of.proposal.header.clone();
    header.prev = parent.hash;
    let segments = of.segments.iter().map(|part| part.segment.clone()).collect();
    execute(&header, &maker.epoch, segments, &mut Records::new(), 0, Vec::new())
}

/// What stood on a superseded block is in the archive and nowhere else: another block of its height and view takes its place.
#[tokio::test(flavor = "multi_thread")]
async fn what_stood_on_a_superseded_block_keeps_nobody_from_what_stands_on_the_fresh_one() {
    for restarted_again in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let genesis = genesis(4);
        let (bus, mut maker) = (bus(), Maker::new(&genesis));
        let start = |at: usize| Node::start(at, &genesis, &bus, &dir.path().join(at.to_string()));
        let mut nodes: Vec<Node> = (0..3).map(start).collect();
        let lost = maker.block(&["a=1"]);
        let child = maker.block(&["a=2"]);
        nodes[0].submit(&lost).await;
        nodes[0].submit(&child).await;
        let statuses =
            [status(&bus, 0, 1, 1).await, status(&bus, 1, 1, 1).await, status(&bus, 2, 1, 1).await];
        let fresh = rival(&mut maker, &lost, 1, statuses.to_vec());
        let again = onto(&maker, &child, &fresh);
        // It restarts with the lost block and its child in the archive.
        nodes.remove(0).stop().await.unwrap();
        nodes.insert(0, start(0));
        for node in &nodes {
            node.submit(&fresh).await;
        }
        for node in &nodes {
            node.final_at(1).await;
        }
        if restarted_again {
            nodes.remove(0).stop().await.unwrap();
            nodes.insert(0, start(0));
        }
        assert!(nodes[0].storage.archived(2).await.unwrap().is_none(), "the lost child is not in the lane");
        for node in &nodes {
            node.submit(&again).await;
        }
        for node in nodes {
            node.final_at(2).await;
            node.stop().await.unwrap();
        }
    }
}

fn record(id: &str) -> hutong_ledger::id::RecordKey {
    hutong_ledger::id::RecordKey { domain: notes(), record: id.parse().unwrap() }
}

/// The same block with a result that an honest execution does not come to.
fn falsified(block: &ExecutedBlock) -> Arc<ExecutedBlock> {
    let mut other = Arc::into_inner(in_view(block, block.proposal.view, Vec::new())).unwrap();
    let executed = &mut other.segments[0].result.executed[0];
    executed.changes[0].hash.0[0] ^= 1;
    Arc::new(other)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_to_other_roots_than_the_rest_stops() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = genesis(4);
    let (bus, mut maker) = (bus(), Maker::new(&genesis));
    let start = |at: usize| Node::start(at, &genesis, &bus, &dir.path().join(at.to_string()));
    let mut nodes: Vec<Node> = (0..4).map(start).collect();
    let block = maker.block(&["a=1"]);
    nodes[3].submit(&falsified(&block)).await;
    for node in &nodes[..3] {
        node.submit(&block).await;
    }
    let fault = nodes.remove(3).ended().await;
    assert!(matches!(fault, Error::Broken { invariant: Invariant::Same, height: 1, .. }), "{fault}");
    for node in nodes {
        node.final_at(1).await;
        node.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_signed_must_come_out_the_same_again() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = genesis(1);
    let (bus, mut maker) = (bus(), Maker::new(&genesis));
    let place = dir.path().join("0");
    let node = Node::start(0, &genesis, &bus, &place);
    let block = maker.block(&["a=1"]);
    node.submit(&block).await;
    node.final_at(1).await;
    node.stop().await.unwrap();
    // The final state is gone, so the block is executed again, this time wrongly.
    std::fs::remove_file(place.join("state.redb")).unwrap();
    let node = Node::start(0, &genesis, &bus, &place);
    node.submit(&falsified(&block)).await;
    let fault = node.ended().await;
    assert!(matches!(fault, Error::Broken { invariant: Invariant::Same, height: 1, .. }), "{fault}");
    // Nothing was signed anew, and a right execution goes on.
    let node = Node::start(0, &genesis, &bus, &place);
    node.submit(&block).await;
    node.final_at(1).await;
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_waits_for_its_time_and_a_late_one_is_not_voted_for() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = genesis(1);
    let (bus, mut maker) = (bus(), Maker::new(&genesis));
    let early = maker.block(&["a=1"]);
    let time_ms = early.proposal.header.time_ms;
    let clock = ManualClock::at(time_ms - 700);
    let node = Node::start_at(0, &genesis, &bus, dir.path(), Arc::new(clock.clone()));
    node.submit(&early).await;
    assert_eq!(certified(&bus, 0).await, 0, "its time is 700 ms ahead");
    clock.advance(Duration::from_millis(200));
    until_certified(&bus, 0, 1).await;
    node.stop().await.unwrap();

    // The first header is seen 10 s after its time and a bit: the second, of the same time, comes too late.
    for (seen_after_ms, voted) in [(10_100, 0), (9_000, 1)] {
        let dir = tempfile::tempdir().unwrap();
        let mut maker = Maker::new(&genesis);
        let blocks = [maker.block(&["a=1"]), maker.block(&["a=2"])];
        let clock = ManualClock::at(blocks[1].proposal.header.time_ms + seen_after_ms);
        let node = Node::start_at(0, &genesis, &bus, dir.path(), Arc::new(clock));
        node.submit(&blocks[0]).await;
        node.final_at(1).await;
        node.submit(&blocks[1]).await;
        if voted == 1 {
            node.final_at(2).await;
        } else {
            assert_eq!(question(&bus, 0, Ask::Votes { from: 2 }).await, Answer::Votes(Vec::new()));
        }
        node.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_young_height_gets_no_status() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = genesis(4);
    let (bus, mut maker) = (bus(), Maker::new(&genesis));
    let clock = ManualClock::at(SystemClock::new().unix_ms());
    let node = Node::start_at(0, &genesis, &bus, dir.path(), Arc::new(clock.clone()));
    node.submit(&maker.block(&["a=1"])).await;
    let refused = |answer| matches!(answer, Answer::Refused(_));
    assert!(refused(question(&bus, 0, Ask::Status { height: 1, view: 1 }).await));
    assert!(refused(question(&bus, 0, Ask::Status { height: 3, view: 1 }).await));
    clock.advance(Duration::from_millis(500));
    assert!(!refused(question(&bus, 0, Ask::Status { height: 1, view: 3 }).await));
    assert!(refused(question(&bus, 0, Ask::Status { height: 1, view: 2 }).await), "view 3 is promised");
    assert!(refused(question(&bus, 0, Ask::Status { height: 1, view: 0 }).await));
    node.stop().await.unwrap();
}

fn signed(wanted: Wanted, agency: usize, purpose: Purpose) -> Ask {
    let key = key(agency, purpose);
    let bytes = key.sign(&wanted.message());
    let signature = HostSignature { agency: name(agency), key: KeyId::of(key.public().as_bytes()), bytes };
    Ask::Segment(Box::new(SegmentRequest { wanted, signature }))
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_are_only_for_the_domains_hosts() {
    let dir = tempfile::tempdir().unwrap();
    let mut genesis = genesis(4);
    // Agency 3 is of the city, but does not host the notes.
    let rules = genesis.epoch.domains.iter_mut().find(|rules| rules.domain == notes()).unwrap();
    rules.hosts.retain(|host| host.agency != name(3));
    let (bus, mut maker) = (bus(), Maker::new(&genesis));
    let clock = Arc::new(ManualClock::at(SystemClock::new().unix_ms()));
    let node = Node::start_at(0, &genesis, &bus, dir.path(), clock.clone());
    let block = maker.block(&["a=1"]);
    node.submit(&block).await;
    let now = clock.unix_ms();
    let good = Wanted {
        chain: genesis.chain(),
        domain: notes(),
        height: 1,
        block: block.hash,
        not_after_ms: now + 30_000,
    };
    let raw = block.segments[0].raw.to_vec();
    for host in 0..3 {
        let answer = question(&bus, 0, signed(good, host, Purpose::Host)).await;
        assert_eq!(answer, Answer::Segment(raw.clone()), "host {host}");
    }
    let refused = |wanted, agency, purpose, reason: &'static str| {
        let bus = bus.clone();
        async move {
            match question(&bus, 0, signed(wanted, agency, purpose)).await {
                Answer::Refused(told) => assert!(told.contains(reason), "{told}"),
                other => panic!("{reason}: {other:?}"),
            }
        }
    };
    refused(good, 3, Purpose::Host, "does not host").await;
    refused(good, 1, Purpose::Signing, "host key").await;
    refused(Wanted { not_after_ms: now - 1, ..good }, 1, Purpose::Host, "ended").await;
    refused(Wanted { not_after_ms: u64::MAX, ..good }, 1, Purpose::Host, "from now").await;
    let other = "other-0123456789abcdef".parse().unwrap();
    refused(Wanted { chain: other, ..good }, 1, Purpose::Host, "chain").await;
    // Another's name over a host's signature, and words changed after signing.
    let Ask::Segment(mut forged) = signed(good, 1, Purpose::Host) else { panic!("a question") };
    forged.signature.agency = name(2);
    assert!(matches!(question(&bus, 0, Ask::Segment(forged)).await, Answer::Refused(_)));
    let Ask::Segment(mut longer) = signed(good, 1, Purpose::Host) else { panic!("a question") };
    longer.wanted.not_after_ms += 1;
    assert!(matches!(question(&bus, 0, Ask::Segment(longer)).await, Answer::Refused(_)));
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_are_handed_out_before_and_after_finality() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = genesis(1);
    let (bus, mut maker) = (bus(), Maker::new(&genesis));
    let node = Node::start(0, &genesis, &bus, dir.path());
    let block = maker.block(&["a=1"]);
    node.submit(&block).await;
    node.final_at(1).await;
    let wanted = |block, domain| {
        let chain = genesis.chain();
        let not_after_ms = SystemClock::new().unix_ms() + 30_000;
        signed(Wanted { chain, domain, height: 1, block, not_after_ms }, 0, Purpose::Host)
    };
    let raw = block.segments[0].raw.to_vec();
    assert_eq!(question(&bus, 0, wanted(block.hash, notes())).await, Answer::Segment(raw));
    let nothing = wanted(hutong_ledger::hash::Hash::ZERO, notes());
    assert_eq!(question(&bus, 0, nothing).await, Answer::Absent);
    let Answer::Certified { proposal, .. } = question(&bus, 0, Ask::Certified { height: 1 }).await else {
        panic!("certified");
    };
    assert_eq!(proposal, block.proposal.encode());
    node.stop().await.unwrap();
}
