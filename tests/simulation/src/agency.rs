//! A node's lives: storage, validation, and where the agency has them ordering and ingest. A crash drops all of it at
//! whatever it awaits, with what was not synced; the next life opens what is left, in a folder of its own.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hutong_bus::SharedBus;
use hutong_ingest::IngestService;
use hutong_journal::{Options, SyncPolicy};
use hutong_ledger::{epoch::Purpose, invariant::Invariant};
use hutong_ordering::OrderingService;
use hutong_peer::SharedStorage;
use hutong_runtime::{ComputePool, InvariantCounters, Metrics, SharedClock};
use hutong_storage::{Config, Setup, StorageService};
use hutong_store::{Backend, faulty::FaultyBackend};
use hutong_validation::ValidationService;
use tokio::{
    sync::Notify,
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use crate::{
    bus::FaultyBus,
    city::{ORDERERS, contracts, key, name},
    disk::Disk,
    world::{SkewedClock, World},
};

/// What a life leaves.
struct Left {
    /// The synced bytes of the tables.
    tables: Vec<u8>,
    /// Whether it was told to stop, and did.
    stopped: bool,
}

/// Runs an agency until the run ends; gives the folder that it leaves.
pub(crate) fn start(world: &Arc<World>, at: usize) -> JoinHandle<PathBuf> {
    let world = world.clone();
    tokio::spawn(async move {
        let folder = |life: u64| world.folder.path().join(format!("{at}-{life}"));
        let mut tables = Vec::new();
        for life in 0_u64.. {
            let left = live(&world, at, &folder(life), tables).await;
            world.note("ended", at, &[u8::from(left.stopped)]);
            copy(&folder(life), &folder(life + 1));
            if left.stopped {
                std::fs::write(folder(life + 1).join("state.redb"), &left.tables).unwrap();
                return folder(life + 1);
            }
            tables = left.tables;
            tokio::time::sleep(Duration::from_millis(50 + world.below(1500))).await;
        }
        unreachable!("lives do not run out")
    })
}

/// What of an agency's services is the same for all of them.
#[derive(Clone)]
struct Common {
    world: Arc<World>,
    at: usize,
    bus: SharedBus,
    clock: SharedClock,
    pool: ComputePool,
    storage: SharedStorage,
    alive: Arc<AtomicBool>,
    folder: PathBuf,
}

async fn live(world: &Arc<World>, at: usize, folder: &Path, tables: Vec<u8>) -> Left {
    let alive = Arc::new(AtomicBool::new(true));
    let node = &world.nodes[at];
    let backend =
        if tables.is_empty() { FaultyBackend::default() } else { FaultyBackend::from_image(tables) };
    let bus: SharedBus = Arc::new(FaultyBus { world: world.clone(), agency: at, alive: alive.clone() });
    let clock: SharedClock = Arc::new(SkewedClock(world.clone(), at));
    let metrics = Metrics::new();
    let ids = Invariant::ALL.map(|invariant| invariant.id());
    let opened = StorageService::open(Setup {
        agency: name(at),
        dir: folder.to_owned(),
        genesis: world.genesis.clone(),
        host_key: key(at, Purpose::Host),
        log_keys: vec![key(at, Purpose::Log)],
        contracts: contracts(),
        config: Config { cache_bytes: 1 << 20, sync_every_ms: 0, in_step: true, ..Config::default() },
        journal: journal(world, at, &alive),
        tables: Some(Backend::new(backend.clone())),
        bus: bus.clone(),
        clock: clock.clone(),
        invariants: InvariantCounters::new(&metrics, &ids),
        metrics,
    });
    let (service, storage) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            if alive.load(Ordering::Relaxed) && world.rates.lock().full != Some(at) {
                world.broke(format!("FINAL: {} does not open what its crash left: {error}", name(at)));
            }
            return Left { tables: backend.crash_image(|_| false), stopped: world.stop.is_cancelled() };
        }
    };
    let common = Common {
        world: world.clone(),
        at,
        bus,
        clock,
        pool: world.pool.clone(),
        storage: Arc::new(storage.clone()),
        alive: alive.clone(),
        folder: folder.to_owned(),
    };
    *node.storage.lock() = Some(storage);
    let stop = CancellationToken::new();
    let mut running = tokio::spawn(service.run(stop.clone()));
    let mut others = JoinSet::new();
    others.spawn(validate(common.clone()));
    if at < ORDERERS {
        others.spawn(order(common.clone()));
    }
    if at == 0 {
        others.spawn(take_in(common.clone()));
    }
    drop(common);
    let mut ended = None;
    let stopped = tokio::select! {
        biased;
        () = world.stop.cancelled() => true,
        () = node.crash.notified() => false,
        end = &mut running => { ended = Some(end); false }
    };
    if stopped {
        stop.cancel();
        let _ = (&mut running).await;
    }
    if let Some(Ok(Err(error))) = &ended {
        world.note("storage ended", at, &[]);
        if alive.load(Ordering::Relaxed) && error.invariant().is_some() {
            world.broke(format!("{}: {error}", name(at)));
        }
    }
    alive.store(false, Ordering::Relaxed);
    let tables = backend.crash_image(|_| false);
    backend.fail_after(0);
    *node.storage.lock() = None;
    if at == 0 {
        *world.ingest.lock() = None;
    }
    if ended.is_none() && !stopped {
        running.abort();
        let _ = running.await;
    }
    others.shutdown().await;
    Left { tables, stopped }
}

