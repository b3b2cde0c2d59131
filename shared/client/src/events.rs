//! Subscribing to final changes over server-sent events, through every break of the connection.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream::BoxStream};
use hutong_ledger::id::{AgencyId, Domain, RecordId};
use reqwest::StatusCode;
use serde_json::Value;

use crate::{
    Client, Error, Refusal,
    call::{pause, refused},
    sse::{Block, Parser},
};

/// The position from which only what is still to come is told.
pub const NOW: &str = "now";
/// A city says every 15 seconds that a connection is alive; one that was silent for longer than this is dead.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// What to hear of, and from where on.
#[derive(Clone, Debug, Default)]
pub struct Subscription {
    /// None: every domain that the agency hosts.
    pub domain: Option<Domain>,
    pub record: Option<RecordId>,
    /// Only these types of change. Empty: all.
    pub changes: Vec<Change>,
    /// Only changes by transactions of these agencies. Empty: all.
    pub agencies: Vec<AgencyId>,
    /// The position of the last event that was handled, or [`NOW`]. None: from the beginning.
    pub after: Option<String>,
    /// Begin with this height, where `after` says nothing.
    pub from_height: Option<u64>,
    /// A connection on which nothing came for so long is made anew. None: after a minute.
    pub silence_max: Option<Duration>,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Created,
    Changed,
    Deleted,
}

impl Change {
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Deleted => "deleted",
        }
    }
}

impl std::str::FromStr for Change {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = [Self::Created, Self::Changed, Self::Deleted].into_iter();
        let found = known.into_iter().find(|change| change.name() == name);
        found.ok_or_else(|| format!("{name:?} is none of created, changed, deleted"))
    }
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
    /// Nothing has come on this connection yet.
    fresh: bool,
    ended: bool,
}

impl Client {
    /// Final changes, in order, each at least once. A break of the connection, also one that nobody tells of, is not
    /// seen: the stream goes on after the last event. An error that no new attempt would change is the last item; a gap
    /// is told as [`Error::Gap`] or [`Error::Elsewhere`], and what is missing is asked for again.
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
            fresh: true,
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
            let silence_max = self.subscription.silence_max.unwrap_or(SILENCE_MAX);
            let Ok(piece) = tokio::time::timeout(silence_max, connection.next()).await else {
                tracing::debug!(?silence_max, "the connection of a subscription is dead");
                self.disconnect();
                continue;
            };
            match piece {
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
        let Subscription { domain, record, changes, agencies, after, from_height, .. } = &self.subscription;
        let list =
            |name, values: Vec<String>| (!values.is_empty()).then(|| format!("{name}={}", values.join(",")));
        let now = after.as_deref().filter(|after| *after == NOW);
        let query = [
            domain.map(|domain| format!("domain={domain}")),
            record.as_ref().map(|record| format!("record={}", encoded(record))),
            list("change", changes.iter().map(|change| change.name().to_owned()).collect()),
            list("agency", agencies.iter().map(AgencyId::to_string).collect()),
            from_height.map(|height| format!("from_height={height}")),
            now.map(|now| format!("after={now}")),
        ];
        let query: Vec<String> = query.into_iter().flatten().collect();
        let url = format!("{}/v1/events?{}", self.client.url, query.join("&"));
        let mut request = self.client.http.get(&url).header("accept", "text/event-stream");
        if let (Some(after), None) = (after, now) {
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
        (self.sequence, self.fresh) = (0, true);
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
                // A sign of life moves the position on; the first says where the city begins.
                if std::mem::take(&mut self.fresh)
                    && let Some(error) = self.elsewhere(id.as_deref())
                {
                    self.disconnect();
                    return Some(Err(error));
                }
                self.advance(id);
                None
            }
        }
    }

    fn deliver(&mut self, id: Option<String>, event: Value) -> Result<Event, Error> {
        self.fresh = false;
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

    /// That a city goes on somewhere else than it was asked to.
    fn elsewhere(&self, found: Option<&str>) -> Option<Error> {
        let asked = self.subscription.after.as_deref().filter(|after| *after != NOW)?;
        let found = found.filter(|found| !found.is_empty() && *found != asked)?;
        Some(Error::Elsewhere { asked: asked.to_owned(), found: found.to_owned() })
    }

    fn advance(&mut self, id: Option<String>) {
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            self.subscription.after = Some(id);
        }
    }
}
