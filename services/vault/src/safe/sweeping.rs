//! What is over: values that never became final, values that others replaced, releases whose window ended.

use hutong_store::{Batch, Snapshot};

use super::{
    Safe, following, of_values,
    tables::{
        CIPHERTEXT, DUE, Due, Generation, RELEASES, STANDINGS, Standing, WRAPPED, due, due_parts, item,
        record, value_parts,
    },
};
use crate::Error;

/// Looked at in one step.
const STEP: usize = 256;

/// What time it is, on our own clock and on the ledger.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) now_ms: u64,
    /// Of the last final block. Only what is pending beyond this cannot become final unseen.
    pub(crate) ledger_ms: u64,
    pub(crate) pending_ms_max: u64,
}

impl Safe {
    /// Deletes what is over. Only for who has applied all that is final: before that, what looks old may be new again.
    pub(crate) fn sweep(&self, times: Times) -> Result<(), Error> {
        let mut after = Vec::new();
        while let Some(last) = self.sweep_some(&after, times)? {
            after = last;
        }
        Ok(())
    }

    /// One step: the place to go on from, if there is more.
    fn sweep_some(&self, from: &[u8], times: Times) -> Result<Option<Vec<u8>>, Error> {
        let _alone = self.guard.write();
        let values = self.values_now()?;
        let table = values.table(&DUE).map_err(of_values)?;
        let until = due(times.now_ms.saturating_add(1), Due::Value, b"");
        let (mut keys, mut batch) = (Batch::default(), Batch::default());
        let mut gone: Vec<Vec<u8>> = Vec::new();
        let (mut looked, mut last) = (0, None);
        for row in table.between(from, Some(&until)).map_err(of_values)? {
            let (due, _) = row.map_err(of_values)?;
            match due_parts(&due) {
                Some((Due::Release, row)) => batch.delete(&RELEASES, &row.to_vec()),
                Some((Due::Value, row)) => match state(&values, row, times)? {
                    State::Over => gone.push(row.to_vec()),
                    State::Settled => {}
                    // The ledger's time is behind ours: this comes later.
                    State::Waits => {
                        last = Some(due);
                        looked += 1;
                        continue;
                    }
                },
                None => {}
            }
            batch.delete(&DUE, &due);
            last = Some(due);
            looked += 1;
            if looked >= STEP {
                break;
            }
        }
        for row in &gone {
            batch.delete(&CIPHERTEXT, row);
            batch.delete(&STANDINGS, row);
        }
        for (name, generation) in gone.iter().filter_map(|row| generation_of(row)) {
            if !outlived(&values, name, &generation, &gone)? {
                keys.delete(&WRAPPED, &item::key(name, &generation));
            }
        }
        // The keys first: what is left if the next write fails opens no more, and is deleted the next time.
        self.write_keys(keys)?;
        self.write_values(batch)?;
        // The place after the last one.
        Ok(last.filter(|_| looked >= STEP).map(|mut last| {
            last.push(0);
            last
        }))
    }
}

enum State {
    /// It is to be deleted.
    Over,
    /// It stands, or is gone already: nothing is due.
    Settled,
    Waits,
}

fn state(values: &Snapshot, row: &[u8], times: Times) -> Result<State, Error> {
    let Some(standing) = values.get(&STANDINGS, &row.to_vec()).map_err(of_values)? else {
        return Ok(State::Settled);
    };
    let over = |at_ms: u64, now_ms: u64| if at_ms <= now_ms { State::Over } else { State::Waits };
    Ok(match standing {
        Standing { settled: None, sealed_ms, .. } => {
            let seen_ms = times.now_ms.min(times.ledger_ms);
            over(sealed_ms.saturating_add(times.pending_ms_max), seen_ms)
        }
        Standing { superseded_ms: 0, .. } => State::Settled,
        superseded => over(following::over_ms(&superseded), times.now_ms),
    })
}

fn generation_of(row: &[u8]) -> Option<(&[u8], Generation)> {
    record(row)?;
    let (generation, _) = value_parts(row)?;
    Some((&row[..row.len() - size_of::<Generation>() - 32], generation))
}

/// Whether a value of the same sealing stays.
fn outlived(
    values: &Snapshot,
    name: &[u8],
    generation: &Generation,
    gone: &[Vec<u8>],
) -> Result<bool, Error> {
    let prefix = [name, generation].concat();
    let standings = values.table(&STANDINGS).map_err(of_values)?;
    for row in standings.between(&prefix, None).map_err(of_values)? {
        let (row, _) = row.map_err(of_values)?;
        if !row.starts_with(&prefix) {
            break;
        }
        if !gone.contains(&row) {
            return Ok(true);
        }
    }
    Ok(false)
}
