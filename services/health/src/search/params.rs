//! The search parameters of each type, after the specification: name, type, and where the values stand.

mod administrative;
mod clinical;

use crate::kind::Kind;
use administrative::{AUDIT_EVENT, CONSENT, ENCOUNTER, ORGANIZATION, PATIENT, PRACTITIONER};
use clinical::{
    CONDITION, DIAGNOSTIC_REPORT, DOCUMENT_REFERENCE, IMMUNIZATION, MEDICATION_REQUEST, OBSERVATION,
};

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
