//! Credentials as they travel: SD-JWT VC with what proves the holder, and Token Status Lists. Pure but for fresh salts.
//!
//! Written here on JSON, base64url, SHA-256 and Ed25519: the crates for it bring key handling or a cryptographic library of
//! their own, while the city's keys never leave ring. Parts: [`jwt`], [`sd_jwt`] writes and reads, [`status_list`].

pub mod jwt;
pub mod sd_jwt;
pub mod status_list;

pub use sd_jwt::{Claims, Fault, Presented};
