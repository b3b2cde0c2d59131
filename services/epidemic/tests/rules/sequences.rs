//! Any actions in any order: nothing is a fault, records stay sound, and every host comes to the same, however it loaded
//! what it read.

use std::collections::BTreeMap;

use bytes::Bytes;
use hutong_epidemic::{
    build,
    tables::{Truth, publish},
};
use hutong_ledger::{execute::Records, hash::Hash, transaction::Transaction};
use hutong_wire::v1::epidemic::{self as wire, Method};
use proptest::{collection::vec, prelude::*, sample::select, strategy::ValueTree, test_runner::TestRunner};

use crate::support::*;

const IDS: [&str; 4] = ["a", "b", "c", "d"];

fn some_facts() -> impl Strategy<Value = wire::Facts> {
    let district = select(&["", "110101", "110105"][..]);
    (0..4_i32, 0..3_i32, district, 0..12_i32, 0..12_i32, any::<bool>()).prop_map(
        |(status, sex, district, onset, report, known)| wire::Facts {
            // Rarely of no status, or in an order that cannot be.
            status: if onset == 11 { 0 } else { status.max(1) },
            sex,
            district: district.into(),
            onset: known.then_some(TODAY - 10 - onset),
            specimen: None,
            diagnosis: None,
            report: Some(TODAY - 20 + report),
            ..facts()
        },
    )
}

fn some_release() -> impl Strategy<Value = wire::Release> {
    (0..3_i32, vec((0..3_usize, 0..40_u64), 0..4), 0..3_u64, any::<bool>()).prop_map(
        |(week, cases, as_of, careless)| {
            let mut truth = Truth::empty(2);
            cases.iter().for_each(|(row, count)| truth.add(*row, [1, 0, 0], *count));
            let mut tables = publish(&truth);
            if careless && let Some(table) = tables.first_mut() {
                table.cells[0] = 3;
            }
            wire::Release {
                disease: "dengue".into(),
                monday: 19_653 - 7 * week,
                districts: vec!["110101".into(), "110105".into()],
                tables,
                as_of_ms: time_ms(1) - as_of,
                revision: 0,
            }
        },
    )
}

fn an_action() -> impl Strategy<Value = Bytes> {
    let id = || select(&IDS[..]);
    let reason = || select(&["", "enough"][..]);
    let reported = |(id, facts): (&str, wire::Facts)| wire::ReportCase {
        id: id.into(),
        facts: Some(facts),
        ..Default::default()
    };
    let one = move || (id(), some_facts()).prop_map(reported);
    let revises = (id(), some_facts(), reason(), 0..3_u64).prop_map(|(id, facts, reason, version)| {
        build::revise(wire::ReviseCase {
            id: id.into(),
            expected_version: version,
            facts: Some(facts),
            reason: reason.into(),
            sealed: Vec::new(),
        })
    });
    let alert = (0..4_i32, 0..3_i32).prop_map(|(day, method)| wire::Alert {
        disease: "dengue".into(),
        day: TODAY - day,
        method: Method::try_from(method).unwrap_or_default().into(),
        statistic_micro: 7,
        count: 5,
        ..Default::default()
    });
    let districts = select(vec![vec!["110101", "110105"], vec!["110101"]]);
    prop_oneof![
        3 => one().prop_map(build::report),
        4 => revises,
        2 => vec(one(), 1..4).prop_map(build::import),
        2 => vec(alert, 1..3).prop_map(build::raise),
        3 => some_release().prop_map(build::publish),
        1 => districts.prop_map(|codes| build::add_districts(codes.iter().map(|c| ((*c).to_owned(), (*c).to_owned())))),
        1 => select(vec![vec![CLINIC], vec![], vec!["nobody"]]).prop_map(|names| build::set_reporters(names.iter().map(|n| (*n).to_owned()))),
    ]
}

fn transactions() -> impl Strategy<Value = Vec<Transaction>> {
    let agency = prop_oneof![5 => Just(HEALTH), 1 => Just(CLINIC), 1 => Just(OTHER)];
    vec((agency, an_action()), 1..50).prop_map(|steps| {
        let numbered = steps.into_iter().zip(0_u128..);
        numbered.map(|((agency, action), n)| transaction(agency, n.to_be_bytes(), action)).collect()
    })
}

/// The log entries in order and the codes of refusals.
fn run(transactions: &[Transaction], records: &mut Records) -> Vec<(u32, Hash, Option<String>)> {
    let done = execute(1, transactions, records);
    assert_eq!(done.executed.len(), transactions.len());
    let results = done.executed.iter().map(|executed| {
        check(executed, time_ms(1));
        (executed.entry.index, executed.entry.blind, executed.opening.outcome.code().map(str::to_owned))
    });
    results.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_sequence_gives_every_host_the_same(transactions in transactions()) {
        let mut records = Records::new();
        let results = run(&transactions, &mut records);
        // Again, with everything loaded beforehand: how the loading went shows nowhere.
        let mut loaded: Records = records.keys().map(|key| (key.clone(), None)).collect();
        prop_assert_eq!(&results, &run(&transactions, &mut loaded));
        prop_assert_eq!(&records, &loaded);
        // And once more in two blocks of the same time: where a block ends shows in nothing but places.
        let (first, second) = transactions.split_at(transactions.len() / 2);
        let mut halved = Records::new();
        let codes = |results: Vec<(u32, Hash, Option<String>)>| results.into_iter().map(|(_, _, code)| code);
        let halves: Vec<_> = codes(run(first, &mut halved)).chain(codes(run(second, &mut halved))).collect();
        prop_assert_eq!(codes(results).collect::<Vec<_>>(), halves);
        prop_assert_eq!(&records, &halved);
    }
}

/// The sequences are worth something only if they get somewhere.
#[test]
fn the_sequences_reach_what_they_are_to_test() {
    let mut runner = TestRunner::deterministic();
    let mut codes: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..150 {
        let transactions = transactions().new_tree(&mut runner).unwrap().current();
        for (_, _, code) in run(&transactions, &mut Records::new()) {
            *codes.entry(code.unwrap_or_else(|| "applied".into())).or_default() += 1;
        }
    }
    let reached = [
        "applied",
        "alert_exists",
        "alert_invalid",
        "batch_invalid",
        "case_exists",
        "case_invalid",
        "case_unknown",
        "dates_invalid",
        "not_the_reporter",
        "owner_required",
        "reason_missing",
        "release_invalid",
        "release_unsafe",
        "reporter_required",
        "reporters_invalid",
        "stale_version",
    ];
    for code in reached {
        assert!(codes.get(code).is_some_and(|count| *count >= 3), "{code}: {codes:?}");
    }
}
