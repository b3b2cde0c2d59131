//! The view follows what is final, and time.

use hutong_ledger::{contract::Change, hash::Hash};
use hutong_wire::v1::licensing::Status;
use proptest::prelude::*;

use super::*;

fn licence(id: &str, index: u64, status: Status, from_ms: u64, until_ms: u64) -> wire::Licence {
    wire::Licence {
        id: id.into(),
        uscc: "91110000600037341L".into(),
        kind: "food".into(),
        valid_from_ms: from_ms,
        valid_until_ms: until_ms,
        status: status.into(),
        status_index: index,
        ..wire::Licence::default()
    }
}

fn change(licence: &wire::Licence) -> Versioned {
    let record = format!("licence/{}", licence.id).parse().unwrap();
    let change = Change::put(record, licence.encode_to_vec());
    Versioned { record: change.record, version: 1, value: change.value, hash: Hash::ZERO }
}

fn found(view: &View, key: Key) -> Vec<String> {
    view.search(&Query::new(None, 100).and(Some(key))).ids.iter().map(ToString::to_string).collect()
}

#[test]
fn licences_begin_and_end_with_time() {
    let mut view = View::default();
    view.settle(50);
    view.apply(&change(&licence("a", 0, Status::Issued, 100, 200)));
    view.apply(&change(&licence("b", 1, Status::Suspended, 0, 300)));
    assert_eq!(found(&view, Key::Standing(Standing::NotYet)), ["a"]);
    assert_eq!(found(&view, Key::Standing(Standing::Suspended)), ["b"]);
    assert!(!view.is_due(99) && view.is_due(100));
    view.settle(100);
    assert_eq!(found(&view, Key::Standing(Standing::Valid)), ["a"]);
    // A clock that goes back takes nothing back.
    view.settle(10);
    assert_eq!(found(&view, Key::Standing(Standing::Valid)), ["a"]);
    view.settle(200);
    assert_eq!(found(&view, Key::Standing(Standing::Expired)), ["a"]);
    // A renewal brings it back.
    view.apply(&change(&licence("a", 0, Status::Issued, 100, 400)));
    assert_eq!(found(&view, Key::Standing(Standing::Valid)), ["a"]);
    view.settle(300);
    assert_eq!(found(&view, Key::Standing(Standing::Expired)), ["b"]);
    assert_eq!(found(&view, Key::Kind("food".into())), ["a", "b"]);
}

#[test]
fn a_list_says_how_each_licence_stands() {
    let mut view = View::default();
    assert!(view.list(0).is_some() && view.list(1).is_none());
    let far = ENTRIES + 5;
    for (status, entry) in
        [(Status::Issued, 0), (Status::Suspended, 2), (Status::Issued, 0), (Status::Revoked, 1)]
    {
        view.apply(&change(&licence("a", far, status, 0, 9)));
        assert_eq!(view.list(1).unwrap().list.get(5), Some(entry));
    }
    assert_eq!((view.revision(1), view.revision(0)), (3, 0));
    assert_eq!(view.list(0).unwrap().list.bytes().len(), 32 * 1024);
}

proptest! {
    /// However it came about, the view is that of the last state of each licence.
    #[test]
    fn the_last_state_counts(
        steps in prop::collection::vec((0_u8..6, 1_i32..5, 0_u64..50, 1_u64..50), 1..40),
        times in prop::collection::vec(0_u64..120, 40),
    ) {
        let mut view = View::default();
        let mut last = BTreeMap::new();
        for ((which, status, from, length), now) in steps.into_iter().zip(times) {
            let status = Status::try_from(status).unwrap();
            let licence = licence(&which.to_string(), which.into(), status, from, from + length);
            view.apply(&change(&licence));
            last.insert(which, licence);
            view.settle(now);
        }
        for licence in last.values() {
            let key = Key::Standing(standing(licence, view.now_ms));
            prop_assert!(found(&view, key).contains(&licence.id));
            prop_assert_eq!(view.list(0).unwrap().list.get(licence.status_index as usize), Some(entry(licence.status())));
        }
        prop_assert_eq!(found(&view, Key::All).len(), last.len());
        let standings = [Standing::Applied, Standing::NotYet, Standing::Valid, Standing::Suspended, Standing::Revoked, Standing::Expired];
        let each: usize = standings.into_iter().map(|standing| found(&view, Key::Standing(standing)).len()).sum();
        prop_assert_eq!(each, last.len(), "each stands in one way");
    }
}
