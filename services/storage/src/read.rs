//! Queries: memory first, then a snapshot of the tables. All of them may read the disk, so they run on threads that
//! may block.
//!
//! Here are blocks and notes; [`records`] and [`transactions`] have rooms of their own.

mod records;
mod transactions;

use std::sync::Arc;

use hutong_ledger::{
    block::Proposal,
    epoch::Epoch,
    hash::Hash,
    id::{ChainId, Domain},
    vote::Certificate,
};
use hutong_peer::{Session, agency::Cosigned, storage::ArchivedBlock};
use hutong_store::{Store, View};

pub(crate) use transactions::stored_segment;

use crate::{
    Error,
    archive::Archive,
    checkpoint::{SignedCheckpoint, by_agency, log_verifies},
    receipts::Epochs,
    recent::Recent,
    tables::{BLOCKS, BlockRow, DomainKey, NOTES, NoteRow, RecordKeyRow, RecordRow},
    tiles::TileCache,
};

/// Everything that queries read from.
#[derive(Clone, Debug)]
pub(crate) struct Reads {
    pub(crate) chain: ChainId,
    pub(crate) session: Session,
    pub(crate) recent: Arc<Recent>,
    pub(crate) store: Arc<Store>,
    pub(crate) archive: Arc<Archive>,
    pub(crate) epochs: Arc<Epochs>,
    pub(crate) tiles: TileCache,
}

type Records = View<RecordKeyRow, RecordRow>;

/// What is told of a block.
#[derive(Clone, Debug)]
pub(crate) struct BlockInfo {
    pub(crate) proposal: Arc<Proposal>,
    pub(crate) hash: Hash,
    pub(crate) certificate: Certificate,
    pub(crate) position: u64,
}

impl Reads {
    pub(crate) fn archived(&self, position: u64) -> Result<ArchivedBlock, Error> {
        let block = self.archive.block(position)?;
        Ok(ArchivedBlock { proposal: block.proposal, segments: block.segments })
    }

    /// A final block.
    pub(crate) fn block(&self, height: u64) -> Result<Option<BlockInfo>, Error> {
        if let Some(block) = self.recent.block(height) {
            return Ok(Some(BlockInfo {
                proposal: block.proposal.clone(),
                hash: block.hash,
                certificate: block.certificate.clone(),
                position: block.position,
            }));
        }
        if height > self.recent.final_height() {
            return Ok(None);
        }
        let row = self.store.snapshot()?.get(&BLOCKS, &height)?;
        row.map(|row| block_info(height, row)).transpose()
    }

    /// The cosignatures that made a height final, by agency.
    pub(crate) fn cosigned(&self, height: u64) -> Result<Vec<Cosigned>, Error> {
        let Some(block) = self.block(height)? else { return Ok(Vec::new()) };
        let touched = block.proposal.header.segments.iter().map(|segment| segment.domain);
        let mut domains: Vec<Domain> = touched.chain([Domain::MEMBERSHIP]).collect();
        domains.sort_unstable();
        domains.dedup();
        let mut notes = Vec::new();
        for domain in domains {
            notes.extend(self.note(domain, height)?);
        }
        Ok(by_agency(self.chain, &notes))
    }

    /// The note of a domain at a height that touched it.
    pub(crate) fn note(&self, domain: Domain, height: u64) -> Result<Option<SignedCheckpoint>, Error> {
        if let Some(block) = self.recent.block(height) {
            return Ok(block.note(domain).cloned());
        }
        let row = self.store.snapshot()?.get(&NOTES, &DomainKey { domain, number: height })?;
        Ok(row.map(|NoteRow(note)| note))
    }

    /// Adds the owner's own signature to a note that became final without it, if it came since.
    pub(crate) fn add_log_signature(&self, note: &mut SignedCheckpoint, epoch: &Epoch) {
        let domain = note.point.domain;
        let Some(owner) = epoch.rules(domain).map(|rules| rules.owner) else { return };
        if note.log.is_none()
            && let Some(signature) = self.recent.log_signature(note.height, domain, owner)
            && log_verifies(epoch, domain, &signature, &note.text(&self.chain))
        {
            note.log = Some(signature);
        }
    }

    /// The last note of a domain.
    pub(crate) fn last_note(&self, domain: Domain) -> Result<Option<SignedCheckpoint>, Error> {
        let final_height = self.recent.final_height();
        if let Some(note) = self.recent.last_note(domain) {
            return Ok(Some(note));
        }
        let snapshot = self.store.snapshot()?;
        let (from, to) =
            (DomainKey { domain, number: 0 }, DomainKey { domain, number: final_height.saturating_add(1) });
        let row = snapshot.table(&NOTES)?.range(&from, &to)?.next_back().transpose()?;
        Ok(row.map(|(_, NoteRow(note))| note))
    }
}

fn block_info(height: u64, row: BlockRow) -> Result<BlockInfo, Error> {
    let proposal = Proposal::decode(&row.proposal);
    let proposal = proposal.map_err(|error| damaged(format!("the proposal at height {height}: {error}")))?;
    Ok(BlockInfo {
        hash: proposal.header.hash(),
        proposal: Arc::new(proposal),
        certificate: row.certificate,
        position: row.position,
    })
}

pub(crate) fn damaged(reason: String) -> Error {
    Error::State { reason }
}
