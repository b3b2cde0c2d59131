//! What becomes final: values settle when their commitment stands on the ledger, and are superseded when another does.
//!
//! The vault does not know the forms of records. A commitment is 32 bytes that nobody can make twice, so it stands in a
//! record where its bytes stand in the record's value.

use hutong_disclosure::RELEASE_WINDOW_MS;
use hutong_ledger::{hash::Hash, id::RecordKey};
use hutong_peer::Position;
use hutong_store::{Batch, Snapshot};

use super::{
    Safe, of_values,
    tables::{DUE, Due, STANDINGS, Standing, due, end, name, value_parts},
};
use crate::Error;

/// A final change of a record.
#[derive(Debug)]
pub(crate) struct Changed<'a> {
    pub(crate) record: RecordKey,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) at: Position,
    pub(crate) time_ms: u64,
}

impl Safe {
    /// Applies final changes in their order. To apply them again changes nothing more, once all are applied.
    pub(crate) fn follow<'a>(&self, changes: impl IntoIterator<Item = Changed<'a>>) -> Result<(), Error> {
        for change in changes {
            let name = name(&change.record);
            // Most records are not the vault's: look before holding others up.
            if rows(&self.values_now()?, &name)?.is_empty() {
                continue;
            }
            let _alone = self.guard.write();
            let mut batch = Batch::default();
            for (row, standing) in rows(&self.values_now()?, &name)? {
                let (_, commitment) =
                    value_parts(&row).ok_or(Error::Damaged { what: "the name of a value" })?;
                let Some(next) = next(&standing, &commitment, &change) else { continue };
                if next.superseded_ms != 0 {
                    batch.put(&DUE, &due(over_ms(&next), Due::Value, &row), &Vec::new());
                }
                batch.put(&STANDINGS, &row, &next);
            }
            self.write_values(batch)?;
        }
        Ok(())
    }
}

/// When no open access can name a superseded value any more.
pub(super) fn over_ms(standing: &Standing) -> u64 {
    standing.superseded_ms.saturating_add(RELEASE_WINDOW_MS)
}

/// How a value stands after a change, if differently.
fn next(standing: &Standing, commitment: &Hash, change: &Changed<'_>) -> Option<Standing> {
    let stands = change.value.is_some_and(|value| value.windows(32).any(|bytes| bytes == commitment.0));
    match (stands, standing.settled) {
        (true, None) => Some(Standing { settled: Some(change.at), superseded_ms: 0, ..standing.clone() }),
        (true, Some(_)) if standing.superseded_ms != 0 => {
            Some(Standing { superseded_ms: 0, ..standing.clone() })
        }
        (false, Some(settled)) if standing.superseded_ms == 0 && change.at > settled => {
            Some(Standing { superseded_ms: change.time_ms.max(1), ..standing.clone() })
        }
        _ => None,
    }
}

fn rows(values: &Snapshot, name: &[u8]) -> Result<Vec<(Vec<u8>, Standing)>, Error> {
    let standings = values.table(&STANDINGS).map_err(of_values)?;
    let rows = standings.between(name, Some(&end(name))).map_err(of_values)?;
    rows.map(|row| row.map_err(of_values)).collect()
}
