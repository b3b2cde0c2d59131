//! The rules of requests. Pure: the records, the epoch and the block's time decide.
//!
//! One file per part: `form` has what every text and name must be, `service` and `area` the configuration, `attributes`
//! what a service asks, `open` new requests, `course` what becomes of them, `import` past ones, `render` shows.

mod area;
mod attributes;
mod course;
mod form;
mod import;
mod open;
mod render;
mod service;

use std::sync::Arc;

use hutong_disclosure::{SealedDomain, SealedRecord, SealedType, decode_strict, stored};
use hutong_ledger::{
    contract::{Action, Change, Contract, Refusal, Verified, View},
    hash::Hash,
    id::{Domain, RecordId, RecordKey},
};
use hutong_wire::{
    prost::Message,
    v1::requests::{self as wire, action::Kind},
};

pub use area::district_of;
pub use attributes::check_answers;
pub use form::{
    ADDRESS_CHARS_MAX, DESCRIPTION_CHARS_MAX, SEALED, is_request_id, is_service_code, request_record,
    service_record,
};
pub use open::check_open;
pub use render::{
    class_name, datatype_name, parse_class, parse_datatype, parse_type, render_request, render_service,
    status_name, type_name,
};
pub(crate) use render::{render_areas, render_weights};
pub use service::{check_areas, check_service, check_weights, deadline_ms};

/// The domain's name.
pub const DOMAIN: &str = "requests";
/// The record type of requests, as agreements and consents name it.
pub const REQUEST: &str = "request";

/// The contract, version 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Requests;

/// The domain.
pub fn domain() -> Domain {
    DOMAIN.parse().unwrap_or_else(|_| unreachable!("the domain's name is valid"))
}

/// The record of the districts.
pub fn areas_record() -> RecordId {
    fixed("config/areas")
}

/// The record of the weights.
pub fn weights_record() -> RecordId {
    fixed("config/weights")
}

fn fixed(name: &str) -> RecordId {
    name.parse().unwrap_or_else(|_| unreachable!("the name of the record is valid"))
}

impl Contract for Requests {
    fn domain(&self) -> Domain {
        domain()
    }

    fn version(&self) -> u32 {
        1
    }

    fn decode(&self, action: &[u8]) -> Result<Action, Refusal> {
        let action: wire::Action = decode_strict(action)?;
        match action.kind {
            None | Some(Kind::Disclosure(_)) => Err(Refusal::malformed("the action has no kind")),
            Some(kind) => Ok(Arc::new(kind)),
        }
    }

    fn reads(&self, tx: &Verified<'_>, loaded: &View<'_>) -> Result<Vec<RecordKey>, Refusal> {
        let reads = match tx.action::<Kind>()? {
            Kind::DefineService(service) => vec![service_record(&service.code)?],
            Kind::SetWeights(_) => vec![weights_record()],
            Kind::SetAreas(_) => vec![areas_record()],
            Kind::Open(open) => {
                vec![request_record(&open.request)?, service_record(&open.service_code)?, areas_record()]
            }
            Kind::Dispatch(dispatch) => {
                let request = request_record(&dispatch.request)?;
                let mut reads = vec![request.clone(), areas_record()];
                // Which service it is of, is known once the request is.
                if let Some(request) = named(loaded, &request)? {
                    reads.push(service_record(&request.service_code)?);
                }
                reads
            }
            Kind::Answer(answer) => vec![request_record(&answer.request)?],
            Kind::Called(called) => vec![request_record(&called.request)?],
            Kind::Close(close) => vec![request_record(&close.request)?],
            Kind::MarkDuplicate(mark) => vec![request_record(&mark.request)?, request_record(&mark.of)?],
            Kind::Breach(breach) => vec![request_record(&breach.request)?],
            Kind::Import(import) => {
                vec![request_record(&import.request)?, service_record(&import.service_code)?]
            }
            Kind::Disclosure(_) => Vec::new(),
        };
        Ok(reads.into_iter().map(|record| RecordKey { domain: domain(), record }).collect())
    }

