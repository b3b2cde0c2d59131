//! What can go wrong between an application and a city.

use std::{fmt, path::PathBuf};

use hutong_ledger::id::AgencyId;

/// A problem document (RFC 9457) that the city answered with.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub status: u16,
    /// The stable code.
    pub code: String,
    /// For people.
    pub detail: String,
    /// The whole document.
    pub document: serde_json::Value,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.code, self.status, self.detail)
    }
}

impl Refusal {
    /// Reads a problem document.
    pub(crate) fn of(status: u16, document: serde_json::Value) -> Self {
        let text = |name: &str| document[name].as_str().map(str::to_owned);
        let code = text("code").unwrap_or_else(|| "unknown".to_owned());
        let detail = text("detail").unwrap_or_else(|| "the city gave no detail".to_owned());
        let status =
            document["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(status);
        Self { status, code, detail, document }
    }

    /// Whether the same call may succeed later.
    pub fn is_passing(&self) -> bool {
        matches!(self.status, 429 | 502 | 503 | 504)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The city said no. Its code says why.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The city can't be reached, or the way broke off. Whether a submission took effect is unknown: submit the same
    /// transaction again.
    #[error("{url} can't be reached; is the city running?")]
    Unreachable { url: String, source: reqwest::Error },
    #[error("this machine trusts no certificates; name a file of them in SSL_CERT_FILE")]
    NoRoots,
    #[error("no TLS client can be made")]
    Tls(#[source] rustls::Error),
    /// What came back is no answer of a city.
    #[error("{url} answered with something else: {reason}")]
    Answer { url: String, reason: String },
    #[error("{}: can't read it", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{}: not the JSON that it should be", path.display())]
    Json { path: PathBuf, source: serde_json::Error },
    #[error(
        "{}: it has form {found}; this software reads form {known}. Use the software that wrote it, or a later one",
        path.display()
    )]
    Version { path: PathBuf, found: u32, known: u32 },
    #[error("{agency} is not in {}", path.display())]
    UnknownAgency { agency: AgencyId, path: PathBuf },
    #[error("the key file is of agency {found:?}; it should be of {wanted}")]
    ForeignKey { found: String, wanted: AgencyId },
    #[error("this client has no agency's key; make it with Client::of or Client::new and a signer")]
    NoSigner,
    #[error("{agency} is not among the signers of this transaction")]
    NotASigner { agency: AgencyId },
    #[error("the transaction can't be made: {0}")]
    Build(String),
    #[error(transparent)]
    Name(#[from] hutong_ledger::id::InvalidName),
    #[error(transparent)]
    Keys(#[from] hutong_keys::Error),
    #[error("the receipt proves nothing")]
    Verify(#[from] hutong_ledger::receipt::VerifyError),
    /// Events are missing after this position. The subscription goes on from there, so they come if they can be had.
    #[error("events are missing after {after:?}: number {found} came where {expected} was due")]
    Gap { after: Option<String>, expected: u64, found: u64 },
    /// The city goes on somewhere else than it was asked to: events in between are missing, or come again.
    #[error("the city goes on after {found}; it was asked to after {asked}")]
    Elsewhere { asked: String, found: String },
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl Error {
    /// The city's code, if it refused.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => Some(&refusal.code),
            _ => None,
        }
    }

    /// Whether trying again may help.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.is_passing(),
            Self::Unreachable { .. } => true,
            _ => false,
        }
    }
}
