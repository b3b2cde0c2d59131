//! Any order of registrations on the map: parcels never overlap, the grid lists exactly what stands, no land is made or
//! lost by subdivision and merger, and every host comes to the same however it loads.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use hutong_ledger::{execute::Records, transaction::Transaction};
use hutong_property::{
    build,
    contract::{CELL_MM, is_parcel},
    geometry::{Polygon, overlap},
};
use hutong_wire::{
    prost::Message,
    v1::property::{self as wire, Status, action::Kind},
};
use proptest::{collection::vec, prelude::*};

use crate::support::*;

/// What is done, in cells of a small field of 6 by 6 squares that lie across the borders of the grid's cells.
#[derive(Clone, Debug)]
enum Work {
    Register {
        at: (i64, i64),
        size: (i64, i64),
    },
    /// Which parcel, upright or level, and after how many squares.
    Cut {
        parcel: usize,
        upright: bool,
        after: i64,
    },
    Join {
        one: usize,
        other: usize,
    },
    Move {
        parcel: usize,
        by: (i64, i64),
    },
    Cancel {
        parcel: usize,
    },
}

const SIDE: i64 = 100_000;

fn work() -> impl Strategy<Value = Work> {
    let at = (0_i64..6, 0_i64..6);
    let (parcel, step) = (0_usize..12, -2_i64..3);
    prop_oneof![
        4 => (at, (1_i64..5, 1_i64..5)).prop_map(|(at, size)| Work::Register { at, size }),
        4 => (parcel.clone(), any::<bool>(), 1_i64..4)
            .prop_map(|(parcel, upright, after)| Work::Cut { parcel, upright, after }),
        3 => (parcel.clone(), parcel.clone()).prop_map(|(one, other)| Work::Join { one, other }),
        2 => (parcel.clone(), (step.clone(), step)).prop_map(|(parcel, by)| Work::Move { parcel, by }),
        1 => parcel.prop_map(|parcel| Work::Cancel { parcel }),
    ]
}

/// A rectangle of squares: left, bottom, right, top.
type Field = (i64, i64, i64, i64);

fn unit_of((left, bottom, right, top): Field) -> wire::Unit {
    let [l, b, r, t] = [left, bottom, right, top].map(|squares| squares * SIDE);
    shaped(&[(l, b), (r, b), (r, t), (l, t)])
}

fn field_of(parcel: &wire::Parcel) -> Field {
    let bounds = polygon_of(parcel).bounds();
    (bounds.min.x / SIDE, bounds.min.y / SIDE, bounds.max.x / SIDE, bounds.max.y / SIDE)
}

fn polygon_of(parcel: &wire::Parcel) -> Polygon {
    Polygon::parse(parcel.unit.as_ref().unwrap().geometry.as_ref().unwrap()).unwrap()
}

fn current(records: &Records) -> BTreeMap<String, wire::Parcel> {
    let parcels = records.iter().filter(|(key, _)| is_parcel(&key.record));
    let live = parcels.filter_map(|(_, record)| record.as_ref()?.value.clone());
    let parcels = live.map(|value| wire::Parcel::decode(value).unwrap());
    let standing = parcels.filter(|parcel| parcel.status() == Status::Current);
    standing.map(|parcel| (parcel.id.clone(), parcel)).collect()
}

fn action(work: &Work, number: usize, standing: &BTreeMap<String, wire::Parcel>) -> Option<Bytes> {
    let pick = |place: usize| standing.values().nth(place % standing.len().max(1));
    let child = |name: &str, field| wire::Child {
        parcel: format!("p{number}{name}"),
        unit: Some(unit_of(field)),
        sealed: Vec::new(),
    };
    Some(match work {
        Work::Register { at: (x, y), size: (w, h) } => {
            first(&format!("p{number}"), unit_of((*x, *y, x + w, y + h)))
        }
        Work::Cut { parcel, upright, after } => {
            let parcel = pick(*parcel)?;
            let (l, b, r, t) = field_of(parcel);
            let children = if *upright {
                vec![child("l", (l, b, l + after, t)), child("r", (l + after, b, r.max(l + after + 1), t))]
            } else {
                vec![child("b", (l, b, r, b + after)), child("t", (l, b + after, r, t.max(b + after + 1)))]
            };
            build::action(&parcel.id, 0, None, Kind::Subdivide(wire::Subdivide { children }))
        }
        Work::Join { one, other } => {
            let (one, other) = (pick(*one)?, pick(*other)?);
            let (a, b) = (field_of(one), field_of(other));
            let whole = (a.0.min(b.0), a.1.min(b.1), a.2.max(b.2), a.3.max(b.3));
            let mut parents = vec![one.id.clone(), other.id.clone()];
            parents.sort();
            let merge = wire::Merge { parents, unit: Some(unit_of(whole)), sealed: Vec::new() };
            build::action(&format!("p{number}"), 0, None, Kind::Merge(merge))
        }
        Work::Move { parcel, by: (x, y) } => {
            let parcel = pick(*parcel)?;
            let (l, b, r, t) = field_of(parcel);
            let unit = Some(unit_of((l + x, b + y, r + x, t + y)));
            let correct = wire::Correct { unit, reason: "survey".into(), ..wire::Correct::default() };
            build::action(&parcel.id, 0, None, Kind::Correct(correct))
        }
        Work::Cancel { parcel } => build::action(&pick(*parcel)?.id, 0, None, cancel()),
    })
}

