//! Personal data from the counter to the certificate of erasure: sealed, asked for, refused, released, erased.

#![allow(clippy::unwrap_used, clippy::panic)] // A test's helpers fail as its tests do.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hutong::city::personas::Persona;
use hutong_test_end_to_end::program::{Process, Program};
use hutong_wire::v1::catalogue::Agreement;
use serde_json::{Value, json};

/// Made up: the check digit is right, the person is not.
const RESIDENT: &str = "11010519491231002X";
const NAME: &str = "Zheng Guozhen of the test";
const CONTACT: &str = "1 Sample Lane, telephone 5550199";
const OWNER: &str = "natural-resources";
const CONSUMER: &str = "health-commission";

struct City {
    program: Program,
    process: Process,
    record: String,
}

impl City {
    /// A city whose land registry has registered one person.
    fn new() -> Self {
        let program = Program::new(env!("CARGO_BIN_EXE_hutong-under-test"));
        let process = program.up();
        let token = program.token(&["--agency", OWNER]);
        let body = json!({
            "domain": "property",
            "resident_id": RESIDENT,
            "values": { "name": NAME, "contact": CONTACT },
        });
        let (status, answer) = program.http_post(&format!("{}/v1/persons", process.url), &token, &body);
        assert!(status == 200 || status == 201, "{status} {answer}");
        let record = format!("property/person/{}", answer["handle"].as_str().unwrap());
        Self { program, process, record }
    }

    /// Has owner and consumer sign an agreement about names; its id.
    fn agree(&self, id: &str, change: impl FnOnce(&mut Agreement)) {
        let mut agreement = Agreement {
            id: id.into(),
            owner: OWNER.into(),
            consumer: CONSUMER.into(),
            domain: "property".into(),
            record_type: "person".into(),
            fields: vec!["name".into()],
            purposes: vec!["home-visit".into()],
            legal_basis: "Regulation 7, article 3".into(),
            from_ms: 1,
            until_ms: 4_000_000_000_000,
            ..Agreement::default()
        };
        change(&mut agreement);
        let action = STANDARD.encode(hutong_catalogue::build::agree(agreement));
        let done = self.submit(&json!({
            "agency": OWNER, "domain": "catalogue", "action": action, "signers": [CONSUMER],
        }));
        assert_eq!(done["state"], "applied", "{done}");
    }

    fn submit(&self, request: &Value) -> Value {
        let file = self.program.folder().join("request.json");
        std::fs::write(&file, request.to_string()).unwrap();
        let args = ["submit", file.to_str().unwrap(), "--json", "--url", &self.process.url];
        self.program.result(&args).expect("it is applied")
    }

