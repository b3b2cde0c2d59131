//! The keys that wrap all other keys of the vault. To destroy one is to make everything unreadable that was wrapped
//! under it and under nothing else, wherever copies of it lie.
//!
//! [`FileKeys`] keeps them in a folder. A key-management service or a PKCS#11 token is another [`KeyEncryption`]: its
//! key material then never enters this process. Calls may block; the vault makes them on threads for that.

mod file;

use std::{fmt::Debug, io, path::PathBuf, sync::Arc};

use zeroize::Zeroizing;

pub use file::FileKeys;

/// Names a key-encryption key: they are numbered from 1 as they are made.
pub type KekId = u64;

pub type SharedKeys = Arc<dyn KeyEncryption>;

#[derive(Debug, thiserror::Error)]
pub enum KekError {
    #[error(
        "the key-encryption key {id} is not here; what it wrapped is lost unless the vault's key folder can be restored"
    )]
    Unknown { id: KekId },
    #[error(
        "a wrapped key does not open under the key-encryption key {id}; the files do not belong together"
    )]
    Unopened { id: KekId },
    #[error("the key-encryption key {id} is in use and cannot be destroyed")]
    InUse { id: KekId },
    #[error("{}: can't {action}", path.display())]
    Io { path: PathBuf, action: &'static str, source: io::Error },
    #[error("{}: mode {mode:03o} lets others read it; run chmod 600 on it", path.display())]
    Readable { path: PathBuf, mode: u32 },
    #[error("{}: a key file has 32 bytes", path.display())]
    Malformed { path: PathBuf },
    #[error(transparent)]
    Keys(#[from] hutong_keys::Error),
    /// What another provider of keys says.
    #[error("the key provider fails: {0}")]
    Provider(String),
}

/// Wraps keys under one that can be replaced and destroyed.
pub trait KeyEncryption: Debug + Send + Sync + 'static {
    /// The key that wraps now: the one made last.
    fn current(&self) -> KekId;

    /// The keys that exist, ascending.
    fn ids(&self) -> Vec<KekId>;

    /// Wraps a secret under the key that wraps now, bound to `aad`.
    fn wrap(&self, secret: &[u8], aad: &[u8]) -> Result<(KekId, Vec<u8>), KekError>;

    fn unwrap(&self, id: KekId, wrapped: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, KekError>;

    /// Makes a new key, durably, and wraps under it from now on. The old ones stay until they are destroyed.
    fn rotate(&self) -> Result<KekId, KekError>;

    /// Destroys a key for good; a repeated call finds it gone and is fine. Never the one that wraps now.
    fn destroy(&self, id: KekId) -> Result<(), KekError>;
}
