//! Executing a segment: order, refusals, faults of contracts, and one result however the loading went.

use std::sync::Arc;

use bytes::Bytes;
use hutong_ledger::{
    block::Header,
    contract::{
        Action, CHANGES_MAX, Change, Contract, READS_MAX, Record, Refusal, VALUE_BYTES_MAX, Verified, View,
        record_hash, record_salt,
    },
    entry::Outcome,
    execute::{ExecutedSegment, Execution, Records, Step},
    id::{Domain, RecordId, RecordKey},
    transaction::{Body, Transaction, Void},
};
use proptest::{collection::vec, prelude::*};

use crate::support::{FOUR, agency, domain, next};

fn record(name: &str) -> RecordId {
    name.parse().unwrap()
}

fn key(name: &str) -> RecordKey {
    RecordKey { domain: domain("property"), record: record(name) }
}

/// A contract of chains and sums: an action names a record; its value names the next, and so on. What it does at the
/// end of the chain is the action's verb.
#[derive(Debug)]
struct Toy;

#[derive(Debug)]
struct Command {
    verb: String,
    args: Vec<String>,
}

impl Toy {
    /// The records of the chain as far as they can be seen.
    fn chain(command: &Command, view: &View<'_>) -> Vec<RecordKey> {
        let mut named = Vec::new();
        for start in &command.args {
            let mut at = key(start);
            for _ in 0..10 {
                let value = if view.is_loaded(&at) { view.get_in(&at).cloned() } else { None };
                if !named.contains(&at) {
                    named.push(at.clone());
                }
                match value.as_deref().and_then(|value| std::str::from_utf8(value).ok()?.strip_prefix("see "))
                {
                    Some(next) => at = key(next),
                    None => break,
                }
            }
        }
        named
    }
}

impl Contract for Toy {
    fn domain(&self) -> Domain {
        domain("property")
    }

    fn version(&self) -> u32 {
        1
    }

    fn decode(&self, action: &[u8]) -> Result<Action, Refusal> {
        let text = std::str::from_utf8(action).map_err(|_| Refusal::malformed("not a text"))?;
        assert_ne!(text, "explode at decoding");
        let mut words = text.split(' ').map(str::to_owned);
        let verb = words.next().unwrap_or_default();
        Ok(Arc::new(Command { verb, args: words.collect() }))
    }

    fn reads(&self, tx: &Verified<'_>, loaded: &View<'_>) -> Result<Vec<RecordKey>, Refusal> {
        let command: &Command = tx.action()?;
        match command.verb.as_str() {
            "explode-reading" => panic!("at reading"),
            "refuse-reading" => Err(Refusal::new("unreadable", "it says so")),
            "wander" => Ok((0..=READS_MAX).map(|n| key(&format!("r{n}"))).collect()),
            "trespass" => Ok(vec![RecordKey { domain: domain("health"), record: record("x") }]),
            // Looks at a record that it has not named, which another transaction may have had loaded.
            "peek" => {
                let more = loaded.is_loaded(&key("secret")) || loaded.get(&record("secret")).is_some();
                Ok(if more { vec![key("a"), key("b")] } else { vec![key("a")] })
            }
            "restless" => {
                let n = (0..20).take_while(|n| loaded.is_loaded(&key(&format!("r{n}")))).count();
                Ok((0..=n).map(|n| key(&format!("r{n}"))).collect())
            }
            "epoch" => Ok(vec![RecordKey { domain: Domain::MEMBERSHIP, record: record("epoch") }, key("a")]),
            _ => Ok(Self::chain(command, loaded)),
        }
    }

