//! The search parameters of each type, after the specification: name, type, and where the values stand.

use crate::kind::Kind;

/// How values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Token,
    Date,
    Text,
    Reference,
    Quantity,
    Uri,
}

impl Type {
    /// As a CapabilityStatement writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Date => "date",
            Self::Text => "string",
            Self::Reference => "reference",
            Self::Quantity => "quantity",
            Self::Uri => "uri",
        }
    }
}

/// A search parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Param {
    pub(crate) name: &'static str,
    pub(crate) of: Type,
    /// Elements below the resource; arrays are looked through. `?` ends one whose presence is the value.
    pub(crate) paths: &'static [&'static str],
    /// The types that a reference counts for; none: any.
    pub(crate) targets: &'static [&'static str],
}

const fn param(name: &'static str, of: Type, paths: &'static [&'static str]) -> Param {
    Param { name, of, paths, targets: &[] }
}

const fn token(name: &'static str, paths: &'static [&'static str]) -> Param {
    param(name, Type::Token, paths)
}

const fn date(name: &'static str, paths: &'static [&'static str]) -> Param {
    param(name, Type::Date, paths)
}

const fn text(name: &'static str, paths: &'static [&'static str]) -> Param {
    param(name, Type::Text, paths)
}

const fn uri(name: &'static str, paths: &'static [&'static str]) -> Param {
    param(name, Type::Uri, paths)
}

const fn quantity(name: &'static str, paths: &'static [&'static str]) -> Param {
    param(name, Type::Quantity, paths)
}

const fn reference(name: &'static str, paths: &'static [&'static str]) -> Param {
    param(name, Type::Reference, paths)
}

const fn patient(paths: &'static [&'static str]) -> Param {
    Param { name: "patient", of: Type::Reference, paths, targets: &["Patient"] }
}

const COMMON: &[Param] = &[
    token("_tag", &["meta.tag"]),
    token("_security", &["meta.security"]),
    uri("_profile", &["meta.profile"]),
    uri("_source", &["meta.source"]),
];

const ADDRESS: [&str; 1] = ["address"];

const PATIENT: &[Param] = &[
    token("identifier", &["identifier"]),
    text("name", &["name"]),
    text("family", &["name.family"]),
    text("given", &["name.given"]),
    token("gender", &["gender"]),
    date("birthdate", &["birthDate"]),
    date("death-date", &["deceasedDateTime"]),
    token("deceased", &["deceasedBoolean", "deceasedDateTime?"]),
    token("active", &["active"]),
    text("address", &ADDRESS),
    text("address-city", &["address.city"]),
    text("address-country", &["address.country"]),
    text("address-postalcode", &["address.postalCode"]),
    text("address-state", &["address.state"]),
    token("address-use", &["address.use"]),
    token("telecom", &["telecom"]),
    token("phone", &["telecom#phone"]),
    token("email", &["telecom#email"]),
    token("language", &["communication.language"]),
    reference("general-practitioner", &["generalPractitioner"]),
    reference("link", &["link.other"]),
    reference("organization", &["managingOrganization"]),
];

const PRACTITIONER: &[Param] = &[
    token("identifier", &["identifier"]),
    text("name", &["name"]),
    text("family", &["name.family"]),
    text("given", &["name.given"]),
    token("gender", &["gender"]),
    token("active", &["active"]),
    text("address", &ADDRESS),
    text("address-city", &["address.city"]),
    text("address-country", &["address.country"]),
    text("address-postalcode", &["address.postalCode"]),
    text("address-state", &["address.state"]),
    token("address-use", &["address.use"]),
    token("telecom", &["telecom"]),
    token("phone", &["telecom#phone"]),
    token("email", &["telecom#email"]),
    token("communication", &["communication"]),
];

const ORGANIZATION: &[Param] = &[
    token("identifier", &["identifier"]),
    text("name", &["name", "alias"]),
    token("active", &["active"]),
    token("type", &["type"]),
    text("address", &ADDRESS),
    text("address-city", &["address.city"]),
    text("address-country", &["address.country"]),
    text("address-postalcode", &["address.postalCode"]),
    text("address-state", &["address.state"]),
    token("address-use", &["address.use"]),
    reference("partof", &["partOf"]),
    reference("endpoint", &["endpoint"]),
];

const ENCOUNTER: &[Param] = &[
    token("identifier", &["identifier"]),
    token("status", &["status"]),
    token("class", &["class"]),
    token("type", &["type"]),
    reference("subject", &["subject"]),
    patient(&["subject"]),
    date("date", &["period"]),
    reference("participant", &["participant.individual"]),
    Param {
        name: "practitioner",
        of: Type::Reference,
        paths: &["participant.individual"],
        targets: &["Practitioner"],
    },
    token("participant-type", &["participant.type"]),
    reference("location", &["location.location"]),
    date("location-period", &["location.period"]),
    reference("service-provider", &["serviceProvider"]),
    reference("part-of", &["partOf"]),
    token("reason-code", &["reasonCode"]),
    reference("reason-reference", &["reasonReference"]),
    reference("diagnosis", &["diagnosis.condition"]),
    reference("episode-of-care", &["episodeOfCare"]),
    reference("based-on", &["basedOn"]),
    reference("appointment", &["appointment"]),
    reference("account", &["account"]),
    quantity("length", &["length"]),
    token("special-arrangement", &["hospitalization.specialArrangement"]),
];

const OBSERVATION: &[Param] = &[
    token("identifier", &["identifier"]),
    token("status", &["status"]),
    token("category", &["category"]),
    token("code", &["code"]),
    reference("subject", &["subject"]),
    patient(&["subject"]),
    reference("encounter", &["encounter"]),
    date("date", &["effectiveDateTime", "effectivePeriod", "effectiveInstant", "effectiveTiming"]),
    reference("performer", &["performer"]),
    quantity("value-quantity", &["valueQuantity"]),
    token("value-concept", &["valueCodeableConcept"]),
    text("value-string", &["valueString", "valueCodeableConcept.text"]),
    date("value-date", &["valueDateTime", "valuePeriod"]),
    token("data-absent-reason", &["dataAbsentReason"]),
    token("component-code", &["component.code"]),
    quantity("component-value-quantity", &["component.valueQuantity"]),
    token("component-value-concept", &["component.valueCodeableConcept"]),
    token("component-data-absent-reason", &["component.dataAbsentReason"]),
    token("combo-code", &["code", "component.code"]),
    quantity("combo-value-quantity", &["valueQuantity", "component.valueQuantity"]),
    token("combo-value-concept", &["valueCodeableConcept", "component.valueCodeableConcept"]),
    token("method", &["method"]),
    reference("based-on", &["basedOn"]),
    reference("part-of", &["partOf"]),
    reference("focus", &["focus"]),
    reference("specimen", &["specimen"]),
    reference("device", &["device"]),
    reference("has-member", &["hasMember"]),
    reference("derived-from", &["derivedFrom"]),
];

const CONDITION: &[Param] = &[
    token("identifier", &["identifier"]),
    token("clinical-status", &["clinicalStatus"]),
    token("verification-status", &["verificationStatus"]),
    token("category", &["category"]),
    token("code", &["code"]),
    token("severity", &["severity"]),
    token("body-site", &["bodySite"]),
    reference("subject", &["subject"]),
    patient(&["subject"]),
    reference("encounter", &["encounter"]),
    date("onset-date", &["onsetDateTime", "onsetPeriod"]),
    quantity("onset-age", &["onsetAge", "onsetRange.low"]),
    text("onset-info", &["onsetString"]),
    date("abatement-date", &["abatementDateTime", "abatementPeriod"]),
    quantity("abatement-age", &["abatementAge"]),
    text("abatement-string", &["abatementString"]),
    date("recorded-date", &["recordedDate"]),
    reference("asserter", &["asserter"]),
    token("stage", &["stage.summary"]),
    token("evidence", &["evidence.code"]),
    reference("evidence-detail", &["evidence.detail"]),
];

const IMMUNIZATION: &[Param] = &[
    token("identifier", &["identifier"]),
    token("status", &["status"]),
    token("status-reason", &["statusReason"]),
    token("vaccine-code", &["vaccineCode"]),
    patient(&["patient"]),
    date("date", &["occurrenceDateTime"]),
    reference("location", &["location"]),
    text("lot-number", &["lotNumber"]),
    reference("manufacturer", &["manufacturer"]),
    reference("performer", &["performer.actor"]),
    reference("reaction", &["reaction.detail"]),
    date("reaction-date", &["reaction.date"]),
    token("reason-code", &["reasonCode"]),
    reference("reason-reference", &["reasonReference"]),
    text("series", &["protocolApplied.series"]),
    token("target-disease", &["protocolApplied.targetDisease"]),
];

const DIAGNOSTIC_REPORT: &[Param] = &[
    token("identifier", &["identifier"]),
    token("status", &["status"]),
    token("category", &["category"]),
    token("code", &["code"]),
    reference("subject", &["subject"]),
    patient(&["subject"]),
    reference("encounter", &["encounter"]),
    date("date", &["effectiveDateTime", "effectivePeriod"]),
    date("issued", &["issued"]),
    reference("performer", &["performer"]),
    reference("results-interpreter", &["resultsInterpreter"]),
    reference("result", &["result"]),
    token("conclusion", &["conclusionCode"]),
    reference("specimen", &["specimen"]),
    reference("media", &["media.link"]),
    reference("based-on", &["basedOn"]),
];

const MEDICATION_REQUEST: &[Param] = &[
    token("identifier", &["identifier"]),
    token("status", &["status"]),
    token("intent", &["intent"]),
    token("priority", &["priority"]),
    token("category", &["category"]),
    token("code", &["medicationCodeableConcept"]),
    reference("medication", &["medicationReference"]),
    reference("subject", &["subject"]),
    patient(&["subject"]),
    reference("encounter", &["encounter"]),
    date("authoredon", &["authoredOn"]),
    date("date", &["dosageInstruction.timing"]),
    reference("requester", &["requester"]),
    reference("intended-performer", &["performer"]),
    token("intended-performertype", &["performerType"]),
    reference("intended-dispenser", &["dispenseRequest.performer"]),
];

const DOCUMENT_REFERENCE: &[Param] = &[
    token("identifier", &["masterIdentifier", "identifier"]),
    token("status", &["status"]),
    token("type", &["type"]),
    token("category", &["category"]),
    reference("subject", &["subject"]),
    patient(&["subject"]),
    date("date", &["date"]),
    reference("author", &["author"]),
    reference("authenticator", &["authenticator"]),
    reference("custodian", &["custodian"]),
    text("description", &["description"]),
    reference("encounter", &["context.encounter"]),
    token("event", &["context.event"]),
    token("facility", &["context.facilityType"]),
    date("period", &["context.period"]),
    token("setting", &["context.practiceSetting"]),
    reference("related", &["context.related"]),
    token("format", &["content.format"]),
    token("contenttype", &["content.attachment.contentType"]),
    token("language", &["content.attachment.language"]),
    uri("location", &["content.attachment.url"]),
    reference("relatesto", &["relatesTo.target"]),
    token("relation", &["relatesTo.code"]),
    token("security-label", &["securityLabel"]),
];

const CONSENT: &[Param] = &[
    token("identifier", &["identifier"]),
    token("status", &["status"]),
    token("scope", &["scope"]),
    token("category", &["category"]),
    patient(&["patient"]),
    date("date", &["dateTime"]),
    token("action", &["provision.action"]),
    reference("actor", &["provision.actor.reference"]),
    reference("consentor", &["performer"]),
    reference("data", &["provision.data.reference"]),
    reference("organization", &["organization"]),
    date("period", &["provision.period"]),
    token("purpose", &["provision.purpose"]),
    token("security-label", &["provision.securityLabel"]),
    reference("source-reference", &["sourceReference"]),
];

const AUDIT_EVENT: &[Param] = &[
    date("date", &["recorded"]),
    token("type", &["type"]),
    token("subtype", &["subtype"]),
    token("action", &["action"]),
    token("outcome", &["outcome"]),
    reference("agent", &["agent.who"]),
    text("agent-name", &["agent.name"]),
    token("agent-role", &["agent.role"]),
    token("altid", &["agent.altId"]),
    text("address", &["agent.network.address"]),
    uri("policy", &["agent.policy"]),
    reference("entity", &["entity.what"]),
    text("entity-name", &["entity.name"]),
    token("entity-role", &["entity.role"]),
    token("entity-type", &["entity.type"]),
    patient(&["agent.who", "entity.what"]),
    token("site", &["source.site"]),
    reference("source", &["source.observer"]),
];

/// Those of a type alone.
fn own(kind: Kind) -> &'static [Param] {
    match kind {
        Kind::Patient => PATIENT,
        Kind::Practitioner => PRACTITIONER,
        Kind::Organization => ORGANIZATION,
        Kind::Encounter => ENCOUNTER,
        Kind::Observation => OBSERVATION,
        Kind::Condition => CONDITION,
        Kind::Immunization => IMMUNIZATION,
        Kind::DiagnosticReport => DIAGNOSTIC_REPORT,
        Kind::DocumentReference => DOCUMENT_REFERENCE,
        Kind::MedicationRequest => MEDICATION_REQUEST,
        Kind::Consent => CONSENT,
        Kind::AuditEvent => AUDIT_EVENT,
    }
}

/// All parameters of a type, with their places.
pub(crate) fn all(kind: Kind) -> impl Iterator<Item = (u16, &'static Param)> {
    (0_u16..).zip(COMMON.iter().chain(own(kind)))
}

/// A parameter of a type by its name.
pub(crate) fn find(kind: Kind, name: &str) -> Option<(u16, &'static Param)> {
    all(kind).find(|(_, param)| param.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What outside checks ask for.
    #[test]
    fn what_users_expect_is_there() {
        let expected = [
            (Kind::Patient, "identifier name family given gender birthdate"),
            (Kind::Observation, "patient subject code category date status value-quantity"),
            (Kind::Condition, "patient code clinical-status onset-date"),
            (Kind::Immunization, "patient date vaccine-code status"),
            (Kind::DocumentReference, "patient type date status"),
            (Kind::Consent, "patient status date scope"),
            (Kind::AuditEvent, "date agent entity patient type action"),
        ];
        for (kind, names) in expected {
            for name in names.split(' ') {
                assert!(find(kind, name).is_some(), "{kind} {name}");
            }
        }
        for kind in Kind::ALL {
            let mut names: Vec<_> = all(kind).map(|(_, param)| param.name).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{kind}: {names:?}");
        }
    }
}
