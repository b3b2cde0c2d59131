//! Starting: the final state as the tables have it, and above it what the archive remembers.
//!
//! Nothing is executed here. Validation executes the archived blocks again, from the last height that the tables
//! have; what was signed and what was final among them is recognised as it comes.

use std::{path::Path, sync::Arc};

use hutong_ledger::{
    block::Proposal,
    chain::Base,
    epoch::Epoch,
    genesis::Genesis,
    id::{AgencyId, Domain},
};
use hutong_store::{Options, Store};

use crate::{
    Config, Error,
    archive::{Archive, Record},
    core::known::{Known, KnownBlock},
    read::damaged,
    tables::{BLOCKS, RECORDS, RecordKeyRow},
    write,
};

/// No more heights are ever held without being final: what binds the agency above a final height stands behind the
/// block so far below it.
pub(crate) const HEIGHTS_HELD_MAX: u64 = 256;

/// What was found.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) archive: Arc<Archive>,
    pub(crate) store: Arc<Store>,
    pub(crate) base: Base,
    pub(crate) epoch: Arc<Epoch>,
    pub(crate) known: Known,
}

pub(crate) fn open(
    dir: &Path,
    config: &Config,
    (journal, tables): (hutong_journal::Options, Option<hutong_store::Backend>),
    genesis: &Genesis,
    agency: AgencyId,
) -> Result<Recovered, Error> {
    // Makes the directory too, with its name on the disk.
    let archive = Arc::new(Archive::open(&dir.join("archive"), journal, genesis.chain(), agency)?);
    // The tables never hold on the disk what the archive could lose.
    let before_sync = {
        let archive = archive.clone();
        Arc::new(move || archive.sync(archive.last()).map_err(|error| error.to_string()))
    };
    let options = Options {
        cache_bytes: config.cache_bytes,
        sync_every: config.sync_every(),
        before_sync: Some(before_sync),
        backend: tables,
        ..Options::default()
    };
    let store = Arc::new(Store::open(&dir.join("state.redb"), options)?);
    let height = write::prepare(&store, genesis)?;
    let snapshot = store.snapshot()?;
    let base = Base::new(write::header(&snapshot, genesis, height)?);
    let epoch = Arc::new(current_epoch(&snapshot)?);
    let from = match height.saturating_sub(HEIGHTS_HELD_MAX) {
        0 => 1,
        below => snapshot.get(&BLOCKS, &below)?.map_or(1, |row| row.position),
    };
    let last = snapshot.get(&BLOCKS, &height)?;
    let base_seen_ms = last.map(|row| archive.block(row.position).map(|block| block.seen_ms)).transpose()?;
    let known = Known { base_seen_ms, ..remember(&archive, from, height)? };
    tracing::info!(
        %agency,
        height,
        archived = known.blocks.keys().next_back().copied().unwrap_or(height),
        "storage is open"
    );
    Ok(Recovered { archive, store, base, epoch, known })
}

fn current_epoch(snapshot: &hutong_store::Snapshot) -> Result<Epoch, Error> {
    let prefix = RecordKeyRow::record_prefix(Domain::MEMBERSHIP, &Epoch::record());
    let end = [prefix.as_slice(), &[0xff; 9]].concat();
    let newest = snapshot.table(&RECORDS)?.between(&prefix, Some(&end))?.next().transpose()?;
    let value =
        newest.and_then(|(_, row)| row.value).ok_or_else(|| damaged("the epoch is missing".into()))?;
    Epoch::decode(&value).map_err(|error| damaged(format!("the epoch: {error}")))
}

/// Reads what the archive says of the heights above a final one.
fn remember(archive: &Archive, from: u64, height: u64) -> Result<Known, Error> {
    let mut known = Known::default();
    for record in archive.records_from(from) {
        let (position, record) = record?;
        match record {
            Record::Start { .. } => {}
            Record::Block(block) => {
                let proposal = Proposal::decode(&block.proposal)
                    .map_err(|error| Error::Archive { position, reason: error.to_string() })?;
                let (at, view) = (proposal.header.height, proposal.view);
                let hash = proposal.header.hash();
                // Another block superseded what stood at its height and above, be it final by now or not; a repeat leaves
                // what is above.
                if known.block(at).is_none_or(|held| held.hash != hash) {
                    known.blocks.split_off(&at);
                }
                known.blocks.insert(at, KnownBlock { hash, view, position, seen_ms: block.seen_ms });
            }
            Record::Vote(vote) if vote.ballot.height > height => {
                let ballot = vote.ballot;
                known.commitments.voted(ballot.height, ballot.view, ballot.block);
                known.votes.insert((ballot.height, ballot.view), vote);
            }
            Record::Status(status) if status.height > height => {
                known.commitments.promised(status.height, status.view);
                known.statuses.insert((status.height, status.view), status);
            }
            Record::Certificate(certificate) if certificate.height > height => {
                known.certificates.insert((certificate.height, certificate.view), certificate);
            }
            Record::Cosigned(cosigned) if cosigned.height > height => {
                known.cosigned.insert((cosigned.height, cosigned.view), (cosigned, position));
            }
            Record::Final(end) if end.height > height => {
                known.finals.insert(end.height, end);
            }
            _ => {}
        }
    }
    known.blocks = known.blocks.split_off(&(height + 1));
    Ok(known)
}
