//! Transactions, groups and segments over the wire: what was signed travels unchanged, and bad bytes are told apart.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use bytes::Bytes;
use hutong_ledger::{
    block::{SEGMENT_TRANSACTIONS_MAX, Segment},
    hash::Hash,
    id::{AgencyId, Domain, KeyId, TxId},
    transaction::{BODY_BYTES_MAX, Body, SIGNERS_MAX, Signature, Transaction},
};
use hutong_wire::{
    Error,
    prost::Message,
    transaction::{
        decode_group, decode_segment, decode_transaction, encode_body, encode_group, encode_segment,
    },
    v1,
};
use proptest::{collection::vec, prelude::*};

fn body(n: u8) -> Body {
    Body {
        chain: "city-0123456789abcdef".parse().unwrap(),
        domain: "property".parse().unwrap(),
        agency: "registry".parse().unwrap(),
        signers: vec!["notary".parse().unwrap(), "registry".parse().unwrap()],
        actor: "clerk".into(),
        nonce: [n; 16],
        not_after_ms: 1_700_000_000_000 + u64::from(n),
        action: Bytes::from_static(b"\x0a\x01x"),
    }
}

fn transaction(n: u8) -> Transaction {
    let body = body(n);
    let signature =
        |agency: &AgencyId| Signature { agency: *agency, key: KeyId([n; 8]), bytes: [n.wrapping_add(1); 64] };
    let signatures = body.signers.iter().map(signature).collect();
    Transaction::new(encode_body(&body), body, signatures)
}

fn encode(tx: &Transaction) -> Bytes {
    v1::Transaction::from(tx).encode_to_vec().into()
}

/// A transaction whose message was changed before it was encoded.
fn changed(change: impl FnOnce(&mut v1::Transaction)) -> Result<Transaction, Error> {
    let mut message = v1::Transaction::from(&transaction(1));
    change(&mut message);
    decode_transaction(message.encode_to_vec().into())
}

fn with_body(change: impl FnOnce(&mut v1::TransactionBody)) -> Result<Transaction, Error> {
    let mut body = v1::TransactionBody::decode(transaction(1).body_bytes).unwrap();
    change(&mut body);
    changed(|tx| tx.body = body.encode_to_vec().into())
}

fn field(result: Result<Transaction, Error>) -> String {
    match result {
        Err(Error::Field { message, field, .. }) => format!("{message}.{field}"),
        other => panic!("a fault in a field expected, found {other:?}"),
    }
}

#[test]
fn what_is_encoded_reads_back() {
    let tx = transaction(1);
    assert_eq!(decode_transaction(encode(&tx)).unwrap(), tx);
    assert_eq!(tx.id, TxId::new(tx.body.not_after_ms, &tx.body_bytes));
}

/// Who signs may encode as it likes; the bytes that it signed are the transaction.
#[test]
fn a_body_is_kept_as_it_was_sent() {
    let tx = transaction(1);
    // A field that this version does not know, and one given twice: the last counts.
    let strange = [&tx.body_bytes[..], &[0xfa, 0x01, 1, 9], &tx.body_bytes[..]].concat();
    let read = changed(|message| message.body = strange.clone().into()).unwrap();
    assert_eq!((&read.body_bytes[..], read.id), (&strange[..], TxId::new(tx.body.not_after_ms, &strange)));
    assert_eq!(read.body.actor, tx.body.actor);
    let again = decode_transaction(encode(&read)).unwrap();
    assert_eq!(again, read);
}

#[test]
fn a_fault_names_its_field() {
    assert_eq!(field(with_body(|b| b.chain = "city".into())), "TransactionBody.chain");
    assert_eq!(field(with_body(|b| b.domain = "Property".into())), "TransactionBody.domain");
    assert_eq!(field(with_body(|b| b.agency = String::new())), "TransactionBody.agency");
    assert_eq!(field(with_body(|b| b.signers.push("no good".into()))), "TransactionBody.signers");
    assert_eq!(
        field(with_body(|b| b.signers = vec!["a".into(); SIGNERS_MAX + 1])),
        "TransactionBody.signers"
    );
    assert_eq!(field(with_body(|b| b.nonce = Bytes::from_static(b"short"))), "TransactionBody.nonce");
    assert_eq!(field(changed(|tx| tx.body = vec![0; BODY_BYTES_MAX + 1].into())), "Transaction.body");
    assert_eq!(field(changed(|tx| tx.signatures[0].key_id = Bytes::new())), "Signature.key_id");
    assert_eq!(field(changed(|tx| tx.signatures[1].bytes = vec![0; 63].into())), "Signature.bytes");
    assert_eq!(field(changed(|tx| tx.signatures[1].agency = "?".into())), "Signature.agency");
    let many = |tx: &mut v1::Transaction| tx.signatures = vec![tx.signatures[0].clone(); SIGNERS_MAX + 1];
    assert_eq!(field(changed(many)), "Transaction.signatures");
    assert!(matches!(
        changed(|tx| tx.body = Bytes::from_static(&[0xff])),
        Err(Error::Decode { message: "TransactionBody", .. })
    ));
    // A text that is not UTF-8.
    let broken = Bytes::from_static(&[0x0a, 2, 0xc3, 0x28]);
    assert!(matches!(changed(|tx| tx.body = broken), Err(Error::Decode { message: "TransactionBody", .. })));
}

