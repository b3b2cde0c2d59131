//! The judges: what must hold when a city has come to rest. They read what agencies archived, tell and prove, and
//! what observers and clients wrote down; they believe no counter of a service.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use hutong_ledger::{
    block::{Header, Proposal},
    hash::Hash,
    id::TxId,
    receipt::{self, document::TrustFile},
};
use hutong_peer::{FinalTransaction, Position, StoragePeer, ingest::Wait};
use hutong_storage::{Storage, fsck};

use crate::{
    city::{AGENCIES, contracts, name, transaction},
    load,
    world::World,
};

type Judged = Result<(), String>;

/// A city whose faults have ended serves again within this time.
const REST: Duration = Duration::from_secs(180);

/// What one agency says and proves.
pub(crate) struct Testimony {
    pub(crate) headers: Vec<Header>,
    pub(crate) finals: Vec<FinalTransaction>,
    pub(crate) receipts: HashMap<TxId, Vec<u8>>,
}

/// Waits until a new transaction is final everywhere and all agencies stand at the same height.
pub(crate) async fn rest(world: &Arc<World>) -> Judged {
    // Behind everything that expires.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let probe = transaction(0, world.nonce(), world.now_ms() + 3_600_000, "probe=v".into());
    let id = probe.id;
    load::submit(world.clone(), probe, Wait::Accepted).await;
    let rested = async {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let mut heights = HashSet::new();
            let mut open = 0;
            for node in &world.nodes {
                let Some(storage) = node.storage.lock().clone() else { continue };
                let (Ok(standing), Ok(Some(_))) = (storage.standing().await, storage.transaction(id).await)
                else {
                    continue;
                };
                open += usize::from(!has_all(world, &storage).await);
                open += usize::from(standing.next_height != standing.final_header.height + 1);
                heights.insert(standing.final_header.hash());
            }
            let up = world.nodes.iter().filter(|node| node.storage.lock().is_some()).count();
            if up == AGENCIES && heights.len() == 1 && open == 0 && all_have(world, id).await {
                return;
            }
        }
    };
    let waited = tokio::time::timeout(REST, rested).await;
    if let Some(broken) = world.seen.lock().broken.clone() {
        return Err(broken);
    }
    waited.map_err(|_| format!("the city does not serve {REST:?} after the last fault"))
}

async fn all_have(world: &World, id: TxId) -> bool {
    for node in &world.nodes {
        let Some(storage) = node.storage.lock().clone() else { return false };
        if !matches!(storage.transaction(id).await, Ok(Some(_))) {
            return false;
        }
    }
    true
}

/// Whether everything that was accepted and has not expired is final.
async fn has_all(world: &World, storage: &Storage) -> bool {
    let accepted: Vec<TxId> = world.seen.lock().accepted.iter().map(|(id, _)| *id).collect();
    for id in accepted {
        if id.not_after_ms() > world.now_ms() && !matches!(storage.transaction(id).await, Ok(Some(_))) {
            return false;
        }
    }
    true
}

pub(crate) async fn judge(world: &Arc<World>) -> Judged {
    // The observers hear the last of it.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut testimonies = Vec::new();
    for at in 0..AGENCIES {
        let storage = world.nodes[at].storage.lock().clone();
        testimonies.push(hear(&storage.ok_or(format!("{} is down", name(at)))?).await?);
    }
    let seen = world.seen.lock();
    if let Some(broken) = &seen.broken {
        return Err(broken.clone());
    }
    for (at, testimony) in testimonies.iter().enumerate() {
        let judged = linked(&world.genesis.header(), &testimony.headers)
            .and_then(|()| once(&testimony.finals))
            .and_then(|()| unchanged(&testimony.headers, &seen.heights))
            .and_then(|()| told(&testimony.finals, &seen.told[at]))
            .and_then(|()| same(&testimonies[0], testimony))
            .and_then(|()| kept(testimony, seen.accepted.iter().map(|(id, _)| *id)))
            .and_then(|()| proven(testimony, &TrustFile::of(&world.genesis)));
        judged.map_err(|broken| format!("{}: {broken}", name(at)))?;
    }
    let by_id: HashMap<TxId, &FinalTransaction> =
        testimonies[0].finals.iter().map(|each| (each.id, each)).collect();
    for (id, finality) in &seen.answered {
        let held = by_id.get(id).is_some_and(|each| {
            (each.position.height, &each.outcome) == (finality.height, &finality.outcome)
        });
        if !held {
            return Err(format!("FINAL: a client was told that {id} is final at {}", finality.height));
        }
    }
    for (id, acceptance) in &seen.accepted {
        let signed = acceptance.verify(world.genesis.chain(), &world.genesis.epoch, id);
        signed.map_err(|unaccepted| format!("KEPT: the acceptance of {id} proves nothing: {unaccepted}"))?;
    }
    Ok(())
}

