//! Observers during the run: each follows one agency's final changes from where it was, through all its lives, and
//! notes at once when two of them contradict each other.

use std::{sync::Arc, time::Duration};

use hutong_peer::{Position, StoragePeer};

use crate::{city::name, world::World};

/// Follows one agency until it is stopped.
pub(crate) async fn follow(world: Arc<World>, at: usize) {
    let mut after = Position::default();
    loop {
        tokio::time::sleep(Duration::from_millis(25)).await;
        let Some(storage) = world.nodes[at].storage.lock().clone() else { continue };
        let Ok(standing) = storage.standing().await else { continue };
        let (height, hash) = (standing.final_header.height, standing.final_header.hash());
        let first = *world.seen.lock().heights.entry(height).or_insert(hash);
        if first != hash {
            world.broke(format!("ONE: height {height} was final as {first}, and at {} as {hash}", name(at)));
        }
        let Ok((finals, reached)) = storage.finals(after, None, 64).await else { continue };
        if finals.iter().any(|each| each.position <= after) || reached < after {
            world.broke(format!("TOLD: {} goes back behind {after:?}", name(at)));
        }
        after = reached;
        world.seen.lock().told[at].extend(finals);
    }
}