    fn decide(&self, tx: &Verified<'_>, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
        let command: &Command = tx.action()?;
        let named = Self::chain(command, state);
        let last = named.last().map_or_else(|| record("a"), |key| key.record.clone());
        match command.verb.as_str() {
            "add" => {
                let sum = state.get(&last).map_or(0, |value| value.len());
                Ok(vec![Change::put(last, vec![b'+'; sum + 1])])
            }
            "set" => Ok(vec![Change::put(record(&command.args[0]), format!("see {}", command.args[1]))]),
            "delete" => Ok(vec![Change::delete(last)]),
            "move" => {
                let value = state.get(&record(&command.args[0])).cloned();
                let value =
                    value.ok_or_else(|| Refusal::new("nothing_there", "nothing to move").at("from"))?;
                Ok(vec![
                    Change::delete(record(&command.args[0])),
                    Change::put(record(&command.args[1]), value),
                ])
            }
            "refuse" => Err(Refusal::new("refused_by_rule", "it says so")),
            "explode" => panic!("at deciding"),
            "sneak" => {
                state.get(&record("unnamed"));
                Ok(Vec::new())
            }
            "sneak-version" => {
                state.version(&record("unnamed"));
                Ok(Vec::new())
            }
            "stray" => Ok(vec![Change::put(record("unnamed"), "x")]),
            "twice" => Ok(vec![Change::put(last.clone(), "x"), Change::put(last, "y")]),
            "flood" => Ok((0..=CHANGES_MAX).map(|n| Change::put(record(&format!("r{n}")), "x")).collect()),
            "bloat" => Ok(vec![Change::put(last, vec![0; VALUE_BYTES_MAX + 1])]),
            "peek" => {
                state.get(&record("b"));
                Ok(Vec::new())
            }
            "clock" => Ok(vec![Change::put(last, format!("{} {}", state.height, state.time_ms))]),
            "restless" | "epoch" | "note" => Ok(Vec::new()),
            verb => Err(Refusal::malformed(format!("{verb} is no verb"))),
        }
    }

    fn render(&self, _: &RecordId, _: &[u8]) -> Option<serde_json::Value> {
        None
    }
}

fn transaction(action: &str, n: u8) -> Transaction {
    let body = Body {
        chain: FOUR.chain(),
        domain: domain("property"),
        agency: agency(0),
        signers: vec![agency(0)],
        actor: String::new(),
        nonce: [n; 16],
        not_after_ms: 50_000,
        action: Bytes::copy_from_slice(action.as_bytes()),
    };
    Transaction::new(format!("{n} {action}").into_bytes().into(), body, Vec::new())
}

fn block() -> Header {
    next(&FOUR.header(), 1)
}

fn put(state: &mut Records, name: &str, value: &str) {
    let value = Some(Bytes::copy_from_slice(value.as_bytes()));
    state.insert(key(name), Some(Record { version: 1, value }));
}

/// Runs to the end, loading from `state` what is asked for; also says how often it had to stop.
fn run_on(
    txs: &[Transaction],
    faults: &[Option<Void>],
    state: &Records,
    loaded: Records,
) -> (ExecutedSegment, Records, usize) {
    let (header, mut records, mut stops) = (block(), loaded, 0);
    let mut execution = Execution::new(&Toy, &FOUR.epoch, &header, txs, faults);
    loop {
        match execution.run(&mut records) {
            Step::Done(result) => return (result, records, stops),
            Step::Need(keys) => {
                assert!(!keys.is_empty() && keys.iter().all(|key| !records.contains_key(key)));
                records.extend(keys.into_iter().map(|key| (key.clone(), state.get(&key).cloned().flatten())));
                stops += 1;
            }
        }
    }
}

fn run(actions: &[&str], state: &Records) -> ExecutedSegment {
    let txs: Vec<_> = actions.iter().zip(0..).map(|(action, n)| transaction(action, n)).collect();
    run_on(&txs, &vec![None; txs.len()], state, Records::new()).0
}

fn outcome(action: &str) -> String {
    let out = run(&[action], &Records::new());
    assert_eq!((out.executed.len(), out.voids.len()), (1, 0));
    out.executed[0].opening.outcome.code().unwrap_or("applied").to_owned()
}

#[test]
fn each_transaction_sees_what_the_one_before_left() {
    let out = run(&["add a", "add a", "delete a", "add a"], &Records::new());
    let versions: Vec<u64> = out.executed.iter().map(|tx| tx.changes[0].version).collect();
    assert_eq!(versions, [1, 2, 3, 4], "deleting is a version too");
    let values: Vec<_> = out.executed.iter().map(|tx| tx.changes[0].value.clone()).collect();
    assert_eq!(values, [Some("+".into()), Some("++".into()), None, Some("+".into())]);
}

#[test]
fn versions_go_on_from_the_state() {
    let mut state = Records::new();
    state.insert(key("a"), Some(Record { version: 7, value: None }));
    let out = run(&["add a"], &state);
    assert_eq!(out.executed[0].changes[0].version, 8);
}

