//! Forms that are signed or hashed: what decodes must encode to the very bytes, or two sides could sign different ones.

use bytes::Bytes;
use hutong_journal::{Journal, Options, SyncPolicy};
use hutong_ledger::{
    acceptance::Acceptance,
    block::{Header, Proposal},
    entry::{Entry, Opening},
    epoch::Epoch,
    genesis::Genesis,
    log::Frontier,
    segment_request::SegmentRequest,
    state_tree::StateProof,
    vote::{Certificate, Status, Vote},
};
use hutong_peer::agency::{AgencyTip, Answer, Ask, Cosigned};
use hutong_wire::transaction::{
    decode_group, decode_segment, decode_transaction, encode_group, encode_segment,
};

use crate::{Form, Target};

macro_rules! canonical {
    ($name:literal, $type:ty) => {
        Target {
            name: $name,
            check: |bytes| {
                if let Ok(decoded) = <$type>::decode(bytes) {
                    assert_eq!(decoded.encode(), bytes, "{decoded:?}");
                }
            },
            form: Form::Bytes,
        }
    };
}

pub(super) fn targets() -> Vec<Target> {
    let fields = |name, check| Target { name, check, form: Form::Fields };
    vec![
        canonical!("header", Header),
        canonical!("proposal", Proposal),
        canonical!("vote", Vote),
        canonical!("certificate", Certificate),
        canonical!("status", Status),
        canonical!("cosigned", Cosigned),
        canonical!("segment_request", SegmentRequest),
        canonical!("acceptance", Acceptance),
        canonical!("entry", Entry),
        canonical!("opening", Opening),
        canonical!("epoch", Epoch),
        canonical!("genesis", Genesis),
        canonical!("log_frontier", Frontier),
        canonical!("state_proof", StateProof),
        canonical!("ask", Ask),
        canonical!("answer", Answer),
        canonical!("tip", AgencyTip),
        fields("transaction", transaction),
        fields("group", group),
        fields("segment", segment),
        Target { name: "journal", check: journal, form: Form::Bytes },
    ]
}

/// A transaction keeps the body's bytes as they were sent: its id and what is signed hang on them.
fn transaction(bytes: &[u8]) {
    let Ok(tx) = decode_transaction(Bytes::copy_from_slice(bytes)) else { return };
    let again =
        decode_group(encode_group([&tx])).expect("a group of one").remove(0).expect("the same transaction");
    assert_eq!((again.id, again.message(), &again.body), (tx.id, tx.message(), &tx.body));
    let _ = (tx.check_form(tx.body.chain, tx.body.domain), tx.check_time(1_700_000_000_000));
}

fn group(bytes: &[u8]) {
    let Ok(found) = decode_group(Bytes::copy_from_slice(bytes)) else { return };
    let found: Vec<_> = found.into_iter().flatten().collect();
    let again = decode_group(encode_group(&found)).expect("what was encoded decodes");
    let ids: Vec<_> = again.into_iter().map(|tx| tx.expect("so does each of them").id).collect();
    assert_eq!(ids, found.iter().map(|tx| tx.id).collect::<Vec<_>>());
}

fn segment(bytes: &[u8]) {
    let Ok((block, segment)) = decode_segment(Bytes::copy_from_slice(bytes)) else { return };
    let (same, again) = decode_segment(encode_segment(&block, &segment)).expect("what was encoded decodes");
    assert_eq!((same, again.root()), (block, segment.root()));
}

/// A journal takes any file: it opens, or says where it is damaged, and whatever it reads it can read again.
fn journal(bytes: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("00000000000000000001.journal"), bytes).unwrap();
    let options = Options { sync: SyncPolicy::WriteOnly, ..Options::default() };
    let Ok((journal, recovery)) = Journal::open(dir.path(), options) else { return };
    let read = journal.iter(1).map(|record| record.expect("opening read it through").position);
    assert_eq!(read.last().unwrap_or_default(), recovery.last_position);
}
