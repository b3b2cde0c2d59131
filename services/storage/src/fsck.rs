//! Checking a stopped storage from the outside: everything is derived again from the archive alone, by the ledger's
//! rules, and compared with what is stored. It names the first difference.
//!
//! It shares with the write path only the forms in which things are stored, never the way to them: it executes the
//! archived segments itself, on plain maps, and keeps logs and trees whole in memory. So it needs memory for all
//! records and may take a while. It changes nothing but what any opening does: a torn end is cut.
//!
//! Parts: [`bound`] reads the archive and checks what binds the agency; [`derive`] executes from genesis; [`compare`]
//! holds the tables against that.

mod bound;
mod compare;
mod derive;

use std::{path::Path, sync::Arc};

use hutong_ledger::{
    contract::Contract,
    genesis::Genesis,
    id::{AgencyId, ChainId},
};
use serde::Serialize;

use crate::{Error, archive::Archive};
use derive::Derived;

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub chain: ChainId,
    pub agency: AgencyId,
    /// Records in the archive.
    pub records: u64,
    /// The last height that the archive knows to be final, and everything up to it.
    pub final_height: u64,
    pub transactions: u64,
    pub refused: u64,
    pub voids: u64,
    /// The last height that the tables have; what they lack is derived again at the next start.
    pub written_height: u64,
    /// The first thing that is not as it must be.
    pub difference: Option<Difference>,
}

/// A thing that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `archive`, `vote`, `block`, `certificate`, `note`, `execution`, `table <name>`.
    pub what: String,
    pub height: Option<u64>,
    pub reason: String,
}

impl Difference {
    fn new(what: impl Into<String>, height: impl Into<Option<u64>>, reason: impl Into<String>) -> Self {
        Self { what: what.into(), height: height.into(), reason: reason.into() }
    }
}

/// Why a check stops: at a difference, or because it cannot go on.
enum Halt {
    Difference(Difference),
    Error(Error),
}

impl From<Difference> for Halt {
    fn from(difference: Difference) -> Self {
        Self::Difference(difference)
    }
}

impl<E: Into<Error>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// Checks the storage in a directory, which no process may have open.
pub fn fsck(dir: &Path, contracts: &[Arc<dyn Contract>], genesis: &Genesis) -> Result<Report, Error> {
    genesis.check().map_err(crate::GenesisFault)?;
    let (archive, chain, agency) = Archive::inspect(&dir.join("archive"))?;
    let mut report = Report {
        chain,
        agency,
        records: archive.last(),
        final_height: 0,
        transactions: 0,
        refused: 0,
        voids: 0,
        written_height: 0,
        difference: None,
    };
    match check(dir, &archive, contracts, genesis, &mut report) {
        Ok(()) => Ok(report),
        Err(Halt::Difference(difference)) => Ok(Report { difference: Some(difference), ..report }),
        // Bytes that cannot be read back are what is looked for.
        Err(Halt::Error(Error::Archive { position, reason })) => {
            let reason = format!("record {position}: {reason}");
            Ok(Report { difference: Some(Difference::new("archive", None, reason)), ..report })
        }
        Err(Halt::Error(Error::Journal(error @ hutong_journal::Error::Corrupt { .. }))) => {
            Ok(Report { difference: Some(Difference::new("archive", None, error.to_string())), ..report })
        }
        Err(Halt::Error(Error::Store(error @ hutong_store::Error::Garbled { table }))) => {
            let reason = error.to_string();
            Ok(Report { difference: Some(Difference::new(format!("table {table}"), None, reason)), ..report })
        }
        Err(Halt::Error(Error::State { reason })) => {
            Ok(Report { difference: Some(Difference::new("table", None, reason)), ..report })
        }
        Err(Halt::Error(error)) => Err(error),
    }
}

fn check(
    dir: &Path,
    archive: &Archive,
    contracts: &[Arc<dyn Contract>],
    genesis: &Genesis,
    report: &mut Report,
) -> Result<(), Halt> {
    if report.chain != genesis.chain() {
        let reason = format!("it is of chain {}, the genesis file of {}", report.chain, genesis.chain());
        return Err(Difference::new("archive", None, reason).into());
    }
    let bound = bound::read(archive, report.agency)?;
    let path = dir.join("state.redb");
    let mut tables = compare::Tables::open(&path, genesis)?;
    report.written_height = tables.written_height();
    let mut derived = Derived::new(genesis, report.agency, contracts);
    tables.genesis(&derived)?;
    for (height, end) in &bound.finals {
        let block = bound.block(archive, *height, end)?;
        bound.commitments(*height, derived.epoch())?;
        let epoch = derived.epoch().clone();
        let step = derived.apply(*height, end, &block, bound.certificates(*height))?;
        report.final_height = *height;
        report.transactions += step.transactions;
        report.refused += step.refused;
        report.voids += step.voids;
        if *height <= report.written_height {
            tables.block(archive, bound.certificates(*height), &epoch, &step)?;
        }
        if *height == report.written_height {
            tables.end(&derived)?;
        }
    }
    if report.written_height > report.final_height {
        let reason = format!("the archive knows heights up to {} as final", report.final_height);
        return Err(Difference::new("table meta", report.written_height, reason).into());
    }
    bound.unsettled(archive, derived.epoch(), report.final_height)?;
    Ok(())
}
