//! Evidence in the city of the receipts' tests: what proves something, and each way not to.

use super::*;
use crate::{
    hash::{Hash, sha256},
    id::KeyId,
    note::{Algorithm, Checkpoint, VerifierKey, cosignature_message, host_name},
    receipt::{
        TrustFile, VerifyError,
        tests::{City, all_signed, name, notes, pair, public},
    },
    vote::{Ballot, HostSignature, Vote},
};

/// The keys that are in force at the receipt's height.
const LIFE: u8 = 2;
const HEIGHT: u64 = 12;

fn vote(city: &City, agency: usize, life: u8, height: u64, view: u32, block: &[u8]) -> Vote {
    let key = pair(agency, life);
    let ballot = Ballot { chain: city.trust.chain, height, view, block: sha256(&[block]) };
    let bytes = key.sign(&ballot.message()).as_ref().try_into().unwrap();
    let signature = HostSignature { agency: name(agency), key: KeyId::of(&public(&key)), bytes };
    Vote { ballot, signature }
}

fn evidence(city: &City, exhibit: Exhibit) -> Evidence {
    Evidence { version: 1, chain: city.trust.chain, exhibit, epochs: city.receipt.epochs.clone() }
}

fn votes(city: &City, first: &Vote, second: &Vote) -> Result<Proven, EvidenceError> {
    let (first, second) = (Base64(first.encode()), Base64(second.encode()));
    check(&evidence(city, Exhibit::TwoVotes { first, second }), &city.trust)
}

/// As a file would bring it.
fn check(evidence: &Evidence, trust: &TrustFile) -> Result<Proven, EvidenceError> {
    verify(&serde_json::to_vec(evidence).unwrap(), trust)
}

#[test]
fn two_votes_for_different_blocks_convict_their_signer() {
    let city = all_signed();
    let [one, two] = [b"one", b"two"].map(|block| vote(&city, 1, LIFE, HEIGHT, 3, block));
    let proven = votes(&city, &one, &two).unwrap();
    assert_eq!(proven.agency, name(1));
    let blocks = [one.ballot.block, two.ballot.block];
    assert_eq!(proven.misdeed, Misdeed::TwoVotes { height: HEIGHT, view: 3, blocks });
    assert_eq!(file_name(&proven.misdeed, &proven.agency), "two-votes-12-3-agency-1.json");
    // Under an earlier epoch its earlier key signs.
    let [one, two] = [b"one", b"two"].map(|block| vote(&city, 1, 0, 4, 0, block));
    assert_eq!(votes(&city, &one, &two).unwrap().agency, name(1));
}

#[test]
fn votes_that_exclude_nothing_convict_nobody() {
    use EvidenceError as E;
    let city = all_signed();
    let one = vote(&city, 1, LIFE, HEIGHT, 3, b"one");
    let against = |other: Vote| votes(&city, &one, &other).unwrap_err();
    assert!(matches!(against(one), E::SameBlock));
    assert!(matches!(against(vote(&city, 2, LIFE, HEIGHT, 3, b"two")), E::Voters { .. }));
    assert!(matches!(against(vote(&city, 1, LIFE, HEIGHT, 4, b"two")), E::Ballots));
    assert!(matches!(against(vote(&city, 1, LIFE, HEIGHT + 1, 3, b"two")), E::Ballots));
    // A key that was replaced before, or somebody else's.
    assert!(matches!(against(vote(&city, 1, 0, HEIGHT, 3, b"two")), E::VoteSignature(_)));
    let mut forged = vote(&city, 1, LIFE, HEIGHT, 3, b"two");
    forged.signature.bytes[5] ^= 1;
    assert!(matches!(against(forged), E::VoteSignature(_)));
    let mut document = evidence(&city, Exhibit::TwoVotes { first: Base64(vec![1]), second: Base64(vec![]) });
    assert!(matches!(check(&document, &city.trust), Err(E::Vote(_))));
    document.version = 2;
    assert!(matches!(check(&document, &city.trust), Err(E::Document(VerifyError::Version(2)))));
    assert!(matches!(verify(b"{\"version\":1}", &city.trust), Err(E::Document(VerifyError::Form(_)))));
}

/// A checkpoint as one host cosigned it.
fn cosigned(city: &City, checkpoint: &Checkpoint, agency: usize, life: u8) -> SignedNote {
    let text = checkpoint.to_string();
    let mut note = SignedNote::new(text.clone()).unwrap();
    let key = pair(agency, life);
    let name = host_name(&city.trust.chain, &name(agency));
    let line = VerifierKey::new(name, Algorithm::CosignatureV1, public(&key)).unwrap();
    let bytes = key.sign(&cosignature_message(&text, 7)).as_ref().try_into().unwrap();
    note.add(line.cosignature(7, &bytes));
    note
}

fn roots(city: &City, signed: SignedNote) -> Result<Proven, EvidenceError> {
    let quorum = Text(city.receipt.proof.0.checkpoint.clone());
    let membership = city.receipt.membership.clone();
    check(&evidence(city, Exhibit::OtherRoots { signed: Text(signed), quorum, membership }), &city.trust)
}

#[test]
fn another_result_than_the_quorums_convicts_its_signer() {
    use EvidenceError as E;
    let city = all_signed();
    let right: Checkpoint = city.receipt.proof.0.checkpoint.text().parse().unwrap();
    let wrong = Checkpoint { state: Hash::ZERO, ..right.clone() };
    let proven = roots(&city, cosigned(&city, &wrong, 3, LIFE)).unwrap();
    assert_eq!(proven.agency, name(3));
    let Misdeed::OtherRoots { domain, height, quorum, .. } = &proven.misdeed else { panic!("{proven:?}") };
    assert_eq!((*domain, *height, quorum.quorum), (notes(), HEIGHT, 3));
    assert_eq!(file_name(&proven.misdeed, &proven.agency), "other-roots-12-notes-agency-3.json");
    // In another view the result is to be the same.
    let later = Checkpoint { view: 9, ..wrong.clone() };
    assert_eq!(roots(&city, cosigned(&city, &later, 3, LIFE)).unwrap().agency, name(3));

    let fails = |checkpoint: &Checkpoint| roots(&city, cosigned(&city, checkpoint, 3, LIFE)).unwrap_err();
    assert!(matches!(fails(&right), E::SameRoots));
    assert!(matches!(fails(&Checkpoint { view: 9, ..right.clone() }), E::SameRoots));
    assert!(matches!(fails(&Checkpoint { height: 11, ..wrong.clone() }), E::OtherCheckpoint { .. }));
    assert!(matches!(fails(&Checkpoint { block: Hash::ZERO, ..wrong.clone() }), E::OtherCheckpoint { .. }));
    let strangers = roots(&city, cosigned(&city, &wrong, 3, 0)).unwrap_err();
    assert!(matches!(strangers, E::Signer), "{strangers}");
    let mut both = cosigned(&city, &wrong, 3, LIFE);
    both.add(cosigned(&city, &wrong, 2, LIFE).signatures()[0].clone());
    assert!(matches!(roots(&city, both).unwrap_err(), E::Signer));
    // A note of too few is no quorum's, whoever shows it.
    let quorum = Text(cosigned(&city, &right, 1, LIFE));
    let signed = Text(cosigned(&city, &wrong, 3, LIFE));
    let exhibit = Exhibit::OtherRoots { signed, quorum, membership: city.receipt.membership.clone() };
    let few = check(&evidence(&city, exhibit), &city.trust).unwrap_err();
    assert!(matches!(few, E::Document(VerifyError::Quorum { .. })), "{few}");
}
