//! Requests for a city: made of what its own description says, and of what nobody should send.

use reqwest::{Method, header::HeaderValue};
use serde_json::Value;

use crate::Mutator;

const METHODS: [Method; 8] = [
    Method::GET,
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::HEAD,
    Method::OPTIONS,
];
const TYPES: [&str; 9] = [
    "application/json",
    "application/fhir+json",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/x-www-form-urlencoded",
    "application/x-protobuf",
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
];
const HEADERS: [&str; 10] = [
    "if-match",
    "if-none-match",
    "if-modified-since",
    "last-event-id",
    "accept",
    "prefer",
    "range",
    "origin",
    "x-forwarded-for",
    "traceparent",
];
/// Parameters that every list knows, beside those that are described.
const PARAMETERS: [&str; 10] =
    ["limit", "after", "_count", "bbox", "at", "wait", "date", "_lastUpdated", "start_date", "cursor"];

/// A request that was made up.
#[derive(Clone, Debug)]
pub struct Made {
    pub method: Method,
    pub path: String,
    pub headers: Vec<(&'static str, HeaderValue)>,
    pub body: Vec<u8>,
    /// Which of the callers makes it: none, or the place of a token.
    pub caller: usize,
}

/// Makes requests for the operations of a description.
#[derive(Debug)]
pub struct Grammar {
    paths: Vec<(String, Value)>,
    bodies: Vec<Vec<u8>>,
}

impl Grammar {
    /// Of an OpenAPI document, with bodies to begin with.
    pub fn new(document: &Value, bodies: Vec<Vec<u8>>) -> Self {
        let paths = document["paths"].as_object().unwrap();
        Self { paths: paths.iter().map(|(path, item)| (path.clone(), item.clone())).collect(), bodies }
    }

    pub fn operations(&self) -> usize {
        self.paths.len()
    }

    /// The request of a seed.
    pub fn make(&self, seed: u64, callers: usize) -> Made {
        let mut dice = Mutator::new(seed);
        let (template, item) = dice.pick(&self.paths).clone();
        let described: Vec<Method> = item
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(name, _)| name.to_uppercase().parse().ok())
            .collect();
        let method = if dice.one_in(4) || described.is_empty() {
            dice.pick(&METHODS).clone()
        } else {
            dice.pick(&described).clone()
        };
        let mut path: String = template
            .split('/')
            .map(|part| if part.contains('{') { segment(&mut dice) } else { part.to_owned() })
            .collect::<Vec<_>>()
            .join("/");
        if dice.one_in(12) {
            path.push_str(&format!("/{}", segment(&mut dice)));
        }
        let names: Vec<String> = parameters(&item);
        for number in 0..dice.below(4) {
            let name = if names.is_empty() || dice.one_in(4) {
                PARAMETERS[dice.below(PARAMETERS.len())].to_owned()
            } else {
                dice.pick(&names).clone()
            };
            path.push_str(&format!("{}{name}={}", if number == 0 { '?' } else { '&' }, value(&mut dice)));
        }
        let mut headers = vec![("content-type", HeaderValue::from_static(TYPES[dice.below(TYPES.len())]))];
        for _ in 0..dice.below(3) {
            let noise = if dice.one_in(3) { dice.noise(30) } else { dice.piece().into() };
            if let Ok(value) = HeaderValue::from_bytes(&noise) {
                headers.push((HEADERS[dice.below(HEADERS.len())], value));
            }
        }
        let body =
            if method == Method::GET || method == Method::HEAD { Vec::new() } else { self.body(&mut dice) };
        Made { method, path, headers, body, caller: dice.below(callers) }
    }

    fn body(&self, dice: &mut Mutator) -> Vec<u8> {
        match dice.below(6) {
            0 => dice.noise(200),
            1 => b"{}".to_vec(),
            // Deeper than any reader should follow.
            2 if dice.one_in(4) => [b'['; 20_000].to_vec(),
            _ => {
                let named: Vec<_> = self.bodies.iter().map(|body| (String::new(), body.clone())).collect();
                let number = dice.below(named.len());
                dice.mutant(crate::Form::Text, &named, number)
            }
        }
    }
}

fn parameters(item: &Value) -> Vec<String> {
    let operations = item
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(_, operation)| operation["parameters"].as_array());
    let named = operations.flatten().filter(|parameter| parameter["in"] == "query");
    named.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned)).collect()
}

fn segment(dice: &mut Mutator) -> String {
    const KNOWN: [&str; 18] = [
        "property",
        "membership",
        "health",
        "526301100",
        "1",
        "0",
        "Patient",
        "Observation",
        "1-1",
        "checkpoint",
        "tile",
        "me",
        "metadata",
        "$everything",
        "_history",
        "requests.json",
        "services.xml",
        "agencies",
    ];
    match dice.below(4) {
        0 => value(dice),
        1 => dice.edge().to_string(),
        _ => KNOWN[dice.below(KNOWN.len())].to_owned(),
    }
}

/// Something for a place in an address, escaped so that it gets there.
fn value(dice: &mut Mutator) -> String {
    let raw = match dice.below(5) {
        0 => dice.noise(12),
        1 => dice.edge().to_string().into_bytes(),
        2 => "a".repeat(dice.below(3000)).into_bytes(),
        3 => format!("{},{},{},{}", dice.piece(), dice.edge(), dice.piece(), dice.edge()).into_bytes(),
        _ => dice.piece().into(),
    };
    let plain =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b',' | b'$');
    raw.iter()
        .map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02x}") })
        .collect()
}
