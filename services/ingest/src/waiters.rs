//! Who waits for what: the transactions that are accepted and not final, the groups they went in, and the callers that
//! want to know. Pure bookkeeping: it is told what happened and says what to do.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use hutong_ledger::{
    acceptance::{Acceptance, Statement},
    block::Header,
    id::{Domain, TxId},
    log::Tree,
};
use hutong_peer::ingest::{Code, Finality, Rejected};
use tokio::sync::oneshot;

use crate::core::Reply;

/// A caller that waits for a transaction to be final.
pub(crate) type Waiter = oneshot::Sender<Result<Finality, Rejected>>;

/// A transaction that a block passed over goes into a group again at most so often.
const AGAIN_MAX: u8 = 3;

/// Where a group stands on the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) incarnation: u64,
    pub(crate) sequence: u64,
}

/// The signed statement over a group, from which each transaction's acceptance is made.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) statement: Statement,
    pub(crate) signature: [u8; 64],
    pub(crate) tree: Tree,
}

impl Signed {
    pub(crate) fn acceptance(&self, index: u32) -> Acceptance {
        Acceptance {
            statement: self.statement,
            signature: self.signature,
            index: index.into(),
            path: self.tree.path(index as usize).unwrap_or_default(),
        }
    }
}

/// Where a transaction is.
#[derive(Clone, Debug)]
pub(crate) enum Placed {
    Group { signed: Arc<Signed>, index: u32 },
    Final(Finality),
}

/// A transaction that goes into a group.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: TxId,
    pub(crate) reply: Option<Reply>,
    pub(crate) waiter: Option<Waiter>,
}

#[derive(Debug)]
struct Pending {
    /// The journal position of its group, and its place in that.
    position: u64,
    index: u32,
    again: u8,
    replies: Vec<Reply>,
    waiters: Vec<Waiter>,
}

#[derive(Debug)]
struct Group {
    domain: Domain,
    ids: Arc<[TxId]>,
    place: Option<Place>,
    signed: Option<Arc<Signed>>,
    /// How many of its transactions are still pending here.
    live: usize,
}

/// What final blocks passed over.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    /// Groups with transactions that are to go into another group, by journal position.
    pub(crate) again: Vec<(u64, Vec<TxId>)>,
    /// Transactions that can no longer be ordered.
    pub(crate) unordered: Vec<TxId>,
}

#[derive(Debug)]
pub(crate) struct Table {
    pending: HashMap<TxId, Pending>,
    /// By journal position.
    groups: BTreeMap<u64, Group>,
    recent: HashMap<TxId, Finality>,
    recent_order: VecDeque<TxId>,
    recent_max: usize,
}

impl Table {
    pub(crate) fn new(recent_max: usize) -> Self {
        Self {
            pending: HashMap::new(),
            groups: BTreeMap::new(),
            recent: HashMap::new(),
            recent_order: VecDeque::new(),
            recent_max,
        }
    }

    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Answers for a transaction that is known, now or when there is an answer. Gives the channels back if it is not.
    pub(crate) fn attach(
        &mut self,
        id: &TxId,
        reply: Reply,
        waiter: Option<Waiter>,
    ) -> Result<(), (Reply, Option<Waiter>)> {
        if let Some(finality) = self.recent.get(id) {
            // Whoever hears that it is final waits for nothing else.
            let _ = reply.send(Ok(Placed::Final(finality.clone())));
            return Ok(());
        }
        let Some(pending) = self.pending.get_mut(id) else { return Err((reply, waiter)) };
        pending.waiters.extend(waiter);
        match self.groups.get(&pending.position).and_then(|group| group.signed.clone()) {
            Some(signed) => {
                let _ = reply.send(Ok(Placed::Group { signed, index: pending.index }));
            }
            None => pending.replies.push(reply),
        }
        Ok(())
    }

    /// Whether a transaction of an earlier group still has to go into another one.
    pub(crate) fn is_pending(&self, id: &TxId) -> bool {
        self.pending.contains_key(id)
    }

    /// Takes a new group; those of its transactions that were in another one leave that.
    pub(crate) fn insert(&mut self, position: u64, domain: Domain, entries: Vec<Entry>) -> Arc<[TxId]> {
        let ids: Arc<[TxId]> = entries.iter().map(|entry| entry.id).collect();
        for (index, entry) in (0..).zip(entries) {
            let earlier = self.pending.remove(&entry.id);
            let (again, mut replies, mut waiters) = match earlier {
                Some(earlier) => {
                    self.leave(earlier.position);
                    (earlier.again + 1, earlier.replies, earlier.waiters)
                }
                None => (0, Vec::new(), Vec::new()),
            };
            replies.extend(entry.reply);
            waiters.extend(entry.waiter);
            self.pending.insert(entry.id, Pending { position, index, again, replies, waiters });
        }
        let group = Group { domain, ids: ids.clone(), place: None, signed: None, live: ids.len() };
        self.groups.insert(position, group);
        ids
    }

    /// Takes a group that the journal had: only some of it is still pending.
    pub(crate) fn restore(&mut self, position: u64, domain: Domain, ids: Arc<[TxId]>, live: &[bool]) {
        let mut count = 0;
        for ((index, id), _) in (0..).zip(ids.iter()).zip(live).filter(|(_, live)| **live) {
            let pending = Pending { position, index, again: 0, replies: Vec::new(), waiters: Vec::new() };
            // A transaction may stand in two groups; the later one counts.
            if let Some(earlier) = self.pending.insert(*id, pending) {
                self.leave(earlier.position);
            }
            count += 1;
        }
        if count > 0 {
            self.groups.insert(position, Group { domain, ids, place: None, signed: None, live: count });
        }
    }

