//! What agencies sign and what ingest answers: bodies, transactions, groups, segments, acceptances.

use bytes::Bytes;
use hutong_ledger::{
    acceptance::{Acceptance, Statement},
    block::Segment,
    epoch::Purpose,
    hash::Hash,
    log::{self, leaf_hash},
    transaction::{Body, Signature, Transaction},
};
use hutong_wire::transaction::{encode_body, encode_group, encode_segment};

use crate::{
    Form,
    city::{agency, genesis, key, key_id, property},
};

/// A transaction that the registry submits and the notary signs too.
pub fn transaction(n: u8) -> Transaction {
    let body = Body {
        chain: genesis().chain(),
        domain: property(),
        agency: agency("land-registry"),
        signers: vec![agency("land-registry"), agency("notary")],
        actor: "clerk-7".into(),
        nonce: [n; 16],
        not_after_ms: 1_700_000_600_000 + u64::from(n),
        action: Bytes::copy_from_slice(&[0x0a, 2, b'p', n]),
    };
    let mut tx = Transaction::new(encode_body(&body), body, Vec::new());
    let message = tx.message();
    let sign = |name: &str| Signature {
        agency: agency(name),
        key: key_id(name, Purpose::Signing),
        bytes: key(name, Purpose::Signing).sign(&message),
    };
    tx.signatures = vec![sign("land-registry"), sign("notary")];
    tx
}

pub fn acceptance() -> Acceptance {
    let txs = [1, 2, 3].map(transaction);
    let tree = log::Tree::new(txs.iter().map(|tx| leaf_hash(&tx.id.0)));
    let statement = Statement {
        chain: genesis().chain(),
        domain: property(),
        agency: agency("data-bureau"),
        key: key_id("data-bureau", Purpose::Ingest),
        root: tree.root(),
        size: 3,
        incarnation: 1_700_000_000_001,
        sequence: 42,
        deadline_ms: 1_700_000_060_000,
    };
    let signature = key("data-bureau", Purpose::Ingest).sign(&statement.message());
    Acceptance { statement, signature, index: 1, path: tree.path(1).expect("the second of three") }
}

pub(crate) fn forms() -> Vec<Form> {
    let (tx, acceptance) = (transaction(1), acceptance());
    let segment = Segment { domain: property(), transactions: vec![transaction(1), transaction(2)] };
    vec![
        Form::new("transaction")
            .bytes("body", &tx.body_bytes)
            .bytes("signed_message", tx.message())
            .text("id", tx.id)
            .bytes("group_of_one", encode_group([&tx])),
        Form::new("segment")
            .text("root", segment.root())
            .bytes("message", encode_segment(&Hash([9; 32]), &segment)),
        Form::new("acceptance")
            .bytes("signed_message", acceptance.statement.message())
            .bytes("bytes", acceptance.encode())
            .document("json", &acceptance),
    ]
}