/// Applies works one after the other; what holds in between is checked, and the transactions are given back.
fn run(works: &[Work]) -> (Vec<Transaction>, Records, BTreeMap<&'static str, usize>) {
    let mut office = Office::default();
    let mut transactions = Vec::new();
    let mut applied = BTreeMap::new();
    for (number, work) in works.iter().enumerate() {
        let before = current(&office.records);
        let Some(action) = action(work, number, &before) else { continue };
        let transaction = transaction(&ALL, (number as u128).to_be_bytes(), action);
        let done = execute(1, std::slice::from_ref(&transaction), &mut office.records);
        done.executed.iter().for_each(check);
        transactions.push(transaction);
        let after = current(&office.records);
        sound(&office.records, &after);
        if done.executed[0].refusal.is_none() {
            let name = match work {
                Work::Register { .. } => "register",
                Work::Cut { .. } => "cut",
                Work::Join { .. } => "join",
                Work::Move { .. } => "move",
                Work::Cancel { .. } => "cancel",
            };
            *applied.entry(name).or_default() += 1;
            let area = |parcels: &BTreeMap<String, wire::Parcel>| -> i128 {
                parcels.values().map(|parcel| polygon_of(parcel).area_twice_mm2()).sum()
            };
            if matches!(work, Work::Cut { .. } | Work::Join { .. } | Work::Move { .. }) {
                assert_eq!(area(&before), area(&after), "land was made or lost by {work:?}");
            }
        } else {
            assert_eq!(before, after);
        }
    }
    (transactions, office.records, applied)
}

/// No two parcels overlap, and cells list exactly the parcels that stand.
fn sound(records: &Records, parcels: &BTreeMap<String, wire::Parcel>) {
    let polygons: Vec<_> = parcels.values().map(polygon_of).collect();
    for (place, polygon) in polygons.iter().enumerate() {
        assert!(!polygons[place + 1..].iter().any(|other| overlap(polygon, other)), "two parcels overlap");
    }
    let mut expected: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (id, polygon) in parcels.keys().zip(&polygons) {
        let bounds = polygon.bounds();
        for x in bounds.min.x.div_euclid(CELL_MM)..=(bounds.max.x - 1).div_euclid(CELL_MM) {
            for y in bounds.min.y.div_euclid(CELL_MM)..=(bounds.max.y - 1).div_euclid(CELL_MM) {
                expected.entry(format!("cell/{x}/{y}")).or_default().insert(id);
            }
        }
    }
    let cells = records.iter().filter(|(key, _)| key.record.as_str().starts_with("cell/"));
    let cells = cells.filter_map(|(key, record)| Some((key, record.as_ref()?.value.clone()?)));
    let found: BTreeMap<String, Vec<String>> = cells
        .map(|(key, value)| {
            let entries = wire::Cell::decode(value).unwrap().entries;
            (key.record.to_string(), entries.into_iter().map(|entry| entry.parcel).collect())
        })
        .collect();
    let found: BTreeMap<String, BTreeSet<&str>> =
        found.iter().map(|(cell, ids)| (cell.clone(), ids.iter().map(String::as_str).collect())).collect();
    assert_eq!(found, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_map_stays_sound_in_any_order(works in vec(work(), 1..40)) {
        let (transactions, records, _) = run(&works);
        // In one block, and with all that will ever be there asked for beforehand.
        for known in [false, true] {
            let mut again = Office::default().records;
            if known {
                again.extend(records.keys().filter(|key| !key.record.as_str().starts_with("config/")).map(|key| (key.clone(), None)));
            }
            execute(1, &transactions, &mut again);
            for (key, record) in &records {
                prop_assert_eq!(again.get(key).cloned().flatten(), record.clone(), "{}", key);
            }
        }
    }
}

#[test]
fn the_works_reach_what_they_are_to_test() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeMap::new();
    for _ in 0..30 {
        let works = vec(work(), 40).new_tree(&mut runner).unwrap().current();
        for (name, count) in run(&works).2 {
            *reached.entry(name).or_insert(0) += count;
        }
    }
    for name in ["register", "cut", "join", "move", "cancel"] {
        assert!(
            reached.get(name).is_some_and(|count| *count >= 10),
            "{name} hardly ever applies: {reached:?}"
        );
    }
}
