//! What is published of a week: whatever the publisher does, the contract lets nothing small through.

use hutong_epidemic::{
    build, day,
    tables::{Truth, publish},
};
use hutong_wire::{
    prost::Message,
    v1::epidemic::{self as wire},
};

use crate::support::*;

/// A Monday two weeks and more before the first block.
const MONDAY: day::Day = 19_653;

fn truth() -> Truth {
    let mut truth = Truth::empty(2);
    for row in 0..2 {
        truth.add(row, [3, 0, 0], 30);
        truth.add(row, [9, 1, 0], 20);
    }
    truth
}

fn release(truth: &Truth, as_of_ms: u64) -> wire::Release {
    wire::Release {
        disease: "dengue".into(),
        monday: MONDAY,
        districts: vec!["110101".into(), "110105".into()],
        tables: publish(truth),
        as_of_ms,
        revision: 0,
    }
}

fn office() -> Office {
    let mut office = Office::default();
    let districts = ["110101", "110105"].map(|code| (code.to_owned(), code.to_owned()));
    office.submit(HEALTH, build::add_districts(districts)).unwrap();
    office
}

/// How a change of the usual release is refused.
fn refused(change: impl FnOnce(&mut wire::Release)) -> (String, String) {
    let mut release = release(&truth(), time_ms(1));
    change(&mut release);
    office().refused(HEALTH, build::publish(release))
}

#[test]
fn a_closed_week_is_published() {
    let mut office = office();
    office.submit(HEALTH, build::publish(release(&truth(), time_ms(1)))).unwrap();
    let stored = wire::Release::decode(office.value("release/dengue/2023-10-23").unwrap()).unwrap();
    assert_eq!((stored.revision, stored.tables.len()), (1, 3));
}

#[test]
fn what_is_no_release_is_refused() {
    assert_eq!(day::monday(MONDAY), MONDAY);
    let mut office = office();
    let usual = release(&truth(), time_ms(1));
    assert_eq!(office.refused(CLINIC, build::publish(usual.clone())), two("owner_required", "agency"));
    let empty = build::action(wire::action::Kind::Publish(wire::Publish { release: None }));
    assert_eq!(office.refused(HEALTH, empty), two("release_invalid", "release"));
    assert_eq!(refused(|r| r.disease = "a/b".into()), two("release_invalid", "disease"));
    for monday in [MONDAY + 1, i32::MAX, i32::MIN] {
        assert_eq!(refused(|r| r.monday = monday), two("release_invalid", "monday"));
    }
    // The week of the block, and the last one that is not closed for a week yet.
    for weeks in [2, 3] {
        assert_eq!(refused(|r| r.monday = MONDAY + 7 * weeks), two("week_open", "monday"));
    }
    assert_eq!(refused(|r| r.as_of_ms = time_ms(50)), two("release_invalid", "as_of_ms"));
    assert_eq!(refused(|r| r.as_of_ms = 0), two("release_invalid", "as_of_ms"));
    assert_eq!(refused(|r| r.revision = 1), two("release_invalid", "revision"));
    assert_eq!(refused(|r| drop(r.districts.pop())), two("release_invalid", "districts"));
    assert_eq!(refused(|r| drop(r.tables.pop())), two("release_invalid", "tables"));
    assert_eq!(refused(|r| r.tables.swap(0, 1)), two("release_invalid", "tables"));
    assert_eq!(refused(|r| r.tables[1].cells.truncate(9)), two("release_invalid", "tables"));
    assert_eq!(refused(|r| r.tables[0].cells[3] += 7), two("release_invalid", "tables"));
    assert_eq!(refused(|r| r.tables[2].cells[0] = u64::from(u32::MAX)), two("release_invalid", "tables"));
}

#[test]
fn no_count_from_1_to_4_gets_through() {
    for count in 1..=4_u64 {
        // In a cell with all totals right.
        let mut truth = truth();
        truth.add(0, [5, 2, 1], count);
        let all = truth.with_totals(wire::Dimension::Age);
        let naked = |release: &mut wire::Release| {
            release.tables = [wire::Dimension::Age, wire::Dimension::Sex, wire::Dimension::Origin]
                .map(|dimension| wire::Table {
                    dimension: dimension.into(),
                    cells: truth.with_totals(dimension).iter().map(|count| count + 1).collect(),
                })
                .to_vec();
        };
        assert!(all.contains(&count));
        assert_eq!(refused(naked), two("release_unsafe", "tables"), "{count}");
        // Withheld alone, it is what the total leaves.
        let alone = |release: &mut wire::Release| {
            naked(release);
            for table in &mut release.tables {
                table.cells.iter_mut().filter(|cell| (2..=5).contains(*cell)).for_each(|cell| *cell = 0);
            }
        };
        assert_eq!(refused(alone), two("release_unsafe", "tables"), "{count}");
    }
}

#[test]
fn tables_agree_on_the_districts() {
    // Both sound alone: but one has a district of 50 where the other has 60.
    let mut other = truth();
    other.add(0, [3, 0, 0], 10);
    let tables = publish(&other);
    assert_eq!(refused(|r| r.tables[1] = tables[1].clone()), two("release_invalid", "tables"));
}

#[test]
fn a_revision_shows_no_small_change() {
    let mut office = office();
    office.submit(HEALTH, build::publish(release(&truth(), time_ms(1)))).unwrap();
    let again = |office: &Office, added: u64, category: usize| {
        let mut truth = truth();
        truth.add(0, [category, 0, 0], added);
        build::publish(release(&truth, time_ms(office.height)))
    };
    let action = again(&office, 0, 3);
    assert_eq!(office.refused(HEALTH, action), two("release_unchanged", "tables"));
    for added in 1..=4 {
        let action = again(&office, added, 3);
        assert_eq!(office.refused(HEALTH, action), two("release_unsafe", "tables"), "{added}");
    }
    let stale = {
        let mut truth = truth();
        truth.add(0, [3, 0, 0], 9);
        build::publish(release(&truth, time_ms(1)))
    };
    assert_eq!(office.refused(HEALTH, stale), two("release_invalid", "as_of_ms"));
    let action = again(&office, 5, 3);
    office.submit(HEALTH, action).unwrap();
    let stored = wire::Release::decode(office.value("release/dengue/2023-10-23").unwrap()).unwrap();
    assert_eq!(stored.revision, 2);
    // Withholding all of it now would tell what was shown before by what is missing.
    let withheld =
        build::publish(wire::Release { tables: Vec::new(), ..release(&truth(), time_ms(office.height)) });
    assert_eq!(office.refused(HEALTH, withheld), two("release_unsafe", "tables"));
    // So would withholding other cells.
    let mut masked = release(&truth(), time_ms(office.height));
    masked.tables[1].cells[..2].fill(0);
    masked.tables[1].cells[4..6].fill(0);
    assert_eq!(office.refused(HEALTH, build::publish(masked)), two("release_unsafe", "tables"));
}

#[test]
fn a_week_keeps_its_districts() {
    let mut office = office();
    office.submit(HEALTH, build::publish(release(&truth(), time_ms(1)))).unwrap();
    office.submit(HEALTH, build::add_districts([("110102".to_owned(), "Xicheng".to_owned())])).unwrap();
    let mut more = truth();
    more.add(1, [3, 0, 0], 12);
    office.submit(HEALTH, build::publish(release(&more, time_ms(office.height)))).unwrap();
    // Another week has the new row.
    let old_rows = wire::Release { monday: MONDAY - 7, ..release(&truth(), time_ms(office.height)) };
    assert_eq!(office.refused(HEALTH, build::publish(old_rows)), two("release_invalid", "districts"));
}
