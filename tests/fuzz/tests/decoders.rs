//! Every decoder on its corpus and on mutants of it.

use std::time::Duration;

use hutong_test_fuzz::{extra_seconds, run, targets};

#[test]
fn no_decoder_falls_over() {
    let targets = targets::all();
    let share = (Duration::from_secs(extra_seconds()) / targets.len() as u32).max(Duration::from_millis(150));
    let only = std::env::var("FUZZ_TARGET").ok();
    let mut all = 0;
    for target in targets.iter().filter(|target| only.as_ref().is_none_or(|only| target.name == only)) {
        let since = std::time::Instant::now();
        let inputs = run(target, share);
        println!("{:<20} {inputs:>8} inputs in {:?}", target.name, since.elapsed());
        all += inputs;
    }
    println!("{} targets, {all} inputs", targets.len());
}
