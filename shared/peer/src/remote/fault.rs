//! Failures of a call, over the wire and back, with their reason.

use hutong_wire::v1::storage as v1;

use super::{CALLEE, parts::Untaken};
use crate::Error;

/// What storage said went wrong, as this side got to know it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
struct Told(String);

pub(super) fn fault(kind: v1::FaultKind, reason: impl Into<String>) -> v1::Fault {
    v1::Fault { kind: kind.into(), reason: reason.into() }
}

pub(super) fn from_error(error: &Error) -> v1::Fault {
    match error {
        Error::Unavailable { .. } => fault(v1::FaultKind::Unavailable, chain(error)),
        Error::Stopped { reason, .. } => fault(v1::FaultKind::Stopped, reason),
        Error::Failed { reason, .. } => fault(v1::FaultKind::Failed, reason),
        Error::Garbled { reason, .. } => fault(v1::FaultKind::Garbled, reason),
    }
}

pub(super) fn from_untaken(untaken: Untaken) -> v1::Fault {
    let kind = match untaken {
        Untaken::Full | Untaken::Missing => v1::FaultKind::Unavailable,
        Untaken::TooLarge => v1::FaultKind::Failed,
        Untaken::Misfit => v1::FaultKind::Garbled,
    };
    fault(kind, untaken.to_string())
}

pub(super) fn to_error(fault: v1::Fault) -> Error {
    let (callee, kind) = (CALLEE, fault.kind());
    let v1::Fault { reason, .. } = fault;
    match kind {
        v1::FaultKind::Unavailable => {
            let source = hutong_bus::Error::transport("it cannot do this now", Told(reason));
            Error::Unavailable { callee, source }
        }
        // For its own process that is the end. Another process is not to end with it: it is started again, as in an upgrade.
        v1::FaultKind::Stopped => {
            let source = hutong_bus::Error::transport("it has stopped", Told(reason));
            Error::Unavailable { callee, source }
        }
        v1::FaultKind::Unspecified | v1::FaultKind::Failed => Error::Failed { callee, reason },
        v1::FaultKind::Garbled => Error::Garbled { callee, reason },
    }
}

/// An error with its sources, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        // Libraries often say their cause themselves; once is enough.
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_reason_is_lost_on_the_way() {
        let callee = "storage";
        let reason = String::from("the disk is full");
        for error in [
            Error::Failed { callee, reason: reason.clone() },
            Error::Garbled { callee, reason: reason.clone() },
        ] {
            assert_eq!(to_error(from_error(&error)).to_string(), error.to_string());
        }
        let stopped = to_error(from_error(&Error::Stopped { callee, reason: reason.clone() }));
        assert!(
            matches!(&stopped, Error::Unavailable { .. }) && chain(&stopped).contains(&reason),
            "{stopped:?}"
        );
        let source = hutong_bus::Error::NoResponder { subject: "agency.harbour".into() };
        let told = to_error(from_error(&Error::Unavailable { callee: "agency", source }));
        assert!(matches!(told, Error::Unavailable { callee: "storage", .. }));
        assert!(
            chain(&told).ends_with("agency does not answer: nobody serves agency.harbour"),
            "{}",
            chain(&told)
        );
    }

    #[test]
    fn a_cause_that_was_told_is_not_told_again() {
        let disk = std::io::Error::other("the disk is full");
        let library = Error::Failed { callee: "archive", reason: disk.to_string() };
        let source = hutong_bus::Error::transport("cannot append", Repeats { library, disk });
        let told = chain(&Error::Unavailable { callee: "agency", source });
        assert_eq!(told, "agency does not answer: cannot append: archive failed: the disk is full");
    }

    /// Says its cause itself, and names it as its source too.
    #[derive(Debug, thiserror::Error)]
    #[error("{library}")]
    struct Repeats {
        library: Error,
        #[source]
        disk: std::io::Error,
    }

    #[test]
    fn an_unknown_kind_is_a_failure() {
        let told = to_error(v1::Fault { kind: 77, reason: "x".into() });
        assert!(matches!(told, Error::Failed { .. }), "{told}");
    }
}