    fn leave(&mut self, position: u64) {
        if let Some(group) = self.groups.get_mut(&position) {
            group.live -= 1;
            if group.live == 0 {
                self.groups.remove(&position);
            }
        }
    }

    /// The group stands on the stream: everyone who waits for that is told.
    pub(crate) fn placed(&mut self, position: u64, place: Place, signed: Signed) {
        let Some(group) = self.groups.get_mut(&position) else { return };
        let signed = Arc::new(signed);
        group.place = Some(place);
        group.signed = Some(signed.clone());
        for (index, id) in (0..).zip(group.ids.iter()) {
            let pending = self.pending.get_mut(id).filter(|pending| pending.position == position);
            for reply in pending.into_iter().flat_map(|pending| pending.replies.drain(..)) {
                let _ = reply.send(Ok(Placed::Group { signed: signed.clone(), index }));
            }
        }
    }

    /// The group cannot stand on the stream.
    pub(crate) fn dropped(&mut self, position: u64, rejected: &Rejected) {
        let Some(group) = self.groups.remove(&position) else { return };
        for id in group.ids.iter() {
            if self.pending.get(id).is_some_and(|pending| pending.position == position) {
                self.give_up(id, rejected);
            }
        }
    }

    fn give_up(&mut self, id: &TxId, rejected: &Rejected) {
        let Some(pending) = self.pending.remove(id) else { return };
        self.leave(pending.position);
        for reply in pending.replies {
            let _ = reply.send(Err(rejected.clone()));
        }
        for waiter in pending.waiters {
            let _ = waiter.send(Err(rejected.clone()));
        }
    }

    /// Gives up a transaction that was passed over and would not be taken now.
    pub(crate) fn void(&mut self, id: &TxId, why: &Rejected) {
        let detail = format!("it was accepted, and then {why}");
        self.give_up(id, &Rejected::new(Code::Void, detail));
    }

    /// A transaction is final.
    pub(crate) fn settle(&mut self, id: &TxId, finality: impl FnOnce() -> Finality) {
        let Some(pending) = self.pending.remove(id) else { return };
        self.leave(pending.position);
        let finality = finality();
        for reply in pending.replies {
            let _ = reply.send(Ok(Placed::Final(finality.clone())));
        }
        for waiter in pending.waiters {
            let _ = waiter.send(Ok(finality.clone()));
        }
        if self.recent_max > 0 {
            if self.recent_order.len() >= self.recent_max
                && let Some(oldest) = self.recent_order.pop_front()
            {
                self.recent.remove(&oldest);
            }
            self.recent_order.push_back(*id);
            self.recent.insert(*id, finality);
        }
    }

    /// Looks for what final blocks up to this header passed over, when all final transactions up to it are settled. In
    /// domains that are not followed, what was passed is done with.
    pub(crate) fn passed(&mut self, header: &Header, follows: impl Fn(Domain) -> bool) -> Passed {
        let mut passed = Passed::default();
        let mut done = Vec::new();
        for (position, group) in &self.groups {
            let is_past = group.place.is_some_and(|place| {
                let cursor = header.cursor(group.domain);
                cursor.is_some_and(|c| c.incarnation == place.incarnation && c.sequence >= place.sequence)
            });
            let mine = group
                .ids
                .iter()
                .filter(|id| self.pending.get(id).is_some_and(|pending| pending.position == *position));
            if is_past && !follows(group.domain) {
                done.extend(mine.copied());
            } else if is_past {
                let (late, left): (Vec<TxId>, Vec<TxId>) =
                    mine.copied().partition(|id| id.not_after_ms() < header.time_ms);
                passed.unordered.extend(late);
                let again: Vec<TxId> =
                    left.into_iter().filter(|id| self.pending[id].again < AGAIN_MAX).collect();
                if !again.is_empty() {
                    passed.again.push((*position, again));
                }
            } else if group.ids.iter().all(|id| id.not_after_ms() < header.time_ms) {
                passed.unordered.extend(mine.copied());
            }
        }
        for (position, _) in &passed.again {
            // From here on they are on their way into another group.
            if let Some(group) = self.groups.get_mut(position) {
                group.place = None;
            }
        }
        for id in done {
            // Its waiters hear that the channel ended, and answer with what they have.
            if let Some(pending) = self.pending.remove(&id) {
                self.leave(pending.position);
            }
        }
        let expired = Rejected::new(Code::Expired, "it was accepted, and no block took it before it expired");
        for id in &passed.unordered {
            self.give_up(id, &expired);
        }
        passed
    }

    /// Where groups stand on the stream, as far as known.
    pub(crate) fn places(&self) -> Vec<(u64, Place)> {
        self.groups.iter().filter_map(|(position, group)| Some((*position, group.place?))).collect()
    }

    /// The group stands on the stream no more. Its domain, if it is still needed.
    pub(crate) fn lost(&mut self, position: u64, place: Place) -> Option<Domain> {
        let group = self.groups.get_mut(&position).filter(|group| group.place == Some(place))?;
        group.place = None;
        Some(group.domain)
    }

    /// The domain and transactions of a group that is still needed.
    pub(crate) fn group(&self, position: u64) -> Option<(Domain, Arc<[TxId]>)> {
        self.groups.get(&position).map(|group| (group.domain, group.ids.clone()))
    }

    /// The first journal position that is still needed.
    pub(crate) fn low(&self) -> Option<u64> {
        self.groups.first_key_value().map(|(position, _)| *position)
    }
}
