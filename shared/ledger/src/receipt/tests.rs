//! Receipts of a made-up city: across epochs, and against every kind of change.

use proptest::prelude::*;
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::{
    document::{Base64, Hex, RevealedRecord, Text},
    *,
};
use crate::{
    contract::record_hash,
    entry::{Changed, Entry, Opening, Outcome},
    epoch::{Agency, DomainRules, Epoch, Host, Key, Purpose},
    genesis::Genesis,
    hash::{Hash, sha256},
    id::{AgencyId, ChainId, Domain, RecordId, TxId},
    log,
    note::{Algorithm, Checkpoint, SignedNote, VerifierKey, cosignature_message, host_name, origin},
    proof::TlogProof,
    state_tree::{MemoryTree, StateKey},
};

pub(crate) fn pair(agency: usize, life: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[agency as u8 * 16 + life + 1; 32]).unwrap()
}

pub(crate) fn public(pair: &Ed25519KeyPair) -> [u8; 32] {
    pair.public_key().as_ref().try_into().unwrap()
}

pub(crate) fn name(agency: usize) -> AgencyId {
    format!("agency-{agency}").parse().unwrap()
}

pub(crate) fn notes() -> Domain {
    "notes".parse().unwrap()
}

/// Four agencies whose keys change from life to life.
fn epoch(number: u64, from_height: u64, life: u8) -> Epoch {
    let agency = |at: usize| {
        let key = |purpose, life| Key { purpose, public: public(&pair(at, life)) };
        let keys = vec![key(Purpose::Host, life), key(Purpose::Orderer, 14), key(Purpose::Log, 15)];
        Agency { id: name(at), name: "An agency".into(), validating: true, keys }
    };
    let hosts = (0..4).map(|at| Host { agency: name(at), ready: true }).collect();
    let rules = |domain, hosts| DomainRules { domain, owner: name(0), contract: 1, hosts };
    let epoch = Epoch {
        number,
        from_height,
        agencies: (0..4).map(agency).collect(),
        domains: vec![rules(Domain::MEMBERSHIP, vec![]), rules(notes(), hosts)],
        orderers: vec![name(0)],
    };
    epoch.check().unwrap();
    epoch
}

fn genesis() -> Genesis {
    Genesis { name: "harbour".parse().unwrap(), time_ms: 1, epoch: epoch(0, 1, 0) }
}

fn signed(
    chain: &ChainId,
    checkpoint: &Checkpoint,
    domain: Domain,
    signers: &[usize],
    life: u8,
) -> SignedNote {
    let text = checkpoint.to_string();
    let mut note = SignedNote::new(text.clone()).unwrap();
    let owner = pair(0, 15);
    let key = VerifierKey::new(origin(chain, &domain), Algorithm::Ed25519, public(&owner)).unwrap();
    note.add(key.signature(&owner.sign(text.as_bytes()).as_ref().try_into().unwrap()));
    for at in signers {
        let host = pair(*at, life);
        let key = host_name(chain, &name(*at));
        let key = VerifierKey::new(key, Algorithm::CosignatureV1, public(&host)).unwrap();
        let time_s = 100 + *at as u64;
        let signature = host.sign(&cosignature_message(&text, time_s));
        note.add(key.cosignature(time_s, &signature.as_ref().try_into().unwrap()));
    }
    note
}

pub(crate) struct City {
    pub(crate) trust: TrustFile,
    pub(crate) receipt: Receipt,
    state: StateReceipt,
}

/// Notes of the last block, and what they are over.
struct Sealed {
    proof: TlogProof,
    membership: SignedNote,
}

fn seal(domain: Domain, height: u64, leaf: Hash, state: Hash, signers: &[usize], life: u8) -> Sealed {
    let chain = genesis().chain();
    let others: Vec<Hash> = (0..4u8).map(|i| log::leaf_hash(&[i])).collect();
    let tree = log::Tree::new(others.into_iter().chain([leaf]));
    let block = sha256(&[&height.to_be_bytes()]);
    let point = |domain: Domain, root, state| Checkpoint {
        origin: origin(&chain, &domain),
        size: 5,
        root,
        height,
        block,
        state,
        view: 0,
    };
    let own = point(domain, tree.root(), state);
    let all =
        if domain == Domain::MEMBERSHIP { own.clone() } else { point(Domain::MEMBERSHIP, Hash::ZERO, state) };
    Sealed {
        proof: TlogProof {
            extra: None,
            index: 4,
            path: tree.path(4).unwrap(),
            checkpoint: signed(&chain, &own, domain, signers, life),
        },
        membership: signed(&chain, &all, Domain::MEMBERSHIP, signers, life),
    }
}

