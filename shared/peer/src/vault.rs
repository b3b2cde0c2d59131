//! What an agency's vault does for others: keeps sealed values, knows persons, releases against final access receipts.
//!
//! The same trait is the vault itself in one process and a client over the bus elsewhere (`vault.<agency>`). Whoever
//! calls says who they are with a token, as on HTTP; the vault checks it and trusts nobody in between.
//!
//! Parts: [`RemoteVault`] asks over the bus, [`serve_vault`] answers there; `envelope` seals what travels, `convert` turns
//! messages into types and back. A call fits into one message each way, so a vault bounds what it takes and gives at a time.

mod client;
mod convert;
mod envelope;
mod server;

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;
use hutong_ledger::{
    hash::Hash,
    id::{ChainId, Domain, KeyId, RecordKey, TxId},
};

pub use client::{RemoteVault, SealingKeys};
pub use convert::{released, to_released};
pub use server::serve_vault;

/// The handle of a person in one domain: 16 random bytes.
pub type Handle = [u8; 16];

/// Sealed values on their way to the vault of a domain's owner.
#[derive(Clone)]
pub struct ToSeal {
    /// The record that will carry the commitments.
    pub record: RecordKey,
    /// Those whose data it is.
    pub subjects: Vec<Handle>,
    /// By field name; each at most [`VALUE_BYTES_MAX`].
    pub values: Vec<(String, Bytes)>,
}

impl Debug for ToSeal {
    /// Without the values.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ToSeal").field("record", &self.record).finish_non_exhaustive()
    }
}

/// The longest sealed value, in bytes.
pub const VALUE_BYTES_MAX: usize = 256 * 1024;

/// What the values and names of one call may take together, in bytes: a call travels in one message.
pub const VALUES_BYTES_MAX: usize = 768 * 1024;

/// What a release is sealed for: HPKE's info.
pub const RELEASE_INFO: &[u8] = b"hutong/v1/release\0";

/// What a release is bound to, as HPKE's additional data: chain, a zero byte and the access.
pub fn release_aad(chain: ChainId, access: &TxId) -> Vec<u8> {
    [chain.as_str().as_bytes(), &[0], &access.0].concat()
}

/// What a vault released, as only the requester can open it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    pub access: TxId,
    /// The requester's sealing key that it was sealed to.
    pub key: KeyId,
    pub encapsulated: Bytes,
    pub ciphertext: Bytes,
}

/// Why a vault says no, or says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// It refuses; the code is stable.
    #[error("the vault refuses ({code}): {message}")]
    Refused { code: String, message: String },
    /// It does not answer now: try again.
    #[error("the vault does not answer: {0}")]
    Unavailable(String),
}

impl VaultError {
    pub fn refused(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Refused { code: code.into(), message: message.into() }
    }
}

/// A vault, as others see it.
#[async_trait]
pub trait VaultPeer: Send + Sync + Debug + 'static {
    /// Keeps values under fresh salts for a transaction to come, and gives their commitments by name. For the owner's
    /// own officials and services. Values whose commitments never become final are dropped after 31 days.
    async fn seal(&self, token: &str, values: ToSeal) -> Result<Vec<(String, Hash)>, VaultError>;

    /// The handle of a resident (GB 11643) in a domain of this vault; made if there is none, and true says so. For the
    /// owner's own officials and services; counted and rate-limited.
    async fn find_person(
        &self,
        token: &str,
        domain: Domain,
        resident_id: &str,
    ) -> Result<(Handle, bool), VaultError>;

    /// The handles of the person behind a person's token, in the domains of this vault.
    async fn own_handles(&self, token: &str) -> Result<Vec<(Domain, Handle)>, VaultError>;

    /// The values that a final access transaction allows. Needs no token: nobody but the requester can open the answer.
    async fn release(&self, access: TxId) -> Result<Released, VaultError>;
}

pub type SharedVault = std::sync::Arc<dyn VaultPeer>;
