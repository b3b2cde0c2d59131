//! A city, and persons of whom it seals something in six domains.

use hutong::city::personas::Persona;
use hutong_test_end_to_end::program::{Process, Program};
use serde_json::{Value, json};

use crate::city::in_days;

/// The same of the person in each domain, so that it would join them.
pub(crate) const NAME: &str = "Zhèng Guózhēn of Sample Lane";
pub(crate) const CONTACT: &str = "+86 10 5550 0199, first floor";
pub(crate) const EMAIL: &str = "zheng.guozhen@sample-lane.example";
pub(crate) const PLATE: &str = "JING-A 90210 TEST";
pub(crate) const DIAGNOSIS: &str = "Suspected dengue of the test";
pub(crate) const CONDITIONS: &str = "The well may be used by the neighbours";
pub(crate) const USCC: &str = "91110000600037341L";

pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) resident: String,
    pub(crate) token: String,
}

pub(crate) struct City {
    pub(crate) program: Program,
    pub(crate) process: Process,
}

impl Person {
    pub(crate) fn persona(name: &'static str, program: &Program) -> Self {
        let resident = Persona::named(name).unwrap().resident_id().unwrap().expose().to_owned();
        Self { name, resident, token: program.token(&["--persona", name]) }
    }
}

impl City {
    pub(crate) fn token(&self, agency: &str) -> String {
        // An official of its own at each agency: a pseudonym is the agency's.
        self.program.token(&["--agency", agency, "--official", &format!("official-of-{agency}")])
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        kind: &str,
        body: String,
    ) -> (u16, String) {
        let url = format!("{}{path}", self.process.url);
        let (status, answer) = self.program.http(|client| {
            let method = method.parse().unwrap();
            let call = client.request(method, url).header("content-type", kind).body(body);
            if token.is_empty() { call } else { call.bearer_auth(token) }
        });
        (status, String::from_utf8(answer).unwrap())
    }

    /// A call of an agency that goes well.
    pub(crate) fn call(&self, method: &str, path: &str, agency: &str, body: &Value) -> String {
        let (status, answer) =
            self.send(method, path, &self.token(agency), "application/json", body.to_string());
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    pub(crate) fn url(&self) -> &str {
        &self.process.url
    }

    /// An owner reads by duty; the record as the person will see it.
    pub(crate) fn read(&self, record: &str, agency: &str, field: &str) -> Value {
        let official = format!("official-of-{agency}");
        let args = [
            "disclose",
            record,
            "--as",
            agency,
            "--official",
            &official,
            "--fields",
            field,
            "--purpose",
            &format!("purpose in {}", record.split('/').next().unwrap()),
            "--duty",
            &format!("task of {agency}"),
            "--json",
            "--url",
            self.url(),
        ];
        self.program.result(&args).unwrap_or_else(|| panic!("{record} is read"))
    }
}

/// What is sealed of a person in six domains; the records.
pub(crate) fn sealed_everywhere(city: &City, person: &Person) -> Vec<String> {
    let (land, health, line) = ("natural-resources", "health-commission", "data-bureau");
    let Person { name, resident, token } = person;
    let registered = city.call(
        "POST",
        "/v1/persons",
        land,
        &json!({
            "domain": "property", "resident_id": resident, "values": { "name": NAME, "contact": CONTACT },
        }),
    );
    let registered: Value = serde_json::from_str(&registered).unwrap();
    let handle = registered["handle"].as_str().unwrap();
    city.call(
        "PUT",
        &format!("/fhir/R4/Patient/of-{name}"),
        health,
        &json!({
            "resourceType": "Patient", "id": format!("of-{name}"),
            "name": [{ "text": NAME }], "telecom": [{ "system": "email", "value": EMAIL }],
            "identifier": [{ "system": "urn:oid:2.16.156.10011.1.3", "value": resident }],
        }),
    );
    city.call(
        "PUT",
        &format!("/fhir/R4/Condition/of-{name}"),
        health,
        &json!({
            "resourceType": "Condition", "id": format!("of-{name}"),
            "subject": { "reference": format!("Patient/of-{name}") }, "code": { "text": DIAGNOSIS },
        }),
    );
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("service_code", "leak"),
            ("lat", "39.9054"),
            ("long", "116.3976"),
            ("description", "A fountain"),
        ])
        .extend_pairs([("email", EMAIL), ("first_name", NAME), ("phone", CONTACT)])
        .finish();
    let kind = "application/x-www-form-urlencoded";
    let (status, asked) = city.send("POST", "/open311/v2/requests.json", token, kind, form);
    assert_eq!(status, 200, "{asked}");
    let asked: Value = serde_json::from_str(&asked).unwrap();
    let request = asked[0]["service_request_id"].as_str().unwrap().to_owned();
    city.call("POST", "/epidemic/v1/cases", health, &json!({
        "id": format!("case-of-{name}"),
        "facts": { "disease": "dengue", "status": "suspected", "origin": "local", "district": "110105", "age_band": "35-39",
                   "sex": "female", "onset": "2023-11-09", "report": "2023-11-13" },
        "sealed": { "name": NAME, "resident_id": resident, "contact": CONTACT, "address": CONTACT },
    }));
    city.call(
        "POST",
        "/parking/v1/permits",
        line,
        &json!({
            "id": format!("permit-of-{name}"), "zone": "old-town",
            "valid_from": in_days(0), "valid_until": in_days(300),
            "holder": { "resident_id": resident, "name": NAME, "plate": PLATE },
        }),
    );
    let licence = city.call(
        "POST",
        "/licensing/v1/licences",
        "market-regulation",
        &json!({
            "business": { "uscc": USCC, "name": "Noodles & Co" }, "kind": "food",
            "valid_from": in_days(0), "valid_until": in_days(900),
            "claims": { "manager": NAME, "telephone": CONTACT }, "resident_id": resident,
        }),
    );
    let licence: Value = serde_json::from_str(&licence).unwrap();
    vec![
        format!("property/person/{handle}"),
        format!("health/Patient/of-{name}"),
        format!("health/Condition/of-{name}"),
        format!("requests/request/{request}"),
        format!("epidemic/case/case-of-{name}"),
        format!("parking/permit/permit-of-{name}"),
        format!("licensing/licence/{}", licence["id"].as_str().unwrap()),
    ]
}
