//! The handles of those whom resources are about.

use std::collections::BTreeMap;

use hutong_disclosure::Handle;
use hutong_keys::random_bytes;
use hutong_wire::v1::disclosure::{RegisterPerson, action::Kind as Disclosed};

use super::{read::failed, references};
use crate::{
    HealthService, build,
    contract::SUBJECTS_MAX,
    json::{Json, list, text},
    kind::{Key, Kind},
    outcome::Fault,
    search::reference::local,
};

/// The identifier systems of resident ids (GB 11643): the OID of the citizen identity number, and its URN.
pub const RESIDENT_SYSTEMS: [&str; 2] = ["urn:oid:2.16.156.10011.1.3", "urn:oid:1.2.156.10011.1.3"];

/// Patients that are written together with what refers to them.
pub(super) type Made = BTreeMap<Key, Vec<Handle>>;

impl HealthService {
    /// The handle of a patient: of the resident it is, the one it had, or a new one that nothing else knows.
    pub(super) async fn handle_of(
        &self,
        key: &Key,
        patient: &Json,
        actor: &str,
    ) -> Result<Vec<Handle>, Fault> {
        if let Some(resident) = resident_id(patient) {
            let found = self.records().find_person(resident).await.map_err(|error| match error {
                crate::Error::Refused { .. } => {
                    let told = "its resident id is none, or the vault does not take it";
                    let issue = crate::outcome::Issue::error("value", told).at("Patient.identifier");
                    Fault::rules(vec![issue])
                }
                other => failed(other),
            })?;
            let (handle, is_new) = found;
            if is_new {
                self.register(handle, actor).await?;
            }
            return Ok(vec![handle]);
        }
        let before = self.view().get(key).map(|doc| doc.subjects.clone()).unwrap_or_default();
        if !before.is_empty() {
            return Ok(before);
        }
        Ok(vec![random_bytes().map_err(Fault::internal)?])
    }

    async fn register(&self, handle: Handle, actor: &str) -> Result<(), Fault> {
        let person = RegisterPerson { handle: handle.to_vec().into(), sealed: Vec::new() };
        let action = build::disclosure(Disclosed::RegisterPerson(person));
        match self.records().submit(action, actor).await {
            Ok(_) => Ok(()),
            // Another was quicker.
            Err(crate::Error::Refused { code }) if code == "person_exists" => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// The handles of the patients that a resource is about, as far as they are held here.
    pub(super) fn subjects_of(&self, kind: Kind, body: &Json, made: &Made, base: &str) -> Vec<Handle> {
        let view = self.view();
        let handles = |reference: &str| -> Vec<Handle> {
            let Ok(key) = local(reference, Some(base)).parse::<Key>() else { return Vec::new() };
            if key.kind != Kind::Patient {
                return Vec::new();
            }
            made.get(&key).or_else(|| view.get(&key).map(|doc| &doc.subjects)).cloned().unwrap_or_default()
        };
        let mut subjects: Vec<Handle> = about(kind, body).into_iter().flat_map(handles).collect();
        subjects.sort_unstable();
        subjects.dedup();
        subjects.truncate(SUBJECTS_MAX);
        subjects
    }
}

/// References to those whom a resource is about.
fn about(kind: Kind, body: &Json) -> Vec<&str> {
    match kind {
        Kind::Condition
        | Kind::DiagnosticReport
        | Kind::DocumentReference
        | Kind::Encounter
        | Kind::MedicationRequest
        | Kind::Observation => references(body, "subject").collect(),
        Kind::Consent | Kind::Immunization => references(body, "patient").collect(),
        Kind::AuditEvent => {
            let who = list(body, "agent").iter().flat_map(|agent| references(agent, "who"));
            let what = list(body, "entity").iter().flat_map(|entity| references(entity, "what"));
            who.chain(what).collect()
        }
        Kind::Organization | Kind::Patient | Kind::Practitioner => Vec::new(),
    }
}

fn resident_id(patient: &Json) -> Option<&str> {
    let identifiers = list(patient, "identifier").iter();
    let mut resident = identifiers.filter(|identifier| {
        text(identifier, "system").is_some_and(|system| RESIDENT_SYSTEMS.contains(&system))
    });
    resident.find_map(|identifier| text(identifier, "value"))
}
