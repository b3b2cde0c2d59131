//! What can go wrong with keys. A wrong signature is a verdict, not an error.

use std::{io, path::PathBuf};

use crate::KeyFault;

/// A failure of this crate. No variant carries or prints secret bytes.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the operating system gave no random bytes; a key or token can't be made without them")]
    Random,
    #[error("the public key is not acceptable")]
    Key(#[from] KeyFault),
    #[error("key file {}: can't {action}", path.display())]
    Io { path: PathBuf, action: &'static str, source: io::Error },
    #[error("key file {}: exists already; a key is never overwritten, choose another path", path.display())]
    Exists { path: PathBuf },
    #[error("key file {}: mode {mode:03o} lets others read it; run chmod 600 on it", path.display())]
    Readable { path: PathBuf, mode: u32 },
    #[error(
        "key file {}: expected TOML with agency, purpose, key_id, public_key and seed (32 bytes in hex)",
        path.display()
    )]
    Malformed { path: PathBuf },
    #[error(
        "key file {}: it has form {found}; this software reads form {known}. Use the software that wrote it, or a later one",
        path.display()
    )]
    Version { path: PathBuf, found: u32, known: u32 },
    #[error("key file {}: {field} does not belong to its seed; the file was edited or mixed up", path.display())]
    Mismatch { path: PathBuf, field: &'static str },
    #[error("a {purpose} key can't sign; only signing, host and orderer keys can")]
    NotForSigning { purpose: crate::Purpose },
    #[error("a {purpose} key can't open what is sealed; only sealing keys can")]
    NotForSealing { purpose: crate::Purpose },
    /// Whose shared secret would be known to everybody.
    #[error("nothing can be sealed to this public key; its agency must register another")]
    UnsealableKey,
    #[error("a message of this size can't be encrypted")]
    TooLong,
    #[error("a token may live {max_s} s at most, not {ttl_s} s")]
    TokenTtl { ttl_s: u64, max_s: u64 },
}
