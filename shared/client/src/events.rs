//! Subscribing to final changes over server-sent events, through every break of the connection.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream::BoxStream};
use hutong_ledger::id::{Domain, RecordId};
use reqwest::StatusCode;
use serde_json::Value;

use crate::{
    Client, Error, Refusal,
    call::{pause, refused},
    sse::{Block, Parser},
};

/// What to hear of, and from where on.
#[derive(Clone, Debug, Default)]
pub struct Subscription {
    /// None: every domain that the agency hosts.
    pub domain: Option<Domain>,
    pub record: Option<RecordId>,
    /// The position of the last event that was handled. None: from the beginning.
    pub after: Option<String>,
}

/// A final change.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Where to go on after it: keep it once the event is handled.
    pub position: String,
    /// The CloudEvent.
    pub event: Value,
}

type Pieces = BoxStream<'static, reqwest::Result<Bytes>>;

struct State<'a> {
    client: &'a Client,
    subscription: Subscription,
    connection: Option<Pieces>,
    parser: Parser,
    blocks: std::collections::VecDeque<Block>,
    /// The number of the last event on this connection.
    sequence: u64,
    attempt: u32,
    retry: Option<Duration>,
    ended: bool,
}

impl Client {
    /// Final changes, in order, each at least once. A break of the connection is not seen: the stream goes on after
    /// the last event. An error that no new attempt would change is the last item; a gap is told as
    /// [`Error::Gap`], and what is missing is asked for again.
    pub fn subscribe(&self, subscription: Subscription) -> impl Stream<Item = Result<Event, Error>> + '_ {
        let state = State {
            client: self,
            subscription,
            connection: None,
            parser: Parser::default(),
            blocks: std::collections::VecDeque::new(),
            sequence: 0,
            attempt: 0,
            retry: None,
            ended: false,
        };
        futures::stream::unfold(state, |mut state| async move { Some((state.next().await?, state)) })
    }
}

/// A record id as a query takes it: its `&`, `+` and `=` are its own.
fn encoded(record: &RecordId) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let part = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    record.as_str().bytes().map(part).collect()
}

impl State<'_> {
    async fn next(&mut self) -> Option<Result<Event, Error>> {
        while !self.ended {
            while let Some(block) = self.blocks.pop_front() {
                if let Some(item) = self.take(block) {
                    return Some(item);
                }
            }
            let Some(connection) = &mut self.connection else {
                match self.connect().await {
                    Ok(()) => {}
                    Err(error) if error.is_passing() => self.wait(&error).await,
                    Err(error) => {
                        self.ended = true;
                        return Some(Err(error));
                    }
                }
                continue;
            };
            match connection.next().await {
                Some(Ok(piece)) => match self.parser.push(&piece) {
                    Ok(blocks) => {
                        self.attempt = 0;
                        self.blocks.extend(blocks);
                    }
                    Err(_) => {
                        self.ended = true;
                        let reason = "it is no event stream".to_owned();
                        return Some(Err(Error::Answer { url: self.client.url.clone(), reason }));
                    }
                },
                // It ended, well or not: go on where it stopped.
                Some(Err(_)) | None => {
                    self.disconnect();
                    tokio::time::sleep(self.retry.unwrap_or_else(|| pause(self.attempt))).await;
                    self.attempt += 1;
                }
            }
        }
        None
    }

    fn disconnect(&mut self) {
        self.connection = None;
        self.parser = Parser::default();
        self.blocks.clear();
    }

    async fn wait(&mut self, error: &Error) {
        tracing::debug!(%error, attempt = self.attempt, "the subscription is tried again");
        tokio::time::sleep(pause(self.attempt)).await;
        self.attempt += 1;
    }

    async fn connect(&mut self) -> Result<(), Error> {
        let Subscription { domain, record, after } = &self.subscription;
        let domain = domain.map(|domain| format!("domain={domain}"));
        let record = record.as_ref().map(|record| format!("record={}", encoded(record)));
        let query: Vec<String> = [domain, record].into_iter().flatten().collect();
        let url = format!("{}/v1/events?{}", self.client.url, query.join("&"));
        let mut request = self.client.http.get(&url).header("accept", "text/event-stream");
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        let sent = self.client.authorize(request)?.send().await;
        let unreachable = |source| Error::Unreachable { url: url.clone(), source };
        let response = sent.map_err(unreachable)?;
        let status = response.status();
        if status != StatusCode::OK {
            let body = response.bytes().await.map_err(unreachable)?;
            return Err(refused(&url, status, &body));
        }
        self.connection = Some(response.bytes_stream().boxed());
        self.sequence = 0;
        Ok(())
    }

    /// What a block says to the subscriber, if anything.
    fn take(&mut self, block: Block) -> Option<Result<Event, Error>> {
        let Block { id, event, data, retry_ms } = block;
        if let Some(retry_ms) = retry_ms {
            self.retry = Some(Duration::from_millis(retry_ms.min(60_000)));
        }
        let value = data.map(|data| serde_json::from_str::<Value>(&data));
        match (event.as_deref(), value) {
            (Some("problem"), value) => {
                self.ended = true;
                Some(Err(Refusal::of(0, value.and_then(Result::ok).unwrap_or_default()).into()))
            }
            (_, Some(Ok(event))) => Some(self.deliver(id, event)),
            (_, Some(Err(error))) => {
                self.ended = true;
                let reason = format!("an event that is no JSON: {error}");
                Some(Err(Error::Answer { url: self.client.url.clone(), reason }))
            }
            (_, None) => {
                // A sign of life moves the position on.
                self.advance(id);
                None
            }
        }
    }

    fn deliver(&mut self, id: Option<String>, event: Value) -> Result<Event, Error> {
        let found = event["sequence"].as_str().and_then(|sequence| sequence.parse().ok());
        let expected = self.sequence + 1;
        if let Some(found) = found.filter(|found| *found != expected) {
            self.disconnect();
            return Err(Error::Gap { after: self.subscription.after.clone(), expected, found });
        }
        self.sequence = expected;
        self.advance(id);
        let position = self.subscription.after.clone().unwrap_or_default();
        Ok(Event { position, event })
    }

    fn advance(&mut self, id: Option<String>) {
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            self.subscription.after = Some(id);
        }
    }
}
