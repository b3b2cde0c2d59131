//! A height that is not final yet, with the executed block that stands there.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use hutong_ledger::{
    epoch::{Epoch, quorum},
    id::{AgencyId, Domain, KeyId},
    vote::Certificate,
};
use hutong_peer::{ExecutedBlock, agency::Cosigned};

use super::Now;
use crate::checkpoint::{HostCosignature, Point, SignedCheckpoint};

pub(crate) type LogSignature = (KeyId, [u8; 64]);

/// Signatures on a height's checkpoints in one view.
#[derive(Debug, Default)]
pub(crate) struct Signed {
    pub(crate) cosigners: BTreeMap<Domain, BTreeMap<AgencyId, HostCosignature>>,
    /// The owners' own.
    pub(crate) logs: BTreeMap<Domain, LogSignature>,
}

impl Signed {
    fn has_quorum(&self, domain: Domain, epoch: &Epoch) -> bool {
        let hosts = epoch.hosts(domain);
        let signed = |host: &&AgencyId| self.cosigners.get(&domain).is_some_and(|by| by.contains_key(host));
        hosts.iter().filter(signed).count() >= quorum(hosts.len())
    }
}

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) block: Arc<ExecutedBlock>,
    /// In force at this height.
    pub(crate) epoch: Arc<Epoch>,
    /// Where the archive has the block.
    pub(crate) position: u64,
    /// The wall time at which it was seen first.
    pub(crate) seen_ms: u64,
    /// When it was submitted.
    pub(crate) since: Duration,
    /// What its certificate came at.
    pub(crate) certified_since: Option<Duration>,
    /// Log and state of membership and of each hosted domain that it touches, once computed.
    pub(crate) points: Option<Arc<[Point]>>,
    pub(crate) certificate: Option<Certificate>,
    /// This agency's own cosignatures and where the archive has them, by view.
    pub(crate) own: BTreeMap<u32, (Cosigned, u64)>,
    /// Valid signatures on exactly our points, by view: those of different views do not add up.
    pub(crate) signed: BTreeMap<u32, Signed>,
    /// Agencies that validly signed other points.
    pub(crate) differing: BTreeMap<Domain, Vec<AgencyId>>,
    /// What they signed.
    pub(crate) dissent: Vec<SignedCheckpoint>,
}

impl Slot {
    pub(super) fn new(
        block: Arc<ExecutedBlock>,
        epoch: Arc<Epoch>,
        position: u64,
        seen_ms: u64,
        now: Now,
    ) -> Self {
        Self {
            block,
            epoch,
            position,
            seen_ms,
            since: now.monotonic,
            certified_since: None,
            points: None,
            certificate: None,
            own: BTreeMap::new(),
            signed: BTreeMap::new(),
            differing: BTreeMap::new(),
            dissent: Vec::new(),
        }
    }

    /// The block stands in a higher view now.
    pub(super) fn repeat(&mut self, block: Arc<ExecutedBlock>, position: u64, now: Now) {
        self.block = block;
        self.position = position;
        self.since = now.monotonic;
    }

    pub(crate) fn height(&self) -> u64 {
        self.block.height()
    }

    pub(crate) fn view(&self) -> u32 {
        self.block.proposal.view
    }

    /// The domains of the block's segments, hosted here or not.
    pub(crate) fn domains(&self) -> Vec<Domain> {
        self.block.proposal.header.segments.iter().map(|segment| segment.domain).collect()
    }

    /// The view in which every point has the cosignatures of a quorum of its hosts.
    pub(crate) fn final_view(&self) -> Option<u32> {
        let points = self.points.as_ref()?;
        let all = |signed: &Signed| points.iter().all(|point| signed.has_quorum(point.domain, &self.epoch));
        self.signed.iter().find(|(_, signed)| all(signed)).map(|(view, _)| *view)
    }
}
