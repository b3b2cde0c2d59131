//! Executing one block: its hosted segments, each under its contract, on the overlay.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use bytes::Bytes;
use futures::future::try_join_all;
use hutong_keys::VerifierCache;
use hutong_ledger::{
    block::Segment,
    chain::Slot,
    contract::Contract,
    epoch::Epoch,
    execute::{ExecutedSegment, Execution, Records, Step},
    id::{Domain, RecordKey, TxId},
    transaction::Void,
};
use hutong_peer::{ExecutedBlock, SegmentResult, SharedStorage};
use hutong_runtime::ComputePool;

use crate::{Error, check, overlay::Overlay};

/// What executing needs beside the block.
pub(crate) struct Engine {
    /// Of each domain one version or several: the past is executed again under the version that was in force.
    pub(crate) contracts: BTreeMap<(Domain, u32), Arc<dyn Contract>>,
    pub(crate) storage: SharedStorage,
    pub(crate) pool: ComputePool,
    pub(crate) cache: Arc<VerifierCache>,
}

impl Engine {
    /// Executes the block of a slot. The segments are those of the domains that the agency hosts, their roots
    /// checked.
    pub(crate) async fn execute(
        &self,
        slot: &Slot,
        epoch: &Arc<Epoch>,
        segments: Vec<(Bytes, Segment)>,
        overlay: &Overlay,
    ) -> Result<ExecutedBlock, Error> {
        let parts =
            segments.into_iter().map(|(raw, segment)| self.segment(slot, epoch, raw, segment, overlay));
        let mut segments = try_join_all(parts).await?;
        segments.sort_by_key(|segment| segment.domain);
        let next_epoch = next_epoch(&segments);
        Ok(ExecutedBlock { proposal: slot.proposal.clone(), hash: slot.hash, segments, next_epoch })
    }

    async fn segment(
        &self,
        slot: &Slot,
        epoch: &Arc<Epoch>,
        raw: Bytes,
        segment: Segment,
        overlay: &Overlay,
    ) -> Result<SegmentResult, Error> {
        let domain = segment.domain;
        let contract = self.contract(domain, epoch, slot.proposal.header.height)?;
        let (proposal, epoch_, cache) = (slot.proposal.clone(), epoch.clone(), self.cache.clone());
        let checked = self.pool.run(move || {
            let faults = check::faults(&proposal.header, &epoch_, &segment, &cache);
            (segment, faults)
        });
        let (segment, mut faults) = checked.await.map_err(|error| Error::Compute(error.to_string()))?;
        let mut records = Records::new();
        self.prefetch(slot, epoch, &contract, &segment, &mut faults, &mut records, overlay).await?;
        let header = &slot.proposal.header;
        let mut execution = Execution::new(&*contract, epoch, header, &segment.transactions, &faults);
        let result = loop {
            match execution.run(&mut records) {
                Step::Done(result) => break result,
                Step::Need(keys) => self.load(domain, keys, &mut records, overlay).await?,
            }
        };
        Ok(SegmentResult { domain, segment, raw, result })
    }

    /// One request for what the transactions say they read, and for which of their ids were used before.
    #[allow(clippy::too_many_arguments)]
    async fn prefetch(
        &self,
        slot: &Slot,
        epoch: &Epoch,
        contract: &Arc<dyn Contract>,
        segment: &Segment,
        faults: &mut [Option<Void>],
        records: &mut Records,
        overlay: &Overlay,
    ) -> Result<(), Error> {
        let domain = segment.domain;
        let header = &slot.proposal.header;
        let wanted =
            Execution::new(&**contract, epoch, header, &segment.transactions, faults).prefetch(records);
        let missing = from_overlay(wanted, records, overlay);
        let ids: Vec<TxId> = segment.transactions.iter().map(|tx| tx.id).collect();
        let answer = self.storage.prefetch(domain, missing.clone(), ids).await?;
        records.extend(missing.into_iter().zip(answer.records));
        let known: HashSet<TxId> = answer.known.into_iter().collect();
        for (fault, tx) in faults.iter_mut().zip(&segment.transactions) {
            if fault.is_none() && (known.contains(&tx.id) || overlay.used(domain, tx.id)) {
                *fault = Some(Void::Repeat);
            }
        }
        Ok(())
    }

    async fn load(
        &self,
        domain: Domain,
        keys: Vec<RecordKey>,
        records: &mut Records,
        overlay: &Overlay,
    ) -> Result<(), Error> {
        let missing = from_overlay(keys, records, overlay);
        if !missing.is_empty() {
            let answer = self.storage.prefetch(domain, missing.clone(), Vec::new()).await?;
            records.extend(missing.into_iter().zip(answer.records));
        }
        Ok(())
    }

    /// The contract that decides a domain from a height on.
    pub(crate) fn contract(
        &self,
        domain: Domain,
        epoch: &Epoch,
        height: u64,
    ) -> Result<Arc<dyn Contract>, Error> {
        let wanted = epoch.rules(domain).map(|rules| rules.contract).unwrap_or_default();
        self.contracts.get(&(domain, wanted)).cloned().ok_or_else(|| {
            let all = self.contracts.range((domain, 0)..=(domain, u32::MAX));
            let have: Vec<String> = all.map(|((_, version), _)| version.to_string()).collect();
            let have = if have.is_empty() { "none".to_owned() } else { have.join(", ") };
            Error::Contract { domain, wanted, have, height, epoch: epoch.number }
        })
    }
}

/// Takes what the overlay knows and returns the keys that only storage can answer.
fn from_overlay(keys: Vec<RecordKey>, records: &mut Records, overlay: &Overlay) -> Vec<RecordKey> {
    let mut missing = Vec::new();
    for key in keys {
        match overlay.record(&key) {
            Some(record) => {
                records.insert(key, Some(record.clone()));
            }
            None => missing.push(key),
        }
    }
    missing
}

/// The epoch that the membership segment made, if it made one.
fn next_epoch(segments: &[SegmentResult]) -> Option<Arc<Epoch>> {
    let membership = segments.iter().find(|segment| segment.domain == Domain::MEMBERSHIP)?;
    let changes = |result: &ExecutedSegment| -> Option<Arc<Epoch>> {
        let all = result.executed.iter().rev().flat_map(|executed| executed.changes.iter().rev());
        let change = all.into_iter().find(|change| change.record == Epoch::record())?;
        // The membership contract writes canonical epochs only; another value changes nothing.
        Epoch::decode(change.value.as_deref()?).ok().map(Arc::new)
    };
    changes(&membership.result)
}
