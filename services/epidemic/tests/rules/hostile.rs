//! Bytes that mean no good: nothing panics, nothing is a fault, nothing that has no meaning gets through.

use bytes::Bytes;
use hutong_disclosure::Disclosing;
use hutong_epidemic::{Epidemic, build};
use hutong_ledger::contract::Contract;
use hutong_wire::v1::epidemic as wire;
use proptest::prelude::*;

use crate::support::*;

#[test]
fn what_is_no_action_is_malformed() {
    let mut office = Office::default();
    let with = |more: &[u8]| Bytes::from([&report("a", |_| {}), more].concat());
    for action in [Bytes::new(), Bytes::from_static(b"\xff"), with(b"\x98\x3f\x07"), with(b"\x7a\x00")] {
        assert_eq!(office.refused(HEALTH, action).0, "malformed_action");
    }
    // A field that nobody knows, within the facts: a name could hide there.
    let mut hidden = wire::Facts { facility: "H".into(), ..facts() };
    hidden.facility = "H-17".into();
    let plain = report("a", |f| *f = hidden.clone());
    let at = plain.windows(4).position(|bytes| bytes == b"H-17").unwrap();
    let mut broken = plain.to_vec();
    broken[at - 2] = 0x7a;
    assert_eq!(office.refused(HEALTH, broken.into()).0, "malformed_action");
}

#[test]
fn no_fields_at_all_are_refused() {
    use wire::action::Kind;
    let mut office = Office::default();
    let kinds = [
        Kind::Report(wire::ReportCase::default()),
        Kind::Revise(wire::ReviseCase::default()),
        Kind::Import(wire::ImportCases::default()),
        Kind::Raise(wire::RaiseAlerts::default()),
        Kind::Publish(wire::Publish::default()),
        Kind::AddDistricts(wire::AddDistricts::default()),
        Kind::Publish(wire::Publish { release: Some(wire::Release::default()) }),
        Kind::Import(wire::ImportCases { cases: vec![wire::ReportCase::default()] }),
        Kind::Raise(wire::RaiseAlerts { alerts: vec![wire::Alert::default()] }),
    ];
    for kind in kinds {
        office.refused(HEALTH, build::action(kind));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_an_action_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut office = Office::default();
        let _ = office.submit(HEALTH, bytes.into());
    }

    #[test]
    fn a_changed_byte_is_no_fault(at in 0..400_usize, byte in any::<u8>()) {
        let whole = build::import(vec![case("a", |_| {}), case("b", |f| f.sex = 2)]);
        let mut bytes = whole.to_vec();
        let place = at % bytes.len();
        bytes[place] = byte;
        let mut office = Office::default();
        let _ = office.submit(HEALTH, bytes.into());
    }

    #[test]
    fn any_value_can_be_shown_or_not(name in "(case|alert|release|config|other)/[a-z]{1,9}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Disclosing(Epidemic).render(&name.parse().unwrap(), &bytes);
    }
}
