//! Data folders of earlier releases: this one opens them, finds them sound, shows and proves what is in them, and goes on from there.
//!
//! Each is a whole city of its release in `tests/golden/data/folders/<release>/city.tar.gz`, beside `expected.json`, which says what it must
//! show. They are never changed; `make golden` writes that of this release if there is none. All persons and keys in them are made up.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use hutong_client::City as Folder;
use hutong_test_end_to_end::program::{Program, sales};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::people::{City, Person, sealed_everywhere};

const PARCEL: &str = "property/526301100";

/// What a folder must show.
#[derive(Debug, Serialize, Deserialize)]
struct Expected {
    chain: String,
    /// The parcel's versions.
    parcel: Value,
    /// A final transaction.
    transaction: String,
    /// Sealed fields: record, owner, field, value.
    sealed: Vec<(String, String, String, Value)>,
    /// A subscription, by id, and its agency.
    subscription: (String, String),
}

fn folders() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../golden/data/folders")
}

/// The folder's name: the release up to what changes no form.
fn release() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let parts: Vec<&str> = version.split('.').take(2).collect();
    format!("v{}", parts.join("."))
}

fn open() -> Program {
    Program::new(env!("CARGO_BIN_EXE_hutong-under-test"))
}

impl City {
    fn result(&self, args: &[&str]) -> Value {
        let all = [args, &["--json", "--url", self.url()]].concat();
        self.program.result(&all).unwrap_or_else(|| panic!("{args:?}"))
    }

    fn history(&self) -> Value {
        // What is signed or proven of a version; how it is shown may grow from release to release.
        let kept = ["version", "hash", "bytes", "transaction", "height"];
        let versions = self.result(&["get", "history", PARCEL])["versions"].clone();
        let versions = versions.as_array().unwrap().iter();
        versions
            .map(|version| kept.iter().map(|name| (*name, version[name].clone())).collect::<Value>())
            .collect()
    }
}

/// Makes a city with something of everything, and packs its folder.
fn write(to: &Path) {
    let program = open();
    let process = program.up();
    let city = City { program, process };
    let file = sales(city.program.folder(), 20);
    city.result(&["load", "property", &file]);
    let person = Person::persona("chen-jie", &city.program);
    let service = json!({ "name": "Leak", "deadline": "utilities", "rules": [{ "agency": "water-works" }] });
    city.call("PUT", "/requests/v1/services/leak", "data-bureau", &service);
    let records = sealed_everywhere(&city, &person);
    let fields = [
        ("natural-resources", "name"),
        ("health-commission", "body"),
        ("health-commission", "body"),
        ("data-bureau", "email"),
        ("health-commission", "resident_id"),
        ("data-bureau", "plate"),
        ("market-regulation", "claims"),
    ];
    let sealed = records.iter().zip(fields).map(|(record, (owner, field))| {
        let value = city.read(record, owner, field)["fields"][field].clone();
        (record.clone(), owner.to_owned(), field.to_owned(), value)
    });
    let sealed = sealed.collect();
    let owner = "natural-resources";
    // Nobody is there: it waits for the handshake, and is kept.
    let asked = json!({ "endpoint": "http://127.0.0.1:9/in", "filter": { "domains": ["property"] }, "from_height": 1 });
    let made = city.call("POST", "/v1/subscriptions", owner, &asked);
    let made: Value = serde_json::from_str(&made).unwrap();
    let parcel = city.history();
    let expected = Expected {
        chain: Folder::open(&city.program.data()).unwrap().chain.to_string(),
        transaction: parcel[0]["transaction"].as_str().unwrap().to_owned(),
        parcel,
        sealed,
        subscription: (made["id"].as_str().unwrap().to_owned(), owner.to_owned()),
    };
    let City { program, process } = city;
    process.stop();
    // The vaults' sockets are of the process that is gone.
    for agency in fs::read_dir(program.data().join("agencies")).unwrap() {
        let control = agency.unwrap().path().join("vault/control");
        if control.exists() {
            fs::remove_dir_all(control).unwrap();
        }
    }
    let folder = to.with_file_name("unfinished");
    fs::create_dir_all(&folder).unwrap();
    let packed = File::create(folder.join("city.tar.gz")).unwrap();
    let mut archive = tar::Builder::new(GzEncoder::new(packed, Compression::best()));
    archive.append_dir_all("data", program.data()).unwrap();
    archive.into_inner().unwrap().finish().unwrap();
    fs::write(folder.join("expected.json"), serde_json::to_string_pretty(&expected).unwrap() + "\n").unwrap();
    fs::rename(folder, to).unwrap();
}

/// Unpacks a folder and looks at everything in it.
fn opens(from: &Path) {
    let told = from.display();
    let expected: Expected = serde_json::from_slice(&fs::read(from.join("expected.json")).unwrap()).unwrap();
    let program = open();
    let packed = GzDecoder::new(File::open(from.join("city.tar.gz")).unwrap());
    tar::Archive::new(packed).unpack(program.folder()).unwrap();
    let fsck = || program.result(&["fsck", "--json"]).unwrap_or_else(|| panic!("{told}: fsck passes"));
    assert_eq!(fsck()["agencies"].as_array().unwrap().len(), 4, "{told}");
    let trust = fs::read(program.data().join("trust.json")).unwrap();
    let process = program.up();
    let city = City { program, process };
    assert_eq!(Folder::open(&city.program.data()).unwrap().chain.to_string(), expected.chain);
    assert_eq!(
        fs::read(city.program.data().join("trust.json")).unwrap(),
        trust,
        "{told}: who is trusted stays"
    );
    assert_eq!(city.history(), expected.parcel, "{told}");

    // What was final is provable, and what was sealed is there for who may have it.
    let receipt = city.program.folder().join("receipt.json");
    let receipt = receipt.to_str().unwrap();
    city.program.result(&["receipt", &expected.transaction, "-o", receipt, "--json", "--url", city.url()]);
    let trust = city.program.data().join("trust.json");
    let verified = ["verify", receipt, "--trust", trust.to_str().unwrap(), "--json"];
    assert!(city.program.result(&verified).is_some(), "{told}: a receipt verifies");
    for (record, owner, field, value) in &expected.sealed {
        assert_eq!(city.read(record, owner, field)["fields"][field], *value, "{told}: {record}");
    }
    let (id, agency) = &expected.subscription;
    let subscription = city.call("GET", &format!("/v1/subscriptions/{id}"), agency, &Value::Null);
    assert!(subscription.contains(id.as_str()), "{told}: {subscription}");

    // And it goes on: what is there is not doubled, what is new becomes final.
    let file = sales(city.program.folder(), 30);
    let loaded = city.result(&["load", "property", &file]);
    assert_eq!(
        (&loaded["submitted"], loaded["final"].as_u64() >= Some(20)),
        (&json!(60), true),
        "{told}: {loaded}"
    );
    assert_eq!(city.history(), expected.parcel, "{told}");
    let City { program, process } = city;
    process.stop();
    let sound = program.result(&["fsck", "--json"]).unwrap_or_else(|| panic!("{told}: fsck passes"));
    assert_eq!(sound["sound"], true, "{told}");
}

#[test]
fn folders_of_earlier_releases_open_in_this_one() {
    let own = folders().join(release());
    if std::env::var_os("HUTONG_GOLDEN").is_some_and(|mode| mode == "write") && !own.exists() {
        write(&own);
    }
    let releases: BTreeSet<PathBuf> = fs::read_dir(folders())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    assert!(releases.contains(&own), "`make golden` writes the folder of {}", release());
    for release in &releases {
        opens(release);
    }
}
