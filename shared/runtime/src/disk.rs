//! How much of a disk a folder takes, and how much is left there.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::statvfs;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use crate::{Metrics, SharedClock};

/// How often a watched folder is looked at.
const LOOK: Duration = Duration::from_secs(30);

/// A folder and the disk that it is on, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Disk {
    /// What the files of the folder take.
    pub used_bytes: u64,
    /// What may still be written.
    pub free_bytes: u64,
    /// The whole disk.
    pub total_bytes: u64,
}

impl Disk {
    /// Reads the folder's tree: not for a loop.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let disk = statvfs(folder)?;
        Ok(Self {
            used_bytes: used(folder)?,
            free_bytes: disk.f_bavail.saturating_mul(disk.f_frsize),
            total_bytes: disk.f_blocks.saturating_mul(disk.f_frsize),
        })
    }

    /// The same from an async task. None when the folder can't be read: the log says why.
    pub async fn look(folder: PathBuf) -> Option<Self> {
        let looked = folder.clone();
        let disk = tokio::task::spawn_blocking(move || Self::of(&looked)).await;
        let disk = disk.map_err(io::Error::other).flatten();
        disk.inspect_err(
            |error| tracing::warn!(folder = %folder.display(), %error, "the disk can't be looked at"),
        )
        .ok()
    }
}

fn used(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        bytes += match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => used(&entry.path())?,
            Ok(metadata) => metadata.len(),
            // Files come and go while they are counted.
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
    }
    Ok(bytes)
}

/// Keeps the metrics of a folder's disk true until told to stop.
pub async fn watch(folder: PathBuf, metrics: Metrics, clock: SharedClock, stop: CancellationToken) {
    let gauge = |name, help| metrics.gauge(name, help, &[]);
    let used = gauge("hutong_disk_used_bytes", "Bytes of the data folder's files.");
    let free = gauge("hutong_disk_free_bytes", "Bytes left on the disk of the data folder.");
    let total = gauge("hutong_disk_total_bytes", "Bytes of the disk of the data folder.");
    loop {
        if let Some(disk) = Disk::look(folder.clone()).await {
            for (gauge, bytes) in
                [(&used, disk.used_bytes), (&free, disk.free_bytes), (&total, disk.total_bytes)]
            {
                gauge.set(i64::try_from(bytes).unwrap_or(i64::MAX));
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = clock.sleep(LOOK) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_below_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        fs::write(folder.path().join("one"), [0; 10]).unwrap();
        fs::write(folder.path().join("a/b/two"), [0; 32]).unwrap();
        let disk = Disk::of(folder.path()).unwrap();
        assert_eq!(disk.used_bytes, 42);
        assert!(disk.total_bytes >= disk.free_bytes && disk.total_bytes > 0);
        assert!(Disk::of(&folder.path().join("none")).is_err());
    }
}
