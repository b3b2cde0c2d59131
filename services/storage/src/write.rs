//! What becomes of a final block in the tables.

use bytes::Bytes;
use hutong_ledger::{
    block::Header,
    genesis::Genesis,
    hash::Hash,
    id::{Domain, TxId},
    log::Frontier,
};
use hutong_store::{Batch, Codec, Snapshot, Store};

use crate::{
    Error, GenesisFault,
    checkpoint::SignedCheckpoint,
    read::damaged,
    recent::FinalBlock,
    segment::salt,
    tables::{
        BLOCKS, BlockRow, DomainKey, FORMAT, HeightKey, LOG_STARTS, META, Meta, NOTES, NoteRow, RECORDS,
        RecordKeyRow, RecordRow, SEGMENTS, TRANSACTIONS, TransactionRow,
    },
};

/// Everything of a block but what the logs and trees add: per transaction one row by its id, and one per change.
pub(crate) fn block(batch: &mut Batch, block: &FinalBlock) {
    let height = block.height();
    for segment in block.segments.iter().filter(|segment| !segment.transactions.is_empty()) {
        let domain = segment.domain;
        batch.put(&SEGMENTS, &HeightKey { height, domain }, &Bytes::from(segment.encode()));
        batch.put(&LOG_STARTS, &DomainKey { domain, number: segment.first_index }, &height);
        for (tx, place) in segment.transactions.iter().zip(0u32..) {
            batch.put(&TRANSACTIONS, &tx.id.0, &TransactionRow { height, domain, place });
            for change in &tx.changes {
                let key = RecordKeyRow { domain, record: change.record.clone(), version: change.version };
                let row = RecordRow {
                    value: change.value.clone(),
                    salt: salt(tx, &change.record),
                    transaction: tx.id,
                    height,
                    time_ms: tx.time_ms,
                    agency: tx.agency,
                };
                batch.put(&RECORDS, &key, &row);
            }
        }
    }
    for note in &block.notes {
        let key = DomainKey { domain: note.point.domain, number: height };
        batch.put(&NOTES, &key, &NoteRow(note.clone()));
    }
    let row = BlockRow {
        proposal: block.proposal.encode().into(),
        certificate: block.certificate.clone(),
        position: block.position,
    };
    batch.put(&BLOCKS, &height, &row);
    put_number(batch, Meta::Final, height);
}

pub(crate) fn frontier(batch: &mut Batch, domain: Domain, frontier: &Frontier) {
    batch.put(&META, &Meta::Frontier(domain), &Bytes::from(frontier.encode()));
}

fn put_number(batch: &mut Batch, name: Meta, number: u64) {
    batch.put(&META, &name, &Bytes::copy_from_slice(&number.to_be_bytes()));
}

/// Makes new tables hold the state at genesis, or checks that existing ones are of this chain; the last final
/// height that they have.
pub(crate) fn prepare(store: &Store, genesis: &Genesis) -> Result<u64, Error> {
    genesis.check().map_err(GenesisFault)?;
    let snapshot = store.snapshot()?;
    let chain = genesis.chain();
    let Some(format) = snapshot.get(&META, &Meta::Format)? else {
        store.write_synced(initial(genesis))?;
        return Ok(0);
    };
    match u32::decode(&format) {
        Some(FORMAT) => {}
        found => return Err(Error::Format { found: found.unwrap_or_default(), known: FORMAT }),
    }
    if snapshot.get(&META, &Meta::Chain)?.as_deref() != Some(chain.as_str().as_bytes()) {
        return Err(damaged(format!("it does not belong to chain {chain}")));
    }
    let height = snapshot.get(&META, &Meta::Final)?.and_then(|bytes| u64::decode(&bytes));
    height.ok_or_else(|| damaged("the final height is missing".into()))
}

/// The state at height 0: the first epoch, and nothing else.
fn initial(genesis: &Genesis) -> Batch {
    let mut batch = Batch::default();
    batch.put(&META, &Meta::Format, &Bytes::copy_from_slice(&FORMAT.to_be_bytes()));
    batch.put(&META, &Meta::Chain, &Bytes::copy_from_slice(genesis.chain().as_str().as_bytes()));
    put_number(&mut batch, Meta::Final, 0);
    let owner = genesis.epoch.rules(Domain::MEMBERSHIP).map(|rules| rules.owner);
    let key = RecordKeyRow {
        domain: Domain::MEMBERSHIP,
        record: hutong_ledger::epoch::Epoch::record(),
        version: 1,
    };
    let row = RecordRow {
        value: Some(genesis.epoch.encode().into()),
        salt: GENESIS_SALT,
        transaction: TxId([0; 38]),
        height: 0,
        time_ms: genesis.time_ms,
        agency: owner.unwrap_or(genesis.name),
    };
    batch.put(&RECORDS, &key, &row);
    batch
}

/// The salt of the first epoch, which no transaction made.
pub(crate) const GENESIS_SALT: [u8; 16] = [0; 16];

/// What membership's tree holds at genesis.
pub(crate) fn genesis_hash(snapshot: &Snapshot) -> Result<Hash, Error> {
    let record = hutong_ledger::epoch::Epoch::record();
    let key = RecordKeyRow { domain: Domain::MEMBERSHIP, record: record.clone(), version: 1 };
    let row = snapshot.get(&RECORDS, &key)?.ok_or_else(|| damaged("the first epoch is missing".into()))?;
    let value = row.value.as_deref();
    Ok(hutong_ledger::contract::record_hash(Domain::MEMBERSHIP, &record, 1, &row.salt, value))
}

/// The header at a written height.
pub(crate) fn header(snapshot: &Snapshot, genesis: &Genesis, height: u64) -> Result<Header, Error> {
    if height == 0 {
        return Ok(genesis.header());
    }
    let missing = || damaged(format!("the block at height {height} is missing"));
    let row = snapshot.get(&BLOCKS, &height)?.ok_or_else(missing)?;
    let proposal = hutong_ledger::block::Proposal::decode(&row.proposal).map_err(|_| missing())?;
    Ok(proposal.header)
}

/// The last note of a domain and membership's of the same height.
pub(crate) fn last_notes(
    snapshot: &Snapshot,
    domain: Domain,
) -> Result<Option<(SignedCheckpoint, SignedCheckpoint)>, Error> {
    let table = snapshot.table(&NOTES)?;
    let (from, to) = (DomainKey { domain, number: 0 }, DomainKey { domain, number: u64::MAX });
    let Some((key, NoteRow(note))) = table.range(&from, &to)?.next_back().transpose()? else {
        return Ok(None);
    };
    let membership = table.get(&DomainKey { domain: Domain::MEMBERSHIP, number: key.number })?;
    Ok(membership.map(|NoteRow(membership)| (note, membership)))
}