#[test]
fn an_entry_opens_to_outcome_and_changes() {
    let out = run(&["add a", "refuse", "move a b"], &Records::new());
    for (tx, index) in out.executed.iter().zip(0..) {
        assert_eq!((tx.entry.height, tx.entry.index, tx.entry.blind), (1, index, tx.opening.hash()));
        assert_eq!(tx.opening.nonce, [index as u8; 16]);
        let named: Vec<_> = tx.changes.iter().map(|c| (c.record.clone(), c.version, c.hash)).collect();
        assert_eq!(
            tx.opening.changes.iter().map(|c| (c.record.clone(), c.version, c.hash)).collect::<Vec<_>>(),
            named
        );
        for change in &tx.changes {
            let salt = record_salt(&tx.opening.nonce, &change.record);
            let hash = record_hash(
                domain("property"),
                &change.record,
                change.version,
                &salt,
                change.value.as_deref(),
            );
            assert_eq!(change.hash, hash);
        }
    }
    assert_eq!(out.executed[1].opening.outcome, Outcome::Refused("refused_by_rule".into()));
    assert_eq!(out.executed[1].refusal.as_ref().unwrap().message, "it says so");
    assert_eq!(out.executed[2].changes.len(), 2);
}

#[test]
fn a_refusal_changes_nothing_and_is_logged() {
    let out = run(&["refuse a", "move x y", "add a", "gibberish a", "refuse-reading"], &Records::new());
    let codes: Vec<_> = out.executed.iter().map(|tx| tx.opening.outcome.code()).collect();
    assert_eq!(
        codes,
        [Some("refused_by_rule"), Some("nothing_there"), None, Some("malformed_action"), Some("unreadable")]
    );
    assert_eq!(out.executed[1].refusal.as_ref().unwrap().field.as_deref(), Some("from"));
    assert!(out.executed.iter().all(|tx| tx.opening.outcome == Outcome::Applied || tx.changes.is_empty()));
    assert_eq!(out.executed[2].changes[0].version, 1);
}

#[test]
fn a_contract_that_breaks_its_rules_is_at_fault() {
    for action in [
        "explode",
        "explode at decoding",
        "explode-reading",
        "sneak",
        "sneak-version",
        "stray",
        "twice a",
        "flood a",
        "bloat a",
        "wander",
        "trespass",
        "restless",
    ] {
        assert_eq!(outcome(action), "contract_fault", "{action}");
    }
    // After a panic the next one is decided as if nothing had been.
    let out = run(&["explode a", "add a"], &Records::new());
    assert_eq!(out.executed[1].opening.outcome, Outcome::Applied);
}

#[test]
fn platform_domains_may_be_read_and_time_is_the_blocks() {
    assert_eq!(outcome("epoch"), "applied");
    let out = run(&["clock a"], &Records::new());
    assert_eq!(out.executed[0].changes[0].value.as_deref(), Some(&b"1 1001"[..]));
}

#[test]
fn three_rounds_may_name_more_and_no_fourth() {
    let chain = |links: usize| {
        let mut state = Records::new();
        for n in 1..links {
            put(&mut state, &format!("c{n}"), &format!("see c{}", n + 1));
        }
        run(&["note c1"], &state).executed[0].opening.outcome.code().unwrap_or("applied").to_owned()
    };
    assert_eq!([1, 2, 3].map(chain), ["applied", "applied", "applied"]);
    assert_eq!([4, 5, 9].map(chain), ["contract_fault", "contract_fault", "contract_fault"]);
}

#[test]
fn void_transactions_leave_no_entry_and_a_repeat_is_void() {
    let txs = [
        transaction("add a", 0),
        transaction("add a", 1),
        transaction("add a", 0),
        transaction("add a", 2),
        transaction("add a", 2),
    ];
    let faults = [None, Some(Void::Unsigned), None, Some(Void::Expired), None];
    let (out, _, _) = run_on(&txs, &faults, &Records::new(), Records::new());
    let places: Vec<u32> = out.executed.iter().map(|tx| tx.entry.index).collect();
    // What was void in the same block did not consume its id: the fifth is the first of its id.
    assert_eq!(places, [0, 4]);
    assert_eq!(
        out.voids,
        [(1, txs[1].id, Void::Unsigned), (2, txs[2].id, Void::Repeat), (3, txs[3].id, Void::Expired)]
    );
    assert_eq!(out.executed[1].changes[0].version, 2);
}

/// A contract sees in its reads only what it named itself: what another transaction had loaded is there on one host
/// and not on the next.
#[test]
fn what_others_had_loaded_does_not_show() {
    let mut state = Records::new();
    put(&mut state, "secret", "x");
    let alone = run(&["peek"], &state);
    let after = run(&["note secret", "peek"], &state);
    assert_eq!(alone.executed[0].opening.outcome, after.executed[1].opening.outcome);
    let txs = [transaction("peek", 0)];
    let (cached, _, _) = run_on(&txs, &[None], &state, state.clone());
    assert_eq!(alone.executed[0].opening, cached.executed[0].opening);
}

