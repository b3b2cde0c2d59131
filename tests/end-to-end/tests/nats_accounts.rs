//! The broker as `hutong deploy` configures it: a city runs on it, and each user is refused all that is not its own.

#![allow(clippy::unwrap_used, clippy::panic)] // A test's helpers fail as its tests do.

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use hutong_test_conformance::{binary, ports};
use hutong_test_end_to_end::{
    program::{Process, Program, sales, wait_until},
    raw_nats::RawNats,
};
use serde_json::json;

const AGENCIES: [&str; 4] = ["data-bureau", "natural-resources", "health-commission", "market-regulation"];
/// It does not validate, so it hosts nothing.
const GUEST: &str = "market-regulation";
const STREAMS: [&str; 3] = ["TRANSACTIONS", "BLOCKS", "EVENTS"];

/// A deployment on this machine with its broker.
struct Deployment {
    program: Program,
    out: PathBuf,
    broker: Child,
    port: u16,
}

impl Drop for Deployment {
    fn drop(&mut self) {
        let _ = self.broker.kill();
        let _ = self.broker.wait();
    }
}

impl Deployment {
    fn start() -> Self {
        let program = Program::new(env!("CARGO_BIN_EXE_hutong-under-test"));
        let out = program.folder().join("deployment");
        let args =
            ["deploy", "city", "--out", out.to_str().unwrap(), "--agencies", "3", "--here", "0", "--json"];
        program.result(&args).expect("a deployment is written");
        symlink(out.join("city"), program.data()).unwrap();
        let broker = Command::new(binary().unwrap())
            .arg("--config")
            .arg(out.join("nats/nats.conf"))
            .arg("--ports_file_dir")
            .arg(program.folder())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut port = 0;
        wait_until("the broker listens", || {
            port = ports(program.folder(), broker.id()).map_or(0, |(port, _)| port);
            port != 0
        });
        Self { program, out, broker, port }
    }

    fn bus(&self) -> String {
        format!("tls://127.0.0.1:{}", self.port)
    }

    fn folder(&self, user: &str) -> PathBuf {
        self.out.join(user)
    }

    fn make_streams(&self) {
        let config = self.out.join("keeper/keeper.toml");
        let mut text = std::fs::read_to_string(&config).unwrap();
        text = text.replace("tls://127.0.0.1:0", &self.bus());
        std::fs::write(&config, text).unwrap();
        let args = ["deploy", "streams", "--config", config.to_str().unwrap(), "--json"];
        self.program.result(&args).expect("the keeper makes the streams");
    }

    fn run(&self, service: &str, folder: &str) -> Process {
        let config = self.out.join(folder).join(format!("{service}.toml"));
        self.program.deployed(service, &config, &self.bus())
    }
}

/// Everything that nobody may do but the one whose it is, tried as one user.
fn refused(user: &str, client: &mut RawNats, publish: &[String], subscribe: &[String]) {
    for subject in publish {
        let said = client.publish(subject, "{}");
        assert!(
            said.iter().any(|said| said.contains("Permissions Violation for Publish")),
            "{user} publishes to {subject}: {said:?}"
        );
    }
    for subject in subscribe {
        let said = client.subscribe(subject);
        assert!(
            said.iter().any(|said| said.contains("Permissions Violation for Subscription")),
            "{user} listens to {subject}: {said:?}"
        );
    }
}

/// What only the operator of the broker may: change, purge, delete or copy streams, read past permissions.
fn management() -> Vec<String> {
    let mut subjects: Vec<String> =
        ["$SYS.REQ.SERVER.PING", "$SYS.REQ.SERVER.PING.JSZ", "$JS.API.STREAM.LIST"].map(str::to_owned).into();
    for stream in STREAMS {
        for call in [
            "STREAM.UPDATE",
            "STREAM.DELETE",
            "STREAM.PURGE",
            "STREAM.MSG.DELETE",
            "STREAM.SNAPSHOT",
            "STREAM.RESTORE",
            "STREAM.LEADER.STEPDOWN",
            "CONSUMER.LIST",
            "CONSUMER.NAMES",
        ] {
            subjects.push(format!("$JS.API.{call}.{stream}"));
        }
        subjects.push(format!("$JS.API.CONSUMER.DELETE.{stream}.x"));
        subjects.push(format!("$JS.API.CONSUMER.INFO.{stream}.x"));
        subjects.push(format!("$JS.API.DIRECT.GET.{stream}"));
        subjects.push(format!("$JS.API.CONSUMER.CREATE.{stream}"));
        subjects.push(format!("$JS.API.CONSUMER.CREATE.{stream}.x"));
        subjects.push(format!("$JS.API.CONSUMER.DURABLE.CREATE.{stream}.x"));
    }
    subjects
}