async fn hear(storage: &Storage) -> Result<Testimony, String> {
    let failed = |error: hutong_peer::Error| error.to_string();
    let last = storage.standing().await.map_err(failed)?.final_header.height;
    let mut headers = Vec::new();
    for height in 1..=last {
        let archived = storage.archived(height).await.map_err(failed)?;
        let archived = archived.ok_or(format!("FINAL: height {height} is not in the archive"))?;
        headers.push(Proposal::decode(&archived.proposal).map_err(|error| error.to_string())?.header);
    }
    let (mut finals, mut after) = (Vec::new(), Position::default());
    loop {
        let (more, reached) = storage.finals(after, None, 100).await.map_err(failed)?;
        if more.is_empty() && reached == after {
            break;
        }
        finals.extend(more);
        after = reached;
    }
    let mut receipts = HashMap::new();
    for each in &finals {
        let receipt = storage.receipt(each.id).await.map_err(failed)?;
        receipts.insert(each.id, receipt.ok_or(format!("PROOF: {} has no receipt", each.id))?.to_vec());
    }
    Ok(Testimony { headers, finals, receipts })
}

/// LINK: each header names the one before.
pub(crate) fn linked(genesis: &Header, headers: &[Header]) -> Judged {
    let mut below = genesis;
    for header in headers {
        if header.prev != below.hash() || header.height != below.height + 1 {
            return Err(format!("LINK: height {} does not name what is below it", header.height));
        }
        below = header;
    }
    Ok(())
}

/// ONCE: an id has one entry, at one place of its log, without gaps.
pub(crate) fn once(finals: &[FinalTransaction]) -> Judged {
    let (mut ids, mut sizes) = (HashSet::new(), BTreeMap::new());
    for each in finals {
        if !ids.insert(each.id) {
            return Err(format!("ONCE: {} has two entries", each.id));
        }
        let size: &mut u64 = sizes.entry(each.domain).or_default();
        if each.log_index != *size {
            return Err(format!("ONCE: entry {size} of {} is missing", each.domain));
        }
        *size += 1;
    }
    Ok(())
}

/// FINAL and ONE: what anyone saw final is what the archive has.
pub(crate) fn unchanged(headers: &[Header], seen: &BTreeMap<u64, Hash>) -> Judged {
    for (height, hash) in seen.iter().filter(|(height, _)| **height > 0) {
        if headers.get(*height as usize - 1).map(Header::hash) != Some(*hash) {
            return Err(format!("FINAL: height {height} was seen final as {hash}"));
        }
    }
    Ok(())
}

/// TOLD: an observer was told every final change, in order, once.
pub(crate) fn told(finals: &[FinalTransaction], told: &[FinalTransaction]) -> Judged {
    let places = |list: &[FinalTransaction]| {
        list.iter().map(|each| (each.position, each.id, each.outcome.clone())).collect::<Vec<_>>()
    };
    if places(finals) == places(told) {
        return Ok(());
    }
    Err(format!("TOLD: an observer was told {} of {} changes, or others", told.len(), finals.len()))
}

