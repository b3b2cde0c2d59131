//! OperationOutcome: the one form of every error under `/fhir/R4`.

use http::StatusCode;

use crate::json::{Json, fhir};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Issue {
    /// `error`, `warning` or `information`.
    pub(crate) severity: &'static str,
    /// Of the value set issue-type.
    pub(crate) code: &'static str,
    pub(crate) told: String,
    /// The path of the element that is at fault.
    pub(crate) at: Option<String>,
}

impl Issue {
    pub(crate) fn error(kind: &'static str, told: impl Into<String>) -> Self {
        Self { severity: "error", code: kind, told: told.into(), at: None }
    }

    pub(crate) fn at(self, path: impl Into<String>) -> Self {
        Self { at: Some(path.into()), ..self }
    }

    fn json(&self) -> Json {
        fhir!({
            "severity": self.severity,
            "code": self.code,
            "diagnostics": self.told.as_str(),
            "expression": self.at.clone().map(|path| vec![path]),
        })
    }
}

/// Why a request fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    pub(crate) issues: Vec<Issue>,
}

impl Fault {
    pub(crate) fn new(status: StatusCode, code: &'static str, told: impl Into<String>) -> Self {
        Self { status, issues: vec![Issue::error(code, told)] }
    }

    /// The request itself is wrong.
    pub(crate) fn bad(told: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", told)
    }

    pub(crate) fn not_found(told: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", told)
    }

    pub(crate) fn gone(told: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "deleted", told)
    }

    pub(crate) fn precondition(told: impl Into<String>) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "conflict", told)
    }

    pub(crate) fn conflict(told: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", told)
    }

    /// What the resource says breaks a rule.
    pub(crate) fn rules(issues: Vec<Issue>) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, issues }
    }

    pub(crate) fn unavailable() -> Self {
        let told = "The ledger does not answer; try again.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "transient", told)
    }

    pub(crate) fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "a FHIR request failed inside");
        let told = "Something failed here; the log says what.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "exception", told)
    }

    /// Says where in a Bundle it happened.
    pub(crate) fn in_entry(mut self, index: usize) -> Self {
        for issue in &mut self.issues {
            let path = issue.at.as_deref().unwrap_or("resource").to_owned();
            issue.at = Some(format!("Bundle.entry[{index}].{path}"));
        }
        self
    }

    pub(crate) fn outcome(&self) -> Json {
        outcome(&self.issues)
    }
}

/// The document of some issues.
pub(crate) fn outcome(issues: &[Issue]) -> Json {
    fhir!({
        "resourceType": "OperationOutcome",
        "issue": issues.iter().map(Issue::json).collect::<Vec<_>>(),
    })
}

/// The document that says all went well.
pub(crate) fn success(told: &str) -> Json {
    let issue = Issue::error("informational", told);
    outcome(&[Issue { severity: "information", ..issue }])
}
