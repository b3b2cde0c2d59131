//! One subscription while it runs: what it is, where it stands, and that its owner and its courier change it in turn.

use std::sync::Arc;

use hutong_ledger::id::AgencyId;
use parking_lot::Mutex;
use tokio::sync::{Mutex as Turns, watch};

use super::{
    record::{Progress, Settings, SubscriptionId},
    shelf::{Change, Shelf},
};
use crate::Error;

/// A subscription that runs.
#[derive(Debug)]
pub(crate) struct Hook {
    pub(crate) id: SubscriptionId,
    pub(crate) owner: AgencyId,
    state: Mutex<State>,
    /// Held until a change can be read back: what is read by whoever holds it is complete.
    turns: Turns<()>,
    /// The owner's changes, for the courier: it looks again once what it has under way is done.
    version: watch::Sender<u64>,
}

/// When a look was taken, in the owner's changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Since {
    pub(crate) version: u64,
    pub(crate) moves: u64,
}

/// A look at it.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) settings: Arc<Settings>,
    pub(crate) progress: Progress,
    /// When the next attempt is due, if there is a pause.
    pub(crate) next_attempt_ms: Option<u64>,
    pub(crate) removed: bool,
    /// Counts the owner's changes.
    pub(crate) version: u64,
    /// Counts those of them that concern the progress.
    pub(crate) moves: u64,
}

impl Hook {
    pub(crate) fn new(settings: Settings, progress: Progress) -> Arc<Self> {
        let (id, owner) = (settings.id, settings.owner);
        let state = State {
            settings: Arc::new(settings),
            progress,
            next_attempt_ms: None,
            removed: false,
            version: 0,
            moves: 0,
        };
        Arc::new(Self {
            id,
            owner,
            state: Mutex::new(state),
            turns: Turns::new(()),
            version: watch::Sender::new(0),
        })
    }

    pub(crate) fn look(&self) -> State {
        self.state.lock().clone()
    }

    /// Returns when the owner has changed something since a look.
    pub(crate) async fn changed_since(&self, version: u64) {
        // The sender is in `self`, so it outlives the wait.
        let _ = self.version.subscribe().wait_for(|now| *now != version).await;
    }

    /// A change by the owner. What the function refuses leaves everything as it was.
    pub(crate) async fn change<T, E: From<Error>>(
        &self,
        shelf: &Shelf,
        change: impl FnOnce(&mut Settings, &mut Progress) -> Result<(T, Change), E>,
    ) -> Result<T, E> {
        let _turn = self.turns.lock().await;
        let (told, queued) = {
            let mut state = self.state.lock();
            let (mut settings, mut progress) = ((*state.settings).clone(), state.progress.clone());
            let (told, rows) = change(&mut settings, &mut progress)?;
            let rows = rows.settings(&settings)?.progress(self.id, &progress)?;
            let queued = shelf.queue(rows);
            state.moves += u64::from(state.progress != progress);
            (state.settings, state.progress, state.next_attempt_ms) = (Arc::new(settings), progress, None);
            state.version += 1;
            self.version.send_replace(state.version);
            (told, queued)
        };
        shelf.written(queued).await?;
        shelf.synced().await?;
        Ok(told)
    }

    /// Whether the owner has changed nothing since a look.
    pub(crate) fn is_as(&self, version: u64) -> bool {
        *self.version.borrow() == version
    }

    /// Keeps what the courier came to since a look. What the owner changed meanwhile stands: the courier's settings
    /// count only if he was not there, its progress only if he did not move it. False says to look again.
    pub(crate) async fn settle(
        &self,
        shelf: &Shelf,
        since: Since,
        settings: &Arc<Settings>,
        progress: &Progress,
        next_attempt_ms: Option<u64>,
        rows: Change,
    ) -> Result<bool, Error> {
        let _turn = self.turns.lock().await;
        let (queued, unchanged) = {
            let mut state = self.state.lock();
            if state.removed || state.moves != since.moves {
                return Ok(false);
            }
            let unchanged = state.version == since.version;
            let mut rows = rows.progress(self.id, progress)?;
            if unchanged && !Arc::ptr_eq(settings, &state.settings) {
                rows = rows.settings(settings)?;
                state.settings = settings.clone();
            }
            state.progress = progress.clone();
            state.next_attempt_ms = next_attempt_ms;
            (shelf.queue(rows), unchanged)
        };
        shelf.written(queued).await?;
        Ok(unchanged)
    }

    /// Moves the position on over what is no event of this subscription; it is kept with the next delivery.
    pub(crate) fn pass_over(&self, since: Since, progress: &Progress) {
        let mut state = self.state.lock();
        if state.moves == since.moves {
            state.progress.position = progress.position;
            state.next_attempt_ms = None;
        }
    }

    /// Ends it, with everything that is kept of it.
    pub(crate) async fn remove(&self, shelf: &Shelf) -> Result<(), Error> {
        let _turn = self.turns.lock().await;
        let letters = shelf.dead_letters(self.id, 0, usize::MAX)?;
        let letters: Vec<u64> = letters.iter().map(|letter| letter.sequence).collect();
        {
            let mut state = self.state.lock();
            state.removed = true;
            state.version += 1;
            self.version.send_replace(state.version);
            drop(shelf.queue(Change::default().without_dead_letters(self.id, &letters).remove(self.id)));
        }
        shelf.synced().await
    }

    /// Drops the dead letters; how many they were.
    pub(crate) async fn discard(&self, shelf: &Shelf) -> Result<u64, Error> {
        let _turn = self.turns.lock().await;
        let letters = shelf.dead_letters(self.id, 0, usize::MAX)?;
        let letters: Vec<u64> = letters.iter().map(|letter| letter.sequence).collect();
        {
            let mut state = self.state.lock();
            (state.progress.dead_letters, state.progress.redeliver) = (0, None);
            (state.version, state.moves) = (state.version + 1, state.moves + 1);
            let rows = Change::default().without_dead_letters(self.id, &letters);
            drop(shelf.queue(rows.progress(self.id, &state.progress)?));
            self.version.send_replace(state.version);
        }
        shelf.synced().await?;
        Ok(letters.len() as u64)
    }
}