#[test]
fn one_malformed_transaction_does_not_spoil_its_group() {
    let mut message = v1::TransactionGroup::decode(encode_group(&[transaction(1), transaction(2)])).unwrap();
    message.transactions.insert(1, v1::Transaction::default());
    let group = decode_group(message.encode_to_vec().into()).unwrap();
    assert_eq!(group[0].as_ref().unwrap(), &transaction(1));
    assert!(group[1].is_err());
    assert_eq!(group[2].as_ref().unwrap(), &transaction(2));
    assert!(decode_group(Bytes::from_static(&[0x0a, 9])).is_err());
}

#[test]
fn a_group_or_segment_of_too_many_is_refused() {
    // Two bytes each on the wire, hundreds in memory.
    let many = vec![v1::Transaction::default(); SEGMENT_TRANSACTIONS_MAX + 1];
    let group = v1::TransactionGroup { transactions: many.clone() };
    assert!(decode_group(group.encode_to_vec().into()).is_err());
    let block = Bytes::from_static(&[0; 32]);
    let segment = v1::Segment { block, domain: "property".into(), transactions: many };
    assert!(decode_segment(segment.encode_to_vec().into()).is_err());
}

#[test]
fn a_segment_says_which_block_it_is_for() {
    let domain: Domain = "property".parse().unwrap();
    let segment = Segment { domain, transactions: vec![transaction(1), transaction(2)] };
    let bytes = encode_segment(&Hash([7; 32]), &segment);
    assert_eq!(decode_segment(bytes.clone()).unwrap(), (Hash([7; 32]), segment));
    let refused = |change: &dyn Fn(&mut v1::Segment)| {
        let mut message = v1::Segment::decode(bytes.clone()).unwrap();
        change(&mut message);
        decode_segment(message.encode_to_vec().into()).is_err()
    };
    assert!(refused(&|s| s.block = Bytes::from_static(&[0; 31])));
    assert!(refused(&|s| s.domain = String::new()));
    assert!(refused(&|s| s.transactions.push(v1::Transaction::default())));
}

proptest! {
    #[test]
    fn noise_never_panics(noise in vec(any::<u8>(), 0..300)) {
        let noise = Bytes::from(noise);
        let _ = decode_transaction(noise.clone());
        let _ = decode_group(noise.clone());
        let _ = decode_segment(noise);
    }

    /// Whatever reads back from altered bytes is another transaction or the same one, with the id of its bytes.
    #[test]
    fn altered_bytes_never_pass_for_others(at: prop::sample::Index, bit in 0..8_u32, cut: prop::sample::Index) {
        let tx = transaction(3);
        let bytes = encode(&tx);
        let mut altered = bytes.to_vec();
        altered[at.index(bytes.len())] ^= 1 << bit;
        if let Ok(other) = decode_transaction(altered.into()) {
            prop_assert_eq!(other.id == tx.id, other.body_bytes == tx.body_bytes);
            prop_assert_eq!(other.id, TxId::new(other.body.not_after_ms, &other.body_bytes));
        }
        if let Ok(shorter) = decode_transaction(bytes.slice(..cut.index(bytes.len()))) {
            prop_assert!(shorter.signatures.len() < tx.signatures.len());
        }
    }

    #[test]
    fn any_body_reads_back(actor in ".{0,40}", nonce: [u8; 16], not_after_ms: u64, action in vec(any::<u8>(), 0..200)) {
        let body = Body { actor, nonce, not_after_ms, action: action.into(), ..body(0) };
        let tx = Transaction::new(encode_body(&body), body, Vec::new());
        prop_assert_eq!(decode_transaction(encode(&tx)).unwrap(), tx);
    }
}
