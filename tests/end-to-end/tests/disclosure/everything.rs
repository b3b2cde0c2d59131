//! A person goes through every domain that seals something. Then all that the city wrote and said is searched for what it
//! was given: data folders, bus, logs at their most talkative, events, metrics, answers to those who may not know.

use std::io::BufRead as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hutong::city::{
    layout::Layout,
    settings::CitySettings,
    up::{Options, Running},
};
use hutong_test_end_to_end::{program::Program, secrets::Secrets};
use serde_json::json;

use crate::{
    guesses, joins,
    people::{CONDITIONS, CONTACT, City, DIAGNOSIS, EMAIL, NAME, PLATE, Person, sealed_everywhere},
};

/// What officials, persons and strangers do with it.
fn looked_at_everywhere(city: &City, person: &Person, records: &[String]) {
    let fields = ["name", "body", "body", "email", "resident_id", "plate", "claims"];
    let owners = [
        "natural-resources",
        "health-commission",
        "health-commission",
        "data-bureau",
        "health-commission",
        "data-bureau",
        "market-regulation",
    ];
    for ((record, field), owner) in records.iter().zip(fields).zip(owners) {
        city.read(record, owner, field);
    }
    let persona = |args: &[&str]| {
        let own = ["--persona", person.name, "--json", "--url", city.url()];
        city.program.result(&[args, &own].concat()).unwrap_or_else(|| panic!("{args:?}"))
    };
    let list = city.program.folder().join("list.json");
    let seen = persona(&["accesses", "--output", list.to_str().unwrap()]);
    assert_eq!(
        seen["accesses"].as_array().unwrap().len(),
        records.len(),
        "all of it is the same person's: {seen}"
    );
    let terms =
        ["--fields", "name", "--purposes", "a purpose of the person", "--until", "2090-01-01T00:00:00Z"];
    let give = [
        "consent",
        "give",
        "--domain",
        "property",
        "--consumer",
        "health-commission",
        "--record-type",
        "person",
    ];
    persona(&[&give[..], &terms].concat());
    let page = format!("token={}", person.token);
    let (status, page) = city.send("POST", "/portal", "", "application/x-www-form-urlencoded", page);
    assert!(status == 200 && page.contains("official-of-market-regulation"), "{status} {page}");
}

/// What goes wrong, with secrets where none belong.
fn mistaken_everywhere(city: &City, person: &Person, record: &str) {
    let (land, health) = (city.token("natural-resources"), city.token("health-commission"));
    let Person { resident, token, .. } = person;
    let json = "application/json";
    for (method, path, token, body) in [
        ("POST", "/v1/persons", &land, format!("{{\"resident_id\": \"{resident}\", \"name\": \"{NAME}\"")),
        (
            "POST",
            "/v1/persons",
            &land,
            json!({ "domain": "property", "resident_id": format!("{resident}9"), NAME: 1 }).to_string(),
        ),
        (
            "POST",
            "/v1/sealed",
            &land,
            json!({ "record": NAME, "values": { resident.as_str(): CONTACT } }).to_string(),
        ),
        (
            "POST",
            "/fhir/R4/Patient",
            &health,
            json!({ "resourceType": "Patient", "name": NAME, "x": EMAIL }).to_string(),
        ),
        (
            "POST",
            "/epidemic/v1/cases",
            &health,
            json!({ "id": NAME, "sealed": { "name": [CONTACT] } }).to_string(),
        ),
        (
            "POST",
            "/parking/v1/permits",
            &land,
            json!({ "holder": { "resident_id": resident, "plate": PLATE } }).to_string(),
        ),
        ("POST", "/v1/disclosures", &land, json!({ "access": resident, "domain": NAME }).to_string()),
        (
            "POST",
            "/v1/subjects/me/consents",
            token,
            json!({ "domain": resident, "fields": [NAME] }).to_string(),
        ),
        ("POST", "/portal", &String::new(), format!("token={resident}")),
    ] {
        let (status, answer) = city.send(method, path, token, json, body);
        assert!((400..500).contains(&status), "{path}: {status} {answer}");
    }
    // In an address, where a resident id never belongs; whoever writes it there wrote it down themselves, the city does not.
    let there: String = form_urlencoded::byte_serialize(NAME.as_bytes()).collect();
    for path in [
        format!("/v1/records/property/person%2F{resident}"),
        format!("/fhir/R4/Patient?identifier=urn:oid:2.16.156.10011.1.3|{resident}"),
        format!("/fhir/R4/Patient?name={there}"),
        format!("/open311/v2/requests.json?api_key={token}&service_code={there}"),
        format!("/{resident}?{there}"),
    ] {
        city.send("GET", &path, &health, json, String::new());
    }
    let ids = json!({ "resident_ids": [resident] }).to_string();
    assert_eq!(city.send("POST", "/licensing/v1/check", "", json, ids).0, 200);
    // Refused by the contract: on record, and nothing of it in public.
    let told = city.program.failure(&[
        "disclose",
        record,
        "--as",
        "health-commission",
        "--official",
        "official-of-health-commission",
        "--fields",
        "name",
        "--purpose",
        "purpose in property",
        "--agreement",
        "none",
        "--url",
        city.url(),
    ]);
    assert!(told.contains("agreement_unknown"), "{told}");
    // On the ledger, in a text that is public: ingest takes no resident id in, and keeps nothing of it.
    let unit = hutong_wire::v1::property::Unit {
        place: format!("Lane of {resident}"),
        r#use: "RL".into(),
        area_centi_mm2: 1,
        ..Default::default()
    };
    let party = hutong_property::build::party([7; 16], &"natural-resources".parse().unwrap());
    let holders = vec![hutong_property::build::ownership(party, hutong_property::build::WHOLE)];
    let action = STANDARD.encode(hutong_property::build::register("leak-1", unit, holders));
    let file = city.program.folder().join("request.json");
    let request = json!({ "agency": "natural-resources", "domain": "property", "action": action });
    std::fs::write(&file, request.to_string()).unwrap();
    let said = city.program.failure(&["submit", file.to_str().unwrap(), "--url", city.url()]);
    assert!(said.contains("sealed_in_clear"), "{said}");
    assert!(!said.contains(resident.as_str()), "{said}");
}

