//! A disk that is slow, full, or gone with its agency's crash: what was not synced by then never arrives.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hutong_journal::{Call, Faults, Pause};

use crate::world::World;

#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) world: Arc<World>,
    pub(crate) agency: usize,
    pub(crate) alive: Arc<AtomicBool>,
}

impl Faults for Disk {
    fn before(&self, call: Call<'_>) -> io::Result<()> {
        if !self.alive.load(Ordering::Relaxed) {
            return Err(io::Error::other("the agency has crashed"));
        }
        let full = self.world.rates.lock().full == Some(self.agency);
        if full && matches!(call, Call::Write { .. } | Call::Create { .. }) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if self.world.burn(self.agency) {
            self.alive.store(false, Ordering::Relaxed);
            return Err(io::Error::other("the agency crashes"));
        }
        Ok(())
    }

    fn pause(&self) -> Option<Pause> {
        let most = self.world.rates.lock().sync_ms_max;
        let taken = Duration::from_millis(self.world.below(most + 1));
        Some(Box::pin(async move { tokio::time::sleep(taken).await }))
    }
}