fn transition(number: u64, height: u64, life: u8) -> Transition {
    let next = epoch(number, height + 1, life + 1);
    let (bytes, salt) = (next.encode(), [7; 16]);
    let hash = record_hash(Domain::MEMBERSHIP, &Epoch::record(), number + 1, &salt, Some(&bytes));
    let changes = vec![Changed { record: Epoch::record(), version: number + 1, hash }];
    let opening = Opening { nonce: [1; 16], outcome: Outcome::Applied, changes };
    let transaction = TxId::new(9, &bytes);
    let entry = Entry { id: transaction, height, index: 0, blind: opening.hash() };
    let leaf = log::leaf_hash(&entry.encode());
    let sealed = seal(Domain::MEMBERSHIP, height, leaf, Hash::ZERO, &[0, 1, 2, 3], life);
    Transition {
        transaction,
        entry: Place { height, index: 0 },
        opening: (&opening).into(),
        proof: Text(sealed.proof),
        epoch: Base64(bytes),
        salt: Hex(salt),
    }
}

/// A city that changed its keys at heights 5 and 8; a refusal and a record at height 12.
fn city(signers: &[usize]) -> City {
    let trust = TrustFile::of(&genesis());
    let epochs = vec![transition(1, 5, 0), transition(2, 8, 1)];
    let record: RecordId = "parcel/7".parse().unwrap();
    let salt = [3; 16];
    let hash = record_hash(notes(), &record, 4, &salt, Some(b"value"));
    let mut tree = MemoryTree::new();
    let filler = (0..20u8).map(|i| (StateKey(sha256(&[&[i]])), Some(Hash::ZERO)));
    let key = StateKey::of(&record);
    let state = tree.apply(12, filler.chain([(key, Some(hash))])).unwrap();
    let changes = vec![Changed { record: record.clone(), version: 4, hash }];
    let opening = Opening { nonce: [2; 16], outcome: Outcome::Refused("not_owner".into()), changes };
    let transaction = TxId::new(77, b"body");
    let entry = Entry { id: transaction, height: 12, index: 3, blind: opening.hash() };
    let sealed = seal(notes(), 12, log::leaf_hash(&entry.encode()), state, signers, 2);
    let receipt = Receipt {
        version: 1,
        chain: trust.chain,
        domain: notes(),
        transaction,
        entry: Place { height: 12, index: 3 },
        opening: (&opening).into(),
        proof: Text(sealed.proof.clone()),
        membership: Text(sealed.membership.clone()),
        epochs: epochs.clone(),
    };
    let state = StateReceipt {
        version: 1,
        chain: trust.chain,
        domain: notes(),
        record,
        current: Some(RevealedRecord { version: 4, salt: Hex(salt), value: Some(Base64(b"value".to_vec())) }),
        proof: Base64(tree.prove(&key).unwrap().encode()),
        note: Text(sealed.proof.checkpoint),
        membership: Text(sealed.membership),
        epochs,
    };
    City { trust, receipt, state }
}

pub(crate) fn all_signed() -> City {
    city(&[0, 1, 2, 3])
}

#[test]
fn a_receipt_says_what_became_of_a_transaction_and_who_stands_for_it() {
    let city = city(&[0, 2, 3]);
    let json = serde_json::to_vec(&city.receipt).unwrap();
    let verified = verify(&json, &city.trust).unwrap();
    assert_eq!((verified.id, verified.height), (city.receipt.transaction, 12));
    assert_eq!(verified.outcome, Outcome::Refused("not_owner".into()));
    let standing = verified.standing;
    assert_eq!((standing.epoch, standing.quorum, standing.tolerated_faults, standing.time_s), (2, 3, 1, 103));
    assert_eq!(standing.cosigners, [name(0), name(2), name(3)]);

    let json = serde_json::to_vec(&city.state).unwrap();
    let state = verify_state(&json, &city.trust).unwrap();
    assert_eq!(state.current, Some((4, Some(b"value".to_vec()))));
}

#[test]
fn a_trust_file_may_pin_a_later_epoch() {
    let City { trust, receipt, .. } = all_signed();
    let pin = |epoch| TrustFile { epoch, ..trust.clone() };
    receipt.verify(&pin(epoch(1, 6, 1))).unwrap();
    receipt.verify(&pin(epoch(2, 9, 2))).unwrap();
    assert!(matches!(receipt.verify(&pin(epoch(2, 9, 1))), Err(VerifyError::EpochConflict { number: 2 })));
    assert!(matches!(receipt.verify(&pin(epoch(3, 13, 2))), Err(VerifyError::BeforeEpoch { from: 13, .. })));
}

