//! Events as they look outside.

use std::collections::BTreeMap;

use cloudevents::AttributesReader;
use hutong_ledger::{
    contract::{Action, Change, Refusal, Verified, View},
    entry::Outcome,
    hash::sha256,
    id::{RecordId, RecordKey},
};
use hutong_peer::Position;

use super::*;

/// Shows text; panics at the value `panic`.
struct Text(u32);

impl Contract for Text {
    fn domain(&self) -> Domain {
        "property".parse().unwrap()
    }

    fn version(&self) -> u32 {
        self.0
    }

    fn decode(&self, _: &[u8]) -> Result<Action, Refusal> {
        Err(Refusal::malformed("not in this test"))
    }

    fn reads(&self, _: &Verified<'_>, _: &View<'_>) -> Result<Vec<RecordKey>, Refusal> {
        Ok(vec![])
    }

    fn decide(&self, _: &Verified<'_>, _: &View<'_>) -> Result<Vec<Change>, Refusal> {
        Ok(vec![])
    }

    fn render(&self, _: &RecordId, value: &[u8]) -> Option<Value> {
        assert_ne!(value, b"panic");
        std::str::from_utf8(value).ok().map(|text| json!({ "text": text, "version": self.0 }))
    }
}

fn envelopes() -> Envelopes {
    let chain = ChainId::new("testcity".parse().unwrap(), &sha256(&[b"genesis"]));
    let contracts: [Arc<dyn Contract>; 2] = [Arc::new(Text(2)), Arc::new(Text(1))];
    Envelopes::new(chain, contracts)
}

fn transaction(domain: &str, changes: Vec<(&str, u64, Option<&[u8]>)>) -> FinalTransaction {
    let domain: Domain = domain.parse().unwrap();
    let version = |(record, version, value): (&str, u64, Option<&[u8]>)| {
        let value = value.map(|value| value.to_vec().into());
        Versioned::new(domain, &[1; 16], Change { record: record.parse().unwrap(), value }, version)
    };
    FinalTransaction {
        position: Position { height: 12, ordinal: 3 },
        domain,
        log_index: 41,
        index: 2,
        id: hutong_ledger::id::TxId::new(1_700_000_500_000, b"body"),
        time_ms: 1_700_000_000_123,
        agency: "land".parse().unwrap(),
        actor: "clerk".into(),
        nonce: [1; 16],
        outcome: Outcome::Applied,
        changes: changes.into_iter().map(version).collect(),
    }
}

#[test]
fn an_event_says_what_changed_and_where_to_prove_it() {
    let tx = transaction("property", vec![("526301100", 1, Some(b"first")), ("b/\"c\"", 7, Some(b"again"))]);
    let event = envelopes().event(&tx, 1, 9).unwrap();
    let document = serde_json::to_value(&event).unwrap();
    let chain = envelopes().chain.to_string();
    assert_eq!(
        document,
        json!({
            "specversion": "1.0",
            "id": format!("{chain}/property/41/1"),
            "source": format!("/{chain}/property"),
            "type": "hutong.property.record.created.v1",
            "subject": "526301100",
            "time": "2023-11-14T22:13:20.123Z",
            "datacontenttype": "application/json",
            "chain": chain,
            "domain": "property",
            "height": "12",
            "txid": tx.id.to_string(),
            "receipt": format!("/v1/transactions/{}/receipt", tx.id),
            "position": "12-3-1",
            "sequence": "00000000000000000009",
            "data": {
                "domain": "property",
                "record": "526301100",
                "version": 1,
                "change": "created",
                "hash": tx.changes[0].hash.to_string(),
                "transaction": tx.id.to_string(),
                "agency": "land",
                "receipt": format!("/v1/transactions/{}/receipt", tx.id),
                "href": "/v1/records/property/526301100?version=1",
                // The newest version of the contract shows it.
                "value": { "text": "first", "version": 2 },
            },
        })
    );
    let second = envelopes().event(&tx, 2, 10).unwrap();
    assert_eq!(second.ty(), "hutong.property.record.changed.v1");
    let document = serde_json::to_value(&second).unwrap();
    assert_eq!(document["data"]["href"], "/v1/records/property/b%2F%22c%22?version=7");
    assert!(envelopes().event(&tx, 0, 1).is_err() && envelopes().event(&tx, 3, 1).is_err());
}

