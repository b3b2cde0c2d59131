//! A city without faults comes through all judges, and under load.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[test]
fn a_calm_city_breaks_nothing() {
    let verdict = hutong_simulation::run(1, false);
    assert_eq!(verdict.broken, None, "{verdict:?}");
    assert!(verdict.transactions > 30 && verdict.crashes == 0, "{verdict:?}");
}
