//! Runs seeds with faults: `simulate [how many] [from]`. Ends with an error when one breaks something, and names it.
//! `HUTONG_TRACE=1` shows every event, `HUTONG_LOG=info` what the services say.
#![allow(clippy::print_stdout, reason = "a tool that prints")]

use std::process::ExitCode;

use hutong_runtime::telemetry::{self, TelemetrySettings};

fn main() -> ExitCode {
    let filter = std::env::var("HUTONG_LOG").unwrap_or_else(|_| "off".into());
    let telemetry =
        telemetry::init(&TelemetrySettings { filter, ..TelemetrySettings::default() }, "simulate", "all");
    if let Err(error) = &telemetry {
        println!("{error}");
        return ExitCode::FAILURE;
    }
    let mut numbers = std::env::args().skip(1).map(|number| number.parse::<u64>());
    let (Ok(seeds), Ok(from)) = (numbers.next().unwrap_or(Ok(200)), numbers.next().unwrap_or(Ok(0))) else {
        println!("simulate [how many seeds] [from which on]");
        return ExitCode::FAILURE;
    };
    let mut broken = 0;
    for seed in from..from + seeds {
        let verdict = hutong_simulation::run(seed, true);
        if verdict.broken.is_some() {
            broken += 1;
            println!("{verdict:?}\nagain: cargo run -p hutong-simulation --example simulate -- 1 {seed}");
        }
    }
    println!("{seeds} seeds, {broken} broken");
    if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
