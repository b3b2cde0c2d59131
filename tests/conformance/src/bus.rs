//! The bus port's suite.

mod messages;
mod reopening;
mod streams;

use std::{error::Error, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, future::BoxFuture, stream::BoxStream};
use hutong_bus::{Batch, Entry, Headers, Message, Outgoing, SharedBus};

pub use reopening::{after_reopening, before_reopening};

/// A case takes this long only if it hangs.
const CASE_TIMEOUT: Duration = Duration::from_secs(60);

pub type CaseResult = Result<(), Box<dyn Error + Send + Sync>>;

type Case = (&'static str, fn(SharedBus) -> BoxFuture<'static, CaseResult>);

/// Names cases after their functions.
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        pub(super) const CASES: &[crate::bus::Case] =
            &[$((stringify!($case), |bus| Box::pin($case(bus)))),*];
    };
}
use cases;

/// Runs every case, one after the other on one bus, and fails with the names of those that failed. Cases keep to
/// subjects of their own, so the bus may hold anything.
pub async fn suite(bus: SharedBus) {
    let mut failures = Vec::new();
    for (name, case) in streams::CASES.iter().chain(messages::CASES) {
        let run = tokio::spawn(tokio::time::timeout(CASE_TIMEOUT, case(bus.clone())));
        let failure = match run.await {
            Ok(Ok(Ok(()))) => continue,
            Ok(Ok(Err(error))) => format!("{error} ({error:?})"),
            Ok(Err(_)) => "it hangs".into(),
            Err(error) => error.to_string(),
        };
        failures.push(format!("{name}: {failure}"));
    }
    assert!(failures.is_empty(), "{} cases failed:\n{}", failures.len(), failures.join("\n"));
}

fn outgoing(subject: &str, payload: impl Into<Bytes>) -> Outgoing {
    Outgoing {
        subject: subject.into(),
        headers: Headers::default(),
        payload: payload.into(),
        message_id: None,
    }
}

fn identified(subject: &str, payload: &'static str, id: &str) -> Outgoing {
    Outgoing { message_id: Some(id.into()), ..outgoing(subject, payload) }
}

fn batch(messages: impl Into<Vec<Outgoing>>) -> Batch {
    Batch { messages: messages.into(), expected_last: None }
}

fn expecting(subject: &str, last: u64, messages: impl Into<Vec<Outgoing>>) -> Batch {
    Batch { messages: messages.into(), expected_last: Some((subject.into(), last)) }
}

fn message(subject: &str, payload: impl Into<Bytes>) -> Message {
    Message { subject: subject.into(), headers: Headers::default(), payload: payload.into() }
}

type Entries = BoxStream<'static, Result<Entry, hutong_bus::Error>>;

async fn next(entries: &mut Entries) -> Result<Entry, Box<dyn Error + Send + Sync>> {
    Ok(entries.next().await.ok_or("the entries ended")??)
}
