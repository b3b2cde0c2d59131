//! Each thing that is wrong is found, and named with what to do.

use serde_json::json;

use super::*;

const NOW_MS: u64 = 1_000_000;

fn node() -> Node {
    let agency = |id: &str| json!({ "agency": id, "executed_height": 7, "certified_height": 7, "final_height": 7, "behind": 0, "silent_s": 1 });
    let agencies: Vec<_> = ["a", "b", "c", "d"].map(agency).into();
    serde_json::from_value(json!({
        "chain": "city-1", "agency": "a", "version": "1.0.0", "final_height": 7, "final_time_ms": NOW_MS - 1000,
        "certified_height": 7, "executed_height": 7, "lag": 0, "unwritten": 0,
        "epoch": {
            "number": 0, "from_height": 1, "quorum": 3, "tolerated_faults": 1,
            "validating": ["a", "b", "c", "d"], "orderers": ["a"],
            "domains": [
                { "domain": "membership", "owner": "a", "contract": 1, "contracts_here": [1], "hosts": ["a", "b", "c", "d"], "quorum": 3, "tolerated_faults": 1 },
                { "domain": "notes", "owner": "d", "contract": 1, "contracts_here": [1], "hosts": ["c", "d"], "quorum": 2, "tolerated_faults": 0 }
            ]
        },
        "agencies": agencies,
        "disk": { "used_bytes": 10, "free_bytes": 90_u64 << 30, "total_bytes": 100_u64 << 30 },
        "invariants": { "LINK": 0, "ONE": 0 },
    }))
    .unwrap()
}

fn look(node: Node) -> Look {
    let disk = node.disk;
    Look {
        unready: Ok(BTreeMap::new()),
        node: Ok(node),
        ingest: Ok(Ingest { ready: true, pending: 3, queue_bytes: 10, queue_bytes_max: 1000, disk }),
        notification: Ok(Notification { agency: "a".into(), final_height: 7, subscribers: Vec::new() }),
    }
}

fn problems(look: &Look) -> Vec<&'static str> {
    look.verdict(NOW_MS).problems.iter().map(|problem| problem.code).collect()
}

fn with(change: impl FnOnce(&mut Node)) -> Vec<&'static str> {
    let mut node = node();
    change(&mut node);
    problems(&look(node))
}

fn silence(node: &mut Node, agencies: &[usize]) {
    for at in agencies {
        if let Some(heard) = &mut node.agencies[*at].heard {
            heard.silent_s = 60;
        }
    }
}

#[test]
fn a_node_that_is_well_is_healthy() {
    let look = look(node());
    let verdict = look.verdict(NOW_MS);
    assert_eq!(verdict, Verdict::default());
    let text = look.text(&verdict, NOW_MS);
    assert!(text.ends_with("\nhealthy\n") && text.contains("notes       d"), "{text}");
    assert_eq!(look.document(&verdict)["healthy"], true);
}

#[test]
fn what_is_wrong_with_the_node_is_found() {
    assert_eq!(with(|node| *node.invariants.get_mut("ONE").unwrap() = 1), ["invariant_broken"]);
    assert_eq!(with(|node| silence(node, &[1])), ["agency_silent"]);
    assert_eq!(with(|node| node.agencies[0].heard = None), ["agency_silent"]);
    assert_eq!(with(|node| silence(node, &[3])), ["agency_silent", "domain_stalled"]);
    let stalled = ["agency_silent", "agency_silent", "no_quorum", "domain_stalled"];
    assert_eq!(with(|node| silence(node, &[0, 1])), stalled);
    let behind = |node: &mut Node| node.agencies[1].heard.as_mut().unwrap().behind = 500;
    assert_eq!(with(behind), ["agency_behind"]);
    assert_eq!(with(|node| node.lag = 2), Vec::<&str>::new());
    let stuck = |node: &mut Node| {
        node.lag = 2;
        node.final_time_ms = NOW_MS - 40_000;
    };
    assert_eq!(with(stuck), ["finality_stalled"]);
    let full = |node: &mut Node| node.disk.as_mut().unwrap().free_bytes = 4 << 30;
    assert_eq!(with(full), ["disk_nearly_full", "disk_nearly_full"]);
    assert_eq!(with(|node| node.disk = None), ["disk_unknown", "disk_unknown"]);
}

#[test]
fn what_is_wrong_around_it_is_found() {
    let change = |change: fn(&mut Look)| {
        let mut look = look(node());
        change(&mut look);
        problems(&look)
    };
    assert_eq!(change(|look| look.ingest.as_mut().unwrap().ready = false), ["not_ready"]);
    assert_eq!(change(|look| look.ingest.as_mut().unwrap().queue_bytes = 900), ["queue_full"]);
    assert_eq!(change(|look| look.ingest = Err("away".into())), ["no_answer"]);
    assert_eq!(change(|look| look.notification = Err("away".into())), ["no_answer"]);
    assert_eq!(change(|look| look.unready = Err("refused".into())), ["no_answer"]);
    let part = |look: &mut Look| {
        look.unready = Ok([("vault a".to_owned(), json!({ "state": "starting" }))].into());
    };
    assert_eq!(change(part), ["not_ready"]);
}

#[test]
fn a_subscriber_in_trouble_deserves_a_note() {
    let mut look = look(node());
    let subscriber = Subscriber {
        agency: "b".into(),
        streams: 0,
        subscriptions: [("active".to_owned(), 1), ("stopped".to_owned(), 1)].into(),
        lag_heights: 200,
        dead_letters: 2,
    };
    look.notification.as_mut().unwrap().subscribers.push(subscriber);
    let verdict = look.verdict(NOW_MS);
    assert!(verdict.is_healthy());
    let notes: Vec<_> = verdict.notes.iter().map(|note| note.code).collect();
    assert_eq!(notes, ["dead_letters", "receiver_behind", "subscription_stopped"]);
    assert!(look.text(&verdict, NOW_MS).contains("note       dead_letters: 2 events for b"));
}
