//! Receipts: assembling what a stranger needs to check a final transaction or record offline.

use bytes::Bytes;
use hutong_ledger::id::TxId;

use crate::{Error, read::Reads};

/// The receipt of a final transaction.
pub(crate) fn transaction(reads: &Reads, id: &TxId) -> Result<Option<Bytes>, Error> {
    let _ = reads.transaction(id)?;
    Ok(None)
}
