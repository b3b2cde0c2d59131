//! docker-compose.yml against the program's own plan of a city in parts, and what the program writes for containers and
//! for Kubernetes. No engine is needed: `make test-compose` is the test that has one.

#![allow(clippy::unwrap_used, clippy::panic)] // A test's helpers fail as its tests do.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use hutong_test_end_to_end::program::Program;
use serde_json::Value;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// What the program writes, and what it says that it wrote.
fn deployment(more: &[&str]) -> (Program, PathBuf, Value) {
    let program = Program::new(env!("CARGO_BIN_EXE_hutong-under-test"));
    let out = program.folder().join("deployment");
    let args = [&["deploy", "city", "--out", out.to_str().unwrap(), "--json"], more].concat();
    let said = program.result(&args).expect("a deployment is written");
    (program, out, said)
}

fn files(folder: &Path, below: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, below) } else { below.push(path) }
    }
}

#[test]
fn compose_runs_the_parts_of_the_plan_each_with_its_own_users_folder() {
    let (_program, _, said) = deployment(&[]);
    let text = fs::read_to_string(repository("docker-compose.yml")).unwrap();
    let mut expected = BTreeSet::from(["front".to_owned()]);
    for part in said["parts"].as_array().unwrap() {
        let (name, service) = (part["name"].as_str().unwrap(), part["service"].as_str().unwrap());
        expected.insert(name.to_owned());
        // The section of the service: up to the next line at its depth.
        let section =
            text.split(&format!("\n  {name}:\n")).nth(1).unwrap_or_else(|| panic!("{name} is missing"));
        let section: Vec<&str> =
            section.lines().take_while(|line| line.is_empty() || line.starts_with("    ")).collect();
        let section = section.join("\n");
        assert!(
            section.contains(&format!("command: [run, {service}, --config, /etc/hutong/{service}.toml]")),
            "{name}"
        );
        let folder = Path::new(part["config"].as_str().unwrap()).parent().unwrap().to_str().unwrap();
        let volume = folder.replace("agencies/", "").replace("orderers/", "orderer-");
        assert!(section.contains(&format!("- config-{volume}:/etc/hutong:ro")), "{name} of {folder}");
    }
    let run = text.lines().filter(|line| line.trim_start().starts_with("command: [run,")).count();
    assert_eq!(run, expected.len(), "compose runs what the plan has, and nothing else");
}

#[test]
fn no_part_holds_what_is_anothers() {
    let (program, out, _) = deployment(&[]);
    let mut all = Vec::new();
    files(&out, &mut all);
    let inside = |path: &Path| path.strip_prefix(&out).unwrap().to_str().unwrap().to_owned();
    let (mut keys, mut seeds) = (0, BTreeSet::new());
    for path in all.iter().filter(|path| !path.starts_with(out.join("city"))) {
        let name = inside(path);
        if path.extension().is_some_and(|kind| kind == "key" || kind == "nk") {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        }
        if name.ends_with(".nk") {
            assert!(seeds.insert(fs::read_to_string(path).unwrap()), "{name} is another's seed");
        }
        let Some(owner) = name.split("/keys/").nth(1) else { continue };
        keys += 1;
        let (owner, key) = owner.split_once('/').unwrap();
        let fits = match name.split('/').next().unwrap() {
            "agencies" => {
                name.starts_with(&format!("agencies/{owner}/"))
                    && ["signing.key", "sealing.key", "host.key", "log.key"].contains(&key)
            }
            "orderers" => name.starts_with(&format!("orderers/{owner}/")) && key == "orderer.key",
            "ingest" => key == "ingest.key",
            other => panic!("{other} holds {name}"),
        };
        assert!(fits, "{name}");
    }
    assert_eq!(keys, 4 * 4 + 2 + 1);
    assert_eq!(seeds.len(), 4 + 2 + 1 + 1);
    // The broker knows public keys only.
    let broker = fs::read_to_string(out.join("nats/nats.conf")).unwrap();
    assert!(seeds.iter().all(|seed| !broker.contains(seed.trim())));

    // Made again: the same keys, seeds and certificates.
    let held = |path: &PathBuf| fs::read(path).unwrap();
    let before: Vec<Vec<u8>> = all.iter().map(held).collect();
    program.result(&["deploy", "city", "--out", out.to_str().unwrap(), "--json"]).expect("made again");
    for (path, before) in all.iter().zip(before) {
        assert_eq!(held(path), before, "{} is another one", inside(path));
    }
}

#[test]
fn in_kubernetes_parts_are_reached_in_their_agencys_namespace() {
    let (_program, out, _) = deployment(&["--kubernetes"]);
    let front = fs::read_to_string(out.join("front/front.toml")).unwrap();
    for address in [
        "http://ingest.hutong.svc:8080",
        "http://storage.hutong-data-bureau.svc:8080",
        "http://property.hutong-natural-resources.svc:8080",
    ] {
        assert!(front.contains(address), "{address} in {front}");
    }
    for server in ["nats-0", "nats-1", "nats-2"] {
        let text = fs::read_to_string(out.join(format!("nats/{server}.conf"))).unwrap();
        assert!(text.contains("tls://nats-2.nats.hutong.svc:6222"), "{text}");
    }
    let storage = fs::read_to_string(out.join("agencies/data-bureau/storage.toml")).unwrap();
    assert!(storage.contains("replicas = 3"), "{storage}");
}
