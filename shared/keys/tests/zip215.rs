//! ZIP 215 as consensus needs it: batch, half a batch and single checks agree on every signature, honest,
//! forged or crafted, and the verdicts are those that ZIP 215 fixes.

use curve25519_dalek::{
    constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION},
    edwards::{CompressedEdwardsY, EdwardsPoint},
    scalar::Scalar,
};
use hutong_keys::{
    Claim, PublicKey, Signature, SigningKey, VerifierCache, verify_batch, verify_batch_in, verify_strict,
    verify_zip215,
};
use proptest::prelude::*;
use ring::digest::{SHA512, digest};

const PREFIX: &[u8] = b"test\0";

/// An owned claim and what ZIP 215 says of it.
#[derive(Clone, Debug)]
struct Case {
    key: PublicKey,
    message: Vec<u8>,
    signature: Signature,
    right: bool,
}

impl Case {
    fn claim(&self) -> Claim<'_> {
        Claim { key: self.key, prefix: PREFIX, message: &self.message, signature: self.signature }
    }
}

fn honest(seed: u8, message: Vec<u8>) -> Case {
    let key = SigningKey::from_seed(&[seed; 32]);
    let signature = key.sign(&[PREFIX, &message].concat());
    Case { key: key.public(), message, signature, right: true }
}

fn join(r: [u8; 32], s: [u8; 32]) -> Signature {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(&s);
    signature
}

/// Every spelling of the eight points of small order, canonical or not.
fn small_order_spellings() -> Vec<[u8; 32]> {
    let p: [u8; 32] = {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (0xed, 0x7f);
        bytes
    };
    let mut found: Vec<[u8; 32]> = EIGHT_TORSION.iter().map(|point| point.compress().0).collect();
    for low in 0..19u8 {
        // y and y + p, each with either sign bit.
        let mut above = p;
        above[0] = above[0].wrapping_add(low);
        let mut below = [0; 32];
        below[0] = low;
        let mut minus_one = p;
        minus_one[0] -= 1;
        for mut bytes in [below, above, minus_one] {
            for sign in [0, 0x80] {
                bytes[31] = bytes[31] & 0x7f | sign;
                let small =
                    CompressedEdwardsY(bytes).decompress().is_some_and(|point| point.is_small_order());
                if small && !found.contains(&bytes) {
                    found.push(bytes);
                }
            }
        }
    }
    found
}

/// A signature by a key and a nonce that both carry a small-order component.
fn with_torsion(secret: u64, key_torsion: usize, nonce_torsion: usize, message: Vec<u8>) -> Case {
    let (a, r) = (Scalar::from(secret + 1), Scalar::from(secret + 99));
    let point = |scalar: Scalar, torsion: usize| -> EdwardsPoint {
        ED25519_BASEPOINT_POINT * scalar + EIGHT_TORSION[torsion]
    };
    let (key, nonce) = (point(a, key_torsion).compress().0, point(r, nonce_torsion).compress().0);
    let hash = digest(&SHA512, &[&nonce[..], &key, PREFIX, &message].concat());
    let k = Scalar::from_bytes_mod_order_wide(hash.as_ref().try_into().expect("64 bytes"));
    let signature = join(nonce, (r + k * a).to_bytes());
    Case { key: PublicKey(key), message, signature, right: true }
}

/// The same s once more, plus the group order: RFC 8032 and ZIP 215 both refuse it.
fn with_large_s(mut case: Case) -> Case {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, order) in case.signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    Case { right: false, ..case }
}