#[test]
fn prefetching_names_what_is_missing_once() {
    let txs = [
        transaction("add a", 0),
        transaction("add a", 1),
        transaction("move b c", 2),
        transaction("explode-reading", 3),
        transaction("add void", 4),
    ];
    let faults = [None, None, None, None, Some(Void::Unsigned)];
    let header = block();
    let execution = Execution::new(&Toy, &FOUR.epoch, &header, &txs, &faults);
    assert_eq!(execution.prefetch(&Records::new()), [key("a"), key("b"), key("c")]);
    let loaded = Records::from([(key("b"), None)]);
    assert_eq!(execution.prefetch(&loaded), [key("a"), key("c")]);
}

#[test]
fn an_empty_segment_is_done_at_once() {
    let (out, records, stops) = run_on(&[], &[], &Records::new(), Records::new());
    assert!(out.executed.is_empty() && out.voids.is_empty() && records.is_empty());
    assert_eq!(stops, 0);
}

fn action() -> impl Strategy<Value = String> {
    let name = || prop::sample::select(&["a", "b", "c", "d", "e"][..]);
    prop_oneof![
        4 => name().prop_map(|a| format!("add {a}")),
        3 => (name(), name()).prop_map(|(a, b)| format!("set {a} {b}")),
        3 => (name(), name()).prop_map(|(a, b)| format!("move {a} {b}")),
        2 => name().prop_map(|a| format!("delete {a}")),
        1 => name().prop_map(|a| format!("refuse {a}")),
        1 => Just("peek".to_owned()),
        1 => Just("restless".to_owned()),
        1 => Just("explode".to_owned()),
        1 => Just("gibberish".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Loaded one by one as asked for, prefetched, or all there from the start with other records beside: one result.
    #[test]
    fn the_result_does_not_depend_on_the_loading(
        actions in vec((action(), 0..6_u8), 0..24),
        stored in prop::collection::btree_map(prop::sample::select(&["a", "b", "c", "d", "e", "secret"][..]), (1..5_u64, prop::option::of("x{0,3}|see [a-e]")), 0..6),
        voids in vec(0..24_usize, 0..4),
    ) {
        let mut state = Records::new();
        for (name, (version, value)) in &stored {
            state.insert(key(name), Some(Record { version: *version, value: value.clone().map(Bytes::from) }));
        }
        let txs: Vec<_> = actions.iter().map(|(action, n)| transaction(action, *n)).collect();
        let faults: Vec<_> = (0..txs.len()).map(|n| voids.contains(&n).then_some(Void::Unsigned)).collect();
        let (slow, slow_records, _) = run_on(&txs, &faults, &state, Records::new());
        let header = block();
        let wanted = Execution::new(&Toy, &FOUR.epoch, &header, &txs, &faults).prefetch(&Records::new());
        let prefetched = wanted.into_iter().map(|key| (key.clone(), state.get(&key).cloned().flatten())).collect();
        let (quick, _, _) = run_on(&txs, &faults, &state, prefetched);
        let mut all = state.clone();
        for name in ["a", "b", "c", "d", "e", "secret", "unnamed"] {
            all.entry(key(name)).or_insert(None);
        }
        all.extend((0..20).map(|n| (key(&format!("r{n}")), None)));
        let (whole, whole_records, stops) = run_on(&txs, &faults, &state, all);
        prop_assert_eq!(stops, 0);
        for other in [&quick, &whole] {
            prop_assert_eq!(&slow.voids, &other.voids);
            prop_assert_eq!(slow.executed.len(), other.executed.len());
            for (one, two) in slow.executed.iter().zip(&other.executed) {
                prop_assert_eq!(one.entry, two.entry);
                prop_assert_eq!(&one.opening, &two.opening);
                prop_assert_eq!(&one.changes, &two.changes);
            }
        }
        // Every transaction is either void or logged, in order, and an id is logged once.
        let mut places: Vec<u32> = slow.executed.iter().map(|tx| tx.entry.index).chain(slow.voids.iter().map(|v| v.0)).collect();
        places.sort_unstable();
        prop_assert_eq!(places, (0..txs.len() as u32).collect::<Vec<_>>());
        let ids: std::collections::HashSet<_> = slow.executed.iter().map(|tx| tx.entry.id).collect();
        prop_assert_eq!(ids.len(), slow.executed.len());
        for (key, record) in &slow_records {
            prop_assert_eq!(whole_records.get(key), Some(record));
        }
    }
}