/// SAME: every agency has the same blocks, outcomes and records.
pub(crate) fn same(one: &Testimony, other: &Testimony) -> Judged {
    if let Some((left, _)) = one.headers.iter().zip(&other.headers).find(|(left, right)| left != right) {
        return Err(format!("ONE: two blocks are final at height {}", left.height));
    }
    if (one.headers.len(), one.finals.len()) != (other.headers.len(), other.finals.len()) {
        return Err("SAME: an agency has more than another".into());
    }
    for (left, right) in one.finals.iter().zip(&other.finals) {
        let of =
            |each: &FinalTransaction| (each.position, each.id, each.outcome.clone(), each.changes.clone());
        if of(left) != of(right) {
            return Err(format!("SAME: {} came to something else at another agency", left.id));
        }
    }
    Ok(())
}

/// KEPT: what was accepted is final, or its time was over before it could be.
pub(crate) fn kept(testimony: &Testimony, accepted: impl Iterator<Item = TxId>) -> Judged {
    let ids: HashSet<TxId> = testimony.finals.iter().map(|each| each.id).collect();
    let now_ms = testimony.headers.last().map_or(0, |header| header.time_ms);
    for id in accepted {
        if !ids.contains(&id) && id.not_after_ms() >= now_ms {
            return Err(format!("KEPT: {id} was accepted and is not final"));
        }
    }
    Ok(())
}

/// PROOF: every receipt verifies from the trust file alone, and says what the agency says.
pub(crate) fn proven(testimony: &Testimony, trust: &TrustFile) -> Judged {
    for each in &testimony.finals {
        let Some(receipt) = testimony.receipts.get(&each.id) else {
            return Err(format!("PROOF: {} has no receipt", each.id));
        };
        let verified = receipt::verify(receipt, trust);
        let verified = verified.map_err(|error| format!("PROOF: the receipt of {}: {error}", each.id))?;
        let block = testimony.headers.get(verified.height as usize - 1).map(Header::hash);
        let says = (verified.id, verified.height, &verified.outcome, Some(verified.block));
        if says != (each.id, each.position.height, &each.outcome, block) {
            return Err(format!("PROOF: the receipt of {} says something else", each.id));
        }
    }
    Ok(())
}

/// What the agencies leave on their disks derives again from their archives.
pub(crate) fn check_folders(world: &World, folders: &[PathBuf]) -> Judged {
    for folder in folders {
        let report = fsck(folder, &contracts(), &world.genesis).map_err(|error| format!("fsck: {error}"))?;
        if let Some(difference) = report.difference {
            return Err(format!("fsck: {difference:?}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::city::genesis;

    fn chain() -> Vec<Header> {
        let mut headers = vec![genesis().header()];
        for _ in 0..3 {
            let below = headers.last().unwrap().clone();
            headers.push(Header { height: below.height + 1, prev: below.hash(), ..below });
        }
        headers.split_off(1)
    }

    #[test]
    fn a_header_that_does_not_link_is_caught() {
        let (first, mut headers) = (genesis().header(), chain());
        linked(&first, &headers).unwrap();
        headers[1].prev = Hash([7; 32]);
        assert!(linked(&first, &headers).unwrap_err().starts_with("LINK: height 2"));
    }

    #[test]
    fn a_final_block_that_changed_or_went_is_caught() {
        let headers = chain();
        let mut seen = BTreeMap::from([(3, headers[2].hash())]);
        unchanged(&headers, &seen).unwrap();
        assert!(unchanged(&headers[..2], &seen).unwrap_err().starts_with("FINAL: height 3"));
        seen.insert(1, Hash([7; 32]));
        assert!(unchanged(&headers, &seen).unwrap_err().starts_with("FINAL: height 1"));
    }

    #[test]
    fn an_accepted_transaction_that_is_lost_is_caught() {
        let headers = chain();
        let now_ms = headers[2].time_ms;
        let testimony = Testimony { headers, finals: Vec::new(), receipts: HashMap::new() };
        kept(&testimony, [TxId::new(now_ms - 1, b"expired")].into_iter()).unwrap();
        let lost = kept(&testimony, [TxId::new(now_ms + 1, b"lost")].into_iter());
        assert!(lost.unwrap_err().starts_with("KEPT"));
    }
}
