//! Weeks that are published a second time: what changed must not show by the difference.

use hutong_epidemic::tables::{publish, republish};
use proptest::prelude::*;

use crate::{Week, attacker::Seen, faults, truth, week};

#[test]
fn a_small_change_is_never_published() {
    let before: Week = vec![(0, [0, 0, 0], 40), (1, [4, 1, 0], 30), (2, [4, 0, 0], 20)];
    let first = truth(2, &before);
    for added in 1..=9_u64 {
        let mut after = before.clone();
        after.push((1, [4, 1, 0], added));
        let second = truth(2, &after);
        assert_eq!(second.changed_safely(&first), added >= 5, "{added}");
        assert_eq!(first.changed_safely(&second), added >= 5, "{added} fewer");
    }
    // Two changes that even out in the total, each of them small.
    let mut moved = before.clone();
    moved[0].2 -= 2;
    moved[1].2 += 2;
    assert!(!truth(2, &moved).changed_safely(&first));
    // A case that becomes another in one of its columns.
    let mut other: Week = before.clone();
    other[0].2 -= 1;
    other.push((0, [4, 0, 0], 1));
    assert!(!truth(2, &other).changed_safely(&first));
    assert!(first.changed_safely(&first));
}

#[test]
fn another_number_of_districts_is_no_revision() {
    assert!(!truth(2, &vec![]).changed_safely(&truth(3, &vec![])));
    let tables = publish(&truth(2, &vec![(0, [0, 0, 0], 40)]));
    assert_eq!(republish(&truth(3, &vec![(0, [0, 0, 0], 50)]), &tables), None);
    assert_eq!(republish(&truth(2, &vec![(0, [0, 0, 0], 50)]), &[]), None, "a withheld week stays withheld");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// A revision withholds the same cells, and nothing in it can be told either.
    #[test]
    fn a_revision_is_as_safe_as_the_first(
        week in week(3),
        row in 0..4_usize,
        more in prop::collection::vec((0..4_usize, 0..3_usize, 0..2_usize, 5..30_u64), 1..3),
    ) {
        let first = truth(3, &week);
        let tables = publish(&first);
        let mut after = week.clone();
        after.extend(more.into_iter().map(|(age, sex, origin, count)| (row, [age * 4, sex, origin], count)));
        let second = truth(3, &after);
        prop_assume!(second.changed_safely(&first));
        if let Some(revised) = republish(&second, &tables) {
            let masks = |tables: &[hutong_wire::v1::epidemic::Table]| {
                tables.iter().flat_map(|table| table.cells.iter().map(|cell| *cell == 0).collect::<Vec<_>>()).collect::<Vec<_>>()
            };
            prop_assert_eq!(masks(&tables), masks(&revised));
            let seen = Seen::new(3, &revised, &second);
            let faults = faults(&seen);
            prop_assert!(faults.is_empty(), "{:#?} in\n{}", faults, seen);
        }
    }
}
