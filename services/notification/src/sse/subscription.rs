//! One open subscription: turns final transactions into blocks of an event stream, one at a time, when asked.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axum::response::sse::Event as Block;
use hutong_ledger::id::{AgencyId, Domain};
use hutong_peer::FinalTransaction;
use hutong_runtime::{Shutdown, http::Problem};

use crate::{
    Error,
    cursor::EventPosition,
    feed::Feed,
    filter::Filter,
    grant::not_a_host,
    service::{Node, error_chain},
    subscribers::Place,
};

/// How long a client waits before it reconnects.
const RECONNECT: Duration = Duration::from_secs(2);

pub(super) struct Subscription {
    node: Arc<Node>,
    caller: AgencyId,
    domains: Arc<[Domain]>,
    filter: Filter,
    feed: Feed,
    /// What the client has been told of.
    position: EventPosition,
    page: VecDeque<FinalTransaction>,
    /// Events of this subscription so far.
    sequence: u64,
    /// When the last block went out, on the monotonic clock.
    spoke: Duration,
    greeted: bool,
    ended: bool,
    place: Place,
    shutdown: Shutdown,
}

impl Subscription {
    #[expect(clippy::too_many_arguments, reason = "it is made in one place, of these parts")]
    pub(super) fn new(
        node: Arc<Node>,
        caller: AgencyId,
        domains: Arc<[Domain]>,
        filter: Filter,
        feed: Feed,
        position: EventPosition,
        place: Place,
        shutdown: Shutdown,
    ) -> Self {
        let spoke = node.clock.monotonic();
        let (page, sequence, greeted, ended) = (VecDeque::new(), 0, false, false);
        Self {
            node,
            caller,
            domains,
            filter,
            feed,
            position,
            page,
            sequence,
            spoke,
            greeted,
            ended,
            place,
            shutdown,
        }
    }

    /// The next block; None when the subscription ends, and the client may come back.
    pub(super) async fn next(&mut self) -> Option<Block> {
        if self.ended {
            return None;
        }
        let block = if self.greeted { self.advance().await } else { Some(self.greeting()) };
        self.spoke = self.node.clock.monotonic();
        let lag = i64::try_from(self.feed.lag_heights()).unwrap_or(i64::MAX);
        self.place.lag_heights.set(lag);
        self.ended |= block.is_none();
        block
    }

    /// The first block comes at once: the client sees that it is connected, and where.
    fn greeting(&mut self) -> Block {
        self.greeted = true;
        self.bare("connected").retry(RECONNECT)
    }

    async fn advance(&mut self) -> Option<Block> {
        loop {
            if self.shutdown.is_draining() {
                return None;
            }
            if let Some(tx) = self.page.front()
                && let Some(change) = self.next_change(tx)
            {
                return self.event(change);
            }
            if let Some(done) = self.page.pop_front() {
                self.position = self.position.max(EventPosition::after(done.position));
                continue;
            }
            match self.fetch().await {
                Ok(Fetched::Some) => {}
                Ok(Fetched::Heartbeat) => return Some(self.bare("alive")),
                Ok(Fetched::Refused(problem)) => return Some(self.refuse(&problem)),
                Ok(Fetched::Ended) => return None,
                Err(error) => {
                    // The client comes back and goes on from its last id.
                    tracing::warn!(subscriber = %self.caller, error = error_chain(&error), "a subscription breaks off");
                    return None;
                }
            }
        }
    }

    /// The first change of a transaction that the client wants and was not told of.
    fn next_change(&self, tx: &FinalTransaction) -> Option<u32> {
        (1..).zip(&tx.changes).find_map(|(change, versioned)| {
            let news = !self.position.covers(tx.position, change) && self.filter.wants(tx, versioned);
            news.then_some(change)
        })
    }

    fn event(&mut self, change: u32) -> Option<Block> {
        let tx = self.page.front()?;
        let position = EventPosition::new(tx.position, change);
        let event = self.node.envelopes.event(tx, change, self.sequence + 1);
        let json = event.and_then(|event| {
            let envelope =
                |error: serde_json::Error| Error::Envelope { domain: tx.domain, reason: error.to_string() };
            serde_json::to_string(&event).map_err(envelope)
        });
        match json {
            Ok(json) => {
                self.sequence += 1;
                self.position = position;
                self.place.delivered.inc();
                Some(Block::default().id(position.to_string()).data(json))
            }
            Err(error) => {
                tracing::error!(subscriber = %self.caller, error = error_chain(&error), "a subscription breaks off");
                None
            }
        }
    }

    /// Gets the next page, or waits until there is one, or until it is time for a sign of life.
    async fn fetch(&mut self) -> Result<Fetched, Error> {
        let page = self.feed.page().await?;
        if !page.transactions.is_empty() {
            if let Some(problem) = self.refusal().await? {
                return Ok(Fetched::Refused(problem));
            }
            self.page = page.transactions.into();
            return Ok(Fetched::Some);
        }
        self.position = self.position.max(EventPosition::after(self.feed.position()));
        let heartbeat = self.node.config.heartbeat();
        let silent = self.node.clock.monotonic().saturating_sub(self.spoke);
        if page.more && silent < heartbeat {
            return Ok(Fetched::Some);
        }
        if page.more {
            return Ok(Fetched::Heartbeat);
        }
        Ok(tokio::select! {
            () = self.shutdown.draining() => Fetched::Ended,
            () = self.feed.wait() => Fetched::Some,
            () = self.node.clock.sleep(heartbeat.saturating_sub(silent)) => Fetched::Heartbeat,
        })
    }

    /// Membership may have changed since the subscription began: only who may read the domain now gets what is final now.
    async fn refusal(&self) -> Result<Option<Problem>, Error> {
        let epoch = self.node.source.storage.standing().await?.epoch;
        let lost = self.domains.iter().find(|domain| !epoch.may_read(&self.caller, **domain));
        Ok(lost.map(|domain| not_a_host(self.caller, Some(*domain))))
    }

    fn refuse(&mut self, problem: &Problem) -> Block {
        self.ended = true;
        Block::default().event("problem").data(problem.to_json().to_string())
    }

    /// A block without an event: it says that the connection is alive, and moves the client's position on.
    fn bare(&self, comment: &str) -> Block {
        Block::default().id(self.position.to_string()).comment(comment)
    }
}

enum Fetched {
    /// Look again.
    Some,
    Heartbeat,
    Refused(Problem),
    Ended,
}
