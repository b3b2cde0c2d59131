//! The benchmark says what it measured, in the words and units that are promised.

#![allow(clippy::unwrap_used, clippy::panic)] // A test's helpers fail as its tests do.

use hutong_test_end_to_end::program::Program;
use serde_json::Value;

fn measured(more: &[&str]) -> Value {
    let program = Program::new(env!("CARGO_BIN_EXE_hutong-under-test"));
    let args = [&["bench", "--seconds", "1", "--clients", "4", "--json"], more].concat();
    let report = program.result(&args).expect("a report");
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("no number in {report}"));
    for name in
        ["transactions", "seconds", "throughput_tps", "cpu_ms_per_tx", "bytes_per_tx", "ratio_to_limit"]
    {
        assert!(number(&report[name]) > 0.0, "{name}: {report}");
    }
    for name in
        ["signature_checks_per_s", "appends_per_s", "store_puts_per_s", "tree_updates_per_s", "limit_tps"]
    {
        assert!(number(&report["ceilings"][name]) > 0.0, "{name}: {report}");
    }
    let (p50, p99) = (number(&report["latency_ms"]["p50"]), number(&report["latency_ms"]["p99"]));
    assert!(0.0 < p50 && p50 <= p99, "{report}");
    assert_eq!(report["refused"], 0, "{report}");
    // What is told twice agrees.
    let rate = number(&report["transactions"]) / number(&report["seconds"]);
    assert!((rate / number(&report["throughput_tps"]) - 1.0).abs() < 1e-6, "{report}");
    let ratio = number(&report["throughput_tps"]) / number(&report["ceilings"]["limit_tps"]);
    assert!((ratio / number(&report["ratio_to_limit"]) - 1.0).abs() < 1e-6, "{report}");
    report
}

#[test]
fn over_the_bus_on_a_store_that_holds_records() {
    let report = measured(&["--via", "bus", "--batch", "10", "--records", "400"]);
    assert!(report["records"].as_u64().unwrap() >= 400, "{report}");
    assert_eq!((&report["via"], &report["batch"]), (&"bus".into(), &10.into()), "{report}");
}

#[test]
fn over_http_at_a_rate() {
    let report = measured(&["--via", "http", "--rate", "50"]);
    assert_eq!(
        (&report["via"], &report["batch"], &report["records"]),
        (&"http".into(), &1.into(), &0.into())
    );
}
