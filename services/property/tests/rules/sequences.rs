//! Any actions in any order: shares stay at exactly one, nothing is a fault, and every host comes to the same.

use std::collections::{BTreeMap, BTreeSet};

use hutong_ledger::{execute::Records, hash::Hash, transaction::Transaction};
use hutong_property::build;
use hutong_wire::v1::property::{self as wire, RestrictionType, RightType, action::Kind};
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    strategy::{Union, ValueTree},
    test_runner::TestRunner,
};

use crate::support::*;

const PARCELS: [&str; 3] = ["a", "b", "c"];
/// Whole, halves, thirds, what does not fit, what is too fine.
const SHARES: [(u64, u64); 9] =
    [(1, 1), (1, 1), (1, 2), (1, 3), (2, 3), (1, 7), (5, 4), (0, 1), (1, 999_999_937)];

fn a_share() -> impl Strategy<Value = (u64, u64)> {
    select(&SHARES[..])
}

fn a_holding() -> impl Strategy<Value = wire::Holding> {
    // Mostly ownership, so that sequences get somewhere.
    let kind = prop_oneof![
        8 => Just(RightType::Ownership),
        1 => Just(RightType::LandUse),
        1 => Just(RightType::Servitude),
    ];
    (kind, 1_u8..5, 0_usize..ALL.len(), a_share())
        .prop_map(|(kind, handle, agent, of)| holding(kind, handle, ALL[agent], of))
}

fn a_kind() -> impl Strategy<Value = Kind> {
    let id = 1_u32..12;
    let register = vec(a_holding(), 1..4).prop_map(|holdings| {
        Kind::Register(wire::Register { unit: Some(unit()), holdings, ..wire::Register::default() })
    });
    // One holder of the whole: what most later actions need.
    let simple = (1_u8..5, 0_usize..ALL.len()).prop_map(|(handle, agent)| {
        Kind::Register(wire::Register {
            unit: Some(unit()),
            holdings: vec![owner(handle, ALL[agent], (1, 1))],
            ..wire::Register::default()
        })
    });
    let transfers = (vec((id.clone(), a_share()), 1..3), vec(a_holding(), 1..3))
        .prop_map(|(disposals, acquisitions)| transfer(&disposals, acquisitions));
    let moves = (id.clone(), a_share(), 1_u8..5, 0_usize..ALL.len())
        .prop_map(|(right, of, handle, agent)| transfer(&[(right, of)], vec![owner(handle, ALL[agent], of)]));
    let mortgages = (0_u32..4, 5_u8..7, 0_usize..ALL.len())
        .prop_map(|(rank, handle, agent)| mortgage(rank, handle, ALL[agent]));
    let kinds = vec![RestrictionType::Caveat, RestrictionType::Seizure];
    let restricts = select(kinds).prop_map(restrict);
    let corrects = (id.clone(), 1_u8..5, 0_usize..ALL.len()).prop_map(|(right, handle, agent)| {
        let parties = vec![wire::PartyCorrection { right, party: Some(party(handle, ALL[agent])) }];
        Kind::Correct(wire::Correct { parties, reason: "typing error".into(), ..wire::Correct::default() })
    });
    Union::new_weighted(vec![
        (6, register.boxed()),
        (9, simple.boxed()),
        (9, transfers.boxed()),
        (36, moves.boxed()),
        (12, mortgages.boxed()),
        (12, id.clone().prop_map(|mortgage| Kind::Discharge(wire::Discharge { mortgage })).boxed()),
        (4, restricts.boxed()),
        (18, id.prop_map(|restriction| Kind::Lift(wire::Lift { restriction })).boxed()),
        (6, corrects.boxed()),
        (3, Just(cancel()).boxed()),
    ])
}

#[derive(Clone, Debug)]
struct Step {
    signers: Vec<&'static str>,
    parcel: &'static str,
    version: u64,
    kind: Kind,
    /// Whether ids and shares are bent to what stands at the time: blind ones hardly ever fit.
    aimed: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Nearly everyone signs nearly always; who comes first submits.
    let signers = (0_usize..ALL.len(), 0_usize..20).prop_map(|(first, missing)| {
        let mut signers: Vec<_> = ALL.into_iter().enumerate().filter(|(at, _)| *at != missing).collect();
        let first = first % signers.len();
        signers.rotate_left(first);
        signers.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
    });
    let version = prop_oneof![9 => Just(0), 1 => 1_u64..6];
    let step = (signers, select(&PARCELS[..]), version, a_kind(), prop::bool::weighted(0.7))
        .prop_map(|(signers, parcel, version, kind, aimed)| Step { signers, parcel, version, kind, aimed });
    vec(step, 1..80)
}

