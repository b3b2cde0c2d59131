//! Storage on a disk that remembers, and a bus that notes what storage lets out.

#![allow(clippy::unwrap_used, clippy::panic, dead_code, unreachable_pub, reason = "support of tests")]

use std::{
    collections::HashSet,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use hutong_bus::{
    AppendError, Appended, Batch, Bus, Entry, Error as BusError, Filter, Headers, Message, Request,
    SharedBus, Stream, Tip,
};
use hutong_journal::{Journal, Options, SyncPolicy, faulty::FaultyDisk};
use hutong_ledger::genesis::Genesis;
use hutong_peer::{ExecutedBlock, StoragePeer, Submitted, subjects};
use hutong_runtime::{SharedClock, SystemClock};
use hutong_storage::{Config, Error};
use hutong_store::{Backend, faulty::FaultyBackend};

use crate::support::{Node, config, name};

/// Kinds of records in the archive.
const VOTE: u8 = 3;
const COSIGNED: u8 = 6;

/// Something that binds the agency and left it.
#[derive(Clone, Debug)]
pub struct LetOut {
    /// The calls of the disk before it.
    pub calls: usize,
    /// The kind of record in the archive that it must be found as.
    pub kind: u8,
    pub bytes: Vec<u8>,
}

/// A bus that notes what is let out, at the moment when it is.
#[derive(Debug)]
pub struct Spy {
    bus: SharedBus,
    disk: FaultyDisk,
    out: Mutex<Vec<LetOut>>,
}

impl Spy {
    pub fn on(bus: SharedBus, disk: FaultyDisk) -> Arc<Self> {
        Arc::new(Self { bus, disk, out: Mutex::default() })
    }

    pub fn let_out(&self) -> Vec<LetOut> {
        self.out.lock().unwrap().clone()
    }
}

#[async_trait]
impl Bus for Spy {
    async fn append(&self, stream: Stream, batch: Batch) -> Result<Appended, AppendError> {
        self.bus.append(stream, batch).await
    }

    async fn read(
        &self,
        stream: Stream,
        filter: Filter,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Entry, BusError>>, BusError> {
        self.bus.read(stream, filter, from).await
    }

    async fn tip(&self, stream: Stream, subject: &str) -> Result<Tip, BusError> {
        self.bus.tip(stream, subject).await
    }

    async fn publish(&self, message: Message) -> Result<(), BusError> {
        let own = name(0);
        let kind = match &message.subject {
            subject if *subject == subjects::vote(&own) => Some(VOTE),
            subject if *subject == subjects::cosign(&own) => Some(COSIGNED),
            _ => None,
        };
        if let Some(kind) = kind {
            let out = LetOut { calls: self.disk.calls(), kind, bytes: message.payload.to_vec() };
            self.out.lock().unwrap().push(out);
        }
        self.bus.publish(message).await
    }

    async fn subscribe(&self, filter: Filter) -> Result<BoxStream<'static, Message>, BusError> {
        self.bus.subscribe(filter).await
    }

    async fn request(
        &self,
        subject: &str,
        headers: Headers,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Message, BusError> {
        self.bus.request(subject, headers, payload, timeout).await
    }

    async fn serve(&self, subject: &str) -> Result<BoxStream<'static, Request>, BusError> {
        self.bus.serve(subject).await
    }
}

/// What the archive in a directory holds, as kinds and bytes. A torn end is cut, as by any opening.
pub fn archived(dir: &Path) -> HashSet<(u8, Vec<u8>)> {
    let (journal, _) = Journal::open(&dir.join("archive"), Options::default()).unwrap();
    let records = journal.iter(1).map(|record| record.unwrap());
    records.map(|record| (record.kind, record.payload.to_vec())).collect()
}

/// Takes blocks of any age: they are made before the first image and judged until the last.
pub fn patient() -> Config {
    Config { header_behind_ms_max: 24 * 3600 * 1000, ..config() }
}

pub fn clock() -> SharedClock {
    SystemClock::shared()
}

/// How many images to try.
pub fn images_wanted(least: usize) -> usize {
    let asked = std::env::var("IMAGES").ok().map(|asked| asked.parse().expect("IMAGES is a number"));
    asked.unwrap_or(least)
}

impl Node {
    pub fn on_disk(
        agency: usize,
        genesis: &Genesis,
        bus: SharedBus,
        dir: &Path,
        config: Config,
        disk: &FaultyDisk,
    ) -> Result<Self, Error> {
        Self::kept(agency, genesis, &bus, dir, config, clock(), journal(disk), Some(tables(dir, disk)?))
    }

    pub fn lazy_on_disk(
        agency: usize,
        genesis: &Genesis,
        bus: SharedBus,
        dir: &Path,
        disk: &FaultyDisk,
    ) -> Result<Self, Error> {
        let lazy = Options { sync: SyncPolicy::WriteOnly, ..journal(disk) };
        Self::kept(agency, genesis, &bus, dir, config(), clock(), lazy, Some(tables(dir, disk)?))
    }

    /// Submits; an error when storage is gone.
    pub async fn try_submit(&self, block: &Arc<ExecutedBlock>) -> Result<(), hutong_peer::Error> {
        let session = self.storage.standing().await?.session;
        match self.storage.submit(session, block.clone()).await? {
            Submitted::Taken { .. } => Ok(()),
            other => panic!("{other:?}"),
        }
    }

    /// Whether a height becomes final before storage ends.
    pub async fn reaches(&self, height: u64) -> bool {
        let reached = self.storage.wait_final(height - 1, Duration::from_secs(20)).await;
        reached.is_ok_and(|reached| reached >= height)
    }
}

fn journal(disk: &FaultyDisk) -> Options {
    // Several segments in a short life.
    Options { segment_bytes_max: 8 << 10, faults: Some(Arc::new(disk.clone())), ..Options::default() }
}

/// The tables in memory, watched from the moment at which their file is whole: before that it has no name.
fn tables(dir: &Path, disk: &FaultyDisk) -> Result<Backend, Error> {
    Ok(Backend::new(FaultyBackend::new_store(dir.join("state.redb"), Arc::new(disk.clone()))?))
}
