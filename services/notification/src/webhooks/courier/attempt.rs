//! One attempt at one event, and doing what follows from it. Whatever it comes to is kept before anything else is sent.

use std::{sync::Arc, time::Duration};

use cloudevents::{AttributesReader, Event};
use hutong_peer::FinalTransaction;

use super::{Courier, Done, Next, Turn};
use crate::{
    Error,
    cursor::EventPosition,
    event::receipt,
    subscriptions::{
        record::{Attempts, DeadLetter, FORM, Failure, Settings, Status, Stopped},
        shelf::Change,
    },
    webhooks::{
        message,
        policy::{Decision, Outcome, decide, outcome},
    },
};

impl Courier {
    /// One attempt at one event, and what follows from it.
    pub(super) async fn event(
        &mut self,
        turn: &mut Turn,
        tx: &FinalTransaction,
        change: u32,
        letter: Option<DeadLetter>,
    ) -> Result<Done, Error> {
        let sequence = letter.as_ref().map_or(turn.progress.sequence + 1, |letter| letter.sequence);
        let event = self.node.envelopes.event(tx, change, sequence)?;
        if !self.may_send(turn).await {
            return Ok(Done::Leave(Next::Look));
        }
        let outcome = self.attempt(turn, &event).await?;
        let decision = self.judge(turn, &outcome);
        let position = EventPosition::new(tx.position, change);
        let mut rows = Change::default();
        match decision {
            Decision::Retry { pause, .. } => return Ok(Done::Leave(self.pause(turn, pause).await?)),
            Decision::Stop(why) => return Ok(Done::Leave(self.stop(turn, why).await?)),
            Decision::Advance => {
                if letter.is_some() {
                    rows = rows.without_dead_letters(self.hook.id, &[sequence]);
                    turn.progress.dead_letters = turn.progress.dead_letters.saturating_sub(1);
                }
            }
            Decision::LayAside => {
                let full = turn.progress.dead_letters >= self.node.webhooks.config().dead_letters_max;
                if letter.is_none() && full {
                    return Ok(Done::Leave(self.stop(turn, Stopped::DeadLettersFull).await?));
                }
                let laid_aside = self.lay_aside(turn, tx, position, sequence, &event);
                rows = rows.dead_letter(self.hook.id, &laid_aside)?;
                if letter.is_none() {
                    turn.progress.dead_letters += 1;
                    self.meters.laid_aside.inc();
                }
            }
        }
        turn.progress.attempts = Attempts::default();
        if letter.is_some() {
            turn.progress.redeliver = Some(sequence + 1);
        } else {
            (turn.progress.position, turn.progress.sequence) = (position, sequence);
        }
        Ok(if self.keep(turn, None, rows).await? { Done::Next } else { Done::Leave(Next::Look) })
    }

    /// Waits as long as the receiver's rate asks for; false if the owner has changed something by then.
    async fn may_send(&self, turn: &Turn) -> bool {
        let wait = self.next_request.saturating_sub(self.node.clock.monotonic());
        if wait > Duration::ZERO {
            tokio::select! {
                () = self.hook.changed_since(turn.since.version) => {}
                () = self.node.clock.sleep(wait) => {}
            }
        }
        self.hook.is_as(turn.since.version)
    }

    async fn attempt(&mut self, turn: &Turn, event: &Event) -> Result<Outcome, Error> {
        let (clock, webhooks) = (&self.node.clock, &self.node.webhooks);
        if let Some(rate) = turn.settings.permission.and_then(|permission| permission.rate_per_minute) {
            self.next_request = clock.monotonic() + Duration::from_secs(60) / rate.max(1);
        }
        let request = message::request(&turn.settings, event, clock.unix_ms())?;
        let began = clock.monotonic();
        let answer = webhooks.sender.send(request).await;
        self.meters.seconds.observe(clock.monotonic().saturating_sub(began).as_secs_f64());
        let outcome = outcome(answer, clock.unix_ms());
        if outcome == Outcome::Delivered {
            self.meters.delivered.inc();
        }
        Ok(outcome)
    }

    /// What follows from an attempt; what it says of the receiver is noted.
    pub(super) fn judge(&self, turn: &mut Turn, outcome: &Outcome) -> Decision {
        let webhooks = &self.node.webhooks;
        let (settings, attempts) = (&turn.settings, &mut turn.progress.attempts);
        let decision = decide(outcome, attempts, &settings.retry, webhooks.config(), &webhooks.jitter);
        let failure = match outcome {
            Outcome::Delivered => None,
            Outcome::Gone => Some(("gone", "the receiver answered 410 Gone".to_owned())),
            Outcome::Later { status, .. } => Some(("later", format!("the receiver answered {status}"))),
            Outcome::Failed { reason, detail } => Some((*reason, detail.clone())),
        };
        if let Some((reason, detail)) = failure {
            self.meters.failed(reason);
            let at_ms = self.node.clock.unix_ms();
            attempts.last = Some(Failure { at_ms, reason: reason.to_owned(), detail });
            attempts.failed = attempts.failed.saturating_add(1);
        }
        if let Decision::Retry { pause, counts } = decision {
            attempts.failed -= u32::from(!counts);
            let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            attempts.waited_ms = attempts.waited_ms.saturating_add(pause_ms);
        }
        decision
    }

    fn lay_aside(
        &self,
        turn: &Turn,
        tx: &FinalTransaction,
        position: EventPosition,
        sequence: u64,
        event: &Event,
    ) -> DeadLetter {
        let laid_aside_ms = self.node.clock.unix_ms();
        let attempts = &turn.progress.attempts;
        let unknown = || Failure { at_ms: laid_aside_ms, reason: "unknown".into(), detail: String::new() };
        DeadLetter {
            form: FORM,
            sequence,
            position,
            event: event.id().to_owned(),
            transaction: tx.id,
            receipt: receipt(tx),
            attempts: attempts.failed,
            laid_aside_ms,
            failure: attempts.last.clone().unwrap_or_else(unknown),
        }
    }

    pub(super) async fn pause(&self, turn: &Turn, pause: Duration) -> Result<Next, Error> {
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        let due = self.node.clock.unix_ms().saturating_add(pause_ms);
        let kept = self.keep(turn, Some(due), Change::default()).await?;
        Ok(if kept { Next::Pause(pause) } else { Next::Look })
    }

    pub(super) async fn stop(&self, turn: &mut Turn, why: Stopped) -> Result<Next, Error> {
        let stopped = Some((why, self.node.clock.unix_ms()));
        tracing::info!(subscription = %self.hook.id, owner = %self.hook.owner, ?why, "a subscription stops");
        turn.settings = Arc::new(Settings { status: Status::Stopped, stopped, ..(*turn.settings).clone() });
        self.keep(turn, None, Change::default()).await?;
        Ok(Next::Look)
    }

    pub(super) async fn keep(&self, turn: &Turn, due_ms: Option<u64>, rows: Change) -> Result<bool, Error> {
        let shelf = &self.node.webhooks.hooks.shelf;
        self.hook.settle(shelf, turn.since, &turn.settings, &turn.progress, due_ms, rows).await
    }
}
