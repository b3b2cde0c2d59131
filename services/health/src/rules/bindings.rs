//! Required bindings of FHIR R4: elements whose codes come from a closed list.

use crate::{
    json::{Json, list, text},
    outcome::Issue,
};

const GENDER: &[&str] = &["male", "female", "other", "unknown"];
const ENCOUNTER: &[&str] = &[
    "planned",
    "arrived",
    "triaged",
    "in-progress",
    "onleave",
    "finished",
    "cancelled",
    "entered-in-error",
    "unknown",
];

/// Codes by the path's end. Paths begin with the resource type; those of datatypes with a dot, for any place.
const CODES: &[(&str, &[&str])] = &[
    ("Patient.gender", GENDER),
    ("Patient.contact.gender", GENDER),
    ("Patient.link.type", &["replaced-by", "replaces", "refer", "seealso"]),
    ("Practitioner.gender", GENDER),
    (
        "Observation.status",
        &[
            "registered",
            "preliminary",
            "final",
            "amended",
            "corrected",
            "cancelled",
            "entered-in-error",
            "unknown",
        ],
    ),
    (
        "DiagnosticReport.status",
        &[
            "registered",
            "partial",
            "preliminary",
            "final",
            "amended",
            "corrected",
            "appended",
            "cancelled",
            "entered-in-error",
            "unknown",
        ],
    ),
    (
        "MedicationRequest.status",
        &["active", "on-hold", "cancelled", "completed", "entered-in-error", "stopped", "draft", "unknown"],
    ),
    (
        "MedicationRequest.intent",
        &[
            "proposal",
            "plan",
            "order",
            "original-order",
            "reflex-order",
            "filler-order",
            "instance-order",
            "option",
        ],
    ),
    ("MedicationRequest.priority", &["routine", "urgent", "asap", "stat"]),
    ("Encounter.status", ENCOUNTER),
    ("Encounter.statusHistory.status", ENCOUNTER),
    ("Encounter.location.status", &["planned", "active", "reserved", "completed"]),
    ("Immunization.status", &["completed", "entered-in-error", "not-done"]),
    ("DocumentReference.status", &["current", "superseded", "entered-in-error"]),
    ("DocumentReference.docStatus", &["preliminary", "final", "amended", "entered-in-error"]),
    ("DocumentReference.relatesTo.code", &["replaces", "transforms", "signs", "appends"]),
    ("Consent.status", &["draft", "proposed", "active", "rejected", "inactive", "entered-in-error"]),
    (".provision.type", &["deny", "permit"]),
    (".provision.data.meaning", &["instance", "related", "dependents", "authoredby"]),
    ("AuditEvent.action", &["C", "R", "U", "D", "E"]),
    ("AuditEvent.outcome", &["0", "4", "8", "12"]),
    ("AuditEvent.agent.network.type", &["1", "2", "3", "4", "5"]),
    (".identifier.use", &["usual", "official", "temp", "secondary", "old"]),
    (".name.use", &["usual", "official", "temp", "nickname", "anonymous", "old", "maiden"]),
    (".telecom.system", &["phone", "fax", "email", "pager", "url", "sms", "other"]),
    (".telecom.use", &["home", "work", "temp", "old", "mobile"]),
    (".address.use", &["home", "work", "temp", "old", "billing"]),
    (".address.type", &["postal", "physical", "both"]),
    (".valueQuantity.comparator", &["<", "<=", ">=", ">"]),
    (".text.status", &["generated", "extensions", "additional", "empty"]),
];

/// Concepts of which one coding has to be from a list: element, system, codes.
type Concept = (&'static str, &'static str, &'static [&'static str]);
const CONCEPTS: &[Concept] = &[
    (
        "clinicalStatus",
        "http://terminology.hl7.org/CodeSystem/condition-clinical",
        &["active", "recurrence", "relapse", "inactive", "remission", "resolved"],
    ),
    (
        "verificationStatus",
        "http://terminology.hl7.org/CodeSystem/condition-ver-status",
        &["unconfirmed", "provisional", "differential", "confirmed", "refuted", "entered-in-error"],
    ),
];

pub(super) fn check(kind: &str, resource: &Json, issues: &mut Vec<Issue>) {
    walk(resource, kind, kind, issues);
    if kind == "Condition" {
        for (name, system, codes) in CONCEPTS {
            if let Some(concept) = resource.get(name) {
                check_concept(name, concept, system, codes, issues);
            }
        }
    }
}

fn check_concept(name: &str, concept: &Json, system: &str, codes: &[&str], issues: &mut Vec<Issue>) {
    let codings = list(concept, "coding");
    let fits = |coding: &Json| {
        text(coding, "system") == Some(system)
            && text(coding, "code").is_some_and(|code| codes.contains(&code))
    };
    // A concept in words alone has no coding to be wrong.
    if !codings.is_empty() && !codings.iter().any(fits) {
        let told = format!("one coding is of {system}: {}", codes.join(", "));
        issues.push(Issue::error("code-invalid", told).at(format!("Condition.{name}")));
    }
}

/// `names` is the path without indexes, `path` the one that people are told.
fn walk(json: &Json, names: &str, path: &str, issues: &mut Vec<Issue>) {
    match json {
        Json::Object(members) => {
            let inside = members.iter().filter(|(name, _)| {
                // Contained resources are looked at on their own, extensions have their own definitions.
                !matches!(name.as_str(), "contained" | "extension" | "modifierExtension")
            });
            for (name, value) in inside {
                walk(value, &format!("{names}.{name}"), &format!("{path}.{name}"), issues);
            }
        }
        Json::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                walk(item, names, &format!("{path}[{at}]"), issues);
            }
        }
        Json::String(code) => {
            let fits = |end: &str| if end.starts_with('.') { names.ends_with(end) } else { names == end };
            if let Some((_, codes)) = CODES.iter().find(|(end, _)| fits(end))
                && !codes.contains(&code.as_str())
            {
                let told = format!("{code:?} is none of {}", codes.join(", "));
                issues.push(Issue::error("code-invalid", told).at(path));
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}
