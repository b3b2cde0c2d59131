//! What is laid before the members: made whole, told in full, refused before anybody signs in vain, and believed no further
//! than its signatures reach.

use hutong_keys::SigningKey;
use hutong_ledger::{
    epoch::{Epoch, Key, Purpose},
    hash::{Tag, sha256},
    id::{AgencyId, ChainId, Domain},
    transaction::{Body, Signature, Transaction},
};
use hutong_membership::{
    Difference, differences,
    joint::{Fault, File},
    proposal::{self, Fault as Unfit, Newcomer},
    readiness,
};
use proptest::prelude::*;

use crate::support::*;

const NOW_MS: u64 = 1_700_000_000_000;

fn newcomer(n: usize) -> Newcomer {
    let keys = [Purpose::Host, Purpose::Signing].map(|purpose| key(n, purpose, 0)).to_vec();
    let domains = vec![domain(PROPERTY)];
    Newcomer { id: agency(n), name: format!("Agency {n}"), validating: true, keys, domains }
}

fn chain() -> ChainId {
    "riverton-0011223344556677".parse().unwrap()
}

/// The key that the support's epochs name as an agency's signing key.
fn signing(n: usize) -> SigningKey {
    SigningKey::from_seed(&sha256(&[agency(n).as_str().as_bytes(), &[Purpose::Signing as u8, 0]]).0)
}

fn asked(next: &Epoch, signers: &[usize]) -> Transaction {
    let body = Body {
        chain: chain(),
        domain: Domain::MEMBERSHIP,
        agency: agency(signers[0]),
        signers: signers.iter().map(|n| agency(*n)).collect(),
        actor: String::new(),
        nonce: [9; 16],
        not_after_ms: NOW_MS + 1000,
        action: proposal::replace(next),
    };
    Transaction::new(hutong_wire::transaction::encode_body(&body), body, Vec::new())
}

fn sign(transaction: &mut Transaction, n: usize) {
    let key = signing(n);
    let bytes = key.sign(&Tag::Transaction.message(&transaction.body_bytes));
    let key = Key { purpose: Purpose::Signing, public: key.public().0 }.id();
    transaction.signatures.push(Signature { agency: agency(n), key, bytes });
}

#[test]
fn a_newcomer_is_proposed_as_the_contract_takes_it() {
    let current = epoch(4);
    let next = proposal::joined(&current, &newcomer(4)).unwrap();
    let mut council = Council::of(&current);
    let joined = council.submit(&[0, 1, 2], replace(&next)).unwrap();
    assert!(joined.is_joining(&agency(4)) && joined.stores(&agency(4), domain(PROPERTY)));
    // It says what there is to say, in this order, until there is nothing.
    let mut said = Vec::new();
    while let Some(domain) = readiness::next(&council.epoch(), &agency(4)) {
        council.submit(&[4], ready(domain.as_str())).unwrap();
        said.push(domain);
    }
    assert_eq!(said, [Domain::MEMBERSHIP, domain(PROPERTY)]);
    assert_eq!(council.epoch().quorum(), 4);
    // And leaves again.
    let left = proposal::left(&council.epoch(), &agency(4)).unwrap();
    let after = council.submit(&[0, 1, 2, 3], replace(&left)).unwrap();
    assert_eq!((after.agencies.len(), after.hosts(domain(PROPERTY)).len()), (4, 4));
}

#[test]
fn what_cannot_join_is_told_why() {
    let current = epoch(4);
    let said = |change: &dyn Fn(&mut Newcomer)| {
        let mut newcomer = newcomer(4);
        change(&mut newcomer);
        proposal::joined(&current, &newcomer).unwrap_err().to_string()
    };
    assert!(said(&|n| n.id = agency(1)).contains("member already"));
    assert!(said(&|n| n.name = " agency 2".into()).contains("bears the name"));
    assert!(said(&|n| n.domains = vec![domain("parking")]).contains("no domain parking"));
    assert!(said(&|n| n.domains = vec![Domain::MEMBERSHIP]).contains("every validating agency"));
    assert!(said(&|n| n.validating = false).contains("only a validating agency"));
    assert!(said(&|n| n.keys.clear()).contains("epoch_invalid"));
    assert!(said(&|n| n.name = "a\nb".into()).contains("control characters"));
    assert!(said(&|n| n.keys[0] = key(1, Purpose::Host, 0)).contains("two agencies"));
    assert!(said(&|n| n.keys[0].public = [0; 32]).contains("key_unusable"));
}

