//! What makes a transaction void before anybody asks what it says.

use bytes::Bytes;
use hutong_ledger::{
    epoch::{Key, Purpose},
    id::{AgencyId, KeyId, TxId},
    transaction::{
        ACTOR_BYTES_MAX, BODY_BYTES_MAX, Body, NOT_AFTER_AHEAD_MS_MAX, SIGNERS_MAX, Signature, Transaction,
        Void,
    },
};
use proptest::prelude::*;

use crate::support::{FOUR, agency, domain, key_id, public, sign};

fn body(signers: &[usize]) -> Body {
    Body {
        chain: FOUR.chain(),
        domain: domain("property"),
        agency: agency(signers[0]),
        signers: signers.iter().map(|n| agency(*n)).collect(),
        actor: "clerk-7".into(),
        nonce: [7; 16],
        not_after_ms: 50_000,
        action: Bytes::from_static(b"action"),
    }
}

fn signature(id: &AgencyId, tx: &Transaction) -> Signature {
    Signature {
        agency: *id,
        key: key_id(id, Purpose::Signing),
        bytes: sign(id, Purpose::Signing, &tx.message()),
    }
}

/// The body's bytes are any bytes here: how a body is encoded is the wire's business.
fn transaction(body: Body, signers: &[usize]) -> Transaction {
    let mut tx = Transaction::new(Bytes::from_static(b"body bytes"), body, Vec::new());
    tx.signatures = signers.iter().map(|n| signature(&agency(*n), &tx)).collect();
    tx
}

fn form(change: impl FnOnce(&mut Transaction)) -> Result<(), Void> {
    let mut tx = transaction(body(&[0, 1]), &[0, 1]);
    change(&mut tx);
    tx.check_form(FOUR.chain(), domain("property"))
}

#[test]
fn the_form_is_checked() {
    assert_eq!(form(|_| {}), Ok(()));
    assert_eq!(form(|tx| tx.body.chain = "other-0123456789abcdef".parse().unwrap()), Err(Void::WrongChain));
    assert_eq!(form(|tx| tx.body.domain = domain("health")), Err(Void::WrongDomain));
    assert_eq!(form(|tx| tx.body.signers.reverse()), Err(Void::Malformed));
    assert_eq!(form(|tx| tx.body.signers = vec![agency(0); 2]), Err(Void::Malformed));
    assert_eq!(form(|tx| tx.body.signers.clear()), Err(Void::Malformed));
    assert_eq!(form(|tx| tx.body.agency = agency(2)), Err(Void::Malformed));
    assert_eq!(form(|tx| tx.body.actor = "x".repeat(ACTOR_BYTES_MAX)), Ok(()));
    assert_eq!(form(|tx| tx.body.actor = "x".repeat(ACTOR_BYTES_MAX + 1)), Err(Void::Malformed));
    assert_eq!(form(|tx| tx.body.actor = "a\u{7f}b".into()), Err(Void::Malformed));
    assert_eq!(form(|tx| tx.body.not_after_ms = TxId::TIME_MS_MAX), Ok(()));
    assert_eq!(form(|tx| tx.body.not_after_ms = TxId::TIME_MS_MAX + 1), Err(Void::Malformed));
    assert_eq!(form(|tx| tx.body_bytes = vec![0; BODY_BYTES_MAX].into()), Ok(()));
    assert_eq!(form(|tx| tx.body_bytes = vec![0; BODY_BYTES_MAX + 1].into()), Err(Void::Malformed));
    let many: Vec<AgencyId> = (100..=100 + SIGNERS_MAX).map(agency).collect();
    assert_eq!(form(|tx| (tx.body.agency, tx.body.signers) = (many[0], many.clone())), Err(Void::Malformed));
    assert_eq!(form(|tx| tx.signatures = vec![tx.signatures[0]; SIGNERS_MAX + 1]), Err(Void::Malformed));
}

#[test]
fn time_is_held_against_the_blocks() {
    let tx = transaction(body(&[0]), &[0]);
    let not_after = tx.body.not_after_ms;
    assert_eq!(tx.check_time(not_after), Ok(()));
    assert_eq!(tx.check_time(not_after + 1), Err(Void::Expired));
    assert_eq!(tx.check_time(u64::MAX), Err(Void::Expired));
    let mut far = tx.clone();
    far.body.not_after_ms = 1_000 + NOT_AFTER_AHEAD_MS_MAX;
    assert_eq!(far.check_time(1_000), Ok(()));
    assert_eq!(far.check_time(999), Err(Void::TooFarAhead));
    far.body.not_after_ms = u64::MAX;
    assert_eq!(far.check_time(u64::MAX - 1), Ok(()));
}

