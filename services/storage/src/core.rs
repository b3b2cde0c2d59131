//! The decisions of storage, without IO: what may be voted for, what is certified, what is cosigned, what is final.
//!
//! Inputs are method calls; what is to be done comes out as [`Action`]s, which the service performs in order. The
//! core counts the archive's positions itself: it knows at which position each thing that binds the agency will
//! be durable, and lets go of a vote, status or cosignature only when [`Core::durable`] has told it so. Since what
//! is durable is a prefix of the archive, a vote, the certificate that counts it and the cosignature on it may be
//! brought to the disk together; none of them is seen outside before.
//!
//! It reads no clock ([`Now`] comes with the input), holds no lock and starts nothing, so that a simulation can
//! run many of them.
//!
//! Parts: [`submit`] takes blocks; [`slot`] is a height that is not final yet; [`heard`] keeps what others said, perhaps ahead of the
//! blocks; [`voting`], [`status`] and [`finality`] are the three rules; [`known`] is what the archive remembered.

mod finality;
pub(crate) mod heard;
pub(crate) mod known;
pub(crate) mod slot;
mod status;
mod submit;
mod voting;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use hutong_keys::SigningKey;
use hutong_ledger::{
    chain::Base,
    epoch::{Epoch, Purpose},
    hash::Hash,
    id::{AgencyId, ChainId, KeyId},
    invariant::Invariant,
    vote::{Certificate, Commitments, Status, Vote},
};
use hutong_peer::{ExecutedBlock, agency::Cosigned};

use crate::{
    Config, Error,
    archive::Record,
    checkpoint::{Point, SignedCheckpoint},
};
use heard::Heard;
use known::Known;
use slot::Slot;

pub(crate) use status::StatusAnswer;

/// The time, as the service read it when the input came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) unix_ms: u64,
    pub(crate) monotonic: Duration,
}

/// Who this agency is and what it signs with.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) chain: ChainId,
    pub(crate) agency: AgencyId,
    pub(crate) host: SigningKey,
    /// The log keys of domains that it owns; the epoch says which is for which.
    pub(crate) logs: Vec<SigningKey>,
}

impl Identity {
    pub(crate) fn key_id(&self) -> KeyId {
        KeyId::of(self.host.public().as_bytes())
    }

    /// Whether the epoch lets it vote and cosign with this key.
    pub(crate) fn signs(&self, epoch: &Epoch) -> bool {
        epoch.validating().any(|agency| agency.id == self.agency)
            && epoch.key(&self.agency, Purpose::Host, &self.key_id()).is_some()
    }
}

/// A height that has become final, with all that is written for it.
#[derive(Clone, Debug)]
pub(crate) struct Finalized {
    pub(crate) block: Arc<ExecutedBlock>,
    pub(crate) certificate: Certificate,
    pub(crate) notes: Vec<SignedCheckpoint>,
    /// Where the archive has the block.
    pub(crate) position: u64,
    /// The epoch in force at the next height.
    pub(crate) epoch: Arc<Epoch>,
}

/// Names a question whose answer has to wait for the disk.
pub(crate) type Token = u64;

/// What the service is to do, in this order.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// The next record of the archive.
    Append(Record),
    /// The next record of the archive: a block with its segments.
    AppendBlock {
        seen_ms: u64,
        block: Arc<ExecutedBlock>,
    },
    /// Forget speculative results at this height and above.
    Rewind {
        height: u64,
    },
    /// Compute log and state roots; answered by [`Core::rooted`].
    Compute(Arc<ExecutedBlock>),
    PublishVote(Vote),
    PublishCosigned(Cosigned),
    AnswerStatus(Token, Status),
    Finalize(Box<Finalized>),
    /// Someone broke an invariant, by evidence; counted and logged, and the core goes on.
    Violation {
        invariant: Invariant,
        evidence: String,
    },
    /// Someone signed what convicts them: kept as a document that others can check.
    Convict(Charge),
}

/// What an agency signed that none signs that keeps the rules.
#[derive(Clone, Debug)]
pub(crate) enum Charge {
    TwoVotes(Box<[Vote; 2]>),
    OtherRoots(Box<OtherRoots>),
}

/// What is let go of once the archive is durable up to a position.
#[derive(Clone, Debug)]
enum Release {
    Vote(Vote),
    Cosigned(Cosigned),
    Status(Token, Status),
}

/// Another result than the quorum's, for the same block.
#[derive(Clone, Debug)]
pub(crate) struct OtherRoots {
    /// As one host cosigned it.
    pub(crate) signed: SignedCheckpoint,
    pub(crate) quorum: SignedCheckpoint,
    /// Membership's, of the quorum.
    pub(crate) membership: SignedCheckpoint,
}

#[derive(Debug)]
pub(crate) struct Core {
    identity: Identity,
    config: Config,
    /// The last final block.
    base: Base,
    /// The wall time at which it was seen first.
    base_seen_ms: Option<u64>,
    /// In force at the height above the base.
    epoch: Arc<Epoch>,
    /// The heights above the base.
    slots: VecDeque<Slot>,
    commitments: Commitments,
    heard: BTreeMap<u64, Heard>,
    known: Known,
    /// The archive's last position.
    appended: u64,
    durable: u64,
    releases: VecDeque<(u64, Release)>,
    actions: Vec<Action>,
    /// When the height above the tip could first be expected.
    tip_since: Duration,
    next_token: Token,
}