    fn decide(&self, tx: &Verified<'_>, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
        let case = Case { tx, state };
        match tx.action::<Kind>()? {
            Kind::DefineService(service) => service::define(&case, service),
            Kind::SetWeights(weights) => service::set_weights(&case, weights),
            Kind::SetAreas(areas) => service::set_areas(&case, areas),
            Kind::Open(open) => open::open(&case, open),
            Kind::Dispatch(dispatch) => course::dispatch(&case, dispatch),
            Kind::Answer(answer) => course::answer(&case, answer),
            Kind::Called(called) => course::called(&case, called),
            Kind::Close(close) => course::close(&case, close),
            Kind::MarkDuplicate(mark) => course::mark_duplicate(&case, mark),
            Kind::Breach(breach) => course::breach(&case, breach),
            Kind::Import(import) => import::import(&case, import),
            Kind::Disclosure(_) => Err(Refusal::fault("disclosure is decided by the rules of disclosure")),
        }
    }

    fn render(&self, record: &RecordId, value: &[u8]) -> Option<serde_json::Value> {
        render::record(record, value)
    }
}

impl SealedDomain for Requests {
    fn sealed_types(&self) -> Vec<SealedType> {
        vec![SealedType { name: REQUEST, fields: &SEALED }]
    }

    fn sealed(&self, record: &RecordId, value: &[u8]) -> Option<SealedRecord> {
        record.as_str().strip_prefix("request/")?;
        let request = wire::Request::decode(value).ok()?;
        if request.sealed.is_empty() {
            return None;
        }
        let field = |field: &hutong_wire::v1::disclosure::SealedField| {
            Some((field.name.clone(), Hash(field.commitment.as_ref().try_into().ok()?)))
        };
        Some(SealedRecord {
            record_type: REQUEST,
            subjects: request.subject.as_ref().try_into().into_iter().collect(),
            fields: request.sealed.iter().map(field).collect::<Option<_>>()?,
        })
    }
}

/// A transaction and what it is decided on.
struct Case<'a> {
    tx: &'a Verified<'a>,
    state: &'a View<'a>,
}

impl Case<'_> {
    /// Whether the owner submits: the service line.
    fn is_owner(&self) -> Result<bool, Refusal> {
        Ok(self.tx.body.agency == self.state.owner()?)
    }

    fn by_owner(&self) -> Result<(), Refusal> {
        self.tx.submitted_by_owner(self.state)
    }

    fn request(&self, id: &str) -> Result<(RecordId, wire::Request), Refusal> {
        let record = request_record(id)?;
        let unknown = || Refusal::new("request_unknown", format!("there is no request {id}")).at("request");
        let request = stored(self.state, &record)?.ok_or_else(unknown)?;
        Ok((record, request))
    }

    fn service(&self, code: &str) -> Result<wire::Service, Refusal> {
        let record = service_record(code)?;
        let unknown =
            || Refusal::new("service_unknown", format!("there is no service {code}")).at("service_code");
        stored(self.state, &record)?.ok_or_else(unknown)
    }

    fn areas(&self) -> Result<Vec<wire::Area>, Refusal> {
        Ok(stored::<wire::Areas>(self.state, &areas_record())?.unwrap_or_default().areas)
    }
}

fn put(record: RecordId, message: &impl Message) -> Vec<Change> {
    vec![Change::put(record, message.encode_to_vec())]
}

/// A record in the rounds of reading: only what was named the round before may be asked for.
fn named(loaded: &View<'_>, record: &RecordId) -> Result<Option<wire::Request>, Refusal> {
    let key = RecordKey { domain: domain(), record: record.clone() };
    if loaded.is_loaded(&key) { stored(loaded, record) } else { Ok(None) }
}
