//! The resource types of the domain, and the name of one resource.

use std::{fmt, str::FromStr};

use hutong_ledger::id::RecordId;

/// A resource type that the domain has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    AuditEvent,
    Condition,
    Consent,
    DiagnosticReport,
    DocumentReference,
    Encounter,
    Immunization,
    MedicationRequest,
    Observation,
    Organization,
    Patient,
    Practitioner,
}

impl Kind {
    pub const ALL: [Self; 12] = [
        Self::AuditEvent,
        Self::Condition,
        Self::Consent,
        Self::DiagnosticReport,
        Self::DocumentReference,
        Self::Encounter,
        Self::Immunization,
        Self::MedicationRequest,
        Self::Observation,
        Self::Organization,
        Self::Patient,
        Self::Practitioner,
    ];

    /// As FHIR writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuditEvent => "AuditEvent",
            Self::Condition => "Condition",
            Self::Consent => "Consent",
            Self::DiagnosticReport => "DiagnosticReport",
            Self::DocumentReference => "DocumentReference",
            Self::Encounter => "Encounter",
            Self::Immunization => "Immunization",
            Self::MedicationRequest => "MedicationRequest",
            Self::Observation => "Observation",
            Self::Organization => "Organization",
            Self::Patient => "Patient",
            Self::Practitioner => "Practitioner",
        }
    }

    /// As sharing agreements and consents name it.
    pub const fn record_type(self) -> &'static str {
        match self {
            Self::AuditEvent => "auditevent",
            Self::Condition => "condition",
            Self::Consent => "consent",
            Self::DiagnosticReport => "diagnosticreport",
            Self::DocumentReference => "documentreference",
            Self::Encounter => "encounter",
            Self::Immunization => "immunization",
            Self::MedicationRequest => "medicationrequest",
            Self::Observation => "observation",
            Self::Organization => "organization",
            Self::Patient => "patient",
            Self::Practitioner => "practitioner",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The name of a resource: type and id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub kind: Kind,
    pub id: String,
}

impl Key {
    /// None if the id is none.
    pub fn new(kind: Kind, id: &str) -> Option<Self> {
        is_id(id).then(|| Self { kind, id: id.to_owned() })
    }

    /// The record on the ledger.
    pub fn record(&self) -> RecordId {
        self.to_string().parse().unwrap_or_else(|_| unreachable!("a type and an id make a record's name"))
    }
}

/// 1 to 64 of A-Z, a-z, 0-9, - and .; in a URL's path, . and .. are steps and no names.
pub(crate) fn is_id(text: &str) -> bool {
    fhirkit::primitive::is_id(text) && !matches!(text, "." | "..")
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.id)
    }
}

/// The text names no resource of the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this names no resource of the domain")]
pub struct NoKey;

impl FromStr for Key {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        let (kind, id) = text.split_once('/').ok_or(NoKey)?;
        Self::new(Kind::parse(kind).ok_or(NoKey)?, id).ok_or(NoKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_written() {
        for kind in Kind::ALL {
            let key = Key::new(kind, "a-1.B").unwrap();
            assert_eq!(key.to_string().parse(), Ok(key.clone()));
            assert_eq!(key.record().as_str(), key.to_string());
            assert_eq!(kind.name().to_ascii_lowercase(), kind.record_type());
        }
        for bad in ["Patient", "Patient/", "Patient/.", "Patient/..", "Patient/a b", "Nothing/1", "patient/1"]
        {
            assert_eq!(bad.parse::<Key>(), Err(NoKey), "{bad}");
        }
        let longest = Key::new(Kind::DocumentReference, &"x".repeat(64)).unwrap();
        assert!(longest.record().as_str().len() <= hutong_disclosure::records::RECORD_BYTES_MAX);
    }
}