impl Core {
    /// Starts above a final block, with what the archive remembers of the heights above it.
    pub(crate) fn new(
        identity: Identity,
        config: Config,
        base: Base,
        epoch: Arc<Epoch>,
        known: Known,
        appended: u64,
        now: Now,
    ) -> Self {
        let mut core = Self {
            identity,
            config,
            base,
            base_seen_ms: known.base_seen_ms,
            epoch,
            slots: VecDeque::new(),
            commitments: known.commitments.clone(),
            heard: BTreeMap::new(),
            known,
            appended,
            durable: appended,
            releases: VecDeque::new(),
            actions: Vec::new(),
            tip_since: now.monotonic,
            next_token: 0,
        };
        core.commitments.forget_below(core.base.header.height);
        core
    }

    pub(crate) fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    pub(crate) fn base(&self) -> &Base {
        &self.base
    }

    /// In force at the height above the base.
    pub(crate) fn chain(&self) -> ChainId {
        self.identity.chain
    }

    pub(crate) fn epoch(&self) -> &Arc<Epoch> {
        &self.epoch
    }

    pub(crate) fn next_height(&self) -> u64 {
        self.base.header.height + self.slots.len() as u64 + 1
    }

    pub(crate) fn held(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
    }

    pub(crate) fn slot(&self, height: u64) -> Option<&Slot> {
        let above = height.checked_sub(self.base.header.height + 1)?;
        self.slots.get(usize::try_from(above).ok()?)
    }

    /// In force at a height up to the next one.
    fn epoch_at(&self, height: u64) -> &Arc<Epoch> {
        let below = self.slots.iter().take_while(|slot| slot.height() < height);
        below.filter_map(|slot| slot.block.next_epoch.as_ref()).last().unwrap_or(&self.epoch)
    }

    /// Where the archive has the block of a height above the base.
    pub(crate) fn archived_at(&self, height: u64) -> Option<u64> {
        let held = self.slot(height).map(|slot| slot.position);
        held.or_else(|| self.known.block(height).map(|known| known.position))
    }

    /// Whether a certificate of this view may be built on.
    pub(crate) fn allows(&self, height: u64, view: u32) -> bool {
        self.commitments.may_cosign(height, view).is_ok()
    }

    /// The last height up to which all are certified in a view that may still be built on. A certificate below a promise of this
    /// agency's is one that it neither cosigns nor votes above: its block has to come again, in a higher view.
    pub(crate) fn certified_height(&self) -> u64 {
        let counts = |slot: &&Slot| {
            slot.certificate.as_ref().is_some_and(|held| self.allows(slot.height(), held.view))
        };
        let certified = self.slots.iter().take_while(counts).count();
        self.base.header.height + certified as u64
    }

    fn hash_below(&self, height: u64) -> Hash {
        self.slot(height - 1).map_or(self.base.hash, |slot| slot.block.hash)
    }

    fn append(&mut self, record: Record) -> u64 {
        self.appended += 1;
        self.actions.push(Action::Append(record));
        self.appended
    }

    fn release_at(&mut self, position: u64, release: Release) {
        self.releases.push_back((position, release));
    }

    /// The archive is durable up to a position.
    pub(crate) fn durable(&mut self, position: u64, now: Now) -> Result<(), Error> {
        self.durable = position.max(self.durable);
        self.advance(now)
    }

    /// Lets go of what is durable; whether there was anything.
    fn release(&mut self) -> bool {
        let mut released = false;
        while let Some((_, release)) = self.releases.pop_front_if(|(at, _)| *at <= self.durable) {
            released = true;
            match release {
                Release::Vote(vote) => self.actions.push(Action::PublishVote(vote)),
                Release::Status(token, status) => self.actions.push(Action::AnswerStatus(token, status)),
                Release::Cosigned(cosigned) => {
                    self.count_own(&cosigned);
                    self.actions.push(Action::PublishCosigned(cosigned));
                }
            }
        }
        released
    }

    /// The roots that a block leads to, as this agency computed them; sorted by domain.
    pub(crate) fn rooted(
        &mut self,
        height: u64,
        block: Hash,
        points: Vec<Point>,
        now: Now,
    ) -> Result<(), Error> {
        let above = height.checked_sub(self.base.header.height + 1);
        let slot = above.and_then(|above| self.slots.get_mut(usize::try_from(above).ok()?));
        match slot {
            Some(slot) if slot.block.hash == block => slot.points = Some(points.into()),
            // Superseded meanwhile.
            _ => return Ok(()),
        }
        self.advance(now)
    }

    /// Time has passed: a block may have come of age.
    pub(crate) fn tick(&mut self, now: Now) -> Result<(), Error> {
        self.advance(now)
    }

    /// Does all that has become possible.
    fn advance(&mut self, now: Now) -> Result<(), Error> {
        loop {
            for at in 0..self.slots.len() {
                self.vote(at, now);
                self.certify(at, now);
                self.cosign(at, now)?;
            }
            let base = self.base.header.height;
            self.settle();
            // A height that became final may have been the barrier, or what a released one waited for.
            if !self.release() && self.base.header.height == base {
                return Ok(());
            }
        }
    }
}
