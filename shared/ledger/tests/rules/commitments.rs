//! An agency keeps to its votes and promises, whatever it is asked.

use std::collections::BTreeMap;

use hutong_ledger::{
    hash::Hash,
    vote::{Bound, Commitments},
};
use proptest::{collection::vec, prelude::*};

fn block(n: u8) -> Hash {
    Hash([n; 32])
}

#[test]
fn one_vote_per_height_and_view_which_may_be_repeated() {
    let mut kept = Commitments::default();
    kept.voted(5, 0, block(1));
    assert_eq!(kept.may_vote(5, 0, &block(1)), Ok(()));
    assert_eq!(kept.may_vote(5, 0, &block(2)), Err(Bound::Voted { height: 5, view: 0, block: block(1) }));
    assert_eq!(kept.may_vote(5, 1, &block(2)), Ok(()));
    assert_eq!(kept.may_vote(6, 0, &block(2)), Ok(()));
}

#[test]
fn a_promise_binds_votes_and_cosignatures_below_it() {
    let mut kept = Commitments::default();
    kept.promised(5, 2);
    kept.promised(5, 1);
    assert_eq!(kept.promise(5), 2, "a promise is never taken back");
    assert_eq!(kept.may_vote(5, 1, &block(1)), Err(Bound::Promised { height: 5, promised: 2 }));
    assert_eq!(kept.may_cosign(5, 1), Err(Bound::Promised { height: 5, promised: 2 }));
    assert_eq!((kept.may_vote(5, 2, &block(1)), kept.may_cosign(5, 2)), (Ok(()), Ok(())));
    assert_eq!((kept.may_cosign(4, 0), kept.promise(4)), (Ok(()), 0));
}

#[derive(Clone, Debug)]
enum Asked {
    Vote(u64, u32, u8),
    Cosign(u64, u32),
    Promise(u64, u32),
    Forget(u64),
}

fn asked() -> impl Strategy<Value = Asked> {
    prop_oneof![
        4 => (1..4_u64, 0..4_u32, 0..3_u8).prop_map(|(h, v, b)| Asked::Vote(h, v, b)),
        2 => (1..4_u64, 0..4_u32).prop_map(|(h, v)| Asked::Cosign(h, v)),
        2 => (1..4_u64, 0..4_u32).prop_map(|(h, v)| Asked::Promise(h, v)),
        1 => (1..3_u64).prop_map(Asked::Forget),
    ]
}

proptest! {
    /// Against a plain record of everything done: never two votes at a height and view, never below a promise.
    #[test]
    fn an_agency_is_never_of_two_minds(asked in vec(asked(), 0..60)) {
        let mut kept = Commitments::default();
        let mut votes: BTreeMap<(u64, u32), u8> = BTreeMap::new();
        let mut promises: BTreeMap<u64, u32> = BTreeMap::new();
        let mut forgotten = 0;
        for what in asked {
            match what {
                Asked::Vote(h, v, b) if h >= forgotten && kept.may_vote(h, v, &block(b)).is_ok() => {
                    prop_assert!(promises.get(&h).is_none_or(|promised| *promised <= v));
                    prop_assert_eq!(*votes.entry((h, v)).or_insert(b), b);
                    kept.voted(h, v, block(b));
                }
                Asked::Cosign(h, v) if h >= forgotten => {
                    let free = promises.get(&h).is_none_or(|promised| *promised <= v);
                    prop_assert_eq!(kept.may_cosign(h, v).is_ok(), free);
                }
                Asked::Promise(h, v) => {
                    kept.promised(h, v);
                    let promise = promises.entry(h).or_default();
                    *promise = v.max(*promise);
                }
                // Below a final height nothing is asked any more; at and above it nothing may be forgotten.
                Asked::Forget(h) => {
                    kept.forget_below(h);
                    forgotten = h.max(forgotten);
                }
                _ => {}
            }
        }
    }
}
