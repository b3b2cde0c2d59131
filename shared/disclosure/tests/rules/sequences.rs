//! Any actions in any order: nothing is a fault, indexes chain, and every host comes to the same however it loads.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use hutong_disclosure::{Disclosing, access_head};
use hutong_ledger::{
    block::Header,
    contract::Record,
    execute::{Execution, Records, Step},
    hash::Hash,
    id::{Domain, RecordKey},
    state_tree::{MemoryTree, StateKey},
    transaction::Transaction,
};
use hutong_wire::{
    prost::Message,
    v1::{
        catalogue::Agreement,
        disclosure::{AccessEntry, AccessIndex, Erase, GiveConsent, RequestAccess, basis},
    },
};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{select, subsequence},
    strategy::{Union, ValueTree},
    test_runner::TestRunner,
};

use crate::{
    build::*,
    notes::{Notes, domain, note},
    support::*,
};

const NAMES: [&str; 3] = ["name", "phone", "text"];

fn names() -> impl Strategy<Value = Vec<&'static str>> {
    prop_oneof![9 => subsequence(&NAMES[..], 1..=3), 1 => Just(vec!["shoe"])]
}

fn a_record() -> impl Strategy<Value = String> {
    prop_oneof![(1_u8..4).prop_map(|n| format!("note/{n}")), (1_u8..4).prop_map(person)]
}

fn a_basis() -> impl Strategy<Value = basis::Kind> {
    prop_oneof![Just(by_agreement()), (1_u8..4).prop_map(by_consent), Just(emergency()), Just(duty()),]
}

