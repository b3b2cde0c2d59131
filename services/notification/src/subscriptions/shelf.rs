//! Where subscriptions are kept: three tables of the own store. It knows rows and no rules.
//!
//! Batches are queued here without waiting, in the order in which they were made; whoever has to know that one lasts
//! waits for it.

use std::{path::PathBuf, sync::Arc};

use hutong_store::{Batch, Store, Table};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::oneshot;

use super::record::{DeadLetter, FORM, Progress, Settings, SubscriptionId};
use crate::Error;

const SETTINGS: Table<[u8; 16], Vec<u8>> = Table::new("subscriptions");
const PROGRESS: Table<[u8; 16], Vec<u8>> = Table::new("subscription_progress");
/// By subscription and number.
const DEAD_LETTERS: Table<[u8; 24], Vec<u8>> = Table::new("subscription_dead_letters");

/// The tables.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    store: Arc<Store>,
    path: Arc<PathBuf>,
}

/// A batch that is queued.
#[derive(Debug)]
pub(crate) struct Queued(oneshot::Receiver<Result<(), hutong_store::Error>>);

impl Shelf {
    pub(crate) fn new(store: Arc<Store>, path: PathBuf) -> Self {
        Self { store, path: Arc::new(path) }
    }

    fn failed(&self, source: hutong_store::Error) -> Error {
        Error::Store { path: (*self.path).clone(), source }
    }

    /// Every subscription that is kept.
    pub(crate) fn load(&self) -> Result<Vec<(Settings, Progress)>, Error> {
        let snapshot = self.store.snapshot().map_err(|error| self.failed(error))?;
        let settings = snapshot.table(&SETTINGS).map_err(|error| self.failed(error))?;
        let progress = snapshot.table(&PROGRESS).map_err(|error| self.failed(error))?;
        let mut all = Vec::new();
        for row in settings.between(&[], None).map_err(|error| self.failed(error))? {
            let (id, row) = row.map_err(|error| self.failed(error))?;
            let settings: Settings = self.read(SETTINGS.name(), &row)?;
            let row = progress.get(&id).map_err(|error| self.failed(error))?;
            let row = row.ok_or_else(|| self.fault(PROGRESS.name(), format!("{} has none", settings.id)))?;
            let progress: Progress = self.read(PROGRESS.name(), &row)?;
            let newest = settings.form.max(progress.form);
            if newest > FORM {
                let reason = format!("form {newest} is of a later version; this one reads up to {FORM}");
                return Err(self.fault(SETTINGS.name(), reason));
            }
            all.push((settings, progress));
        }
        Ok(all)
    }

    /// Dead letters from a number on, at most so many.
    pub(crate) fn dead_letters(
        &self,
        id: SubscriptionId,
        from: u64,
        max: usize,
    ) -> Result<Vec<DeadLetter>, Error> {
        let snapshot = self.store.snapshot().map_err(|error| self.failed(error))?;
        let letters = snapshot.table(&DEAD_LETTERS).map_err(|error| self.failed(error))?;
        // No number is the largest there is.
        let rows =
            letters.range(&key(id, from), &key(id, u64::MAX)).map_err(|error| self.failed(error))?.take(max);
        rows.map(|row| self.read(DEAD_LETTERS.name(), &row.map_err(|error| self.failed(error))?.1)).collect()
    }

    /// Queues a batch.
    pub(crate) fn queue(&self, change: Change) -> Queued {
        let (done, queued) = oneshot::channel();
        self.store.write(change.0, move |written| {
            // Whoever does not wait learns of it at the next write: the store stops with the first that fails.
            let _ = done.send(written);
        });
        Queued(queued)
    }

    /// Returns once a batch can be read back in this process; a crash of the machine may take the last second.
    pub(crate) async fn written(&self, queued: Queued) -> Result<(), Error> {
        let stopped = hutong_store::Error::Stopped { reason: "its writer is gone".into() };
        queued.0.await.unwrap_or(Err(stopped)).map_err(|error| self.failed(error))
    }

    /// Returns once everything that is queued is on the disk.
    pub(crate) async fn synced(&self) -> Result<(), Error> {
        let store = self.store.clone();
        let synced = tokio::task::spawn_blocking(move || store.write_synced(Batch::default())).await;
        let stopped =
            |error: tokio::task::JoinError| hutong_store::Error::Stopped { reason: error.to_string() };
        synced.map_err(stopped).and_then(|synced| synced).map_err(|error| self.failed(error))
    }

    fn read<T: DeserializeOwned>(&self, table: &'static str, row: &[u8]) -> Result<T, Error> {
        serde_json::from_slice(row).map_err(|error| self.fault(table, error.to_string()))
    }

    fn fault(&self, table: &'static str, reason: String) -> Error {
        Error::Row { path: (*self.path).clone(), table, reason }
    }
}

/// Changes of rows that become visible together.
#[derive(Debug, Default)]
pub(crate) struct Change(Batch);

impl Change {
    pub(crate) fn settings(mut self, settings: &Settings) -> Result<Self, Error> {
        self.0.put(&SETTINGS, &settings.id.0, &row(SETTINGS.name(), settings)?);
        Ok(self)
    }

    pub(crate) fn progress(mut self, id: SubscriptionId, progress: &Progress) -> Result<Self, Error> {
        self.0.put(&PROGRESS, &id.0, &row(PROGRESS.name(), progress)?);
        Ok(self)
    }

    pub(crate) fn dead_letter(mut self, id: SubscriptionId, letter: &DeadLetter) -> Result<Self, Error> {
        self.0.put(&DEAD_LETTERS, &key(id, letter.sequence), &row(DEAD_LETTERS.name(), letter)?);
        Ok(self)
    }

    pub(crate) fn without_dead_letters(mut self, id: SubscriptionId, letters: &[u64]) -> Self {
        for sequence in letters {
            self.0.delete(&DEAD_LETTERS, &key(id, *sequence));
        }
        self
    }

    pub(crate) fn remove(mut self, id: SubscriptionId) -> Self {
        self.0.delete(&SETTINGS, &id.0);
        self.0.delete(&PROGRESS, &id.0);
        self
    }
}

fn key(id: SubscriptionId, sequence: u64) -> [u8; 24] {
    let mut key = [0; 24];
    key[..16].copy_from_slice(&id.0);
    key[16..].copy_from_slice(&sequence.to_be_bytes());
    key
}

fn row<T: Serialize>(table: &'static str, value: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| Error::Encode { table, reason: error.to_string() })
}