fn any_case() -> impl Strategy<Value = Case> {
    let message = || proptest::collection::vec(any::<u8>(), 0..40);
    let spellings = small_order_spellings();
    prop_oneof![
        6 => (0..4u8, message()).prop_map(|(seed, message)| honest(seed, message)),
        1 => (0..4u8, message()).prop_map(|(seed, message)| with_large_s(honest(seed, message))),
        1 => (0..4u8, message(), 0..512usize).prop_map(|(seed, message, bit)| {
            let mut case = honest(seed, message);
            case.signature[bit / 8] ^= 1 << (bit % 8);
            Case { right: false, ..case }
        }),
        1 => (0..9u64, 0..8usize, 0..8usize, message()).prop_map(|(s, a, r, m)| with_torsion(s, a, r, m)),
        1 => (0..spellings.len(), 0..spellings.len(), message()).prop_map(move |(a, r, message)| Case {
            key: PublicKey(spellings[a]),
            message,
            signature: join(spellings[r], [0; 32]),
            right: true,
        }),
        1 => (any::<[u8; 32]>(), any::<[u8; 32]>(), message()).prop_map(|(key, r, message)| Case {
            key: PublicKey(key),
            message,
            signature: join(r, [1; 32]),
            right: false,
        }),
    ]
}

fn check(cases: &[Case]) {
    let cache = VerifierCache::new(8);
    let claims: Vec<Claim<'_>> = cases.iter().map(Case::claim).collect();
    let expected: Vec<bool> = cases.iter().map(|case| case.right).collect();
    let single: Vec<bool> = claims.iter().map(|claim| verify_zip215(claim, &cache)).collect();
    assert_eq!(single, expected);
    assert_eq!(verify_batch(&claims, &cache), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn batch_and_single_agree(cases in proptest::collection::vec(any_case(), 0..80)) {
        check(&cases);
    }
}

#[test]
fn every_small_order_spelling_is_decided_as_zip_215_says() {
    let spellings = small_order_spellings();
    assert_eq!(spellings.len(), 14, "the eight points have fourteen spellings");
    let pairs = spellings.iter().flat_map(|a| spellings.iter().map(move |r| (*a, *r)));
    let cases: Vec<Case> = pairs
        .map(|(a, r)| Case {
            key: PublicKey(a),
            message: b"anything".to_vec(),
            signature: join(r, [0; 32]),
            right: true,
        })
        .collect();
    check(&cases);
    // The strict rule is another one: it is why the two never serve the same bytes.
    let strict = |case: &Case| verify_strict(&case.key, &[PREFIX, &case.message].concat(), &case.signature);
    assert!(cases.iter().any(|case| !strict(case)));
}

#[test]
fn torsion_is_accepted_and_a_large_s_is_not() {
    let mut cases = Vec::new();
    for (key, nonce) in (0..8).flat_map(|key| (0..8).map(move |nonce| (key, nonce))) {
        let case = with_torsion(5, key, nonce, vec![key as u8, nonce as u8]);
        cases.push(with_large_s(case.clone()));
        cases.push(case);
    }
    check(&cases);
}

#[test]
fn each_wrong_signature_is_found_among_many() {
    let mut cases: Vec<Case> = (0..600u32).map(|n| honest((n % 5) as u8, n.to_be_bytes().to_vec())).collect();
    check(&cases);
    for wrong in [0, 63, 64, 511, 512, 599] {
        cases[wrong].message.push(0);
        cases[wrong].right = false;
        check(&cases);
    }
}

#[test]
fn the_prefix_is_part_of_what_is_signed() {
    let case = honest(1, b"body".to_vec());
    let moved = Claim { prefix: b"test", message: b"\0body", ..case.claim() };
    let other = Claim { prefix: b"vote\0", ..case.claim() };
    let cache = VerifierCache::default();
    assert_eq!(verify_batch(&[case.claim(), moved, other], &cache), [true, true, false]);
}

#[test]
fn a_pool_gives_the_same_verdicts_in_the_same_order() {
    let mut cases: Vec<Case> =
        (0..1500u32).map(|n| honest((n % 7) as u8, n.to_be_bytes().to_vec())).collect();
    for case in cases.iter_mut().step_by(397) {
        case.signature[0] ^= 1;
    }
    let claims: Vec<Claim<'_>> = cases.iter().map(Case::claim).collect();
    let cache = VerifierCache::default();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    assert_eq!(verify_batch_in(&pool, &claims, &cache), verify_batch(&claims, &cache));
    assert_eq!(verify_batch_in(&pool, &claims[..10], &cache), verify_batch(&claims[..10], &cache));
    assert!(verify_batch_in(&pool, &[], &cache).is_empty());
}