fn contents(names: &[&'static str], content: u8) -> Vec<(&'static str, String)> {
    names.iter().map(|name| (*name, format!("{name}{content}"))).collect()
}

fn an_action() -> impl Strategy<Value = Bytes> {
    let notes = (1_u8..4, vec(1_u8..4, 0..3), 0_u8..3).prop_map(|(n, persons, content)| {
        let handles: Vec<_> = persons.into_iter().map(handle).collect();
        let contents = contents(&NAMES, content);
        let fields: Vec<_> = contents.iter().map(|(name, content)| (*name, content.as_str())).collect();
        Bytes::from(format!("put note/{n} {}", note(&handles, &fields)))
    });
    let persons = (1_u8..4, names(), 0_u8..3, any::<bool>()).prop_map(|(n, names, content, new)| {
        let contents = contents(&names, content);
        let fields: Vec<_> = contents.iter().map(|(name, content)| (*name, content.as_str())).collect();
        if new { register(n, &fields) } else { update(n, &fields) }
    });
    let asks = (a_record(), names(), a_basis(), 0_u64..8).prop_map(|(record, names, kind, sealed)| {
        let mut request: RequestAccess = request(&record, &names, kind);
        if sealed == 0 {
            request.sealed_until_ms = time_ms(500);
            request.basis.as_mut().unwrap().court_order = "order 5".into();
        }
        ask(request)
    });
    let consents = (1_u8..4, 1_u64..3, select(vec!["note", "person"])).prop_map(|(n, id, record_type)| {
        let consent = GiveConsent { record_type: record_type.into(), fields: texts(&NAMES), ..consent(n) };
        if id == 1 { give(consent) } else { withdraw(n, CONSENT) }
    });
    let holds = (a_record(), any::<bool>())
        .prop_map(|(record, place)| if place { crate::build::place(&record, "r", 0) } else { lift(&record) });
    let erasures = (a_record(), any::<bool>(), any::<bool>()).prop_map(|(record, destroy, confirmed)| {
        if confirmed {
            confirm(&record)
        } else {
            erase(Erase { destroy_handle: destroy, ..erasure(&record) })
        }
    });
    Union::new_weighted(vec![
        (6, notes.boxed()),
        (5, persons.boxed()),
        (20, asks.boxed()),
        (4, consents.boxed()),
        (3, holds.boxed()),
        (3, erasures.boxed()),
    ])
}

fn steps() -> impl Strategy<Value = Vec<(&'static str, Bytes)>> {
    let agency = prop_oneof![6 => Just(OWNER), 3 => Just(CLINIC), 1 => Just(COURT)];
    vec((agency, an_action()), 1..70)
}

fn transactions(steps: &[(&str, Bytes)]) -> Vec<Transaction> {
    let numbered = steps.iter().zip(0..);
    numbered
        .map(|((agency, action), nonce)| transaction(agency, "official-7", nonce, action.clone()))
        .collect()
}

/// What stood before: the catalogue.
fn before() -> Records {
    let agreement = Agreement { count_limit: 1, fields: texts(&NAMES), ..agreement() };
    let key = RecordKey { domain: Domain::CATALOGUE, record: record("agreement/care") };
    let stands = Record { version: 1, value: Some(agreement.encode_to_vec().into()) };
    Records::from([(key, Some(stands))])
}

/// How a host comes to the records that deciding wants.
#[derive(Clone, Copy, Debug)]
enum Loading {
    /// One at a time, when asked.
    Singly,
    /// All that were asked for, when asked.
    Together,
    /// What prefetching names, and then when asked.
    Ahead,
}

type Told = (Hash, Option<String>);

/// One block of all transactions: each entry's opening and code, the records after it, the state's root.
fn run(transactions: &[Transaction], loading: Loading) -> (Vec<Told>, Records, Hash) {
    let (epoch, mut records, stored) = (epoch(&ALL), Records::new(), before());
    let header = Header {
        chain: genesis().chain(),
        rules: 1,
        epoch: 0,
        height: 7,
        prev: Hash::ZERO,
        time_ms: time_ms(7),
        cursors: Vec::new(),
        segments: Vec::new(),
    };
    let (contract, faults) = (Disclosing(Notes), vec![None; transactions.len()]);
    let mut execution = Execution::new(&contract, &epoch, &header, transactions, &faults);
    let load = |key: RecordKey, records: &mut Records| {
        let value = stored.get(&key).cloned().flatten();
        records.insert(key, value);
    };
    if matches!(loading, Loading::Ahead) {
        for _ in 0..2 {
            for key in execution.prefetch(&records) {
                load(key, &mut records);
            }
        }
    }
    let done = loop {
        match execution.run(&mut records) {
            Step::Done(done) => break done,
            Step::Need(keys) if matches!(loading, Loading::Singly) => {
                load(keys.into_iter().next().unwrap(), &mut records);
            }
            Step::Need(keys) => keys.into_iter().for_each(|key| load(key, &mut records)),
        }
    };
    assert_eq!(done.executed.len(), transactions.len());
    done.executed.iter().for_each(check);
    let mut tree = MemoryTree::new();
    let changes = done.executed.iter().flat_map(|executed| &executed.changes);
    let leaves: BTreeMap<_, _> =
        changes.map(|change| (StateKey::of(&change.record), Some(change.hash))).collect();
    let root = tree.apply(7, leaves).unwrap();
    let told = done
        .executed
        .iter()
        .map(|executed| (executed.entry.blind, executed.opening.outcome.code().map(str::to_owned)));
    (told.collect(), records, root)
}

/// Every index leads over all its entries to its head.
fn chains_hold(records: &Records) -> u64 {
    let value = |name: &str| {
        let key = RecordKey { domain: domain(), record: record(name) };
        records.get(&key).cloned().flatten().and_then(|record| record.value)
    };
    let mut all = 0;
    for n in 1..4 {
        let name = format!("accesses/{}", hex::encode(handle(n)));
        let Some(index) = value(&name).map(|value| AccessIndex::decode(value).unwrap()) else { continue };
        let mut head = Hash::ZERO;
        for number in 1..=index.count {
            let entry = AccessEntry::decode(value(&format!("{name}/{number:016x}")).unwrap()).unwrap();
            let details = Hash(entry.details[..].try_into().unwrap());
            head = access_head(&head, number, entry.sealed_until_ms, &details);
            assert_eq!((entry.number, &entry.head[..]), (number, &head.0[..]));
        }
        assert_eq!(index.head[..], head.0);
        assert!(value(&format!("{name}/{:016x}", index.count + 1)).is_none());
        all += index.count;
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_host_comes_to_the_same(steps in steps()) {
        let transactions = transactions(&steps);
        let (told, records, root) = run(&transactions, Loading::Singly);
        chains_hold(&records);
        for loading in [Loading::Together, Loading::Ahead] {
            let (other, _, other_root) = run(&transactions, loading);
            prop_assert_eq!((&other, other_root), (&told, root), "{:?}", loading);
        }
    }
}

/// The sequences are worth something only if they get somewhere.
#[test]
fn the_sequences_reach_what_they_are_to_test() {
    let mut runner = TestRunner::deterministic();
    let (mut applied, mut accesses, mut codes) = (0, 0, BTreeSet::new());
    for _ in 0..100 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        let (told, records, _) = run(&transactions(&steps), Loading::Together);
        applied += told.iter().filter(|(_, code)| code.is_none()).count();
        codes.extend(told.into_iter().filter_map(|(_, code)| code));
        accesses += chains_hold(&records);
    }
    assert!(applied > 500 && accesses > 150, "{applied} applied, {accesses} accesses");
    for code in ["erased", "legal_hold", "agreement_exhausted", "consent_unknown", "commitment_unchanged"] {
        assert!(codes.contains(code), "{code} is never reached: {codes:?}");
    }
}