/// Bends a step to what stands on its parcel.
fn aim(step: &mut Step, standing: &wire::Parcel) {
    let pick = |number: u32, count: usize| (count > 0).then(|| number as usize % count);
    match &mut step.kind {
        Kind::Transfer(transfer) => {
            let Some(disposal) = transfer.disposals.first_mut() else { return };
            let Some(at) = pick(disposal.right, standing.rights.len()) else { return };
            let right = &standing.rights[at];
            (disposal.right, disposal.share) = (right.id, right.share);
            if let [acquisition] = &mut transfer.acquisitions[..] {
                (acquisition.r#type, acquisition.share) = (right.r#type, right.share);
            }
        }
        Kind::Discharge(discharge) => {
            if let Some(at) = pick(discharge.mortgage, standing.mortgages.len()) {
                discharge.mortgage = standing.mortgages[at].id;
            }
        }
        Kind::Lift(lift) => {
            if let Some(at) = pick(lift.restriction, standing.restrictions.len()) {
                lift.restriction = standing.restrictions[at].id;
                let placed = ALL.iter().position(|name| *name == standing.restrictions[at].agency).unwrap();
                step.signers.insert(0, ALL[placed]);
            }
        }
        Kind::Correct(correct) => {
            if let Some(at) = pick(correct.parties[0].right, standing.rights.len()) {
                correct.parties[0].right = standing.rights[at].id;
            }
        }
        _ => {}
    }
}

/// The steps as transactions, each aimed at what those before it left.
fn transactions(steps: &[Step]) -> Vec<Transaction> {
    let mut office = Office::default();
    let mut transactions = Vec::new();
    for (step, place) in steps.iter().zip(0_u128..) {
        let mut step = step.clone();
        if let Some(standing) = office.parcel(step.parcel).filter(|_| step.aimed) {
            aim(&mut step, &standing);
        }
        let action = build::action(step.parcel, step.version, None, step.kind);
        let transaction = transaction(&step.signers, place.to_be_bytes(), action);
        execute(1, std::slice::from_ref(&transaction), &mut office.records);
        transactions.push(transaction);
    }
    transactions
}

/// The opening of each log entry, in order, and the code of a refusal.
fn run(transactions: &[Transaction], records: &mut Records) -> Vec<(u32, Hash, Option<String>)> {
    let done = execute(1, transactions, records);
    done.executed.iter().for_each(check);
    assert_eq!(done.executed.len(), transactions.len());
    let results = done.executed.iter().map(|executed| {
        (executed.entry.index, executed.entry.blind, executed.opening.outcome.code().map(str::to_owned))
    });
    results.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_sequence_keeps_the_register_sound(steps in steps()) {
        let transactions = transactions(&steps);
        let mut records = Office::default().records;
        let results = run(&transactions, &mut records);
        // Again, with everything loaded beforehand: how the loading went shows nowhere.
        let mut loaded = Office::default().records;
        loaded.extend(PARCELS.iter().map(|parcel| (key(parcel), None)));
        prop_assert_eq!(results, run(&transactions, &mut loaded));
        for parcel in PARCELS {
            prop_assert_eq!(records.get(&key(parcel)).cloned().flatten(), loaded[&key(parcel)].clone());
        }
    }
}

/// The sequences are worth something only if they get somewhere.
#[test]
fn the_sequences_reach_what_they_are_to_test() {
    let mut runner = TestRunner::deterministic();
    let (mut kinds, mut codes) = (BTreeMap::new(), BTreeSet::new());
    for _ in 0..100 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        let results = run(&transactions(&steps), &mut Office::default().records);
        for (step, (_, _, code)) in steps.iter().zip(results) {
            let name = format!("{:?}", step.kind).split('(').next().unwrap_or_default().to_owned();
            match code {
                None => *kinds.entry(name).or_insert(0) += 1,
                Some(code) => {
                    codes.insert(code);
                }
            }
        }
    }
    for kind in ["Register", "Transfer", "Mortgage", "Discharge", "Restrict", "Lift", "Correct", "Cancel"] {
        assert!(kinds.get(kind).is_some_and(|count| *count >= 10), "{kind} hardly ever applies: {kinds:?}");
    }
    assert!(codes.len() >= 15, "{codes:?}");
}