#[test]
fn what_cannot_be_shown_is_told_all_the_same() {
    let large = vec![b'x'; VALUE_BYTES_MAX + 1];
    let changes = vec![
        ("gone", 2, None),
        ("panics", 2, Some(&b"panic"[..])),
        ("bytes", 2, Some(&[0xff][..])),
        ("large", 2, Some(&large[..])),
    ];
    let tx = transaction("property", changes);
    let data =
        |change| serde_json::to_value(envelopes().event(&tx, change, 1).unwrap()).unwrap()["data"].clone();
    assert_eq!((&data(1)["change"], &data(1)["value"]), (&json!("deleted"), &Value::Null));
    assert_eq!(data(2)["encoded"], BASE64_STANDARD.encode("panic"));
    assert_eq!(data(3)["encoded"], "/w==");
    assert!(data(4)["omitted"].is_string() && data(4).get("value").is_none());
    let unknown = transaction("parking", vec![("p1", 1, Some(b"text"))]);
    let event = envelopes().event(&unknown, 1, 1).unwrap();
    assert_eq!(event.ty(), "hutong.parking.record.created.v1");
    assert_eq!(serde_json::to_value(&event).unwrap()["data"]["encoded"], BASE64_STANDARD.encode("text"));
}

#[test]
fn attributes_have_names_that_cloudevents_allows() {
    let event = envelopes().event(&transaction("property", vec![("r", 1, Some(b"x"))]), 1, 1).unwrap();
    for (name, _) in event.iter() {
        let fits = name.len() <= 20 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        assert!(fits, "{name}");
    }
}

/// The structured form of a message in binary mode, as a reader of the bus puts it together.
fn structured(message: &Outgoing) -> Value {
    let attributes = message.headers.iter().map(|(name, value)| {
        (name.strip_prefix(HEADER_PREFIX).unwrap().to_owned(), Value::from(decode(value)))
    });
    let mut document: BTreeMap<String, Value> = attributes.collect();
    document.insert("data".into(), serde_json::from_slice(&message.payload).unwrap());
    serde_json::to_value(document).unwrap()
}

fn decode(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn binary_mode_says_the_same_as_structured_mode() {
    let event = envelopes().event(&transaction("property", vec![("a\"b", 1, Some(b"x"))]), 1, 1).unwrap();
    let mut expected = serde_json::to_value(&event).unwrap();
    let message = to_message("event.land.property".into(), event.id().into(), event).unwrap();
    assert_eq!(message.headers.get("ce-subject"), Some("a%22b"));
    assert_eq!(message.headers.get("ce-datacontenttype"), Some("application/json"));
    let mut found = structured(&message);
    // The same time in two of RFC 3339's ways.
    for document in [&mut expected, &mut found] {
        let time: jiff::Timestamp = document["time"].as_str().unwrap().parse().unwrap();
        document["time"] = time.to_string().into();
    }
    assert_eq!(found, expected);
    assert!(message.message_id.as_deref().is_some_and(|id| id.len() <= 128));
}

#[test]
fn the_longest_names_fit_the_bus() {
    let chain = ChainId::new("a".repeat(31).parse().unwrap(), &sha256(&[b"genesis"]));
    let domain = "d".repeat(23);
    let mut tx = transaction(&domain, vec![(&"\"".repeat(128), u64::MAX, Some(b"x"))]);
    (tx.log_index, tx.position) = (u64::MAX, Position { height: u64::MAX, ordinal: u32::MAX });
    let event = Envelopes::new(chain, []).event(&tx, 1, u64::MAX).unwrap();
    let subject = subject(&"a".repeat(31).parse().unwrap(), tx.domain);
    let message = to_message(subject, event.id().to_owned(), event).unwrap();
    let batch = hutong_bus::Batch { messages: vec![message], expected_last: None };
    assert!(batch.check(hutong_bus::Stream::Events).is_ok());
}

#[test]
fn header_values_are_percent_encoded() {
    assert_eq!(header_value("plain/1-2:3"), "plain/1-2:3");
    assert_eq!(header_value("a b\"c%d\u{e9}\n"), "a%20b%22c%25d%C3%A9%0A");
}