#[test]
fn each_way_to_fail_has_its_name() {
    let fails = |change: &dyn Fn(&mut City)| {
        let mut city = all_signed();
        change(&mut city);
        city.receipt.verify(&city.trust).unwrap_err()
    };
    type E = VerifyError;
    let below = city(&[0, 1]);
    let below = below.receipt.verify(&below.trust).unwrap_err();
    assert!(matches!(below, E::Quorum { cosigned: 2, hosts: 4, quorum: 3, .. }), "{below}");
    assert!(matches!(fails(&|c| c.receipt.version = 2), E::Version(2)));
    assert!(matches!(fails(&|c| c.trust.version = 2), E::Trust(_)));
    assert!(matches!(fails(&|c| c.trust.genesis = Some(Hash::ZERO)), E::Trust(_)));
    let chain: ChainId = "harbour-0000000000000000".parse().unwrap();
    assert!(matches!(fails(&|c| c.receipt.chain = chain), E::Chain { .. }));
    assert!(matches!(fails(&|c| c.receipt.domain = "health".parse().unwrap()), E::Origin { .. }));
    assert!(matches!(fails(&|c| c.receipt.domain = Domain::MEMBERSHIP), E::Origin { .. }));
    assert!(matches!(fails(&|c| c.receipt.opening.outcome = "applied".into()), E::Opening { .. }));
    assert!(matches!(fails(&|c| c.receipt.opening.code = Some("other".into())), E::Inclusion { .. }));
    assert!(matches!(fails(&|c| c.receipt.transaction = TxId([0; 38])), E::Inclusion { .. }));
    assert!(matches!(fails(&|c| c.receipt.proof.0.extra = Some(vec![1])), E::Extra { .. }));
    assert!(matches!(fails(&|c| drop(c.receipt.epochs.remove(0))), E::EpochGap { expected: 1, found: 2 }));
    assert!(matches!(fails(&|c| c.receipt.epochs.clear()), E::UnknownSigner { .. }));
    assert!(matches!(fails(&|c| c.receipt.epochs[1].salt = Hex([0; 16])), E::EpochUnmade { number: 2 }));
    assert!(matches!(fails(&|c| c.receipt.epochs[0].entry.height = 6), E::EpochHeight { .. }));
    assert!(matches!(
        fails(&|c| c.receipt.epochs[0].epoch.0[0] ^= 1),
        E::EpochGap { .. } | E::EpochForm { .. }
    ));
    let swap = |c: &mut City| c.receipt.membership = c.receipt.epochs[1].proof.0.checkpoint.clone().into();
    assert!(matches!(fails(&swap), E::UnknownSigner { .. }));
    let twice = |c: &mut City| {
        let note = c.receipt.membership.0.to_string();
        let line = note.lines().find(|line| line.starts_with("— ")).unwrap();
        c.receipt.membership = Text(format!("{note}{line}\n").parse().unwrap());
    };
    assert!(
        matches!(fails(&twice), E::SignedTwice { domain: Domain::MEMBERSHIP, name, .. } if name.contains('/'))
    );
    let other = |c: &mut City| {
        let sealed = seal(notes(), 13, Hash::ZERO, Hash::ZERO, &[0, 1, 2, 3], 2);
        c.receipt.membership = Text(sealed.membership);
    };
    assert!(matches!(fails(&other), E::Height { found: 13, wanted: 12, .. }));
    assert!(matches!(verify(b"{}", &all_signed().trust), Err(E::Form(_))));

    let mut state = all_signed();
    state.state.current = None;
    assert!(matches!(state.state.verify(&state.trust), Err(E::State(_))));
    let mut state = all_signed();
    state.state.proof.0.push(0);
    assert!(matches!(state.state.verify(&state.trust), Err(E::StateForm)));
}

impl From<SignedNote> for Text<SignedNote> {
    fn from(note: SignedNote) -> Self {
        Self(note)
    }
}

#[test]
fn a_later_form_is_told_by_its_version_whatever_else_is_in_it() {
    let City { trust, receipt, .. } = all_signed();
    let mut document = serde_json::to_value(&receipt).unwrap();
    document["version"] = 2.into();
    document["more"] = "as later forms have".into();
    let told = verify(&serde_json::to_vec(&document).unwrap(), &trust);
    assert!(matches!(told, Err(VerifyError::Version(2))), "{told:?}");
    assert!(matches!(verify(b"{}", &trust), Err(VerifyError::Form(_))));
}

#[test]
fn unknown_fields_are_refused() {
    let City { trust, receipt, .. } = all_signed();
    let json = serde_json::to_string(&receipt).unwrap();
    let more = json.replacen("{", "{\"more\":1,", 1);
    assert!(matches!(verify(more.as_bytes(), &trust), Err(VerifyError::Form(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_flipped_bit_fails(at: prop::sample::Index, bit in 0..8_u32, spare: bool) {
        // With a spare signature too: an altered one must not just go uncounted.
        let City { trust, receipt, state } = if spare { all_signed() } else { city(&[1, 2, 3]) };
        let mut json = serde_json::to_vec(&receipt).unwrap();
        let place = at.index(json.len());
        json[place] ^= 1 << bit;
        prop_assert!(verify(&json, &trust).is_err(), "receipt at {place}");
        let mut json = serde_json::to_vec(&state).unwrap();
        let place = at.index(json.len());
        json[place] ^= 1 << bit;
        prop_assert!(verify_state(&json, &trust).is_err(), "state at {place}");
    }
}
