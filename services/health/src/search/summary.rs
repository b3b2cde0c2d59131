//! Parts of resources: what `_summary` and `_elements` leave of one.

use crate::{
    json::{Json, fhir, get_mut, list, set, text},
    kind::Kind,
};

/// How much of each resource is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    /// The elements that the specification marks as summary.
    Summary,
    /// Narrative, id, meta and what is required.
    Text,
    /// All but the narrative.
    Data,
    /// Nothing: only how many there are.
    Count,
    /// These elements and what is required.
    Elements(Vec<String>),
}

/// Whether a document needs no resources at all.
impl Part {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "true" => Self::Summary,
            "text" => Self::Text,
            "data" => Self::Data,
            "count" => Self::Count,
            "false" => Self::Whole,
            _ => return None,
        })
    }
}

const ALWAYS: [&str; 4] = ["resourceType", "id", "meta", "implicitRules"];

fn required(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::AuditEvent => &["type", "recorded", "agent", "source"],
        Kind::Condition => &["subject"],
        Kind::Consent => &["status", "scope", "category"],
        Kind::DiagnosticReport => &["status", "code"],
        Kind::DocumentReference => &["status", "content"],
        Kind::Encounter => &["status", "class"],
        Kind::Immunization => &["status", "vaccineCode", "patient", "occurrence[x]"],
        Kind::MedicationRequest => &["status", "intent", "medication[x]", "subject"],
        Kind::Observation => &["status", "code"],
        Kind::Organization | Kind::Patient | Kind::Practitioner => &[],
    }
}

fn summary(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::AuditEvent => {
            &["type", "subtype", "action", "recorded", "outcome", "outcomeDesc", "purposeOfEvent"]
        }
        Kind::Condition => &[
            "identifier",
            "clinicalStatus",
            "verificationStatus",
            "category",
            "severity",
            "code",
            "bodySite",
            "subject",
            "encounter",
            "onset[x]",
            "recordedDate",
            "recorder",
            "asserter",
        ],
        Kind::Consent => &[
            "identifier",
            "status",
            "scope",
            "category",
            "patient",
            "dateTime",
            "performer",
            "organization",
            "source[x]",
            "policyRule",
            "provision",
        ],
        Kind::DiagnosticReport => &[
            "identifier",
            "status",
            "category",
            "code",
            "subject",
            "encounter",
            "effective[x]",
            "issued",
            "performer",
            "resultsInterpreter",
            "media",
        ],
        Kind::DocumentReference => &[
            "masterIdentifier",
            "identifier",
            "status",
            "docStatus",
            "type",
            "category",
            "subject",
            "date",
            "author",
            "relatesTo",
            "description",
            "securityLabel",
            "content",
        ],
        Kind::Encounter => &[
            "identifier",
            "status",
            "class",
            "type",
            "serviceType",
            "priority",
            "subject",
            "episodeOfCare",
            "participant",
            "appointment",
            "reasonCode",
            "reasonReference",
            "diagnosis",
        ],
        Kind::Immunization => &[
            "identifier",
            "status",
            "vaccineCode",
            "patient",
            "occurrence[x]",
            "primarySource",
            "isSubpotent",
        ],
        Kind::MedicationRequest => &[
            "identifier",
            "status",
            "intent",
            "priority",
            "doNotPerform",
            "reported[x]",
            "medication[x]",
            "subject",
            "authoredOn",
            "requester",
            "performerType",
            "instantiatesCanonical",
            "instantiatesUri",
            "basedOn",
            "groupIdentifier",
        ],
        Kind::Observation => &[
            "identifier",
            "basedOn",
            "partOf",
            "status",
            "category",
            "code",
            "subject",
            "focus",
            "encounter",
            "effective[x]",
            "issued",
            "performer",
            "value[x]",
            "hasMember",
            "derivedFrom",
            "component",
        ],
        Kind::Organization => &["identifier", "active", "type", "name"],
        Kind::Patient => &[
            "identifier",
            "active",
            "name",
            "telecom",
            "gender",
            "birthDate",
            "deceased[x]",
            "address",
            "managingOrganization",
            "link",
        ],
        Kind::Practitioner => &["identifier", "active", "name", "telecom", "address", "gender", "birthDate"],
    }
}

/// Whether a member belongs to an element: itself, its primitive's extensions, or one of its types.
fn is_of(member: &str, element: &str) -> bool {
    let member = member.strip_prefix('_').unwrap_or(member);
    match element.strip_suffix("[x]") {
        None => member == element,
        Some(base) => {
            member.strip_prefix(base).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
        }
    }
}

/// The part of a resource, marked as one.
pub(crate) fn cut(kind: Kind, mut resource: Json, part: &Part) -> Json {
    let among = |member: &str, elements: &[&str]| elements.iter().any(|element| is_of(member, element));
    let keep = |member: &str| match part {
        Part::Whole => true,
        Part::Data => member != "text",
        Part::Text | Part::Count => member == "text" || among(member, required(kind)),
        Part::Summary => among(member, summary(kind)) || among(member, required(kind)),
        Part::Elements(wanted) => {
            let chosen = |wanted: &String| is_of(member, wanted) || is_of(member, &format!("{wanted}[x]"));
            wanted.iter().any(chosen) || among(member, required(kind))
        }
    };
    if *part == Part::Whole {
        return resource;
    }
    if let Json::Object(members) = &mut resource {
        members.retain(|(name, _)| ALWAYS.contains(&name.as_str()) || keep(name));
    }
    mark(&mut resource);
    resource
}

fn mark(resource: &mut Json) {
    let Some(meta) = get_mut(resource, "meta") else { return };
    let tags = list(meta, "tag");
    if tags.iter().any(|tag| text(tag, "code") == Some("SUBSETTED")) {
        return;
    }
    let mut tags = tags.to_vec();
    tags.push(fhir!({
        "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
        "code": "SUBSETTED",
    }));
    set(meta, "tag", Json::Array(tags));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_an_observation() {
        let whole = r#"{"resourceType":"Observation","id":"1","meta":{"versionId":"1"},"text":{"div":"x"},"status":"final","code":{},"valueQuantity":{"value":72.50},"note":[]}"#;
        let names = |part: Part| -> String {
            let cut = cut(Kind::Observation, Json::parse(whole).unwrap(), &part);
            let names = cut.as_object().unwrap().iter().map(|(name, _)| name.as_str());
            let tagged = cut.get("meta").and_then(|meta| meta.get("tag")).is_some();
            format!("{}{}", names.skip(3).collect::<Vec<_>>().join(","), if tagged { "*" } else { "" })
        };
        assert_eq!(names(Part::Whole), "text,status,code,valueQuantity,note");
        assert_eq!(names(Part::Summary), "status,code,valueQuantity*");
        assert_eq!(names(Part::Text), "text,status,code*");
        assert_eq!(names(Part::Data), "status,code,valueQuantity,note*");
        assert_eq!(names(Part::Elements(vec!["value".into()])), "status,code,valueQuantity*");
    }
}