    fn ask<'a>(&'a self, fields: &'a str, purpose: &'a str, basis: [&'a str; 2]) -> Vec<&'a str> {
        let mut args = vec!["disclose", &self.record, "--fields", fields, "--purpose", purpose];
        args.extend(["--as", CONSUMER, "--official", "nurse-7", "--json", "--url", &self.process.url]);
        args.extend(basis);
        args
    }

    fn refused(&self, fields: &str, purpose: &str, basis: [&str; 2], code: &str) {
        let said = self.program.failure(&self.ask(fields, purpose, basis));
        assert!(said.contains(code), "{code} expected: {said}");
    }

    fn reads(&self, fields: &str, purpose: &str, basis: [&str; 2]) -> Value {
        self.program.result(&self.ask(fields, purpose, basis)).expect("it is released")
    }

    /// The bytes that the vault gives for an access.
    fn release(&self, access: &str) -> (u16, Value) {
        let token = self.program.token(&["--agency", CONSUMER]);
        let url = format!("{}/v1/disclosures", self.process.url);
        self.program.http_post(&url, &token, &json!({ "access": access }))
    }
}

#[test]
fn sealed_fields_are_read_within_an_agreement_and_not_beside_it() {
    let mut city = City::new();
    city.refused("name", "home-visit", ["--agreement", "none"], "agreement_unknown");
    city.refused("name", "home-visit", ["--duty", "case-1"], "duty_not_owner");
    city.agree("visits", |_| {});
    city.agree("twice", |agreement| agreement.count_limit = 2);
    city.agree("later", |agreement| agreement.from_ms = 3_999_999_999_999);

    let visits = ["--agreement", "visits"];
    city.refused("contact", "home-visit", visits, "agreement_field");
    city.refused("name", "marketing", visits, "agreement_purpose");
    city.refused("name", "home-visit", ["--agreement", "later"], "agreement_not_yet");
    let read = city.reads("name", "home-visit", visits);
    assert_eq!(read["fields"], json!({ "name": NAME }));
    for _ in 0..2 {
        city.reads("name", "home-visit", ["--agreement", "twice"]);
    }
    city.refused("name", "home-visit", ["--agreement", "twice"], "agreement_exhausted");

    // Whoever lost the answer gets the same bytes again, also from a vault that crashed; nobody else gets any.
    let access = read["access"].as_str().unwrap();
    let (status, first) = city.release(access);
    assert_eq!(status, 200, "{first}");
    city.process.kill();
    city.process = city.program.up();
    assert_eq!(city.release(access), (200, first));
    let other = city.program.token(&["--agency", "market-regulation"]);
    let url = format!("{}/v1/disclosures", city.process.url);
    let (status, answer) = city.program.http_post(&url, &other, &json!({ "access": access }));
    assert_eq!((status, &answer["code"]), (403, &"not_the_requester".into()), "{answer}");

    // Either side revokes; from the next block nothing rests on the agreement.
    let action = STANDARD.encode(hutong_catalogue::build::revoke("visits", "no more visits"));
    city.submit(&json!({ "agency": CONSUMER, "domain": "catalogue", "action": action }));
    city.refused("name", "home-visit", visits, "agreement_revoked");
    let (status, answer) = city.release(access);
    assert_eq!((status, &answer["code"]), (403, &"revoked".into()), "{answer}");
    city.process.stop();
    nothing_in_the_clear(&city.program);
}

#[test]
fn what_is_erased_is_released_to_nobody_and_every_proof_stands() {
    let city = City::new();
    city.agree("visits", |_| {});
    let visits = ["--agreement", "visits"];
    let read = city.reads("name", "home-visit", visits);
    let url = city.process.url.clone();
    let erase = [
        "erase",
        &city.record,
        "--basis",
        "art. 47",
        "--as",
        OWNER,
        "--forget-person",
        "--json",
        "--url",
        &url,
    ];
    city.program.result(&erase).expect("it is erased");
    city.refused("name", "home-visit", visits, "erased");
    let (status, answer) = city.release(read["access"].as_str().unwrap());
    assert_eq!((status, &answer["code"]), (403, &"erased".into()), "{answer}");
    assert!(city.program.failure(&erase).contains("already_erased"));

    let receipt = city.program.folder().join("receipt.json");
    let receipt = receipt.to_str().unwrap();
    let access = read["access"].as_str().unwrap();
    city.program.result(&["receipt", access, "-o", receipt, "--json", "--url", &url]);
    let trust = city.program.data().join("trust.json");
    let verified = city.program.result(&["verify", receipt, "--trust", trust.to_str().unwrap(), "--json"]);
    assert_eq!(verified.expect("the receipt verifies")["outcome"], "applied");
    city.process.stop();
    let report = city.program.result(&["fsck", "--json"]).expect("fsck passes");
    assert_eq!(report["sound"], true, "{report}");
    nothing_in_the_clear(&city.program);
}

#[test]
fn a_person_sees_who_looked_consents_and_is_forgotten() {
    let program = Program::new(env!("CARGO_BIN_EXE_hutong-under-test"));
    let process = program.up();
    let resident = Persona::named("wang-lan").unwrap().resident_id().unwrap();
    let token = program.token(&["--agency", OWNER, "--official", "registrar-7"]);
    let body = json!({
        "domain": "property",
        "resident_id": resident.expose(),
        "values": { "name": NAME, "contact": CONTACT },
    });
    let (status, answer) = program.http_post(&format!("{}/v1/persons", process.url), &token, &body);
    assert!(status == 200 || status == 201, "{status} {answer}");
    let handle = answer["handle"].as_str().unwrap();
    let city = City { record: format!("property/person/{handle}"), program, process };
    let url = city.process.url.clone();
    let person = |args: &[&str]| {
        let own = ["--persona", "wang-lan", "--json", "--url", &url];
        city.program.result(&[args, &own].concat())
    };

    // Consent for one purpose, given and withdrawn in one call each.
    let given = person(&[
        "consent",
        "give",
        "--domain",
        "property",
        "--consumer",
        CONSUMER,
        "--record-type",
        "person",
        "--fields",
        "contact",
        "--purposes",
        "home-visit",
        "--until",
        "2090-01-01T00:00:00Z",
    ]);
    let given = given.expect("the consent is given");
    let consent = format!("{handle}/{}", given["id"].as_str().unwrap());
    let basis = ["--consent", &consent];
    city.refused("name", "home-visit", basis, "consent_field");
    city.refused("contact", "marketing", basis, "consent_purpose");
    assert_eq!(city.reads("contact", "home-visit", basis)["fields"], json!({ "contact": CONTACT }));
    let consent = format!("property/{}", given["id"].as_str().unwrap());
    person(&["consent", "withdraw", &consent]).expect("it is withdrawn");
    city.refused("contact", "home-visit", basis, "consent_withdrawn");

    // In an emergency, and under a court's order: both are counted at once.
    city.reads("name", "rescue", ["--emergency", "found unconscious at the river"]);
    let sealed = ["--sealed-until", "2026-12-31T00:00:00Z", "--court-order", "order 3"];
    city.agree("courts", |agreement| agreement.purposes = vec!["investigation".into()]);
    let mut order = city.ask("name", "investigation", ["--agreement", "courts"]);
    order.extend(sealed);
    city.program.result(&order).expect("it is released");

    let list = city.program.folder().join("list.json");
    let seen = person(&["accesses", "--output", list.to_str().unwrap()]).expect("a list");
    assert_eq!(seen["accesses"].as_array().unwrap().len(), 3, "{seen}");
    assert!(seen.to_string().contains("rescue") && !seen.to_string().contains("investigation"), "{seen}");
    let other = city.program.result(&["accesses", "--persona", "li-wei", "--json", "--url", &url]).unwrap();
    assert_eq!(other["accesses"], json!([]), "another person sees nothing of it");

    // The list shows itself whole; without one entry it does not.
    let trust = city.program.data().join("trust.json");
    let verify = |list: &std::path::Path| -> Vec<String> {
        let words =
            ["verify", "--accesses", list.to_str().unwrap(), "--trust", trust.to_str().unwrap(), "--json"];
        words.map(str::to_owned).to_vec()
    };
    let words = verify(&list);
    let verified = city.program.result(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(verified.expect("it verifies")["persons"][0]["accesses"].as_array().unwrap().len(), 3);
    let mut document: Value = serde_json::from_slice(&std::fs::read(&list).unwrap()).unwrap();
    document["persons"][0]["entries"].as_array_mut().unwrap().remove(1);
    let short = city.program.folder().join("short.json");
    std::fs::write(&short, document.to_string()).unwrap();
    let words = verify(&short);
    let said = city.program.failure(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(said.contains("incomplete"), "{said}");

    // The person has it erased; the vault forgets who it was.
    let erased = person(&["erase", &city.record, "--basis", "my wish", "--forget-person"]);
    erased.expect("it is erased");
    city.refused("name", "rescue", ["--emergency", "again"], "erased");
    let seen = person(&["accesses"]).expect("a list");
    assert_eq!(seen["accesses"], json!([]), "nothing leads to the handle any more");
    city.process.stop();
    let report = city.program.result(&["fsck", "--json"]).expect("fsck passes");
    assert_eq!(report["sound"], true, "{report}");
    nothing_in_the_clear(&city.program);
}

/// Looks through everything that the city wrote.
fn nothing_in_the_clear(program: &Program) {
    let persona = Persona::named("wang-lan").unwrap().resident_id().unwrap();
    let mut folders = vec![program.data()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let bytes = std::fs::read(&path).unwrap();
            for secret in [RESIDENT, persona.expose(), NAME, CONTACT] {
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "{secret:?} is in {}", path.display());
            }
        }
    }
    assert!(files > 30, "the folder of a whole city");
}
