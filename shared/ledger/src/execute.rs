//! Executing a segment: void transactions fall out, the others are decided in order, each on the state that the
//! one before left.
//!
//! Execution does no IO. When a contract wants records that are not loaded, it stops and says which; the caller
//! loads them and runs on. It must give the same result however the loading went.

use std::{
    collections::{HashMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{
    block::Header,
    contract::{
        CHANGES_MAX, Change, Contract, READ_ROUNDS_MAX, READS_MAX, Record, Refusal, VALUE_BYTES_MAX,
        Verified, Versioned, View,
    },
    entry::{Changed, Entry, Opening, Outcome},
    epoch::Epoch,
    id::{Domain, RecordKey, TxId},
    transaction::{Transaction, Void},
};

/// The records loaded so far, and what the segment did to them.
pub type Records = HashMap<RecordKey, Option<Record>>;

/// A transaction that got a log entry.
#[derive(Clone, Debug)]
pub struct Executed {
    pub entry: Entry,
    pub opening: Opening,
    pub changes: Vec<Versioned>,
    /// Helps people; not hashed.
    pub refusal: Option<Refusal>,
}

/// What a segment came to.
#[derive(Clone, Debug, Default)]
pub struct ExecutedSegment {
    pub executed: Vec<Executed>,
    /// By place in the segment.
    pub voids: Vec<(u32, TxId, Void)>,
}

/// What execution needs next.
#[derive(Debug)]
pub enum Step {
    /// Load these into `Records` (None for a record that does not exist), then run again.
    Need(Vec<RecordKey>),
    Done(ExecutedSegment),
}

/// One segment in execution.
#[derive(Debug)]
pub struct Execution<'a> {
    contract: &'a dyn Contract,
    epoch: &'a Epoch,
    header: &'a Header,
    transactions: &'a [Transaction],
    /// Form, time and signature faults and repeats of final transactions, found by the caller; by place.
    faults: &'a [Option<Void>],
    seen: HashSet<TxId>,
    next: usize,
    out: ExecutedSegment,
}

impl<'a> Execution<'a> {
    /// `faults` has one item per transaction.
    pub fn new(
        contract: &'a dyn Contract,
        epoch: &'a Epoch,
        header: &'a Header,
        transactions: &'a [Transaction],
        faults: &'a [Option<Void>],
    ) -> Self {
        debug_assert_eq!(transactions.len(), faults.len());
        Self {
            contract,
            epoch,
            header,
            transactions,
            faults,
            seen: HashSet::new(),
            next: 0,
            out: ExecutedSegment::default(),
        }
    }

    /// What all transactions would read, given what is loaded: for one prefetch before the first run. A refusal
    /// here is no matter; it shows again when the transaction is decided.
    pub fn prefetch(&self, records: &Records) -> Vec<RecordKey> {
        let mut wanted: Vec<RecordKey> = Vec::new();
        let live = self.transactions.iter().zip(self.faults).filter(|(_, fault)| fault.is_none());
        for (tx, _) in live {
            if let Ok(reads) = self.verified(tx).and_then(|verified| self.reads(&verified, records, None)) {
                wanted.extend(reads.into_iter().filter(|key| !records.contains_key(key)));
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    /// Runs until done or until records are missing.
    pub fn run(&mut self, records: &mut Records) -> Step {
        while self.next < self.transactions.len() {
            let place = self.next;
            let tx = &self.transactions[place];
            let index = u32::try_from(place).unwrap_or(u32::MAX);
            let fault = self.faults[place].or_else(|| self.seen.contains(&tx.id).then_some(Void::Repeat));
            if let Some(void) = fault {
                self.out.voids.push((index, tx.id, void));
                self.next += 1;
                continue;
            }
            let decided = match self.decide(tx, records) {
                Ok(changes) => Ok(changes),
                Err(Halt::Missing(keys)) => return Step::Need(keys),
                Err(Halt::Refused(refusal)) => Err(refusal),
            };
            self.seen.insert(tx.id);
            let executed = self.record(tx, index, decided, records);
            self.out.executed.push(executed);
            self.next += 1;
        }
        Step::Done(std::mem::take(&mut self.out))
    }

    fn verified<'t>(&self, tx: &'t Transaction) -> Result<Verified<'t>, Refusal> {
        let action = guarded(|| self.contract.decode(&tx.body.action))?;
        Ok(Verified { id: tx.id, body: &tx.body, action })
    }

    fn view<'v>(&'v self, records: &'v Records, allowed: Option<&'v [RecordKey]>) -> View<'v> {
        View {
            records,
            allowed,
            undeclared: false.into(),
            domain: self.contract.domain(),
            epoch: self.epoch,
            height: self.header.height,
            time_ms: self.header.time_ms,
        }
    }

    fn reads(
        &self,
        tx: &Verified<'_>,
        records: &Records,
        allowed: Option<&[RecordKey]>,
    ) -> Result<Vec<RecordKey>, Refusal> {
        let reads = guarded(|| self.contract.reads(tx, &self.view(records, allowed)))?;
        let foreign = |key: &RecordKey| key.domain != self.contract.domain() && !key.domain.is_platform();
        if reads.len() > READS_MAX || reads.iter().any(foreign) {
            return Err(Refusal::fault("the contract reads too much, or a domain that it must not read"));
        }
        Ok(reads)
    }

    fn decide(&self, tx: &Transaction, records: &Records) -> Result<Vec<Change>, Halt> {
        let verified = self.verified(tx)?;
        // Each round may name more, given what it named before; a fixed point must come within the bound. It sees
        // nothing else that happens to be loaded, or what it names would depend on the host.
        let mut reads = Vec::new();
        for round in 0.. {
            let wanted = self.reads(&verified, records, Some(&reads))?;
            let missing: Vec<_> = wanted.iter().filter(|key| !records.contains_key(key)).cloned().collect();
            if !missing.is_empty() {
                return Err(Halt::Missing(missing));
            }
            let settled = wanted == reads;
            reads = wanted;
            if settled {
                break;
            }
            if round >= READ_ROUNDS_MAX {
                return Err(Refusal::fault("the records that the contract reads do not settle").into());
            }
        }
        let view = self.view(records, Some(&reads));
        let changes = guarded(|| self.contract.decide(&verified, &view))?;
        if view.undeclared.get() {
            return Err(Refusal::fault("the contract read a record that it had not named").into());
        }
        self.check_changes(&changes, &reads)?;
        Ok(changes)
    }

    /// A changed record must have been read: its version continues the one that was loaded.
    fn check_changes(&self, changes: &[Change], reads: &[RecordKey]) -> Result<(), Refusal> {
        let mut records = HashSet::new();
        let each_once = changes.iter().all(|change| records.insert(&change.record));
        let small = changes.iter().all(|c| c.value.as_ref().is_none_or(|v| v.len() <= VALUE_BYTES_MAX));
        let own =
            |c: &Change| reads.iter().any(|k| k.record == c.record && k.domain == self.contract.domain());
        if each_once && small && changes.len() <= CHANGES_MAX && changes.iter().all(own) {
            Ok(())
        } else {
            Err(Refusal::fault("the contract changes too much, one record twice, or one it did not read"))
        }
    }

    fn record(
        &self,
        tx: &Transaction,
        index: u32,
        decided: Result<Vec<Change>, Refusal>,
        records: &mut Records,
    ) -> Executed {
        let domain = self.contract.domain();
        let (outcome, changes, refusal) = match decided {
            Ok(changes) => {
                let changes =
                    changes.into_iter().map(|change| apply(domain, &tx.body.nonce, change, records));
                (Outcome::Applied, changes.collect(), None)
            }
            Err(refusal) => (Outcome::Refused(refusal.code.clone()), Vec::new(), Some(refusal)),
        };
        let named = changes.iter().map(|c: &Versioned| Changed {
            record: c.record.clone(),
            version: c.version,
            hash: c.hash,
        });
        let opening = Opening { nonce: tx.body.nonce, outcome, changes: named.collect() };
        let entry = Entry { id: tx.id, height: self.header.height, index, blind: opening.hash() };
        Executed { entry, opening, changes, refusal }
    }
}

/// Applies a change to the loaded records.
fn apply(domain: Domain, nonce: &[u8; 16], change: Change, records: &mut Records) -> Versioned {
    let key = RecordKey { domain, record: change.record.clone() };
    let before = records.get(&key).and_then(Option::as_ref).map_or(0, |record| record.version);
    let versioned = Versioned::new(domain, nonce, change, before + 1);
    records.insert(key, Some(Record { version: versioned.version, value: versioned.value.clone() }));
    versioned
}

enum Halt {
    Missing(Vec<RecordKey>),
    Refused(Refusal),
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A panic in a contract is a refusal, the same on every host, and never takes a node down.
fn guarded<T>(decide: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(decide)).unwrap_or_else(|_| Err(Refusal::fault("the contract panicked")))
}
