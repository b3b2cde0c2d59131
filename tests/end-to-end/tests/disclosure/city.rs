//! A city whose land registry has registered one person, and what officials and persons do there.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hutong::city::personas::Persona;
use hutong_test_end_to_end::{
    program::{Process, Program},
    secrets::Secrets,
};
use hutong_wire::v1::catalogue::Agreement;
use serde_json::{Value, json};

/// Made up: the check digit is right, the person is not.
pub(crate) const RESIDENT: &str = "11010519491231002X";
pub(crate) const NAME: &str = "Zheng Guozhen of the test";
pub(crate) const CONTACT: &str = "1 Sample Lane, telephone 5550199";
pub(crate) const OWNER: &str = "natural-resources";
pub(crate) const CONSUMER: &str = "health-commission";

pub(crate) struct City {
    pub(crate) program: Program,
    pub(crate) process: Process,
    /// Of the person who is registered.
    pub(crate) record: String,
}

impl City {
    /// Someone whom nobody here has a persona of.
    pub(crate) fn new() -> Self {
        Self::of(RESIDENT)
    }

    /// A development persona.
    pub(crate) fn of_persona(name: &str) -> Self {
        Self::of(Persona::named(name).unwrap().resident_id().unwrap().expose())
    }

    fn of(resident: &str) -> Self {
        let program = Program::new(env!("CARGO_BIN_EXE_hutong-under-test"));
        let process = program.up();
        let token = program.token(&["--agency", OWNER, "--official", "registrar-7"]);
        let body = json!({
            "domain": "property",
            "resident_id": resident,
            "values": { "name": NAME, "contact": CONTACT },
        });
        let (status, answer) = program.http_post(&format!("{}/v1/persons", process.url), &token, &body);
        assert!(status == 200 || status == 201, "{status} {answer}");
        let record = format!("property/person/{}", answer["handle"].as_str().unwrap());
        Self { program, process, record }
    }

    /// Has owner and consumer sign an agreement about names; its id.
    pub(crate) fn agree(&self, id: &str, change: impl FnOnce(&mut Agreement)) {
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

    pub(crate) fn submit(&self, request: &Value) -> Value {
        let file = self.program.folder().join("request.json");
        std::fs::write(&file, request.to_string()).unwrap();
        let args = ["submit", file.to_str().unwrap(), "--json", "--url", &self.process.url];
        self.program.result(&args).expect("it is applied")
    }

    pub(crate) fn ask<'a>(&'a self, fields: &'a str, purpose: &'a str, basis: [&'a str; 2]) -> Vec<&'a str> {
        let mut args = vec!["disclose", &self.record, "--fields", fields, "--purpose", purpose];
        args.extend(["--as", CONSUMER, "--official", "nurse-7", "--json", "--url", &self.process.url]);
        args.extend(basis);
        args
    }

    pub(crate) fn refused(&self, fields: &str, purpose: &str, basis: [&str; 2], code: &str) {
        let said = self.program.failure(&self.ask(fields, purpose, basis));
        assert!(said.contains(code), "{code} expected: {said}");
    }

    pub(crate) fn reads(&self, fields: &str, purpose: &str, basis: [&str; 2]) -> Value {
        self.program.result(&self.ask(fields, purpose, basis)).expect("it is released")
    }

    /// The bytes that the vault gives for an access.
    pub(crate) fn release(&self, access: &str) -> (u16, Value) {
        let token = self.program.token(&["--agency", CONSUMER]);
        let url = format!("{}/v1/disclosures", self.process.url);
        self.program.http_post(&url, &token, &json!({ "access": access }))
    }
}

impl City {
    /// What a person's command prints; none if it fails.
    pub(crate) fn person(&self, name: &str, args: &[&str]) -> Option<Value> {
        self.program.result(&[args, &["--persona", name, "--json", "--url", &self.process.url]].concat())
    }

    /// What an agency's command to erase prints.
    pub(crate) fn erase(&self, agency: &str) -> Vec<String> {
        let words =
            ["erase", &self.record, "--basis", "art. 47", "--as", agency, "--forget-person", "--json"];
        words.iter().map(|&word| word.to_owned()).chain(["--url".into(), self.process.url.clone()]).collect()
    }

    /// What the owner submits in the domain, beside what the commands can say.
    pub(crate) fn act(&self, kind: hutong_wire::v1::disclosure::action::Kind) -> Value {
        use hutong_wire::{
            prost::Message as _,
            v1::disclosure::{Action, Envelope},
        };
        let action = Envelope { disclosure: Some(Action { kind: Some(kind) }) }.encode_to_vec();
        self.submit(&json!({ "agency": OWNER, "domain": "property", "action": STANDARD.encode(action) }))
    }

    /// Ends the city; its archive is sound, and nothing of the persons is in its folder.
    pub(crate) fn end(self) {
        self.process.stop();
        let report = self.program.result(&["fsck", "--json"]).expect("fsck passes");
        assert_eq!(report["sound"], true, "{report}");
        let persona = Persona::named("wang-lan").unwrap().resident_id().unwrap();
        let files = Secrets::new([RESIDENT, persona.expose(), NAME, CONTACT]).not_below(&self.program.data());
        assert!(files > 30, "the folder of a whole city");
    }
}

/// A day from now on, as RFC 3339 writes a time.
pub(crate) fn in_days(days: i64) -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days)).to_string()
}

pub(crate) fn words(owned: &[String]) -> Vec<&str> {
    owned.iter().map(String::as_str).collect()
}
