//! Whether a resource is one of FHIR R4 (4.0.1).
//!
//! fhirkit checks structure: elements, types, formats, what is required, each problem with its path. It does not know
//! the code lists of required bindings nor the invariants; `bindings` and `invariants` have those of the domain's types.

mod bindings;
mod invariants;

use fhirkit::{Severity, r4::Resource};

use crate::{
    json::{Json, list, text},
    kind::Kind,
    outcome::Issue,
};

/// What is wrong with a resource; nothing if it may be kept.
pub(crate) fn check(kind: Kind, resource: &Json) -> Vec<Issue> {
    let (_, found) = fhirkit::decode_json::<Resource>(resource);
    let errors = found.into_iter().filter(|issue| issue.severity == Severity::Error);
    let mut issues: Vec<Issue> = errors
        .map(|issue| {
            let code = if issue.message.contains("required element") { "required" } else { "structure" };
            Issue::error(code, issue.message).at(issue.path)
        })
        .collect();
    // Where the structure is wrong, rules about it say nothing more.
    if issues.is_empty() {
        bindings::check(kind.name(), resource, &mut issues);
        invariants::check(kind, resource, &mut issues);
        for (at, contained) in list(resource, "contained").iter().enumerate() {
            let Some(kind) = text(contained, "resourceType").and_then(Kind::parse) else { continue };
            let mut inside = Vec::new();
            bindings::check(kind.name(), contained, &mut inside);
            invariants::check(kind, contained, &mut inside);
            issues.extend(inside.into_iter().map(|issue| {
                let path = issue.at.clone().unwrap_or_default();
                issue.at(format!("contained[{at}].{path}"))
            }));
        }
    }
    issues
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(json: &str) -> Vec<(String, String)> {
        let resource = Json::parse(json).unwrap();
        let kind = Kind::parse(text(&resource, "resourceType").unwrap()).unwrap();
        check(kind, &resource).into_iter().map(|issue| (issue.at.unwrap_or_default(), issue.told)).collect()
    }

    #[track_caller]
    fn refused(json: &str, path: &str) {
        let found = codes(json);
        assert!(found.iter().any(|(at, _)| at == path), "{json}: {found:?}");
    }

    const OBSERVATION: &str = r#""resourceType":"Observation","code":{"text":"x"}"#;

    #[test]
    fn structure_is_checked_by_the_library() {
        assert_eq!(codes(r#"{"resourceType":"Patient","gender":"female"}"#), []);
        refused(r#"{"resourceType":"Patient","foo":1}"#, "Patient.foo");
        refused(r#"{"resourceType":"Patient","birthDate":7}"#, "Patient.birthDate");
        refused(r#"{"resourceType":"Observation","status":"final"}"#, "Observation.code");
        refused(r#"{"resourceType":"Patient","name":[]}"#, "Patient.name");
    }

    #[test]
    fn required_code_lists_are_kept() {
        refused(r#"{"resourceType":"Patient","gender":"robot"}"#, "Patient.gender");
        refused(&format!(r#"{{{OBSERVATION},"status":"done"}}"#), "Observation.status");
        refused(r#"{"resourceType":"Patient","name":[{"use":"x","text":"A"}]}"#, "Patient.name[0].use");
        refused(
            r#"{"resourceType":"Patient","telecom":[{"system":"telex","value":"1"}]}"#,
            "Patient.telecom[0].system",
        );
        refused(
            r#"{"resourceType":"Condition","subject":{"reference":"Patient/1"},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"fine"}]}}"#,
            "Condition.clinicalStatus",
        );
    }

    #[test]
    fn invariants_are_kept() {
        refused(
            &format!(
                r#"{{{OBSERVATION},"status":"final","valueString":"a","dataAbsentReason":{{"text":"b"}}}}"#
            ),
            "Observation",
        );
        refused(
            &format!(
                r#"{{{OBSERVATION},"status":"final","referenceRange":[{{"age":{{"low":{{"value":1}}}}}}]}}"#
            ),
            "Observation.referenceRange[0]",
        );
        refused(r#"{"resourceType":"Patient","contact":[{"gender":"male"}]}"#, "Patient.contact[0]");
        refused(r#"{"resourceType":"Organization","active":true}"#, "Organization");
        refused(
            r##"{"resourceType":"Patient","managingOrganization":{"reference":"#o"}}"##,
            "Patient.managingOrganization",
        );
        refused(
            r#"{"resourceType":"Patient","name":[{"period":{"start":"2020-02","end":"2019"}}]}"#,
            "Patient.name[0].period",
        );
        refused(r#"{"resourceType":"Patient","birthDate":"2021-02-30"}"#, "Patient.birthDate");
        refused(
            r#"{"resourceType":"Patient","text":{"status":"generated","div":"<div><script>x</script></div>"}}"#,
            "Patient.text.div",
        );
        refused(r#"{"resourceType":"Patient","extension":[{"url":"http://x"}]}"#, "Patient.extension[0]");
    }
}
