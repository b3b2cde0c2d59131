//! The two times of a title: when something was registered, by the time of blocks, and since when it is valid in law.
//!
//! Nothing has effect later than its registration. So what was registered up to a time T has all had its effect by T, and
//! only what was registered after T and reaches back needs to be looked at.

use std::collections::BTreeMap;

use hutong_ledger::id::RecordKey;
use hutong_peer::StoredRecord;
use hutong_runtime::http::Problem;
use hutong_wire::v1::property as wire;

use super::{PAGE_MAX, decode, find, record_id, unavailable};
use crate::{PropertyService, contract::domain};

/// The version that was current at a time, if the parcel was registered then.
pub(super) async fn registered(
    service: &PropertyService,
    id: &str,
    time_ms: u64,
) -> Result<Option<StoredRecord>, Problem> {
    let record = record_id(id)?;
    let Some(last) = find(service, record.clone(), None).await? else { return Ok(None) };
    if last.time_ms <= time_ms {
        return Ok(Some(last));
    }
    // Versions are numbered from 1 without gaps, and their times ascend.
    let (mut below, mut above) = (0, last.version);
    let mut found = None;
    while above - below > 1 {
        let middle = below + (above - below) / 2;
        let stored = find(service, record.clone(), Some(middle)).await?;
        let stored = stored.ok_or_else(|| Problem::internal("a version of the record is missing"))?;
        if stored.time_ms <= time_ms {
            below = middle;
            found = Some(stored);
        } else {
            above = middle;
        }
    }
    Ok(found)
}

/// The rights that were valid at a time, as far as the version `upto` and those before it know.
pub(super) async fn valid(
    service: &PropertyService,
    id: &str,
    upto: &StoredRecord,
    time_ms: u64,
) -> Result<Vec<wire::Right>, Problem> {
    if upto.time_ms <= time_ms {
        return Ok(decode(upto).unwrap_or_default().rights);
    }
    let base = registered(service, id, time_ms).await?;
    let first = base.as_ref().map_or(0, |stored| stored.version);
    let mut known = Validity::of(base.as_ref().and_then(decode).unwrap_or_default());
    for later in versions(service, id, first, upto.version).await? {
        if let Some(parcel) = decode(&later) {
            known.follow(parcel, time_ms);
        }
    }
    Ok(known.rights())
}

/// The versions after one and up to another, oldest first.
async fn versions(
    service: &PropertyService,
    id: &str,
    after: u64,
    upto: u64,
) -> Result<Vec<StoredRecord>, Problem> {
    let key = RecordKey { domain: domain(), record: record_id(id)? };
    let (mut versions, mut below) = (Vec::new(), Some(upto + 1));
    while let Some(next) = below.filter(|next| *next > after + 1) {
        let page = service.storage.history(key.clone(), Some(next), PAGE_MAX).await.map_err(unavailable)?;
        versions.extend(page.versions.into_iter().filter(|stored| stored.version > after));
        below = page.more_below;
    }
    versions.reverse();
    Ok(versions)
}

/// Rights by id, each as of the last change that is valid at the time asked for: since when, and what it became.
#[derive(Debug, Default)]
struct Validity {
    states: BTreeMap<u32, (u64, Option<wire::Right>)>,
    /// Of the version before.
    standing: Vec<u32>,
}

impl Validity {
    fn of(parcel: wire::Parcel) -> Self {
        let standing = parcel.rights.iter().map(|right| right.id).collect();
        let states = parcel.rights.into_iter().map(|right| (right.id, (right.valid_from_ms, Some(right))));
        Self { states: states.collect(), standing }
    }

    /// A version that was registered later: what of it reaches back to the time.
    fn follow(&mut self, parcel: wire::Parcel, time_ms: u64) {
        let stands: Vec<u32> = parcel.rights.iter().map(|right| right.id).collect();
        for gone in self.standing.iter().filter(|id| !stands.contains(id)) {
            if parcel.effective_ms <= time_ms {
                self.states.insert(*gone, (parcel.effective_ms, None));
            }
        }
        for right in parcel.rights.into_iter().filter(|right| right.valid_from_ms <= time_ms) {
            // One that is valid since the same time says it better: a correction.
            let newer = self.states.get(&right.id).is_none_or(|(since, _)| *since <= right.valid_from_ms);
            if newer {
                self.states.insert(right.id, (right.valid_from_ms, Some(right)));
            }
        }
        self.standing = stands;
    }

    fn rights(self) -> Vec<wire::Right> {
        self.states.into_values().filter_map(|(_, right)| right).collect()
    }
}
