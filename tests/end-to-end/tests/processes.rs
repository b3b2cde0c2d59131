//! The program as its users run it: killed in the middle of a load, and as one process per service over NATS.

#![allow(clippy::unwrap_used, clippy::panic)] // A test's helpers fail as its tests do.

use hutong_test_conformance::{NatsServer, ServerOptions};
use hutong_test_end_to_end::{
    gate::Gate,
    program::{Process, Program, sales, wait_until},
};
use serde_json::Value;

fn total(summary: &Value) -> u64 {
    let refused = summary["refused"].as_object().unwrap().values();
    summary["final"].as_u64().unwrap() + refused.map(|count| count.as_u64().unwrap()).sum::<u64>()
}

#[test]
fn a_city_killed_in_a_load_loses_nothing_and_doubles_nothing() {
    let program = Program::new(env!("CARGO_BIN_EXE_hutong-under-test"));
    let file = sales(program.folder(), 300);
    let mut city = program.up();
    // One batch of a hundred at a time: the first is answered, a later one is cut off within its bytes.
    let gate = Gate::before(&city.url, 200_000);
    let args = ["load", "property", &file, "--in-flight", "100", "--json", "--url", &gate.url];
    let mut load = program.start(&args);
    gate.wait_until_shut();
    wait_until("something of the load is final", || {
        let status = program.result(&["get", "block", "3", "--json", "--url", &city.url]);
        status.is_some_and(|block| !block.is_null())
    });
    city.kill();
    assert!(!load.wait(), "a load whose city is gone says so");

    let city = program.up();
    let args = ["load", "property", &file, "--json", "--url", &city.url];
    let summary = program.result(&args).expect("the load is repeated");
    assert_eq!(total(&summary), 600, "{summary}");
    assert_eq!(summary["submitted"], 600);
    let again = program.result(&args).expect("and repeated");
    assert_eq!(total(&again), 600);
    let history = ["get", "history", "property/526301100", "--json", "--url", &city.url];
    let history = program.result(&history).expect("a history").to_string();
    assert_eq!(history.matches("\"version\":").count(), 2, "{history}");
    city.stop();
    let report = program.result(&["fsck", "--json"]).expect("fsck passes");
    assert_eq!(report["sound"], true, "{report}");
    assert_eq!(report["agencies"].as_array().unwrap().len(), 4);
}

#[test]
fn a_city_of_separate_processes_survives_the_loss_of_some() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(NatsServer::start(ServerOptions::default())).unwrap();
    let program = Program::new(env!("CARGO_BIN_EXE_hutong-under-test"));
    program.result(&["genesis", "--agencies", "2", "--json"]).expect("genesis");
    let run = |service: &str, agency: &str| program.run(service, agency, &server.url());
    let storage = run("storage", "data-bureau");
    let mut second = run("storage", "natural-resources");
    let mut validation = run("validation", "data-bureau");
    let _others: Vec<Process> = vec![
        run("validation", "natural-resources"),
        run("ordering", "data-bureau"),
        run("notification", "data-bureau"),
    ];
    let property = run("property", "data-bureau");
    let ingest = run("ingest", "data-bureau");
    let file = sales(program.folder(), 20);
    let args = ["load", "property", &file, "--json", "--url", &ingest.url];
    let summary = program.result(&args).expect("a load over NATS");
    assert_eq!(summary["final"], 40, "{summary}");

    // With two agencies both must vote: nothing is final until what was killed is back.
    validation.kill();
    second.kill();
    let _validation = run("validation", "data-bureau");
    let _second = run("storage", "natural-resources");
    let file = sales(program.folder(), 40);
    let args = ["load", "property", &file, "--json", "--url", &ingest.url];
    let summary = program.result(&args).expect("a load after the loss");
    assert_eq!(total(&summary), 80, "{summary}");

    let history = ["get", "history", "property/526301100", "--json", "--url", &storage.url];
    let history = program.result(&history).expect("a history").to_string();
    assert_eq!(history.matches("\"version\":").count(), 2, "{history}");
    wait_until("the view of the property service has it", || {
        let path = format!("{}/property/v1/parcels/526301100", property.url);
        program.http_get(&path).is_some_and(|body| body.contains("526301100"))
    });
}
