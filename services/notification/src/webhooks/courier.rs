//! Delivers one subscription: asks the receiver first, then one event after the other, each until it is taken or
//! given up. Every subscription has a courier of its own, so a slow receiver keeps nobody waiting but itself.
//!
//! What follows from an attempt is decided in `policy`; here it is done, and kept before the next attempt. While it
//! waits for a receiver to come back it holds no events: they are asked for again.

use std::{sync::Arc, time::Duration};

use hutong_ledger::id::Domain;

use super::{
    handshake::{self, Reply},
    meters::Own,
    policy::Decision,
};
use crate::{
    Error,
    cursor::EventPosition,
    feed::Feed,
    grant::granted,
    service::{Node, error_chain},
    subscriptions::{
        hook::{Hook, Since, State},
        record::{Attempts, Failure, Permission, Progress, Settings, Status, Stopped},
        shelf::Change,
    },
};

mod attempt;

/// Membership is looked at again when the last look is older than this.
const GRANT_FRESH: Duration = Duration::from_secs(1);
/// A position that only moved over what is no event of the subscription is kept this often.
const PASSED_OVER_KEPT: Duration = Duration::from_secs(10);

/// Delivers one subscription.
#[derive(Debug)]
pub(crate) struct Courier {
    node: Arc<Node>,
    hook: Arc<Hook>,
    meters: Own,
    /// Before this the receiver's rate allows no other request.
    next_request: Duration,
    /// When a position that was passed over was last kept.
    kept: Duration,
}

/// What the courier works on until the owner changes something.
struct Turn {
    since: Since,
    settings: Arc<Settings>,
    progress: Progress,
}

/// What to do next.
enum Next {
    /// Look at everything again.
    Look,
    Pause(Duration),
}

/// What an event came to.
enum Done {
    Next,
    Leave(Next),
}

impl Courier {
    pub(crate) fn new(node: Arc<Node>, hook: Arc<Hook>) -> Self {
        let meters = node.webhooks.meters.of(hook.owner);
        Self { node, hook, meters, next_request: Duration::ZERO, kept: Duration::ZERO }
    }

    /// Runs until the subscription is removed, or until something fails that needs an operator.
    pub(crate) async fn run(mut self) -> Result<(), Error> {
        loop {
            let State { settings, progress, removed, version, moves, .. } = self.hook.look();
            if removed {
                return Ok(());
            }
            let hook = self.hook.clone();
            let mut turn = Turn { since: Since { version, moves }, settings, progress };
            let pause = match self.go(&mut turn).await {
                Ok(Next::Look) => continue,
                Ok(Next::Pause(pause)) => pause,
                Err(error) if needs_operator(&error) => return Err(error),
                // The service says once that storage is away; every courier need not.
                Err(error @ Error::Peer(_)) => {
                    tracing::debug!(subscription = %hook.id, error = error_chain(&error), "a subscription waits");
                    self.node.config.retry()
                }
                Err(error) => {
                    tracing::warn!(subscription = %hook.id, error = error_chain(&error), "a subscription pauses");
                    self.node.config.retry()
                }
            };
            tokio::select! {
                () = hook.changed_since(version) => {}
                () = self.node.clock.sleep(pause) => {}
            }
        }
    }

    async fn go(&mut self, turn: &mut Turn) -> Result<Next, Error> {
        match turn.settings.status {
            Status::Pending => self.ask(turn).await,
            Status::Active if turn.progress.redeliver.is_some() => self.redeliver(turn).await,
            Status::Active => self.deliver(turn).await,
            Status::Paused | Status::Stopped => {
                self.hook.changed_since(turn.since.version).await;
                Ok(Next::Look)
            }
        }
    }

    /// The handshake.
    async fn ask(&mut self, turn: &mut Turn) -> Result<Next, Error> {
        let webhooks = &self.node.webhooks;
        let at_ms = self.node.clock.unix_ms();
        if !webhooks.config().handshake {
            return self.admit(turn, Permission { at_ms, rate_per_minute: None }).await;
        }
        let request = handshake::request(&turn.settings, &webhooks.origin)?;
        let answer = webhooks.sender.send(request).await;
        match handshake::reply(answer, &webhooks.origin, at_ms) {
            Reply::Granted { rate_per_minute } => {
                self.admit(turn, Permission { at_ms, rate_per_minute }).await
            }
            Reply::Refused(detail) => {
                let reason = "handshake_refused".to_owned();
                turn.progress.attempts.last = Some(Failure { at_ms, reason, detail });
                self.meters.failed("handshake_refused");
                self.stop(turn, Stopped::HandshakeRefused).await
            }
            Reply::Open(open) => {
                let decision = self.judge(turn, &open);
                match decision {
                    Decision::Retry { pause, .. } => self.pause(turn, pause).await,
                    // No leave in all this time is none.
                    Decision::Advance | Decision::LayAside | Decision::Stop(_) => {
                        self.stop(turn, Stopped::HandshakeRefused).await
                    }
                }
            }
        }
    }