#[test]
fn who_owns_or_is_needed_does_not_just_leave_and_a_last_key_is_not_revoked() {
    let current = epoch(4);
    assert!(matches!(proposal::left(&current, &agency(0)), Err(Unfit::Owner { .. })));
    assert!(matches!(proposal::left(&current, &agency(9)), Err(Unfit::NoMember(_))));
    let signing = key(1, Purpose::Signing, 0).id();
    let last = proposal::revoked(&current, &agency(1), signing).unwrap_err();
    assert!(last.to_string().contains("last_signing_key"), "{last}");
    let host = proposal::revoked(&current, &agency(1), key(1, Purpose::Host, 0).id()).unwrap_err();
    assert!(host.to_string().contains("needs a host key"), "{host}");
    assert!(matches!(
        proposal::revoked(&current, &agency(1), key(2, Purpose::Host, 0).id()),
        Err(Unfit::Key { .. })
    ));
    let mut two = current.clone();
    two.agencies[1].keys.push(key(1, Purpose::Signing, 1));
    two.agencies[1].keys.sort_by_key(|key| (key.purpose, key.public));
    let next = proposal::revoked(&two, &agency(1), signing).unwrap();
    let told = differences(&two, &next);
    assert!(matches!(&told[..], [Difference::KeyRevoked { agency: of, .. }] if *of == agency(1)), "{told:?}");
}

#[test]
fn all_that_changes_is_told() {
    let current = epoch(4);
    let next = proposal::joined(&current, &newcomer(4)).unwrap();
    let told: Vec<String> = differences(&current, &next).iter().map(ToString::to_string).collect();
    for part in
        ["joins, to validate", "host key", "signing key", "counts in no quorum", "is to host property"]
    {
        assert!(told.iter().any(|line| line.contains(part)), "{part}: {told:?}");
    }
    let mut other = current.clone();
    other.agencies[1].name = "Roads".into();
    other.agencies[2].validating = false;
    other.domains[1].owner = agency(1);
    other.domains[1].contract = 2;
    property(&mut other).hosts.pop();
    property(&mut other).hosts[0].ready = false;
    other.orderers = vec![agency(1)];
    let told: Vec<String> = differences(&current, &other).iter().map(ToString::to_string).collect();
    for part in [
        "is called \"Roads\"",
        "no longer validates",
        "is owned by agency-1",
        "contract version 2",
        "no longer hosts property",
        "no longer counts for property",
        "orderers are agency-1",
    ] {
        assert!(told.iter().any(|line| line.contains(part)), "{part}: {told:?}");
    }
    assert!(differences(&current, &current).is_empty());
}

#[test]
fn a_file_is_signed_by_each_once_and_complete_when_all_have() {
    let current = epoch(4);
    let next = proposal::joined(&current, &newcomer(4)).unwrap();
    let mut transaction = asked(&next, &[0, 1, 2]);
    for n in 0..3 {
        let joint = File::new(&transaction, None).open(chain(), &current, NOW_MS).unwrap();
        assert_eq!(joint.missing.len(), 3 - n);
        assert!(matches!(joint.complete(), Err(Fault::Missing(_))));
        let public = signing(n).public().0;
        joint.may_sign(&current, &agency(n), &public).unwrap();
        assert!(matches!(
            joint.may_sign(&current, &agency(3), &signing(3).public().0),
            Err(Fault::NotAsked(_))
        ));
        assert!(matches!(joint.may_sign(&current, &agency(n), &[7; 32]), Err(Fault::Key(_))));
        sign(&mut transaction, n);
        let joint = File::new(&transaction, None).open(chain(), &current, NOW_MS).unwrap();
        assert!(matches!(joint.may_sign(&current, &agency(n), &public), Err(Fault::Signed(_))));
    }
    let joint = File::new(&transaction, None).open(chain(), &current, NOW_MS).unwrap();
    joint.complete().unwrap();
    assert_eq!(joint.next, next);
}

