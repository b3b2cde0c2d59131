//! The benchmark of disclosures says what it measured.

use hutong_test_end_to_end::program::Program;

#[test]
fn disclosures_a_second_are_measured_end_to_end() {
    let program = Program::new(env!("CARGO_BIN_EXE_hutong-under-test"));
    let report =
        program.result(&["bench", "--disclosures", "12", "--clients", "3", "--json"]).expect("a report");
    assert_eq!(
        (&report["disclosures"], &report["concurrent"]["clients"]),
        (&12.into(), &3.into()),
        "{report}"
    );
    assert!(report["disclosures_per_s"].as_f64().unwrap() > 0.0, "{report}");
    for part in ["access", "release", "check", "all"] {
        let latency = &report["latency_ms"][part];
        let (p50, p99) = (latency["p50"].as_f64().unwrap(), latency["p99"].as_f64().unwrap());
        assert!(0.0 < p50 && p50 <= p99, "{part}: {report}");
    }
    assert!(report["release_ms"]["last_hundred"]["p99"].as_f64().unwrap() > 0.0, "{report}");
    assert!(program.failure(&["bench", "--disclosures", "12", "--rate", "3"]).contains("--rate"));
}
