//! The port to the ledger and the vault: what the service needs of both, and nothing else.

mod desk;

use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use hutong_disclosure::Handle;
use hutong_ledger::{
    hash::Hash,
    id::{AgencyId, TxId},
};
use hutong_peer::{FinalTransaction, Position};
use hutong_wire::v1::disclosure::{Basis, basis};

pub use desk::DeskRecords;

use crate::{error::Error, kind::Key};

/// The task for which the owner's own service reads.
pub(crate) fn duty() -> Basis {
    Basis { kind: Some(basis::Kind::Duty("fhir".to_owned())), court_order: String::new() }
}

pub type SharedRecords = Arc<dyn Records>;

/// The ledger and the vault, in the name of the agency whose service this is.
#[async_trait]
pub trait Records: Send + Sync + Debug + 'static {
    /// In whose name it acts.
    fn agency(&self) -> AgencyId;

    /// Gives a body to the vault of the domain's owner; its commitment, under a fresh salt.
    async fn seal(&self, key: &Key, subjects: Vec<Handle>, body: Bytes) -> Result<Hash, Error>;

    /// Signs and submits an action, and waits until it is final and applied. `actor` is the pseudonym of the official.
    async fn submit(&self, action: Bytes, actor: &str) -> Result<TxId, Error>;

    /// The handle of a resident (GB 11643), and whether it is on no ledger yet.
    async fn find_person(&self, resident_id: &str) -> Result<(Handle, bool), Error>;

    /// The body of a resource as it stands, from the vault against a final access, with its commitment.
    async fn recover(&self, key: &Key, official: &str) -> Result<(Hash, Bytes), Error>;

    /// The final transactions of the domain after a position, and how far that reaches.
    async fn finals(&self, after: Position, limit: usize)
    -> Result<(Vec<FinalTransaction>, Position), Error>;

    /// Waits until a height above the given one is final, or until the time is over.
    async fn wait_final(&self, above: u64, timeout: Duration) -> Result<(), Error>;
}
