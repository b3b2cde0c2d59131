//! Dependencies point one way, and some libraries have one house.

use std::collections::BTreeMap;

use hutong_test_architecture::{Crate, crates};

/// The layers, from the bottom: a crate is built from crates of lower layers alone.
const LAYERS: [&[&str]; 9] = [
    &["shared/ledger", "shared/journal", "shared/index", "shared/table"],
    &["shared/wire", "shared/keys"],
    &["shared/disclosure"],
    &["shared/bus", "shared/store"],
    &["shared/bus/embedded", "shared/bus/nats"],
    &["shared/peer", "shared/runtime", "shared/client"],
    &["shared/desk"],
    &["services/"],
    &["tests/"],
];

/// The one program, which alone knows all services.
const PROGRAM: &str = "services/hutong";

/// Libraries with one house (or two), and why: whoever else needs what they do asks there.
const HOUSES: [(&str, &[&str], &str); 7] = [
    ("async-nats", &["shared/bus/nats"], "services meet the broker through the bus port"),
    ("redb", &["shared/store"], "what is stored goes through the typed tables of hutong-store"),
    (
        "ring",
        &["shared/keys", "shared/ledger"],
        "hash with hutong_ledger::hash, sign and draw with hutong_keys",
    ),
    ("opentelemetry", &["shared/runtime"], "trace with `tracing` and hutong_runtime::trace"),
    ("opentelemetry_sdk", &["shared/runtime"], "trace with `tracing` and hutong_runtime::trace"),
    ("opentelemetry-otlp", &["shared/runtime"], "trace with `tracing` and hutong_runtime::trace"),
    ("tracing-subscriber", &["shared/runtime"], "hutong_runtime::telemetry sets the subscriber, once"),
];

/// What the pure rules of the ledger must do without: threads, clocks, IO, and everything that brings them.
const NOT_IN_LEDGER: [&str; 14] = [
    "tokio",
    "tokio-util",
    "tokio-stream",
    "axum",
    "hyper",
    "reqwest",
    "futures",
    "async-trait",
    "tracing",
    "rayon",
    "redb",
    "parking_lot",
    "rustix",
    "getrandom",
];

fn all() -> Vec<Crate> {
    crates().expect("cargo metadata reads the workspace")
}

fn layer(folder: &str) -> Option<usize> {
    let matches = |name: &&str| if name.ends_with('/') { folder.starts_with(*name) } else { folder == *name };
    LAYERS.iter().position(|layer| layer.iter().any(matches))
}

fn refuse(faults: &[String], rule: &str) {
    assert!(faults.is_empty(), "{rule}\n  - {}\n", faults.join("\n  - "));
}

#[test]
fn every_crate_has_a_layer() {
    let homeless =
        all().into_iter().filter(|c| layer(&c.folder).is_none()).map(|c| c.folder).collect::<Vec<_>>();
    refuse(
        &homeless,
        "These crates are in no layer; give them a place in LAYERS of this test, with a reason to be:",
    );
}

#[test]
fn crates_are_built_from_lower_layers() {
    let crates = all();
    let folders: BTreeMap<_, _> = crates.iter().map(|c| (c.name.as_str(), c.folder.as_str())).collect();
    let mut faults = Vec::new();
    for user in &crates {
        for used in user.built_from().filter_map(|name| folders.get(name)) {
            let allowed = match (layer(used), layer(&user.folder)) {
                (Some(used), Some(own)) => used < own,
                _ => true,
            };
            // The program is a service's neighbour and knows them all: that is its work.
            if !allowed && user.folder != PROGRAM {
                faults.push(format!("{} is built from {used}", user.folder));
            }
        }
    }
    let rule = "Dependencies point from services down to the ledger. What both need belongs into a lower layer; what is \
                called from below comes in as a trait or a parameter:";
    refuse(&faults, rule);
}

#[test]
fn services_meet_over_the_bus_alone() {
    let crates = all();
    let services: BTreeMap<_, _> = crates
        .iter()
        .filter(|c| c.folder.starts_with("services/"))
        .map(|c| (c.name.as_str(), c.folder.as_str()))
        .collect();
    let mut faults = Vec::new();
    for user in crates.iter().filter(|c| c.folder != PROGRAM && !c.folder.starts_with("tests/")) {
        let used = user.named().filter_map(|name| services.get(name));
        faults.extend(used.map(|used| format!("{} names {used}", user.folder)));
    }
    let rule = "A service never imports another, not even in its tests: call it through a trait of shared/peer and give \
                the tests a fake; a test of several services belongs into tests/:";
    refuse(&faults, rule);
}

#[test]
fn some_libraries_have_one_house() {
    let mut faults = Vec::new();
    for user in &all() {
        for (library, houses, instead) in HOUSES {
            let uses = user
                .dependencies
                .iter()
                .any(|d| d.name == library && d.kind == cargo_metadata::DependencyKind::Normal);
            if uses && !houses.contains(&user.folder.as_str()) {
                faults.push(format!("{} is built from {library}: {instead}", user.folder));
            }
        }
    }
    refuse(&faults, "These libraries are used in one house only; remove them from these manifests:");
}

#[test]
fn the_ledger_is_pure() {
    let crates = all();
    let ledger = crates.iter().find(|c| c.folder == "shared/ledger").expect("there is a ledger");
    let used: Vec<_> =
        ledger.built_from().filter(|name| NOT_IN_LEDGER.contains(name)).map(str::to_owned).collect();
    let rule = "The ledger's rules give every host the same answer, so they do no IO, read no clock and start no thread. Move \
                what needs these to the crate that calls the ledger, and remove from shared/ledger/Cargo.toml:";
    refuse(&used, rule);
}
