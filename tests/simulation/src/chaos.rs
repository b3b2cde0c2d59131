//! The plan of faults: one after the other, of all kinds, as the seed has it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use crate::{
    city::AGENCIES,
    world::{ALONE, Rates, World},
};

/// Makes trouble until it is stopped.
pub(crate) async fn run(world: Arc<World>) {
    loop {
        tokio::time::sleep(Duration::from_millis(50 + world.below(1200))).await;
        let agency = world.below(AGENCIES as u64) as usize;
        let node = &world.nodes[agency];
        let kind = world.below(11);
        world.note("fault", agency, &[kind as u8]);
        match kind {
            0 | 1 => *world.rates.lock() = rates(&world),
            2 => *world.rates.lock() = Rates::default(),
            3 => {
                for node in &world.nodes {
                    node.group.store(world.below(2), Ordering::Relaxed);
                }
            }
            4 => node.group.store(ALONE, Ordering::Relaxed),
            5 => world.nodes.iter().for_each(|node| node.group.store(0, Ordering::Relaxed)),
            6 => world.crash(agency),
            7 => world.light(agency, 1 + world.below(150)),
            8 => node.kick[world.below(3) as usize].notify_one(),
            9 => {
                let most = if world.happens(300) { 5000 } else { 400 };
                let skew = world.below(2 * most + 1) as i64 - most as i64;
                node.skew_ms.store(skew, Ordering::Relaxed);
            }
            _ => world.rates.lock().full = Some(agency),
        }
    }
}

fn rates(world: &World) -> Rates {
    Rates {
        drop: world.below(300),
        duplicate: world.below(200),
        delay: world.below(500),
        delay_ms_max: 1 + world.below(300),
        lose_request: world.below(300),
        append_lost: world.below(100),
        ack_lost: world.below(100),
        append_refused: world.below(50),
        sync_ms_max: if world.happens(200) { 500 } else { world.below(20) },
        full: None,
    }
}
