//! Actions that are none: whatever the bytes, the answer is a refusal with a code, never a fault or a panic.

use bytes::Bytes;
use hutong_catalogue::build;
use hutong_wire::{prost::Message, v1::catalogue as wire};
use proptest::{collection::vec, prelude::*};

use crate::support::*;

#[test]
fn what_does_not_decode_is_malformed() {
    let whole = publish(|_| ());
    let half = whole.slice(..whole.len() - 1);
    // A text that is no UTF-8, in WithdrawDataset.
    let not_text = Bytes::from_static(&[0x12, 4, 0x0a, 2, 0xff, 0xfe]);
    let empty: Bytes = wire::Action::default().encode_to_vec().into();
    for bytes in [Bytes::new(), Bytes::from_static(b"\xff"), empty, half, not_text] {
        assert_eq!(Office::default().refused(&ALL, bytes).0, "malformed_action");
    }
}

#[test]
fn nothing_hides_in_an_action() {
    let whole = build::revoke("courts-1", "why");
    // A field that nobody knows, and the same kind a second time.
    for more in [&b"\xfa\x07\x06secret"[..], &whole[..]] {
        let bytes: Bytes = [&whole[..], more].concat().into();
        assert_eq!(Office::default().refused(&ALL, bytes).0, "malformed_action");
    }
    // Within the dataset: field 15 of it.
    let mut inner = dataset().encode_to_vec();
    inner.extend(b"\x7a\x03abc");
    let within = |inner: &[u8]| {
        let mut outer = vec![0x0a];
        hutong_wire::prost::encoding::encode_varint(inner.len() as u64, &mut outer);
        [&outer, inner].concat()
    };
    let action = within(&within(&inner));
    assert_eq!(Office::default().refused(&ALL, action.into()).0, "malformed_action");
}

#[test]
fn deep_nesting_is_malformed_and_no_more() {
    let bomb = vec![0xfb; 60_000];
    assert_eq!(Office::default().refused(&[LAND], bomb.into()).0, "malformed_action");
    let groups = [[0x8b, 0x01]; 30_000].concat();
    assert_eq!(Office::default().refused(&[LAND], groups.into()).0, "malformed_action");
}

proptest! {
    #[test]
    fn random_bytes_are_refused_quietly(bytes in vec(any::<u8>(), 0..400)) {
        // The checks are those of every submission: no fault of the contract, nothing half-done.
        let _ = Office::default().submit(&ALL, bytes.into());
    }

    #[test]
    fn damaged_actions_leave_sound_records(
        which in 0_usize..4,
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let actions =
            [publish(|_| ()), agree(|_| ()), build::revoke("courts-1", "why"), build::withdraw("parcels")];
        let mut bytes = actions[which].to_vec();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let mut office = Office::default();
        office.submit(&ALL, publish(|_| ())).unwrap();
        office.submit(&ALL, agree(|_| ())).unwrap();
        let _ = office.submit(&ALL, bytes.into());
    }
}
