//! The CapabilityStatement: what this server does, from the same tables that it works by.

use super::Call;
use crate::{
    HealthService,
    json::{Json, fhir},
    kind::Kind,
    search::params::{self, Type},
    time::instant,
};

const INTERACTIONS: [&str; 9] = [
    "read",
    "vread",
    "update",
    "patch",
    "delete",
    "history-instance",
    "history-type",
    "create",
    "search-type",
];

impl HealthService {
    pub(super) fn capability(&self, call: &Call) -> Json {
        let code = |code: &str| fhir!({ "code": code });
        fhir!({
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": instant(self.now_ms()),
            "kind": "instance",
            "software": fhir!({ "name": "Hutong", "version": env!("CARGO_PKG_VERSION") }),
            "implementation": fhir!({
                "description": "The health domain of a city's ledger of record",
                "url": call.base.as_str(),
            }),
            "fhirVersion": "4.0.1",
            "format": vec!["application/fhir+json", "json"],
            "patchFormat": vec!["application/json-patch+json", "application/merge-patch+json"],
            "rest": vec![fhir!({
                "mode": "server",
                "documentation": "Bodies are sealed. Each read is an access on the ledger first, and has its AuditEvent.",
                "security": fhir!({
                    "cors": false,
                    "description": "Authorization: Bearer, a token of the agency that owns the domain.",
                }),
                "resource": Kind::ALL.into_iter().map(resource).collect::<Vec<_>>(),
                "interaction": ["transaction", "batch", "history-system"].map(code).to_vec(),
            })],
        })
    }
}

fn resource(kind: Kind) -> Json {
    let interactions = INTERACTIONS.map(|code| fhir!({ "code": code })).to_vec();
    let common = [("_id", "token"), ("_lastUpdated", "date")].map(|(name, of)| parameter(name, of));
    let own = params::all(kind).map(|(_, param)| parameter(param.name, param.of.name()));
    let references = |kind: Kind| params::all(kind).filter(|(_, param)| param.of == Type::Reference);
    let include = references(kind).map(|(_, param)| format!("{kind}:{}", param.name));
    let towards = Kind::ALL.into_iter().flat_map(|other| {
        references(other)
            .filter(move |(_, param)| param.targets.is_empty() || param.targets.contains(&kind.name()))
            .map(move |(_, param)| format!("{other}:{}", param.name))
    });
    fhir!({
        "type": kind.name(),
        "interaction": interactions,
        "versioning": "versioned-update",
        "readHistory": true,
        "updateCreate": true,
        "conditionalCreate": true,
        "conditionalRead": "full-support",
        "conditionalUpdate": true,
        "conditionalDelete": "single",
        "referencePolicy": vec!["literal", "logical"],
        "searchInclude": std::iter::once("*".to_owned()).chain(include).collect::<Vec<_>>(),
        "searchRevInclude": towards.collect::<Vec<_>>(),
        "searchParam": common.into_iter().chain(own).collect::<Vec<_>>(),
    })
}

fn parameter(name: &str, of: &str) -> Json {
    fhir!({ "name": name, "type": of })
}
