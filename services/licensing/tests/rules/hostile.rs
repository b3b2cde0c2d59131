//! Actions that are none: whatever the bytes, the answer is a refusal with a code, never a fault or a panic.

use bytes::Bytes;
use hutong_ledger::contract::Contract;
use hutong_licensing::{Licensing, build};
use hutong_wire::{prost::Message, v1::licensing as wire};
use proptest::{collection::vec, prelude::*};

use crate::support::*;

#[test]
fn what_is_not_in_its_form_is_malformed() {
    let whole = apply("a");
    let half = whole.slice(..whole.len() - 1);
    let hiding: Bytes = [&whole[..], b"\xfa\x07\x06secret"].concat().into();
    let twice: Bytes = [&whole[..], &whole[..]].concat().into();
    let empty: Bytes = wire::Action::default().encode_to_vec().into();
    // Field 15 is decided by the rules of disclosure, and only there.
    let disclosure = Bytes::from_static(&[0x7a, 0]);
    for bytes in [empty, half, hiding, twice, Bytes::from_static(b"\xff"), disclosure.clone()] {
        assert_eq!(Office::default().no(bytes), "malformed_action");
    }
    assert_eq!(
        Licensing.decode(&disclosure).err().map(|refusal| refusal.code),
        Some("malformed_action".into())
    );
}

#[test]
fn records_are_shown_without_commitments() {
    let office = Office::with_licence();
    for (key, record) in &office.records {
        let Some(value) = record.as_ref().and_then(|record| record.value.as_ref()) else { continue };
        let shown = Licensing.render(&key.record, value).unwrap().to_string();
        assert!(!shown.contains(&"01".repeat(32)) || key.record.as_str() == "licence/a", "{shown}");
        assert!(Licensing.render(&key.record, b"\xff").is_none());
    }
}

proptest! {
    #[test]
    fn random_bytes_are_refused_quietly(bytes in vec(any::<u8>(), 0..300)) {
        let _ = Office::with_licence().submit(&[MARKET], bytes.into());
    }

    #[test]
    fn damaged_actions_leave_sound_records(
        which in 0_usize..5,
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let actions = [
            apply("b"),
            build::enter(terms("c")),
            build::renew("a", time_ms(2000), credential(2), vec![field("claims", 2)]),
            build::revoke("a", "why"),
            build::register_business(SECOND, "X"),
        ];
        let mut bytes = actions[which].to_vec();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        // The checks are those of every submission: no fault of the contract, nothing half-done.
        let _ = Office::with_licence().submit(&[MARKET], bytes.into());
    }
}