    async fn admit(&self, turn: &mut Turn, permission: Permission) -> Result<Next, Error> {
        let settings =
            Settings { status: Status::Active, permission: Some(permission), ..(*turn.settings).clone() };
        turn.settings = Arc::new(settings);
        turn.progress.attempts = Attempts::default();
        self.keep(turn, None, Change::default()).await?;
        Ok(Next::Look)
    }

    /// Events in their order, until there is a reason to look at everything again.
    async fn deliver(&mut self, turn: &mut Turn) -> Result<Next, Error> {
        let Some(domains) = self.granted(&turn.settings).await? else {
            return self.stop(turn, Stopped::NotAHost).await;
        };
        let mut looked = self.node.clock.monotonic();
        let page_max = self.node.webhooks.config().page_transactions_max;
        let after = turn.progress.position.ask_after();
        let mut feed = Feed::new(self.node.source.clone(), Some(domains.clone().into()), after, page_max);
        loop {
            let page = feed.page().await?;
            for tx in &page.transactions {
                for (change, versioned) in (1..).zip(&tx.changes) {
                    let told = turn.progress.position.covers(tx.position, change);
                    if told || !turn.settings.filter.wants(tx, versioned) {
                        continue;
                    }
                    if self.node.clock.monotonic().saturating_sub(looked) > GRANT_FRESH {
                        if self.granted(&turn.settings).await?.as_ref() != Some(&domains) {
                            return Ok(Next::Look);
                        }
                        looked = self.node.clock.monotonic();
                    }
                    match self.event(turn, tx, change, None).await? {
                        Done::Next => {}
                        Done::Leave(next) => return Ok(next),
                    }
                }
                turn.progress.position = turn.progress.position.max(EventPosition::after(tx.position));
            }
            turn.progress.position = turn.progress.position.max(EventPosition::after(feed.position()));
            self.pass_over(turn).await?;
            if page.transactions.is_empty() && !page.more {
                tokio::select! {
                    () = self.hook.changed_since(turn.since.version) => {}
                    () = feed.wait() => {}
                }
            }
            if !self.hook.is_as(turn.since.version) {
                return Ok(Next::Look);
            }
        }
    }

    /// The next dead letter that the owner wants delivered again.
    async fn redeliver(&mut self, turn: &mut Turn) -> Result<Next, Error> {
        let from = turn.progress.redeliver.unwrap_or_default();
        let letter = self.node.webhooks.hooks.shelf.dead_letters(self.hook.id, from, 1)?.pop();
        let Some(letter) = letter else {
            turn.progress.redeliver = None;
            self.keep(turn, None, Change::default()).await?;
            return Ok(Next::Look);
        };
        let Some(domains) = self.granted(&turn.settings).await? else {
            return self.stop(turn, Stopped::NotAHost).await;
        };
        let mut feed =
            Feed::new(self.node.source.clone(), Some(domains.into()), letter.position.ask_after(), 1);
        let page = feed.page().await?;
        let (at, change) = (letter.position.transaction, letter.position.change);
        let tx = page.transactions.iter().find(|tx| tx.position == at && tx.id == letter.transaction);
        match tx {
            Some(tx) => match self.event(turn, tx, change, Some(letter)).await? {
                Done::Next => Ok(Next::Look),
                Done::Leave(next) => Ok(next),
            },
            // Of a domain that the owner does not see any more.
            None => {
                turn.progress.redeliver = Some(letter.sequence + 1);
                self.keep(turn, None, Change::default()).await?;
                Ok(Next::Look)
            }
        }
    }

    async fn pass_over(&mut self, turn: &Turn) -> Result<(), Error> {
        let now = self.node.clock.monotonic();
        if now.saturating_sub(self.kept) >= PASSED_OVER_KEPT {
            self.kept = now;
            self.keep(turn, None, Change::default()).await?;
        } else {
            self.hook.pass_over(turn.since, &turn.progress);
        }
        Ok(())
    }

    /// What the owner may see of what it asked for, now; none: it may not see something that it asked for.
    async fn granted(&self, settings: &Settings) -> Result<Option<Vec<Domain>>, Error> {
        let epoch = self.node.source.storage.standing().await?.epoch;
        Ok(granted(&epoch, settings.owner, self.node.agency, &settings.filter.domains).ok())
    }
}

/// What storage tells wrongly is asked for again: nothing is passed over by that, and it is counted.
fn needs_operator(error: &Error) -> bool {
    let asked_again = matches!(error, Error::Gap { .. } | Error::Order { .. } | Error::Envelope { .. });
    error.is_final() && !asked_again
}