#[test]
fn a_file_that_is_not_what_it_seems_is_refused() {
    let current = epoch(4);
    let next = proposal::joined(&current, &newcomer(4)).unwrap();
    let mut transaction = asked(&next, &[0, 1, 2]);
    sign(&mut transaction, 1);
    let file = File::new(&transaction, None);
    let said = |file: &File, epoch: &Epoch, now_ms| file.open(chain(), epoch, now_ms).unwrap_err();
    assert!(matches!(said(&file, &current, NOW_MS + 1000), Fault::Expired(_)));
    let elsewhere = "otherton-0011223344556677".parse().unwrap();
    assert!(matches!(file.open(elsewhere, &current, NOW_MS), Err(Fault::Chain { .. })));
    assert!(matches!(
        said(&File { chain: elsewhere, ..file.clone() }, &current, NOW_MS),
        Fault::Chain { .. }
    ));
    assert!(matches!(said(&File { format: "x".into(), ..file.clone() }, &current, NOW_MS), Fault::Format(_)));
    // Another newcomer under the signature that was given for this one.
    let changed = proposal::joined(&current, &Newcomer { name: "Other".into(), ..newcomer(4) }).unwrap();
    let mut forged = asked(&changed, &[0, 1, 2]);
    forged.signatures = transaction.signatures.clone();
    assert!(matches!(said(&File::new(&forged, None), &current, NOW_MS), Fault::Signature(_)));
    // Signed twice, or by who was not asked.
    let mut twice = transaction.clone();
    sign(&mut twice, 1);
    assert!(matches!(said(&File::new(&twice, None), &current, NOW_MS), Fault::Signature(_)));
    let mut unasked = transaction.clone();
    sign(&mut unasked, 3);
    assert!(matches!(said(&File::new(&unasked, None), &current, NOW_MS), Fault::Signature(_)));
    // A key that was revoked since counts no more, and an epoch that went on leaves the file behind.
    let mut rotated = current.clone();
    rotated.agencies[1].keys = vec![key(1, Purpose::Signing, 1), key(1, Purpose::Host, 0)];
    assert!(matches!(said(&file, &rotated, NOW_MS), Fault::Signature(_)));
    let later = Epoch { number: 1, ..current.clone() };
    assert!(matches!(said(&file, &later, NOW_MS), Fault::Refused(refusal) if refusal.code == "epoch_number"));
    // Too few were asked.
    let few = File::new(&asked(&next, &[0, 1]), None);
    assert!(
        matches!(said(&few, &current, NOW_MS), Fault::Refused(refusal) if refusal.code == "quorum_missing")
    );
}

#[test]
fn being_level_is_what_an_honest_agency_says() {
    assert_eq!(readiness::caught_up(10, vec![10, 10, 10], 4), Some(true));
    assert_eq!(readiness::caught_up(10, vec![900, 11, 10], 4), Some(true), "one that lies holds nobody up");
    assert_eq!(readiness::caught_up(10, vec![900, 900, 10], 4), Some(false));
    assert_eq!(readiness::caught_up(10, vec![900], 4), None, "too few to tell");
    assert_eq!(readiness::caught_up(10, vec![], 1), None);
    let id: AgencyId = agency(0);
    assert_eq!(readiness::next(&epoch(4), &id), None);
}

proptest! {
    #[test]
    fn any_bytes_in_a_file_are_an_error_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), flip in 0..400usize) {
        let current = epoch(4);
        let next = proposal::joined(&current, &newcomer(4)).unwrap();
        let mut transaction = asked(&next, &[0, 1, 2]);
        sign(&mut transaction, 1);
        let file = File::new(&transaction, None);
        let noise = File { transaction: String::from_utf8_lossy(&bytes).into_owned(), ..file.clone() };
        prop_assert!(noise.open(chain(), &current, NOW_MS).is_err());
        // A signed file with one character changed opens as nothing at all, or as exactly what was signed.
        let mut text = file.transaction.clone().into_bytes();
        let at = flip % text.len();
        text[at] = if text[at] == b'A' { b'B' } else { b'A' };
        let changed = File { transaction: String::from_utf8(text).unwrap(), ..file };
        if let Ok(joint) = changed.open(chain(), &current, NOW_MS) {
            prop_assert_eq!(joint.transaction.body_bytes, transaction.body_bytes);
        }
    }
}
