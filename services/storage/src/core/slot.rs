//! A height that is not final yet, with the executed block that stands there.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use hutong_ledger::{
    epoch::{Epoch, quorum},
    id::{AgencyId, Domain},
    vote::Certificate,
};
use hutong_peer::{ExecutedBlock, agency::Cosigned};

use super::Now;
use crate::checkpoint::{HostCosignature, Point};

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
    /// This agency's own cosignatures and where the archive has them.
    pub(crate) own: Option<(Cosigned, u64)>,
    /// Valid cosignatures on exactly our points, by domain.
    pub(crate) cosigners: BTreeMap<Domain, BTreeMap<AgencyId, HostCosignature>>,
    /// The owners' signatures, by domain.
    pub(crate) log_signatures: BTreeMap<Domain, (hutong_ledger::id::KeyId, [u8; 64])>,
    /// Agencies that validly signed other points.
    pub(crate) differing: BTreeMap<Domain, Vec<AgencyId>>,
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
            own: None,
            cosigners: BTreeMap::new(),
            log_signatures: BTreeMap::new(),
            differing: BTreeMap::new(),
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

    /// Whether every point has the cosignatures of a quorum of its hosts.
    pub(crate) fn has_quorum(&self) -> bool {
        let Some(points) = &self.points else { return false };
        points.iter().all(|point| {
            let hosts = self.epoch.hosts(point.domain);
            let signed = self.cosigners.get(&point.domain);
            let counted = hosts.iter().filter(|host| signed.is_some_and(|signed| signed.contains_key(host)));
            counted.count() >= quorum(hosts.len())
        })
    }
}
