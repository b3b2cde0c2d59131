//! Any actions in any order: requests stay whole, nothing is a fault, and every host comes to the same, however the
//! transactions were cut into blocks and whatever its memory held.

use hutong_ledger::{execute::Records, hash::Hash, transaction::Transaction};
use hutong_requests::build;
use hutong_wire::v1::requests::{self as wire, Status, action::Kind};
use proptest::{collection::vec, prelude::*, sample::select, strategy::Union};

use crate::support::*;

const IDS: [&str; 4] = ["r1", "r2", "r3", "r4"];

fn an_id() -> impl Strategy<Value = String> {
    select(&IDS[..]).prop_map(str::to_owned)
}

fn a_kind() -> impl Strategy<Value = Kind> {
    let agencies = prop::sample::subsequence(ALL.to_vec(), 0..3);
    let agencies = agencies.prop_map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>());
    let notes = prop_oneof![4 => Just("n".to_owned()), 1 => Just(String::new())];
    let opens = (an_id(), 0..3_usize).prop_map(|(id, how)| match how {
        0 => Kind::Open(open(&id)),
        1 => Kind::Open(open_hole(&id, "")),
        _ => Kind::Open(open_hole(&id, "north")),
    });
    let flags = || (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let calls = (an_id(), flags()).prop_map(|(request, (valid, contacted, resolved, satisfied))| {
        Kind::Called(wire::Called { request, valid, contacted, resolved, satisfied })
    });
    let imports = (an_id(), 1..=4_i32).prop_map(|(id, status)| {
        let closed_ms = if status == Status::Closed as i32 { import(&id).closed_ms } else { 0 };
        Kind::Import(wire::Import { service_code: "leak".into(), status, closed_ms, ..import(&id) })
    });
    Union::new_weighted(vec![
        (8, opens.boxed()),
        (2, imports.boxed()),
        (
            6,
            (an_id(), agencies, notes.clone())
                .prop_map(|(request, agencies, notes)| {
                    Kind::Dispatch(wire::Dispatch { request, agencies, notes })
                })
                .boxed(),
        ),
        (
            6,
            (an_id(), notes.clone(), any::<bool>())
                .prop_map(|(request, notes, contacted)| {
                    Kind::Answer(wire::Answer { request, notes, contacted })
                })
                .boxed(),
        ),
        (4, calls.boxed()),
        (
            3,
            (an_id(), notes).prop_map(|(request, notes)| Kind::Close(wire::Close { request, notes })).boxed(),
        ),
        (
            3,
            (an_id(), an_id())
                .prop_map(|(request, of)| Kind::MarkDuplicate(wire::MarkDuplicate { request, of }))
                .boxed(),
        ),
        (3, an_id().prop_map(|request| Kind::Breach(wire::Breach { request })).boxed()),
        (
            1,
            any::<bool>()
                .prop_map(|retired| Kind::DefineService(wire::Service { retired, ..leak() }))
                .boxed(),
        ),
        (1, Just(Kind::SetAreas(wire::Areas::default())).boxed()),
    ])
}

fn transactions() -> impl Strategy<Value = Vec<Transaction>> {
    let who = prop_oneof![6 => Just(LINE), 1 => Just(WATER), 1 => Just(NORTH), 1 => Just(ROADS)];
    vec((who, a_kind()), 1..60).prop_map(|steps| {
        let made = steps.into_iter().zip(0_u128..);
        made.map(|((agency, kind), n)| transaction(agency, n.to_be_bytes(), build::action(kind))).collect()
    })
}

type Result = Vec<(Hash, Option<String>)>;

/// The opening of each entry and the code of a refusal, block by block.
fn run<'a>(blocks: impl Iterator<Item = &'a [Transaction]>, times: &[u64], records: &mut Records) -> Result {
    let mut results = Vec::new();
    for (block, time_ms) in blocks.zip(times) {
        let done = execute(*time_ms, block, records);
        done.executed.iter().for_each(check);
        assert_eq!(done.executed.len(), block.len());
        results.extend(
            done.executed.iter().map(|executed| {
                (executed.opening.hash(), executed.opening.outcome.code().map(str::to_owned))
            }),
        );
    }
    results
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_host_comes_to_the_same(transactions in transactions(), hours in 1..40_u64) {
        // One block after the other, each later; all hosts cut them alike.
        let times: Vec<u64> = (0..transactions.len() as u64).map(|n| BEGAN_MS + n * hours * HOUR_MS / 4).collect();
        let equipped = Office::equipped().records;
        let mut cold = equipped.clone();
        let first = run(transactions.chunks(1), &times, &mut cold);
        // A host that restarts knows what is final and nothing else.
        let mut restarted = equipped.clone();
        let mut second = Vec::new();
        for (block, time) in transactions.chunks(1).zip(&times) {
            restarted.retain(|_, record| record.is_some());
            second.extend(run([block].into_iter(), &[*time], &mut restarted));
        }
        prop_assert_eq!(&first, &second);
        // A host with much in its memory sees no more than the others.
        let mut warm = equipped;
        let every = ["request/none", "service/none", "config/weights"];
        warm.extend(every.map(|record| {
            let domain = hutong_requests::domain();
            (hutong_ledger::id::RecordKey { domain, record: record.parse().unwrap() }, None)
        }));
        prop_assert_eq!(&first, &run(transactions.chunks(1), &times, &mut warm));
        cold.retain(|_, record| record.is_some());
        restarted.retain(|_, record| record.is_some());
        prop_assert_eq!(cold, restarted);
    }

    #[test]
    fn one_block_or_many_is_the_same(transactions in transactions(), size in 1..9_usize) {
        let times = vec![BEGAN_MS; transactions.len()];
        let (mut one, mut many) = (Office::equipped().records, Office::equipped().records);
        let first = run(transactions.chunks(size), &times, &mut one);
        let second = run(transactions.chunks(1), &times, &mut many);
        let codes = |results: &Result| results.iter().map(|(_, code)| code.clone()).collect::<Vec<_>>();
        prop_assert_eq!(codes(&first), codes(&second));
        one.retain(|_, record| record.is_some());
        many.retain(|_, record| record.is_some());
        prop_assert_eq!(one, many);
    }
}