fn as_agency(deployment: &Deployment, agency: &str) {
    let mut client = RawNats::of(deployment.port, &deployment.folder(&format!("agencies/{agency}")));
    let mut publish = management();
    let mut subscribe: Vec<String> = [
        "block.>",
        "tx.>",
        "event.>",
        "ingest.submit",
        ">",
        "$SYS.>",
        "$JS.EVENT.>",
        "_INBOX.>",
        "block.header",
    ]
    .map(str::to_owned)
    .into();
    // A block, a segment, a transaction past ingest.
    publish.extend(
        ["block.header", "block.segment.property", "tx.property", "tx.membership"].map(str::to_owned),
    );
    for stream in STREAMS {
        publish.push(format!("$JS.API.STREAM.CREATE.{stream}"));
        publish.push(format!("$JS.API.STREAM.MSG.GET.{stream}"));
    }
    for filter in ["block.>", "block.segment.>", "block.segment.*", ">"] {
        publish.push(format!("$JS.API.CONSUMER.CREATE.BLOCKS.x.{filter}"));
    }
    publish.push("$JS.API.DIRECT.GET.BLOCKS.block.segment.property".into());
    publish.push("$JS.API.CONSUMER.CREATE.TRANSACTIONS.x.tx.property".into());
    publish.push("$JS.API.CONSUMER.MSG.NEXT.TRANSACTIONS.x".into());
    if agency == GUEST {
        publish.push("$JS.API.CONSUMER.CREATE.BLOCKS.x.block.segment.property".into());
        publish.push("$JS.API.CONSUMER.CREATE.BLOCKS.x.block.segment.membership".into());
    }
    for other in AGENCIES.into_iter().filter(|other| *other != agency) {
        for kind in ["vote", "cosign", "tip", "storage", "telemetry.parking"] {
            publish.push(format!("{kind}.{other}"));
        }
        publish.push(format!("event.{other}.property"));
        publish.push(format!("_INBOX_agency-{other}.x"));
        publish.push(format!("$JS.API.CONSUMER.CREATE.EVENTS.x.event.{other}.property"));
        publish.push(format!("$JS.API.DIRECT.GET.EVENTS.event.{other}.property"));
        for kind in ["agency", "storage", "vault"] {
            subscribe.push(format!("{kind}.{other}"));
        }
        subscribe.push(format!("_INBOX_agency-{other}.>"));
        subscribe.push(format!("event.{other}.>"));
    }
    refused(agency, &mut client, &publish, &subscribe);

    // And what is its own it may: else all of the above would be refused for nothing.
    for subject in [format!("tip.{agency}"), format!("agency.{}", AGENCIES[0])] {
        assert_eq!(client.publish(&subject, "x"), Vec::<String>::new(), "{agency} publishes to {subject}");
    }
    for subject in ["vote.*".to_owned(), "cosign.*".to_owned(), format!("_INBOX_agency-{agency}.>")] {
        assert_eq!(client.subscribe(&subject), Vec::<String>::new(), "{agency} listens to {subject}");
    }
    smuggled(agency, &mut client);
}

/// The filter in a request's subject is allowed, and the one in its body is another.
fn smuggled(agency: &str, client: &mut RawNats) {
    let inbox = format!("_INBOX_agency-{agency}");
    for filters in [
        json!({ "filter_subject": "block.segment.property" }),
        json!({ "filter_subjects": ["block.segment.property"] }),
        json!({ "filter_subjects": ["block.header", "block.segment.property"] }),
        json!({ "filter_subject": ">" }),
        json!({}),
    ] {
        let mut config =
            json!({ "name": "x", "ack_policy": "none", "deliver_policy": "all", "mem_storage": true });
        config.as_object_mut().unwrap().extend(filters.as_object().unwrap().clone());
        let ask = json!({ "stream_name": "BLOCKS", "config": config, "action": "create" });
        let answer = client.request(&inbox, "$JS.API.CONSUMER.CREATE.BLOCKS.x.block.header", &ask);
        assert!(answer["error"].is_object(), "{agency} gets a consumer of {filters}: {answer}");
    }
}

