//! The envelope: one CloudEvent 1.0 per record version.
//!
//! The id is the change's place in its domain's log, so it is the same at every agency and after every restart. The
//! position and the sequence belong to the delivery: they say where to go on, and show that nothing is missing.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use base64::prelude::*;
use cloudevents::{
    Event, EventBuilder, EventBuilderV10,
    event::SpecVersion,
    message::{BinaryDeserializer, BinarySerializer, MessageAttributeValue},
};
use hutong_bus::{Headers, Outgoing};
use hutong_ledger::{
    contract::{Contract, Versioned},
    id::{AgencyId, ChainId, Domain},
};
use hutong_peer::FinalTransaction;
use serde_json::{Value, json};

use crate::{Error, cursor::EventPosition, filter::Kind};

/// A larger value is left out of the event, which says where to get it: an event must fit into one message.
const VALUE_BYTES_MAX: usize = 512 << 10;
/// What the headers of a CloudEvent in binary mode start with.
pub(crate) const HEADER_PREFIX: &str = "ce-";

/// Makes events of the final transactions of a chain.
#[derive(Debug)]
pub(crate) struct Envelopes {
    chain: ChainId,
    /// The newest version of each domain's contract renders its records.
    contracts: BTreeMap<Domain, Arc<dyn Contract>>,
}

impl Envelopes {
    pub(crate) fn new(chain: ChainId, contracts: impl IntoIterator<Item = Arc<dyn Contract>>) -> Self {
        let mut newest: BTreeMap<Domain, Arc<dyn Contract>> = BTreeMap::new();
        for contract in contracts {
            match newest.get(&contract.domain()) {
                Some(known) if known.version() >= contract.version() => {}
                _ => drop(newest.insert(contract.domain(), contract)),
            }
        }
        Self { chain, contracts: newest }
    }

    /// The event of a change of a transaction; `change` counts from 1, `sequence` is the delivery's own count.
    pub(crate) fn event(&self, tx: &FinalTransaction, change: u32, sequence: u64) -> Result<Event, Error> {
        let domain = tx.domain;
        let faulty = |reason: String| Error::Envelope { domain, reason };
        let place = usize::try_from(change).ok().and_then(|change| change.checked_sub(1));
        let versioned = place.and_then(|place| tx.changes.get(place));
        let versioned = versioned.ok_or_else(|| faulty(format!("{} has no change {change}", tx.id)))?;
        let time_ms = i64::try_from(tx.time_ms).map_err(|error| faulty(error.to_string()))?;
        let time = jiff::Timestamp::from_millisecond(time_ms).map_err(|error| faulty(error.to_string()))?;
        let chain = self.chain;
        let kind = Kind::of(versioned).name();
        EventBuilderV10::new()
            .id(format!("{chain}/{domain}/{}/{change}", tx.log_index))
            .source(format!("/{chain}/{domain}"))
            .ty(format!("hutong.{domain}.record.{kind}.v1"))
            .subject(versioned.record.as_str())
            .time(time.to_string())
            .extension("chain", chain.as_str())
            .extension("domain", domain.as_str())
            .extension("height", tx.position.height.to_string())
            .extension("txid", tx.id.to_string())
            .extension("receipt", receipt(tx))
            .extension("position", EventPosition::new(tx.position, change).to_string())
            .extension("sequence", format!("{sequence:020}"))
            .data("application/json", self.data(tx, versioned, kind))
            .build()
            .map_err(|error| faulty(error.to_string()))
    }

    fn data(&self, tx: &FinalTransaction, change: &Versioned, kind: &str) -> Value {
        let mut data = json!({
            "domain": tx.domain,
            "record": change.record,
            "version": change.version,
            "change": kind,
            "hash": change.hash,
            "transaction": tx.id,
            "agency": tx.agency,
            "receipt": receipt(tx),
            "href": href(tx.domain, change),
        });
        let (name, value) = match change.value.as_deref() {
            None => ("value", Value::Null),
            Some(bytes) => match self.render(tx.domain, change, bytes) {
                Some(value) if value.to_string().len() <= VALUE_BYTES_MAX => ("value", value),
                Some(_) => ("omitted", "the value is too large for an event; get it from href".into()),
                None => ("encoded", BASE64_STANDARD.encode(bytes).into()),
            },
        };
        data[name] = value;
        data
    }

    /// The value for people; None where no contract here can show it. It was final before it was shown, so a
    /// contract that fails to show it must not stop it from being told.
    fn render(&self, domain: Domain, change: &Versioned, bytes: &[u8]) -> Option<Value> {
        let contract = self.contracts.get(&domain)?;
        catch_unwind(AssertUnwindSafe(|| contract.render(&change.record, bytes))).ok().flatten()
    }
}

/// Where the offline proof of the change is.
pub(crate) fn receipt(tx: &FinalTransaction) -> String {
    format!("/v1/transactions/{}/receipt", tx.id)
}

fn href(domain: Domain, change: &Versioned) -> String {
    let mut href = format!("/v1/records/{domain}/");
    for byte in change.record.as_str().bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'@' => {
                href.push(byte.into())
            }
            _ => href.push_str(&format!("%{byte:02X}")),
        }
    }
    href.push_str(&format!("?version={}", change.version));
    href
}

/// The event as a message of the bus, in binary mode: attributes as headers, data as payload. The message id is the
/// event's, so that the stream refuses to hold it twice.
pub(crate) fn to_message(
    subject: String,
    id: String,
    event: Event,
) -> Result<Outgoing, cloudevents::message::Error> {
    let message =
        Outgoing { subject, headers: Headers::default(), payload: Default::default(), message_id: Some(id) };
    event.deserialize_binary(BinaryMessage(message))
}

/// The subject of an agency's events of a domain.
pub(crate) fn subject(agency: &AgencyId, domain: Domain) -> String {
    hutong_peer::subjects::event(agency, domain)
}

struct BinaryMessage(Outgoing);

impl BinarySerializer<Outgoing> for BinaryMessage {
    fn set_spec_version(self, version: SpecVersion) -> cloudevents::message::Result<Self> {
        self.set_attribute("specversion", MessageAttributeValue::String(version.to_string()))
    }

    fn set_attribute(
        mut self,
        name: &str,
        value: MessageAttributeValue,
    ) -> cloudevents::message::Result<Self> {
        self.0.headers.set(format!("{HEADER_PREFIX}{name}"), header_value(&value.to_string()));
        Ok(self)
    }

    fn set_extension(self, name: &str, value: MessageAttributeValue) -> cloudevents::message::Result<Self> {
        self.set_attribute(name, value)
    }

    fn end_with_data(mut self, bytes: Vec<u8>) -> cloudevents::message::Result<Outgoing> {
        self.0.payload = bytes.into();
        Ok(self.0)
    }

    fn end(self) -> cloudevents::message::Result<Outgoing> {
        Ok(self.0)
    }
}

/// As the binary mode asks: space, quote, percent and whatever is not visible ASCII are percent-encoded.
pub(crate) fn header_value(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'"' | b'%' => value.push_str(&format!("%{byte:02X}")),
            b'!'..=b'~' => value.push(byte.into()),
            _ => value.push_str(&format!("%{byte:02X}")),
        }
    }
    value
}

#[cfg(test)]
mod tests;
