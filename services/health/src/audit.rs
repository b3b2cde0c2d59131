//! AuditEvents of reads. Each read is an access on the ledger, and its AuditEvent is made from that record: it can be
//! neither forgotten nor forged, and costs no transaction of its own.

use hutong_disclosure::Handle;
use hutong_ledger::id::TxId;
use hutong_wire::{prost::Message, v1::disclosure as wire};

use crate::{
    json::{Json, fhir},
    kind::{Key, Kind},
    time::instant,
};

/// The identifier system of agencies of the city.
pub const AGENCY_SYSTEM: &str = "urn:hutong:agency";
/// What purposes of this service's accesses begin with; the interaction follows.
pub(crate) const PURPOSE: &str = "fhir ";

/// An access to a resource, as the ledger tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) id: String,
    transaction: TxId,
    record: Key,
    requester: String,
    official: String,
    purpose: String,
    time_ms: u64,
    pub(crate) subjects: Vec<Handle>,
    /// The patients of the subjects that are known here.
    pub(crate) patients: Vec<Key>,
}

impl Access {
    /// Reads the record `access/<transaction>`; None if it is about no resource, or must not be shown yet.
    pub(crate) fn read(transaction: TxId, value: &[u8], now_ms: u64) -> Option<Self> {
        let access = wire::Access::decode(value).ok()?;
        // Under a court's order its time has to come first.
        if !hutong_disclosure::is_open(access.sealed_until_ms, now_ms) {
            return None;
        }
        Some(Self {
            id: id(&transaction),
            transaction,
            record: access.record.parse().ok()?,
            requester: access.requester,
            official: access.official,
            purpose: access.purpose,
            time_ms: access.time_ms,
            subjects: access.subjects.iter().filter_map(|handle| handle.as_ref().try_into().ok()).collect(),
            patients: Vec::new(),
        })
    }

    pub(crate) fn key(&self) -> Key {
        Key { kind: Kind::AuditEvent, id: self.id.clone() }
    }

    pub(crate) fn time_ms(&self) -> u64 {
        self.time_ms
    }

    /// The interaction: of this service's own, or a read.
    fn interaction(&self) -> &str {
        let named = self.purpose.strip_prefix(PURPOSE).and_then(|rest| rest.split(' ').next());
        match named {
            Some("search") => "search-type",
            Some("history") => "history-instance",
            Some("vread") => "vread",
            Some("patch") => "patch",
            _ => "read",
        }
    }

    /// The document.
    pub(crate) fn json(&self) -> Json {
        let interaction = self.interaction();
        let agency = |name: &str| fhir!({ "identifier": fhir!({ "system": AGENCY_SYSTEM, "value": name }) });
        let record = fhir!({
            "what": fhir!({ "reference": self.record.to_string() }),
            "type": fhir!({
                "system": "http://terminology.hl7.org/CodeSystem/audit-entity-type",
                "code": "2",
                "display": "System Object",
            }),
            "query": None::<&str>,
        });
        let patient = |key: &Key| {
            fhir!({
                "what": fhir!({ "reference": key.to_string() }),
                "type": fhir!({
                    "system": "http://terminology.hl7.org/CodeSystem/audit-entity-type",
                    "code": "1",
                    "display": "Person",
                }),
                "role": fhir!({
                    "system": "http://terminology.hl7.org/CodeSystem/object-role",
                    "code": "1",
                    "display": "Patient",
                }),
            })
        };
        let others = self.patients.iter().filter(|key| **key != self.record).map(patient);
        let action = if interaction == "search-type" { "E" } else { "R" };
        fhir!({
            "resourceType": "AuditEvent",
            "id": self.id.as_str(),
            "type": fhir!({
                "system": "http://terminology.hl7.org/CodeSystem/audit-event-type",
                "code": "rest",
                "display": "RESTful Operation",
            }),
            "subtype": vec![fhir!({ "system": "http://hl7.org/fhir/restful-interaction", "code": interaction })],
            "action": action,
            "recorded": instant(self.time_ms),
            "outcome": "0",
            "outcomeDesc": format!("{}; access {} on the ledger", self.purpose, self.transaction),
            "agent": vec![fhir!({
                "who": agency(&self.requester),
                "altId": self.official.as_str(),
                "requestor": true,
            })],
            "source": fhir!({ "observer": agency(&self.requester) }),
            "entity": std::iter::once(record).chain(others).collect::<Vec<_>>(),
        })
    }
}

/// The id of the AuditEvent of an access: as much of the transaction's as an id has room for.
pub(crate) fn id(transaction: &TxId) -> String {
    let bytes = transaction.0;
    format!("{}-{}", hex::encode(&bytes[..6]), hex::encode(&bytes[6..22]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_one_of_fhir() {
        let value = wire::Access {
            record: "Observation/7".into(),
            requester: "health-commission".into(),
            official: "dr-1".into(),
            purpose: "fhir search".into(),
            subjects: vec![vec![1; 16].into()],
            time_ms: 5,
            ..wire::Access::default()
        };
        let mut access = Access::read(TxId([9; 38]), &value.encode_to_vec(), 10).unwrap();
        access.patients = vec![Key::new(Kind::Patient, "p").unwrap()];
        let json = access.json();
        assert_eq!(crate::rules::check(Kind::AuditEvent, &json), []);
        let text = json.to_compact();
        assert!(text.contains("search-type") && text.contains("Patient/p") && text.contains("Observation/7"));
        assert!(crate::kind::is_id(&access.id));
        let person = wire::Access { record: "person/0a".into(), ..value.clone() };
        assert_eq!(Access::read(TxId([9; 38]), &person.encode_to_vec(), 10), None);
        let sealed = wire::Access { sealed_until_ms: 11, ..value };
        assert_eq!(Access::read(TxId([9; 38]), &sealed.encode_to_vec(), 10), None);
    }
}