fn as_platform(deployment: &Deployment) {
    // An orderer sees and appends blocks, and that is all.
    let mut orderer = RawNats::of(deployment.port, &deployment.folder("orderers/data-bureau"));
    let mut publish = management();
    // It may read whole streams.
    let reads = ["$JS.API.CONSUMER.CREATE.TRANSACTIONS.x", "$JS.API.CONSUMER.CREATE.BLOCKS.x"];
    publish.retain(|subject| !reads.contains(&subject.as_str()));
    publish.extend(
        ["tx.property", "vote.data-bureau", "cosign.data-bureau", "event.data-bureau.property"]
            .map(str::to_owned),
    );
    publish.extend(STREAMS.map(|stream| format!("$JS.API.STREAM.CREATE.{stream}")));
    publish.extend(["storage.natural-resources", "vault.natural-resources"].map(str::to_owned));
    let listens = ["vote.*", "agency.data-bureau", "storage.data-bureau", "tx.>", "block.>", ">"];
    refused("orderer", &mut orderer, &publish, &listens.map(str::to_owned));
    assert_eq!(orderer.subscribe("tip.*"), Vec::<String>::new());

    // Ingest appends transactions.
    let mut ingest = RawNats::of(deployment.port, &deployment.folder("ingest"));
    let mut publish = management();
    publish.retain(|subject| !reads.contains(&subject.as_str()) || subject.contains("BLOCKS"));
    publish.extend(
        ["block.header", "block.segment.property", "vote.data-bureau", "cosign.data-bureau"]
            .map(str::to_owned),
    );
    publish.push("$JS.API.CONSUMER.CREATE.BLOCKS.x.block.header".into());
    publish.push("$JS.API.STREAM.MSG.GET.BLOCKS".into());
    refused("ingest", &mut ingest, &publish, &["vote.*", "agency.data-bureau", "block.>"].map(str::to_owned));
    assert_eq!(ingest.subscribe("ingest.submit"), Vec::<String>::new());

    // The keeper makes streams, and neither writes nor reads them.
    let mut keeper = RawNats::of(deployment.port, &deployment.folder("keeper"));
    let mut publish = management();
    publish.extend(
        ["block.header", "tx.property", "vote.data-bureau", "event.data-bureau.property"].map(str::to_owned),
    );
    publish.extend(STREAMS.map(|stream| format!("$JS.API.STREAM.MSG.GET.{stream}")));
    refused("keeper", &mut keeper, &publish, &["block.>", "tx.>", "vote.*"].map(str::to_owned));
}

fn strangers(port: u16, authority: &Path) {
    let stranger = nkeys::KeyPair::new_user().seed().unwrap();
    for seed in [None, Some(stranger.as_str())] {
        let refusal = RawNats::connect(port, authority, seed).expect_err("a stranger does not get in");
        assert!(refusal.contains("Authorization Violation"), "{refusal}");
    }
}

/// A small city on a deployment: three agencies that validate, one orderer, ingest.
struct City<'a> {
    deployment: &'a Deployment,
    ingest: Process,
    _parts: Vec<Process>,
}

impl<'a> City<'a> {
    fn start(deployment: &'a Deployment) -> Self {
        deployment.make_streams();
        let run = |service: &str, folder: &str| deployment.run(service, folder);
        let hosts = AGENCIES.into_iter().filter(|agency| *agency != GUEST);
        let mut parts: Vec<Process> =
            hosts.clone().map(|agency| run("storage", &format!("agencies/{agency}"))).collect();
        parts.extend(hosts.map(|agency| run("validation", &format!("agencies/{agency}"))));
        parts.push(run("ordering", "orderers/data-bureau"));
        parts.push(run("notification", "agencies/data-bureau"));
        Self { deployment, ingest: run("ingest", "ingest"), _parts: parts }
    }

    /// Loads so many of the bundled sales, those loaded before among them.
    fn load(&self, rows: usize) {
        let file = sales(self.deployment.program.folder(), rows);
        let args = ["load", "property", &file, "--json", "--url", &self.ingest.url];
        let summary = self.deployment.program.result(&args).expect("a load over the guarded broker");
        assert_eq!(summary["final"], 2 * rows, "{summary}");
    }
}

#[test]
fn a_city_runs_on_the_generated_broker_and_nobody_may_do_what_is_anothers() {
    let deployment = Deployment::start();
    strangers(deployment.port, &deployment.out.join("nats/ca.pem"));
    let city = City::start(&deployment);
    city.load(20);
    for agency in AGENCIES {
        as_agency(&deployment, agency);
    }
    as_platform(&deployment);
    // Whatever was tried, the city goes on.
    city.load(30);
}

#[test]
fn entries_that_a_member_has_the_server_put_under_other_subjects_stop_nothing() {
    let deployment = Deployment::start();
    let city = City::start(&deployment);
    city.load(10);
    let agency = "natural-resources";
    let mut client = RawNats::of(deployment.port, &deployment.folder(&format!("agencies/{agency}")));
    let inbox = format!("_INBOX_agency-{agency}");
    // The server takes the subject of a delivery, and of an answer, from whoever asks.
    let config = json!({ "name": "y", "ack_policy": "none", "deliver_policy": "all", "mem_storage": true,
        "filter_subject": "block.segment.property", "deliver_subject": "tx.property" });
    let ask = json!({ "stream_name": "BLOCKS", "config": config, "action": "create" });
    let made = client.request(&inbox, "$JS.API.CONSUMER.CREATE.BLOCKS.y.block.segment.property", &ask);
    println!("a push consumer: {made}");
    for subject in ["block.header", "block.segment.property", "tx.property", "vote.data-bureau"] {
        client.answered_at("$JS.API.STREAM.INFO.BLOCKS", subject);
    }
    // Every transaction still has its outcome, once.
    city.load(30);
}
