//! Whole cities in one process on one thread: real services on the embedded bus, a simulated clock, and faults that a
//! seed decides. Afterwards the faults end, the city comes to rest, and judges who share nothing with the services
//! look at what is left.
//!
//! A seed decides the load and the plan of faults. It does not decide everything yet: tokio's `watch` wakes several
//! waiters in an order of its own, so [`Verdict::digest`], which covers every event, may differ between two runs of a
//! seed. Nothing here may read the machine's clock or depend on when another thread gets its turn.
//!
//! [`world`] is what the parts of a run share, [`bus`] and [`disk`] are what fails, [`agency`] is a node's lives,
//! [`load`] is the clients, [`chaos`] the plan of faults, [`watch`] the observers during the run, [`judges`] the end.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod agency;
mod bus;
mod chaos;
mod city;
mod disk;
mod judges;
mod load;
mod random;
#[cfg(test)]
mod restart;
mod watch;
mod world;

use std::{sync::Arc, time::Duration};

use crate::world::World;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub seed: u64,
    /// Of all events of the run, in their order.
    pub digest: String,
    pub events: u64,
    pub final_height: u64,
    pub transactions: usize,
    pub crashes: u64,
    /// The first thing that is not as it must be, and what invariant it breaks.
    pub broken: Option<String>,
}

/// How long faults go on, by the simulated clock.
const TROUBLE: Duration = Duration::from_secs(20);

/// Runs one city, with faults or without.
pub fn run(seed: u64, faults: bool) -> Verdict {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(seed);
        let nodes: Vec<_> = (0..city::AGENCIES).map(|at| agency::start(&world, at)).collect();
        let watchers: Vec<_> =
            (0..city::AGENCIES).map(|at| tokio::spawn(watch::follow(world.clone(), at))).collect();
        let load = tokio::spawn(load::run(world.clone()));
        let chaos = faults.then(|| tokio::spawn(chaos::run(world.clone())));
        tokio::time::sleep(TROUBLE).await;
        if let Some(chaos) = chaos {
            chaos.abort();
        }
        world.heal();
        load.await.unwrap();
        let rested = judges::rest(&world).await;
        let broken = match rested {
            Err(broken) => Err(broken),
            Ok(()) => judges::judge(&world).await,
        };
        watchers.iter().for_each(tokio::task::JoinHandle::abort);
        world.stop.cancel();
        let mut folders = Vec::new();
        for node in nodes {
            folders.push(node.await.unwrap());
        }
        let broken = broken.and_then(|()| judges::check_folders(&world, &folders));
        verdict(&world, broken)
    })
}

fn verdict(world: &Arc<World>, broken: Result<(), String>) -> Verdict {
    let (digest, events) = world.digest();
    let seen = world.seen.lock();
    Verdict {
        seed: world.seed,
        digest,
        events,
        final_height: seen.heights.keys().next_back().copied().unwrap_or(0),
        transactions: seen.told.first().map_or(0, Vec::len),
        crashes: world.crashes(),
        broken: broken.err(),
    }
}
