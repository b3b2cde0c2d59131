//! What can go wrong in the parking service.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot make the folder {}; give a place that can be written to", path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("the log of occupancy fails: {0}")]
    Log(#[from] hutong_store::Error),
    #[error("the log of occupancy holds what it never wrote: {0}")]
    Garbled(&'static str),
    #[error(transparent)]
    Peer(#[from] hutong_peer::Error),
    #[error(transparent)]
    Bus(#[from] hutong_bus::Error),
    #[error(transparent)]
    Desk(#[from] hutong_desk::Error),
}
