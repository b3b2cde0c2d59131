//! Transaction signatures, many at once, by ZIP 215.
//!
//! A batch is one equation over all its signatures: right when all are right, and wrong (but for a chance of
//! 2^-128) when one is not. It does not say which, so a batch that fails is halved, and small rests are checked
//! one by one. ZIP 215 is the rule under which the batch, its halves and single checks cannot disagree; RFC
//! 8032 leaves crafted signatures open, and two nodes that grouped them differently would part.

use ed25519_zebra::{Signature as ZebraSignature, batch};
use rayon::prelude::*;

use crate::{PublicKey, Signature, VerifierCache, random::Stretched};

/// Signatures in one equation: more save little, and a wrong one costs all of them a second check.
const CHUNK_MAX: usize = 512;
/// Threads get no less than this: below it, the equation's fixed cost outweighs a second core.
const CHUNK_MIN: usize = 64;
/// Up to this many, single checks cost no more than an equation.
const SINGLE_MAX: usize = 3;
/// A part this small that failed is checked one by one: halving on would cost more than it saves.
const HALVE_MIN: usize = 32;

/// One signature to check: `key` is said to have signed `prefix` followed by `message`.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    pub key: PublicKey,
    /// The domain-separation prefix that stands before the message.
    pub prefix: &'a [u8],
    pub message: &'a [u8],
    pub signature: Signature,
}

/// A claim whose key is a point, and its place; the message is hashed already.
struct Hashed {
    index: usize,
    item: batch::Item,
}

/// The verdict on each claim, in order, on the calling thread.
#[must_use]
pub fn verify_batch(claims: &[Claim<'_>], cache: &VerifierCache) -> Vec<bool> {
    claims.chunks(CHUNK_MAX).flat_map(|chunk| verify_chunk(chunk, cache)).collect()
}

/// As [`verify_batch`], spread over the threads of the pool. Blocks the caller; may run inside the pool.
#[must_use]
pub fn verify_batch_in(pool: &rayon::ThreadPool, claims: &[Claim<'_>], cache: &VerifierCache) -> Vec<bool> {
    let chunk = claims.len().div_ceil(pool.current_num_threads()).clamp(CHUNK_MIN, CHUNK_MAX);
    if claims.len() <= chunk {
        return verify_batch(claims, cache);
    }
    pool.install(|| claims.par_chunks(chunk).flat_map_iter(|chunk| verify_chunk(chunk, cache)).collect())
}

/// The verdict on one claim: always that of a batch with it.
#[must_use]
pub fn verify_zip215(claim: &Claim<'_>, cache: &VerifierCache) -> bool {
    let signature = ZebraSignature::from_bytes(&claim.signature);
    cache.get(&claim.key).is_some_and(|key| key.verify(&signature, &join(claim)).is_ok())
}

fn verify_chunk(claims: &[Claim<'_>], cache: &VerifierCache) -> Vec<bool> {
    if claims.len() <= SINGLE_MAX {
        return claims.iter().map(|claim| verify_zip215(claim, cache)).collect();
    }
    let mut verdicts = vec![false; claims.len()];
    // A key that is no point makes its own claims wrong; it must not make the batch fail for the others.
    let hashed: Vec<Hashed> = claims
        .iter()
        .enumerate()
        .filter_map(|(index, claim)| {
            cache.get(&claim.key)?;
            let signature = ZebraSignature::from_bytes(&claim.signature);
            let item = batch::Item::from((claim.key.0.into(), signature, &join(claim)));
            Some(Hashed { index, item })
        })
        .collect();
    settle(&hashed, &mut verdicts);
    verdicts
}

/// Settles claims of which at least one may be wrong. The verdicts start as wrong, so only right ones are
/// written.
fn settle(hashed: &[Hashed], verdicts: &mut [bool]) {
    if hashed.len() > SINGLE_MAX && holds(hashed) {
        hashed.iter().for_each(|one| verdicts[one.index] = true);
    } else {
        search(hashed, verdicts);
    }
}

/// Finds the wrong ones among claims that failed together. Halving finds a lone one cheaply; when both halves
/// fail there are several, and checking one by one bounds what a flood of wrong signatures can cost.
fn search(failed: &[Hashed], verdicts: &mut [bool]) {
    if failed.len() <= HALVE_MIN {
        return one_by_one(failed, verdicts);
    }
    let (left, right) = failed.split_at(failed.len() / 2);
    let (left_holds, right_holds) = (holds(left), holds(right));
    for (half, half_holds) in [(left, left_holds), (right, right_holds)] {
        if half_holds {
            half.iter().for_each(|one| verdicts[one.index] = true);
        } else if left_holds || right_holds {
            search(half, verdicts);
        } else {
            one_by_one(half, verdicts);
        }
    }
}

fn one_by_one(hashed: &[Hashed], verdicts: &mut [bool]) {
    for one in hashed {
        verdicts[one.index] = one.item.clone().verify_single().is_ok();
    }
}

/// Whether the equation over all of them holds. Without randomness nothing is proven, so the answer is no and
/// the single checks, which need none, decide.
fn holds(hashed: &[Hashed]) -> bool {
    let Ok(random) = Stretched::from_system() else { return false };
    let mut verifier = batch::Verifier::new();
    for one in hashed {
        verifier.queue(one.item.clone());
    }
    verifier.verify(random).is_ok()
}

fn join(claim: &Claim<'_>) -> Vec<u8> {
    [claim.prefix, claim.message].concat()
}
