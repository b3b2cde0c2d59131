//! Actions that are none: whatever the bytes, the answer is a refusal with a code, never a fault or a panic.

use bytes::Bytes;
use hutong_property::build;
use hutong_wire::{prost::Message, v1::property as wire};
use proptest::{collection::vec, prelude::*};

use crate::support::*;

#[test]
fn what_does_not_decode_is_malformed() {
    let empty = wire::Action { parcel: P.into(), ..wire::Action::default() };
    let whole = build::register(P, unit(), vec![owner(1, ANN, (1, 1))]);
    let half = whole.slice(..whole.len() - 1);
    // Field 1 is a text; these bytes are not UTF-8.
    let not_text = Bytes::from_static(&[0x0a, 2, 0xff, 0xfe]);
    for bytes in [Bytes::new(), Bytes::from_static(b"\xff"), empty.encode_to_vec().into(), half, not_text] {
        assert_eq!(Office::default().refused(&[LAND], bytes), "malformed_action");
    }
}

#[test]
fn deep_nesting_is_malformed_and_no_more() {
    // Groups within groups, in a field that nobody knows.
    let bomb = vec![0xfb; 60_000];
    assert_eq!(Office::default().refused(&[LAND], bomb.into()), "malformed_action");
    let groups = [[0x8b, 0x01]; 30_000].concat();
    assert_eq!(Office::default().refused(&[LAND], groups.into()), "malformed_action");
}

proptest! {
    #[test]
    fn random_bytes_are_refused_quietly(bytes in vec(any::<u8>(), 0..400)) {
        // The checks are those of every submission: no fault of the contract, nothing half-done.
        let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
        let _ = office.submit(&ALL, bytes.into());
    }

    #[test]
    fn damaged_actions_keep_the_register_sound(
        which in 0_usize..4,
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let kinds = [
            transfer(&[(1, (1, 2))], vec![owner(2, BEN, (1, 2))]),
            mortgage(1, 9, BANK),
            restrict(wire::RestrictionType::Seizure),
            cancel(),
        ];
        let mut bytes = build::action(P, 0, None, kinds[which].clone()).to_vec();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let mut office = Office::owned_by(&[(1, ANN, (1, 1))]);
        let _ = office.submit(&ALL, bytes.into());
    }
}
