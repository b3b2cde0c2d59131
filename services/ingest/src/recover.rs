//! Start: what the journal holds and the ledger does not is pending again, and goes back onto the stream unless it is
//! still there.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use futures::StreamExt;
use hutong_bus::{Filter, Stream};
use hutong_ledger::id::{Domain, TxId};
use hutong_peer::subjects;
use hutong_wire::transaction::decode_group;

use crate::{
    Error,
    check::View,
    core::Core,
    group::{Command, sign},
    journal::{Kept, message_id},
    waiters::{Place, Table},
};

/// Ids that storage is asked for at a time.
const IDS_MAX: usize = 1000;

/// Reads the journal back. What the grouper has to append, and the height up to which finality is known.
pub(crate) async fn recover(core: &Arc<Core>) -> Result<(Vec<Command>, u64), Error> {
    let view = View::from(core.ports.storage.standing().await?);
    let kept = core.journal.kept()?;
    *core.table.lock() = Table::new(core.config.recent_max);
    let mut missing: HashMap<String, (u64, Domain)> = HashMap::new();
    for group in kept {
        if let Some(ids) = restore(core, &view, &group).await? {
            missing.insert(message_id(&group.payload), (group.position, group.domain));
            tracing::debug!(
                position = group.position,
                transactions = ids,
                "a group of the journal is not final"
            );
        }
    }
    let groups = missing.len();
    if groups > 0 {
        find_on_stream(core, &view, &mut missing).await?;
        tracing::info!(groups, lost = missing.len(), "groups of the journal are not final yet");
    }
    let mut refills: BTreeMap<Domain, Vec<u64>> = BTreeMap::new();
    for (position, domain) in missing.into_values() {
        refills.entry(domain).or_default().push(position);
    }
    let commands = refills.into_iter().map(|(domain, mut positions)| {
        positions.sort_unstable();
        Command::Refill(domain, positions)
    });
    let height = view.header.height;
    core.set_view(view);
    Ok((commands.collect(), height))
}

/// Takes a group into the table as far as it is not final and can still be ordered; how much of it that is.
async fn restore(core: &Core, view: &View, group: &Kept) -> Result<Option<usize>, Error> {
    let damaged = |reason: String| Error::Record { position: group.position, reason };
    let decoded = decode_group(group.payload.clone()).map_err(|error| damaged(error.to_string()))?;
    let ids: Result<Vec<TxId>, _> = decoded.into_iter().map(|tx| tx.map(|tx| tx.id)).collect();
    let ids: Arc<[TxId]> = ids.map_err(|error| damaged(error.to_string()))?.into();
    let open: Vec<TxId> = ids.iter().filter(|id| id.not_after_ms() >= view.header.time_ms).copied().collect();
    let mut known = HashSet::new();
    if view.epoch.stores(&core.agency, group.domain) {
        for part in open.chunks(IDS_MAX) {
            known.extend(core.ports.storage.prefetch(group.domain, Vec::new(), part.to_vec()).await?.known);
        }
    }
    let live: Vec<bool> =
        ids.iter().map(|id| id.not_after_ms() >= view.header.time_ms && !known.contains(id)).collect();
    let count = live.iter().filter(|live| **live).count();
    core.table.lock().restore(group.position, group.domain, ids, &live);
    Ok((count > 0).then_some(count))
}

/// Finds groups that stand on the stream where no final block has read yet.
async fn find_on_stream(
    core: &Core,
    view: &View,
    missing: &mut HashMap<String, (u64, Domain)>,
) -> Result<(), Error> {
    let bus = &core.ports.bus;
    let tip = bus.tip(Stream::Transactions, subjects::TRANSACTIONS).await?;
    let domains: HashSet<Domain> = missing.values().map(|(_, domain)| *domain).collect();
    let ordered = |domain: &Domain| {
        let cursor = view.header.cursor(*domain).filter(|cursor| cursor.incarnation == tip.incarnation);
        cursor.map_or(0, |cursor| cursor.sequence)
    };
    let from = domains.iter().map(ordered).min().unwrap_or(0).max(tip.first_sequence.saturating_sub(1)) + 1;
    if from > tip.subject_sequence {
        return Ok(());
    }
    let mut entries = bus.read(Stream::Transactions, Filter::one(subjects::TRANSACTIONS), from).await?;
    while let Some(entry) = entries.next().await {
        let entry = entry?;
        if let Some((position, domain)) = missing.remove(&message_id(&entry.payload)) {
            let place = Place { incarnation: tip.incarnation, sequence: entry.sequence };
            accept(core, view, position, domain, place);
        }
        if entry.sequence >= tip.subject_sequence {
            break;
        }
    }
    Ok(())
}

/// A group that is where it should be is accepted as it was before, under a new signature.
fn accept(core: &Core, view: &View, position: u64, domain: Domain, place: Place) {
    let mut table = core.table.lock();
    let Some((_, ids)) = table.group(position) else { return };
    let signed = sign(core, view, domain, &ids, place);
    table.placed(position, place, signed);
}