/// What a follower of all events hears until it has heard of some records.
fn events(city: &City, records: &[String]) -> String {
    let mut process = city.program.start(&["tail", "--after", "0", "--url", city.url()]);
    let (mut lines, mut heard) = (process.lines(), String::new());
    let names: Vec<&str> = records.iter().map(|record| record.split_once('/').unwrap().1).collect();
    while !names.iter().all(|name| heard.contains(name)) {
        assert!(lines.read_line(&mut heard).unwrap() > 0, "the city goes on telling");
    }
    heard
}

#[test]
fn nothing_that_a_city_writes_or_says_has_an_id_or_a_sealed_value() {
    let program = Program::new(env!("CARGO_BIN_EXE_hutong-under-test"));
    let log = program.folder().join("log.txt");
    let process = program.up_logging("trace", &log);
    let city = City { program, process };
    let people = ["wang-lan", "li-wei"].map(|name| Person::persona(name, &city.program));
    city.call(
        "PUT",
        "/requests/v1/services/leak",
        "data-bureau",
        &json!({
            "name": "Leak", "deadline": "utilities", "rules": [{ "agency": "water-works" }],
        }),
    );
    let mut records = Vec::new();
    for person in &people {
        let own = sealed_everywhere(&city, person);
        looked_at_everywhere(&city, person, &own);
        mistaken_everywhere(&city, person, &own[0]);
        records.push(own);
    }
    // A parcel's own sealed field, under its commitment.
    let sealed = city.call(
        "POST",
        "/v1/sealed",
        "natural-resources",
        &json!({
            "record": "property/parcel-of-the-test", "values": { "conditions": CONDITIONS },
        }),
    );
    assert!(sealed.contains("conditions"), "{sealed}");
    // One is forgotten, everywhere that there is something of them.
    let person = &people[1];
    for record in &records[1] {
        let erased =
            ["erase", record, "--basis", "my wish", "--persona", person.name, "--json", "--url", city.url()];
        city.program.result(&erased).unwrap_or_else(|| panic!("{record} is erased"));
    }

    let residents = people.iter().map(|person| person.resident.as_str());
    let tokens = people.iter().map(|person| person.token.as_str());
    let values = [NAME, CONTACT, EMAIL, PLATE, DIAGNOSIS, CONDITIONS];
    let secrets = Secrets::new(residents.chain(tokens).chain(values));
    let heard = events(&city, &records.concat());
    assert!(heard.contains("official-of-health-commission"), "events tell who looked");
    secrets.not_in("the events", heard.as_bytes());
    let own = city.token("data-bureau");
    let public = [
        "/metrics",
        "/v1/status",
        "/openapi.json",
        "/catalogue/catalog.jsonld",
        "/v1/blocks/3",
        "/log/property/checkpoint",
    ];
    for path in public {
        let (status, answer) = city.send("GET", path, &own, "application/json", String::new());
        assert_eq!(status, 200, "{path}");
        secrets.not_in(path, answer.as_bytes());
    }
    for record in records.concat() {
        for what in ["record", "history"] {
            let shown = city.program.result(&["get", what, &record, "--json", "--url", city.url()]);
            secrets.not_in(&record, shown.unwrap_or_default().to_string().as_bytes());
        }
    }
    guesses::nothing_is_told(&city.program, city.url());
    let City { program, process } = city;
    process.stop();
    let said = std::fs::read(&log).unwrap();
    assert!(said.len() > 4_000, "the log at its most talkative has {} bytes", said.len());
    secrets.not_in("the log", &said);
    assert!(secrets.not_below(&program.data()) > 50, "the folder of a whole city");

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let options = Options {
            settings: CitySettings::listening(([127, 0, 0, 1], 0)),
            agencies: 4,
            nats: None,
            name: "beijing".parse().unwrap(),
        };
        let running = Running::start(Layout::new(program.data()), options).await.unwrap();
        joins::what_is_sealed_is_declared(&running).await;
        joins::nothing_joins_two_domains(&running).await;
        guesses::no_guess_fits(&running).await;
        running.stop().await.unwrap();
    });
}
