//! Ed25519 signing, verification that agrees everywhere, sealing to a key, key files and agency tokens.
//!
//! Two rules of verification, each for its own use, never mixed:
//! - transactions by ZIP 215 ([`verify_batch`]): defined so that checking a batch and checking each signature
//!   alone give the same verdict, on every machine, forever;
//! - headers, votes and notes by RFC 8032 ([`verify_strict`]): one at a time, the form other C2SP tools use.
//!
//! This crate knows bytes only. It must not know what is signed (callers give the domain-separation prefix),
//! who may sign (membership says that), or read a clock. Secrets never appear in `Debug`, errors or logs.

pub mod aead;
mod batch;
mod cache;
mod error;
mod file;
pub mod mac;
mod public;
mod random;
mod seal;
mod signing;
mod strict;
mod token;

pub use batch::{Claim, verify_batch, verify_batch_in, verify_zip215};
pub use cache::VerifierCache;
pub use error::Error;
pub use file::{KeyFile, Purpose};
pub use public::{KeyFault, PublicKey};
pub use random::random_bytes;
pub use seal::{SealingKey, Unopened, seal};
pub use signing::{Signature, SigningKey};
pub use strict::verify_strict;
pub use token::{TOKEN_TTL_S_MAX, mint_token, mint_token_for, sign_claims};
