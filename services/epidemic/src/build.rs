//! Makes actions: for clients, importers and tests. Pure; what it makes is checked by the contract like anything else.

use bytes::Bytes;
use hutong_wire::{
    prost::Message,
    v1::epidemic::{self as wire, action::Kind},
};

pub fn action(kind: Kind) -> Bytes {
    wire::Action { kind: Some(kind) }.encode_to_vec().into()
}

/// Reports a case. The owner or a reporter submits.
pub fn report(report: wire::ReportCase) -> Bytes {
    action(Kind::Report(report))
}

/// Revises a case: the facts are all of it, as it is now.
pub fn revise(revise: wire::ReviseCase) -> Bytes {
    action(Kind::Revise(revise))
}

/// Imports at most 100 cases, which are put in order here. The owner submits.
pub fn import(mut cases: Vec<wire::ReportCase>) -> Bytes {
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    action(Kind::Import(wire::ImportCases { cases }))
}

/// Raises at most 100 alerts, which are put in order here. The owner submits.
pub fn raise(mut alerts: Vec<wire::Alert>) -> Bytes {
    alerts.sort_by(|a, b| {
        (&a.disease, &a.district, a.day, a.method).cmp(&(&b.disease, &b.district, b.day, b.method))
    });
    action(Kind::Raise(wire::RaiseAlerts { alerts }))
}

/// Publishes a week. The owner submits.
pub fn publish(release: wire::Release) -> Bytes {
    action(Kind::Publish(wire::Publish { release: Some(release) }))
}

/// Adds districts by code and name, which are put in order here. The owner submits.
pub fn add_districts(districts: impl IntoIterator<Item = (String, String)>) -> Bytes {
    let sorted: std::collections::BTreeMap<_, _> = districts.into_iter().collect();
    let districts = sorted.into_iter().map(|(code, name)| wire::District { code, name }).collect();
    action(Kind::AddDistricts(wire::AddDistricts { districts }))
}

/// Says who reports beside the owner, in place of those before. The owner submits.
pub fn set_reporters(agencies: impl IntoIterator<Item = String>) -> Bytes {
    let sorted: std::collections::BTreeSet<_> = agencies.into_iter().collect();
    action(Kind::SetReporters(wire::SetReporters { agencies: sorted.into_iter().collect() }))
}