#[test]
fn the_id_is_of_the_bytes_as_sent() {
    let tx = transaction(body(&[0]), &[0]);
    assert_eq!(tx.id, TxId::new(50_000, b"body bytes"));
    assert_eq!(tx.message(), b"hutong/v1/transaction\0body bytes");
}

#[test]
fn each_listed_signer_is_to_be_verified_with_its_own_key() {
    let tx = transaction(body(&[0, 1]), &[0, 1]);
    let wanted: Vec<_> =
        [0, 1].map(|n| (public(&agency(n), Purpose::Signing), tx.signatures[n].bytes)).to_vec();
    assert_eq!(tx.to_verify(&FOUR.epoch), Ok(wanted.clone()));
    // Signatures in another order, and of others, make no difference.
    let others = transaction(body(&[0, 1]), &[3, 1, 2, 0]);
    assert_eq!(others.to_verify(&FOUR.epoch), Ok(wanted));
}

#[test]
fn a_signer_without_exactly_one_usable_signature_makes_it_unsigned() {
    let unsigned = |change: &dyn Fn(&mut Transaction)| {
        let mut tx = transaction(body(&[0, 1]), &[0, 1]);
        change(&mut tx);
        assert_eq!(tx.to_verify(&FOUR.epoch), Err(Void::Unsigned));
    };
    unsigned(&|tx| tx.signatures.clear());
    unsigned(&|tx| tx.signatures.truncate(1));
    unsigned(&|tx| tx.signatures[1].key = KeyId([0; 8]));
    unsigned(&|tx| tx.signatures[1].key = key_id(&agency(1), Purpose::Host));
    unsigned(&|tx| tx.signatures[1].key = key_id(&agency(0), Purpose::Signing));
    // Two of one signer, be they the same, one valid and one not, or of two keys.
    unsigned(&|tx| tx.signatures.push(tx.signatures[0]));
    unsigned(&|tx| tx.signatures.insert(0, Signature { bytes: [0; 64], ..tx.signatures[1] }));
    let stranger: AgencyId = "stranger".parse().unwrap();
    unsigned(&|tx| tx.body.signers.push(stranger));
}

#[test]
fn while_keys_rotate_either_may_sign() {
    let mut epoch = FOUR.epoch.clone();
    let new = Key { purpose: Purpose::Signing, public: [9; 32] };
    let at =
        epoch.agencies[0].keys.partition_point(|key| (key.purpose, key.public) < (new.purpose, new.public));
    epoch.agencies[0].keys.insert(at, new);
    epoch.check().unwrap();
    let mut tx = transaction(body(&[0]), &[0]);
    assert_eq!(tx.to_verify(&epoch).unwrap()[0].0, public(&agency(0), Purpose::Signing));
    tx.signatures[0].key = new.id();
    assert_eq!(tx.to_verify(&epoch).unwrap()[0].0, new.public);
    epoch.agencies[0].keys.retain(|key| key.id() == new.id() || key.purpose != Purpose::Signing);
    tx.signatures[0].key = key_id(&agency(0), Purpose::Signing);
    assert_eq!(tx.to_verify(&epoch), Err(Void::Unsigned));
}

#[test]
fn codes_are_stable() {
    let all = [
        (Void::Malformed, "malformed"),
        (Void::WrongChain, "wrong_chain"),
        (Void::WrongDomain, "wrong_domain"),
        (Void::Expired, "expired"),
        (Void::TooFarAhead, "too_far_ahead"),
        (Void::Repeat, "repeat"),
        (Void::Unsigned, "unsigned"),
    ];
    for (void, code) in all {
        assert_eq!(void.code(), code);
    }
}

proptest! {
    /// Whatever signatures come with it, a transaction has one thing to verify per signer, or is unsigned.
    #[test]
    fn signatures_never_confuse(listed in prop::collection::btree_set(0..6_usize, 1..5), given in prop::collection::vec(0..6_usize, 0..8)) {
        let listed: Vec<usize> = listed.into_iter().collect();
        let tx = transaction(body(&listed), &given);
        let once = |n: &usize| *n < 4 && given.iter().filter(|g| *g == n).count() == 1;
        match tx.to_verify(&FOUR.epoch) {
            Ok(wanted) => {
                prop_assert!(listed.iter().all(once));
                prop_assert_eq!(wanted.len(), listed.len());
            }
            Err(void) => {
                prop_assert_eq!(void, Void::Unsigned);
                prop_assert!(!listed.iter().all(once));
            }
        }
    }
}
