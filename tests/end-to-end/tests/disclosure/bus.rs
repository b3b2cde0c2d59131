//! What is carried between separate processes: whoever runs the NATS server hears all of it, and learns no secret.

use hutong_test_conformance::{NatsServer, ServerOptions};
use hutong_test_end_to_end::{
    program::{Process, Program, wait_until},
    secrets::Secrets,
    tap::Tap,
};
use serde_json::{Value, json};

use crate::city::{RESIDENT, in_days};

const HOLDER: &str = "Holder of the permit, Zhao";
const PLATE: &str = "JING-A 90210 TEST";
const OWNER: &str = "data-bureau";

#[test]
fn whoever_runs_the_bus_learns_no_secret() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(NatsServer::start(ServerOptions::default())).unwrap();
    let tap = Tap::on(&server.url());
    let program = Program::new(env!("CARGO_BIN_EXE_hutong-under-test"));
    program.result(&["genesis", "--agencies", "1", "--json"]).expect("genesis");
    let run = |service: &str| program.run(service, OWNER, &server.url());
    let storage = run("storage");
    let _others: Vec<Process> = vec![run("validation"), run("ordering"), run("ingest"), run("vault")];
    let parking = run("parking");

    // The service seals in one process what the vault keeps in another.
    let token = program.token(&["--agency", OWNER]);
    let permit = json!({
        "id": "1", "zone": "old-town", "valid_from": in_days(0), "valid_until": in_days(300),
        "holder": { "resident_id": RESIDENT, "name": HOLDER, "plate": PLATE },
    });
    let mut answer = Value::Null;
    wait_until("the vault serves and the permit is issued", || {
        let url = format!("{}/parking/v1/permits", parking.url);
        let (status, said) = program.http_post(&url, &token, &permit);
        answer = said;
        status == 201 || answer["code"] == "permit_exists"
    });
    wait_until("the permit is there", || {
        let record = program.result(&["get", "record", "parking/permit/1", "--json", "--url", &storage.url]);
        record.is_some_and(|record| {
            record["value"]["sealed"].as_array().is_some_and(|sealed| sealed.len() == 2)
        })
    });

    let heard = tap.heard();
    let carried = |what: &str| heard.windows(what.len()).any(|bytes| bytes == what.as_bytes());
    assert!(carried("MSG vault.data-bureau"), "the calls to the vault are heard");
    assert!(carried("MSG tx.parking"), "and the transactions");
    let secrets = Secrets::new([RESIDENT, HOLDER, PLATE, token.as_str()]);
    secrets.not_in("what NATS carried", &heard);
    assert!(secrets.not_below(&server.store_dir()) > 3, "the folder of the streams");
    assert!(secrets.not_below(&program.data()) > 10, "the folder of the city");
}
