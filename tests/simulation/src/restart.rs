//! One agency alone, so that nothing becomes final: what its services owe each other across the restart of one of them.

use std::{sync::Arc, time::Duration};

use hutong_bus::{Batch, Headers, Outgoing, SharedBus, Stream};
use hutong_bus_embedded::{EmbeddedBus, Options};
use hutong_ledger::epoch::Purpose;
use hutong_ordering::OrderingService;
use hutong_peer::{SharedStorage, subjects};
use hutong_runtime::{ComputePool, InvariantCounters, Metrics, SharedClock, SystemClock};
use hutong_storage::{Config, Setup, StorageService};
use hutong_validation::ValidationService;
use tokio_util::sync::CancellationToken;

use crate::city::{contracts, genesis, key, name, notes, transaction};

struct Alone {
    bus: SharedBus,
    storage: SharedStorage,
    clock: SharedClock,
    pool: ComputePool,
    stop: CancellationToken,
}

impl Alone {
    fn start(folder: &std::path::Path) -> Self {
        let (bus, clock): (SharedBus, _) =
            (EmbeddedBus::in_memory(Options::default()).unwrap(), SystemClock::shared());
        let metrics = Metrics::new();
        let (service, storage) = StorageService::open(Setup {
            agency: name(0),
            dir: folder.to_owned(),
            genesis: genesis(),
            host_key: key(0, Purpose::Host),
            log_keys: Vec::new(),
            contracts: contracts(),
            config: Config::default(),
            journal: hutong_journal::Options::default(),
            tables: None,
            bus: bus.clone(),
            clock: clock.clone(),
            invariants: InvariantCounters::new(&metrics, &[]),
            metrics,
        })
        .unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(service.run(stop.clone()));
        let storage: SharedStorage = Arc::new(storage);
        let ports = hutong_ordering::Ports {
            bus: bus.clone(),
            storage: storage.clone(),
            clock: clock.clone(),
            key: Arc::new(key(0, Purpose::Orderer)),
        };
        let ordering = OrderingService::new(name(0), hutong_ordering::Config::default(), ports);
        tokio::spawn(ordering.run(stop.clone()));
        Self { bus, storage, clock, pool: ComputePool::new(1).unwrap(), stop }
    }

    fn validation(
        &self,
    ) -> (CancellationToken, tokio::task::JoinHandle<Result<(), hutong_validation::Error>>) {
        let ports = hutong_validation::Ports {
            bus: self.bus.clone(),
            storage: self.storage.clone(),
            pool: self.pool.clone(),
            clock: self.clock.clone(),
            host_key: Arc::new(key(0, Purpose::Host)),
        };
        let config = hutong_validation::Config::default();
        let stop = CancellationToken::new();
        let service = ValidationService::new(name(0), config, contracts(), ports);
        (stop.clone(), tokio::spawn(service.run(stop)))
    }

    async fn order(&self, number: u8) {
        let not_after_ms = self.clock.unix_ms() + 3_600_000;
        let tx = transaction(0, [number; 16], not_after_ms, format!("key{number}=value"));
        let outgoing = Outgoing {
            subject: subjects::transactions(notes()),
            headers: Headers::default(),
            payload: hutong_wire::transaction::encode_group([&tx]),
            message_id: None,
        };
        let batch = Batch { messages: vec![outgoing], expected_last: None };
        self.bus.append(Stream::Transactions, batch).await.unwrap();
    }

    async fn until_next(&self, height: u64) {
        let reached = async {
            while self.storage.standing().await.unwrap().next_height < height {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), reached).await.expect("storage takes the next block");
    }
}

/// What storage holds and is not final is executed again for the overlay, and not handed over again: storage has it.
#[tokio::test]
async fn a_validation_that_starts_over_goes_on_above_what_storage_holds() {
    let folder = tempfile::tempdir().unwrap();
    let alone = Alone::start(folder.path());
    let (stop, running) = alone.validation();
    alone.order(1).await;
    alone.until_next(2).await;
    stop.cancel();
    running.await.unwrap().unwrap();
    let (stop, running) = alone.validation();
    alone.order(2).await;
    alone.until_next(3).await;
    assert_eq!(alone.storage.standing().await.unwrap().final_header.height, 0, "nothing is final");
    stop.cancel();
    running.await.unwrap().unwrap();
    alone.stop.cancel();
}
