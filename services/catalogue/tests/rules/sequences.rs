//! Any actions in any order: nothing is a fault, records stay sound, and every host comes to the same, however it loaded
//! what it read.

use std::collections::BTreeMap;

use bytes::Bytes;
use hutong_catalogue::build;
use hutong_ledger::{execute::Records, hash::Hash, transaction::Transaction};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{select, subsequence},
    strategy::ValueTree,
    test_runner::TestRunner,
};

use crate::support::*;

const IDS: [&str; 3] = ["a", "b", "c"];
const DOMAINS: [(&str, &str); 3] = [("property", LAND), ("health", HEALTH), ("weather", LAND)];

fn an_action() -> impl Strategy<Value = Bytes> {
    let id = || select(&IDS[..]);
    let domain = || select(&DOMAINS[..]);
    let title = select(&["Titles", "", "Parcels"][..]);
    let publishes = (id(), domain(), title).prop_map(|(id, (domain, _), title)| {
        publish(|dataset| {
            dataset.id = id.into();
            dataset.domain = domain.into();
            dataset.title = title.into();
        })
    });
    let ends = select(vec![0, time_ms(1), time_ms(2), time_ms(50)]);
    let agrees =
        (id(), domain(), select(&ALL[..]), ends).prop_map(|(id, (domain, owner), consumer, until)| {
            agree(|agreement| {
                agreement.id = id.into();
                agreement.domain = domain.into();
                agreement.owner = owner.into();
                agreement.consumer = consumer.into();
                agreement.from_ms = 0;
                agreement.until_ms = until;
            })
        });
    prop_oneof![
        2 => publishes,
        1 => id().prop_map(build::withdraw),
        3 => agrees,
        1 => id().prop_map(|id| build::revoke(id, "enough")),
    ]
}

fn transactions() -> impl Strategy<Value = Vec<Transaction>> {
    let signers = subsequence(ALL.to_vec(), 1..=ALL.len()).prop_shuffle();
    let everyone = Just(ALL.to_vec()).prop_shuffle();
    vec((prop_oneof![signers, everyone], an_action()), 1..50).prop_map(|steps| {
        let numbered = steps.into_iter().zip(0_u128..);
        numbered.map(|((signers, action), n)| transaction(&signers, n.to_be_bytes(), action)).collect()
    })
}

/// The log entries in order and the codes of refusals.
fn run(transactions: &[Transaction], records: &mut Records) -> Vec<(u32, Hash, Option<String>)> {
    let done = execute(1, &epoch(), transactions, records);
    assert_eq!(done.executed.len(), transactions.len());
    let results = done.executed.iter().map(|executed| {
        check(executed, time_ms(1));
        (executed.entry.index, executed.entry.blind, executed.opening.outcome.code().map(str::to_owned))
    });
    results.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_sequence_gives_every_host_the_same(transactions in transactions()) {
        let mut records = Records::new();
        let results = run(&transactions, &mut records);
        // Again, with everything loaded beforehand: how the loading went shows nowhere.
        let all = IDS.iter().flat_map(|id| [format!("dataset/{id}"), format!("agreement/{id}")]);
        let mut loaded: Records = all.map(|record| (key(&record), None)).collect();
        prop_assert_eq!(&results, &run(&transactions, &mut loaded));
        for (key, record) in &loaded {
            prop_assert_eq!(&records.get(key).cloned().flatten(), record);
        }
        // And once more in two blocks of the same time: where a block ends shows in nothing but places.
        let (first, second) = transactions.split_at(transactions.len() / 2);
        let mut halved = Records::new();
        let codes = |results: Vec<(u32, Hash, Option<String>)>| results.into_iter().map(|(_, _, code)| code);
        let halves: Vec<_> =
            codes(run(first, &mut halved)).chain(codes(run(second, &mut halved))).collect();
        prop_assert_eq!(codes(results).collect::<Vec<_>>(), halves);
        for (key, record) in &loaded {
            prop_assert_eq!(&halved.get(key).cloned().flatten(), record);
        }
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
        "agreement_exists",
        "agreement_invalid",
        "agreement_revoked",
        "agreement_unknown",
        "both_sides_required",
        "dataset_invalid",
        "dataset_taken",
        "dataset_unknown",
        "dataset_withdrawn",
        "owner_required",
        "period_invalid",
        "side_required",
        "unknown_domain",
    ];
    for code in reached {
        assert!(codes.get(code).is_some_and(|count| *count >= 5), "{code}: {codes:?}");
    }
}
