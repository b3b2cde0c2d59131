//! The city domain health: clinical resources (HL7 FHIR R4).