/// A process crash keeps what was written, so nothing has to reach a real disk; what a power cut leaves is for
/// storage's own tests.
fn journal(world: &Arc<World>, at: usize, alive: &Arc<AtomicBool>) -> Options {
    let disk = Disk { world: world.clone(), agency: at, alive: alive.clone() };
    Options { sync: SyncPolicy::WriteOnly, faults: Some(Arc::new(disk)), ..Options::default() }
}

/// Runs a service; when it is told to crash, or ends, it begins again a little later.
async fn keep<F: Future>(world: &World, kick: &Notify, mut make: impl FnMut() -> F) {
    loop {
        tokio::select! {
            biased;
            () = kick.notified() => {}
            _ = make() => {}
        }
        tokio::time::sleep(Duration::from_millis(20 + world.below(500))).await;
    }
}

async fn validate(common: Common) {
    let Common { world, at, bus, clock, pool, storage, .. } = common;
    let node = &world.nodes[at];
    keep(&world, &node.kick[0], || {
        let ports = hutong_validation::Ports {
            bus: bus.clone(),
            storage: storage.clone(),
            pool: pool.clone(),
            clock: clock.clone(),
            host_key: Arc::new(key(at, Purpose::Host)),
        };
        let config = hutong_validation::Config::default();
        ValidationService::new(name(at), config, contracts(), ports).run(CancellationToken::new())
    })
    .await;
}

async fn order(common: Common) {
    let Common { world, at, bus, clock, storage, .. } = common;
    let node = &world.nodes[at];
    keep(&world, &node.kick[1], || {
        let key = Arc::new(key(at, Purpose::Orderer));
        let ports =
            hutong_ordering::Ports { bus: bus.clone(), storage: storage.clone(), clock: clock.clone(), key };
        OrderingService::new(name(at), hutong_ordering::Config::default(), ports)
            .run(CancellationToken::new())
    })
    .await;
}

async fn take_in(common: Common) {
    let Common { world, at, bus, clock, pool, storage, alive, folder } = common;
    let node = &world.nodes[at];
    let place = |life: u64| folder.join(format!("ingest-{life}"));
    let mut life = (0..).take_while(|life| place(*life).is_dir()).count() as u64;
    loop {
        if life > 0 {
            copy(&place(life - 1), &place(life));
        }
        let own = Arc::new(AtomicBool::new(alive.load(Ordering::Relaxed)));
        let ports = hutong_ingest::Ports {
            bus: bus.clone(),
            storage: storage.clone(),
            clock: clock.clone(),
            pool: pool.clone(),
            metrics: Metrics::new(),
            key: Arc::new(key(at, Purpose::Ingest)),
            contracts: contracts(),
        };
        let journal = journal(&world, at, &own);
        let dead = Dead(own.clone());
        match IngestService::open_kept(
            name(at),
            hutong_ingest::Config::default(),
            &place(life),
            ports,
            journal,
        ) {
            Ok(service) => {
                *world.ingest.lock() = Some(service.ingest());
                tokio::select! {
                    biased;
                    () = node.kick[2].notified() => {}
                    _ = service.run(CancellationToken::new()) => {}
                }
            }
            Err(_) => world.note("ingest did not open", at, &[]),
        }
        drop(dead);
        *world.ingest.lock() = None;
        life += 1;
        tokio::time::sleep(Duration::from_millis(20 + world.below(500))).await;
    }
}

/// Ends a disk when it is dropped, however its user ends.
struct Dead(Arc<AtomicBool>);

impl Drop for Dead {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    let Ok(entries) = std::fs::read_dir(from) else { return };
    for entry in entries {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
