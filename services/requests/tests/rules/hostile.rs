//! Actions that are none: whatever the bytes, the answer is a refusal with a code, never a fault or a panic.

use bytes::Bytes;
use hutong_requests::build;
use hutong_wire::{
    prost::Message,
    v1::requests::{self as wire, action::Kind},
};
use proptest::{collection::vec, prelude::*};

use crate::support::*;

#[test]
fn what_is_not_canonical_is_malformed() {
    let whole = build::action(Kind::Open(open("r1")));
    let half = whole.slice(..whole.len() - 1);
    let more = Bytes::from([&whole[..], b"\x98\x3f\x07"].concat());
    let empty_disclosure = build::action(Kind::Disclosure(Default::default()));
    for bytes in [Bytes::new(), Bytes::from_static(b"\xff"), half, more, empty_disclosure] {
        assert_eq!(Office::equipped().refused(LINE, bytes), "malformed_action");
    }
}

proptest! {
    #[test]
    fn random_bytes_are_refused_quietly(bytes in vec(any::<u8>(), 0..400)) {
        let mut office = Office::with_leak("r1");
        let _ = office.submit(LINE, bytes.into());
    }

    #[test]
    fn damaged_actions_leave_requests_whole(
        which in 0_usize..5,
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let actions = [
            build::action(Kind::Open(open("r2"))),
            build::action(Kind::DefineService(leak())),
            build::action(Kind::SetAreas(areas())),
            build::action(Kind::Import(import("r2"))),
            build::dispatch("r1", &[ROADS], "n"),
        ];
        let mut bytes = actions[which].to_vec();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        // The checks are those of every submission.
        let _ = Office::with_leak("r1").submit(LINE, bytes.into());
    }

    /// What the record says is what JSON says, whatever stands in it.
    #[test]
    fn any_record_is_shown(bytes in vec(any::<u8>(), 0..200), which in 0_usize..4) {
        use hutong_ledger::contract::Contract;
        let record = ["request/r", "service/s", "config/areas", "config/weights"][which].parse().unwrap();
        let _ = hutong_requests::Requests.render(&record, &bytes);
        let _ = wire::Request::decode(&bytes[..]);
    }
}
