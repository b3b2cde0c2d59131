//! docs/join.md, run as it is printed: a city in parts on a real broker, a fifth agency that catches up and co-signs, its keys
//! rotated and revoked, its departure. Between the page's steps this looks at what they must have led to.

#![allow(clippy::unwrap_used, clippy::panic)] // A test's helpers fail as its tests do.

use std::{
    fs,
    net::TcpListener,
    os::unix::{fs::symlink, process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
};

use hutong_test_conformance::binary;
use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// The ports that the page names: the city's from the first on, its broker, the newcomer's.
const PRINTED: [u16; 3] = [8200, 8300, 8400];
/// As far as any of them reaches.
const SPAN: u16 = 260;

/// The commands of the page's sections, by heading.
fn sections(page: &str) -> Vec<(&str, String)> {
    let sections = page.split("\n## ").skip(1).map(|section| {
        let (heading, text) = section.split_once('\n').unwrap();
        let blocks = text.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
        (heading, blocks.collect::<String>())
    });
    sections.filter(|(_, commands)| !commands.is_empty()).collect()
}

/// What is looked at after a section, beside that its commands go well.
fn checks(heading: &str) -> &'static str {
    match heading {
        "1. A member invites" => "date +%s.%N > began",
        "3. The members look and sign" => {
            "member membership show newcomer/join.json 2> again.txt && exit 61\n\
             member membership submit newcomer/join.json 2>> again.txt && exit 62"
        }
        "5. Its node starts and catches up" => "date +%s.%N > joined",
        "6. The proof" => {
            "hutong verify receipt.json --trust newcomer/trust.json --json > verified.json\n\
             hutong get record property/526301100 --json --url http://127.0.0.1:8400 --data newcomer > past.json\n\
             member get status --json > status.json"
        }
        "Rotating a key" => {
            "hutong get status --data newcomer > by-new-key.txt\n\
             mkdir -p void/keys/transport && cp newcomer/*.json void/\n\
             cp newcomer/keys/transport/signing.key.* void/keys/transport/signing.key\n\
             hutong get status --data void 2> by-void-key.txt && exit 63\n\
             hutong verify receipt.json --trust newcomer/trust.json"
        }
        "Revoking a key" => {
            "cp newcomer/keys/transport/signing.key.$old void/keys/transport/signing.key\n\
             hutong get status --data void 2> by-revoked-key.txt && exit 64\n\
             hutong get status --data newcomer\n\
             hutong verify receipt.json --trust newcomer/trust.json\n\
             head -n 101 data/property/ames-sales.csv > after.csv\n\
             member load property after.csv --json > after.json"
        }
        "Leaving" => {
            "hutong get status --data newcomer 2> by-who-left.txt && exit 65\n\
             head -n 121 data/property/ames-sales.csv > without.csv\n\
             member load property without.csv --json > without.json\n\
             member get status --json > left.json"
        }
        _ => "true",
    }
}

/// A first port from which on nothing listens, as far as the page reaches.
fn free_span() -> u16 {
    let offset = u16::try_from(std::process::id() % 64).unwrap();
    let starts = (0..64u16).map(|n| 16_000 + ((n + offset) % 64) * 260);
    let free =
        |first: &u16| (*first..*first + SPAN).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    starts.into_iter().find(free).expect("free ports")
}

/// A shell with everything that it started; all of it ends with the test.
struct Shell(Child);

impl Drop for Shell {
    fn drop(&mut self) {
        let group = rustix::process::Pid::from_child(&self.0);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = self.0.wait();
    }
}

fn json(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"))
}

#[test]
fn the_page_leads_from_nothing_to_a_fifth_agency_that_cosigns() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let tools = at.join("tools");
    fs::create_dir(&tools).unwrap();
    symlink(env!("CARGO_BIN_EXE_hutong-under-test"), tools.join("hutong")).unwrap();
    symlink(binary().unwrap(), tools.join("nats-server")).unwrap();
    symlink(Path::new(ROOT).join("data"), at.join("data")).unwrap();

    let page = fs::read_to_string(Path::new(ROOT).join("docs/join.md")).unwrap();
    let mut script = String::from("set -eu\n");
    let sections = sections(&page);
    assert_eq!(sections.len(), 10, "{:?}", sections.iter().map(|(heading, _)| heading).collect::<Vec<_>>());
    for (heading, commands) in &sections {
        script += &format!("echo '## {heading}' >&2\n{commands}{}\n", checks(heading));
    }
    let first = free_span();
    for (printed, port) in PRINTED.into_iter().zip([first, first + 100, first + 200]) {
        script = script.replace(&printed.to_string(), &port.to_string());
    }
    script += "kill $(jobs -p)\nwait\nhutong fsck --data newcomer --state newcomer/state/storage-transport \
               --agency transport --json > fsck.json\n";
    let file = at.join("join.sh");
    fs::write(&file, &script).unwrap();

    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.arg(&file).current_dir(at).env("PATH", path).env_remove("HUTONG_URL").env_remove("HUTONG_DATA");
    command.stdin(Stdio::null()).stdout(fs::File::create(at.join("output.txt")).unwrap()).process_group(0);
    let mut shell = Shell(command.spawn().unwrap());
    let status = shell.0.wait().unwrap();
    let output = fs::read_to_string(at.join("output.txt")).unwrap();
    assert!(status.success(), "the page ends with {status}:\n{output}");

    let verified = json(at, "verified.json")["standing"].take();
    for cosigners in ["cosigners", "validating_cosigners"] {
        assert!(verified[cosigners].to_string().contains("transport"), "{cosigners}: {verified}");
    }
    assert!(json(at, "past.json").to_string().contains("526301100"), "it has the past");
    let again = fs::read_to_string(at.join("again.txt")).unwrap();
    assert!(again.matches("epoch_number").count() >= 2, "what was done is not done twice: {again}");
    for refused in ["by-void-key.txt", "by-revoked-key.txt", "by-who-left.txt"] {
        let said = fs::read_to_string(at.join(refused)).unwrap();
        assert!(said.contains("401") || said.contains("unauthenticated"), "{refused}: {said}");
    }
    let agencies = |name: &str| json(at, name)["epoch"]["validating"].as_array().unwrap().len();
    assert_eq!((agencies("status.json"), agencies("left.json")), (5, 4));
    for loaded in ["after.json", "without.json"] {
        assert!(json(at, loaded)["final"].as_u64().unwrap() > 0, "the city goes on: {loaded}");
    }
    assert_eq!(json(at, "fsck.json")["sound"], true);

    let seconds = |name: &str| fs::read_to_string(at.join(name)).unwrap().trim().parse::<f64>().unwrap();
    println!("from the invitation to counting: {:.1} s", seconds("joined") - seconds("began"));
}
