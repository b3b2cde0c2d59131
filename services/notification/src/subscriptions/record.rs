//! A subscription as it is kept: what its owner asked for, and how far it has come. JSON, so that a later version may
//! add members; each row says which form it has.

use std::fmt;

use hutong_ledger::id::{AgencyId, TxId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{cursor::EventPosition, filter::Filter};

/// The form of the rows that this software writes.
pub(crate) const FORM: u8 = 1;

/// Names a subscription: 32 hex digits, random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct SubscriptionId(pub(crate) [u8; 16]);

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<SubscriptionId> for String {
    fn from(id: SubscriptionId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for SubscriptionId {
    type Error = hex::FromHexError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(&text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

/// How an event becomes a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// The whole event is the body.
    #[default]
    Structured,
    /// The data is the body, attributes are headers.
    Binary,
}

/// What a subscription does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// The receiver has not said yet that it wants deliveries.
    Pending,
    Active,
    /// By its owner.
    Paused,
    /// By itself: `stopped` says why.
    Stopped,
}

impl Status {
    pub(crate) const ALL: [(Self, &'static str); 4] = [
        (Self::Pending, "pending"),
        (Self::Active, "active"),
        (Self::Paused, "paused"),
        (Self::Stopped, "stopped"),
    ];
}

/// Why nothing is delivered any more until the owner resumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stopped {
    /// The receiver answered 410.
    Gone,
    /// The receiver did not allow deliveries from here.
    HandshakeRefused,
    /// So many events were laid aside that no more are.
    DeadLettersFull,
    /// The owner may no longer see a domain that it asked for.
    NotAHost,
}

/// A key that signs deliveries. Never shows itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Secret {
    /// 32 bytes in hex.
    pub(crate) key: String,
    pub(crate) created_ms: u64,
    /// It signs until then; none: it is the newest.
    pub(crate) until_ms: Option<u64>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("until_ms", &self.until_ms).finish_non_exhaustive()
    }
}

/// When to give an event up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Retry {
    pub(crate) attempts_max: u32,
    pub(crate) give_up_after_s: u64,
}

/// The receiver's leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Permission {
    pub(crate) at_ms: u64,
    /// Requests in a minute; none: as many as there are events.
    pub(crate) rate_per_minute: Option<u32>,
}

/// What the owner asked for, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) form: u8,
    pub(crate) id: SubscriptionId,
    pub(crate) owner: AgencyId,
    pub(crate) endpoint: String,
    pub(crate) description: String,
    pub(crate) mode: Mode,
    pub(crate) filter: Filter,
    pub(crate) retry: Retry,
    pub(crate) created_ms: u64,
    /// The newest first.
    pub(crate) secrets: Vec<Secret>,
    pub(crate) status: Status,
    pub(crate) stopped: Option<(Stopped, u64)>,
    pub(crate) permission: Option<Permission>,
}

/// Why an attempt failed. Nothing of what the receiver sent is in it but its status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) at_ms: u64,
    pub(crate) reason: String,
    pub(crate) detail: String,
}

/// Attempts at what is to be delivered next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attempts {
    pub(crate) failed: u32,
    /// How long was waited between them: time while this service did not run is not in it.
    pub(crate) waited_ms: u64,
    pub(crate) last: Option<Failure>,
}

/// How far a subscription has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub(crate) form: u8,
    pub(crate) position: EventPosition,
    /// The number of the last event that was delivered or laid aside; the first is 1.
    pub(crate) sequence: u64,
    pub(crate) attempts: Attempts,
    pub(crate) dead_letters: u64,
    /// Dead letters from this number on are delivered before anything else.
    pub(crate) redeliver: Option<u64>,
}

/// An event that could not be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeadLetter {
    pub(crate) form: u8,
    pub(crate) sequence: u64,
    pub(crate) position: EventPosition,
    pub(crate) event: String,
    pub(crate) transaction: TxId,
    pub(crate) receipt: String,
    pub(crate) attempts: u32,
    pub(crate) laid_aside_ms: u64,
    pub(crate) failure: Failure,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands in the files of agencies: rows of form 1 are read as long as there are any.
    #[test]
    fn rows_are_read_as_they_were_written() {
        let settings = r#"{"form":1,"id":"000102030405060708090a0b0c0d0e0f","owner":"land","endpoint":"https://a.example/in","description":"","mode":"structured","filter":{"domains":["property"],"records":["r/1"],"changes":["created"],"agencies":["land"]},"retry":{"attempts_max":7,"give_up_after_s":60},"created_ms":5,"secrets":[{"key":"00","created_ms":5,"until_ms":null}],"status":"stopped","stopped":["dead_letters_full",9],"permission":{"at_ms":6,"rate_per_minute":120}}"#;
        let progress = r#"{"form":1,"position":"7-3-2","sequence":12,"attempts":{"failed":2,"waited_ms":3000,"last":{"at_ms":8,"reason":"status","detail":"500"}},"dead_letters":1,"redeliver":null}"#;
        let id = TxId::new(1_700_000_000_000, b"body");
        let letter = format!(
            r#"{{"form":1,"sequence":4,"position":"6-1-1","event":"c/property/1/1","transaction":"{id}","receipt":"/v1/transactions/{id}/receipt","attempts":7,"laid_aside_ms":9,"failure":{{"at_ms":8,"reason":"timeout","detail":"no answer"}}}}"#
        );
        let read: Settings = serde_json::from_str(settings).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), settings);
        assert!(!format!("{read:?}").contains("\"00\""), "a secret shows itself");
        let read: Progress = serde_json::from_str(progress).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), progress);
        let read: DeadLetter = serde_json::from_str(&letter).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), letter);
    }
}
