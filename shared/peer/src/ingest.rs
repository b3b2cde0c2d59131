//! What ingest does for whoever submits transactions: takes them, or says why not.
//!
//! The same trait is the service itself in one process and a client over the bus elsewhere (`ingest.submit`). Nothing
//! is checked here; the callee trusts nobody.

mod remote;

use std::{fmt, fmt::Debug, str::FromStr, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use hutong_ledger::{acceptance::Acceptance, entry::Outcome, transaction::Transaction};

pub use remote::{IngestClient, decode_answers, encode_answers, serve, submit_decoded};

pub type SharedIngest = Arc<dyn IngestPeer>;

/// Where ingest is asked over the bus: the payload is a `TransactionGroup`, of any domains.
pub const SUBMIT: &str = "ingest.submit";
/// The header that says what to wait for: the name of a [`Wait`]. Without it, for acceptance.
pub const WAIT: &str = "wait";
/// One submission may have this many transactions, so that its answer fits into one message.
pub const SUBMISSION_TRANSACTIONS_MAX: usize = 1000;

/// What an answer waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// The transaction is durable and on its way.
    #[default]
    Accepted,
    /// It is final, or the time that ingest waits is over.
    Final,
    /// The same, and the answer brings the receipt.
    Receipt,
}

impl Wait {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Final => "final",
            Self::Receipt => "receipt",
        }
    }
}

impl FromStr for Wait {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Accepted, Self::Final, Self::Receipt];
        all.into_iter()
            .find(|wait| wait.name() == text)
            .ok_or_else(|| format!("{text:?} is nothing to wait for"))
    }
}

/// A transaction that ingest has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// Durable and on its way to a block.
    Pending(Box<Acceptance>),
    /// Final already.
    Final(Finality),
}

/// What became of a final transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finality {
    pub height: u64,
    /// Its place in the block's segment.
    pub index: u32,
    /// Its place in the domain's log.
    pub log_index: u64,
    pub time_ms: u64,
    pub outcome: Outcome,
    /// The JSON document, where one was waited for.
    pub receipt: Option<Bytes>,
}

/// Why ingest does not take a transaction. The names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    Malformed,
    WrongChain,
    UnknownDomain,
    UnknownAgency,
    UnknownKey,
    Unsigned,
    BadSignature,
    Expired,
    TooFarAhead,
    TooLarge,
    /// It carries what must be sealed.
    SealedInClear,
    /// It was taken, and validation under a later epoch or state found it void.
    Void,
    /// The queue is full: later.
    Overloaded,
    /// Ingest can't take anything now: later.
    Unavailable,
    /// It may have been taken: submit the same bytes again to learn.
    Unconfirmed,
}

impl Code {
    pub const ALL: [Self; 15] = [
        Self::Malformed,
        Self::WrongChain,
        Self::UnknownDomain,
        Self::UnknownAgency,
        Self::UnknownKey,
        Self::Unsigned,
        Self::BadSignature,
        Self::Expired,
        Self::TooFarAhead,
        Self::TooLarge,
        Self::SealedInClear,
        Self::Void,
        Self::Overloaded,
        Self::Unavailable,
        Self::Unconfirmed,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::WrongChain => "wrong_chain",
            Self::UnknownDomain => "unknown_domain",
            Self::UnknownAgency => "unknown_agency",
            Self::UnknownKey => "unknown_key",
            Self::Unsigned => "unsigned",
            Self::BadSignature => "bad_signature",
            Self::Expired => "expired",
            Self::TooFarAhead => "too_far_ahead",
            Self::TooLarge => "too_large",
            Self::SealedInClear => "sealed_in_clear",
            Self::Void => "void",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Unconfirmed => "unconfirmed",
        }
    }

    /// Whether the same transaction may be taken later.
    pub const fn is_passing(self) -> bool {
        matches!(self, Self::Overloaded | Self::Unavailable | Self::Unconfirmed)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Code {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|code| code.name() == text).ok_or_else(|| format!("unknown code {text:?}"))
    }
}

/// A transaction that ingest does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Rejected {
    pub code: Code,
    pub detail: String,
}

impl Rejected {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

impl From<hutong_wire::Error> for Rejected {
    fn from(error: hutong_wire::Error) -> Self {
        let body_too_large =
            matches!(error, hutong_wire::Error::Field { message: "Transaction", field: "body", .. });
        Self::new(if body_too_large { Code::TooLarge } else { Code::Malformed }, error.to_string())
    }
}

/// The answer for one transaction.
pub type Answer = Result<Accepted, Rejected>;

/// Ingest, as those who submit see it.
#[async_trait]
pub trait IngestPeer: Send + Sync + Debug + 'static {
    /// Takes transactions, of any domains; each has its own answer, in the same order. Those of one domain are
    /// ordered as they stand here, as long as nothing fails on the way. The same transaction again is answered with
    /// what became of it and is never taken twice.
    async fn submit(&self, transactions: Vec<Transaction>, wait: Wait) -> Vec<Answer>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_back() {
        for code in Code::ALL {
            assert_eq!(code.name().parse(), Ok(code));
        }
        for wait in [Wait::Accepted, Wait::Final, Wait::Receipt] {
            assert_eq!(wait.name().parse(), Ok(wait));
        }
        assert!("soon".parse::<Wait>().is_err());
    }
}
