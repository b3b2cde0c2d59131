//! Executing the archived chain from genesis, on plain maps.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use hutong_keys::{Claim, PublicKey, VerifierCache, verify_batch};
use hutong_ledger::{
    block::{Header, Proposal, Segment},
    chain::Base,
    contract::{Contract, Record, record_hash, record_salt},
    epoch::Epoch,
    execute::{ExecutedSegment, Execution, Records, Step},
    genesis::Genesis,
    hash::{Hash, Tag},
    id::{AgencyId, ChainId, Domain, RecordKey, TxId},
    log::{Frontier, leaf_hash},
    state_tree::{MemoryTree, StateKey, veil},
    transaction::{Transaction, Void},
    vote::Certificate,
};
use hutong_wire::transaction::decode_segment;

use super::{Difference, Halt, bound::certified};
use crate::{
    archive::{BlockRecord, FinalRecord},
    checkpoint::Point,
};

/// A version of a record with all that is stored of it.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) domain: Domain,
    pub(super) change: hutong_ledger::contract::Versioned,
    pub(super) salt: [u8; 16],
    pub(super) transaction: TxId,
    pub(super) agency: AgencyId,
}

/// One domain's part of a block.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) domain: Domain,
    pub(super) first_index: u64,
    pub(super) segment: Segment,
    pub(super) result: ExecutedSegment,
}

/// What a block came to.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) header: Header,
    pub(super) end: FinalRecord,
    pub(super) parts: Vec<Part>,
    pub(super) versions: Vec<Version>,
    pub(super) transactions: u64,
    pub(super) refused: u64,
    pub(super) voids: u64,
}

/// A domain's log and tree.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) frontier: Frontier,
    pub(super) leaves: Vec<Hash>,
    pub(super) tree: MemoryTree,
}

/// The state up to a height.
pub(super) struct Derived<'a> {
    chain: ChainId,
    agency: AgencyId,
    contracts: &'a [Arc<dyn Contract>],
    base: Base,
    epoch: Arc<Epoch>,
    /// Made by the block that is being applied; it holds from the next height.
    epoch_after: Option<Arc<Epoch>>,
    records: BTreeMap<RecordKey, Record>,
    pub(super) domains: BTreeMap<Domain, Kept>,
    ids: HashSet<TxId>,
    cache: VerifierCache,
}

impl<'a> Derived<'a> {
    pub(super) fn new(genesis: &Genesis, agency: AgencyId, contracts: &'a [Arc<dyn Contract>]) -> Self {
        let key = RecordKey { domain: Domain::MEMBERSHIP, record: Epoch::record() };
        let value = bytes::Bytes::from(genesis.epoch.encode());
        let hash = record_hash(key.domain, &key.record, 1, &[0; 16], Some(&value));
        let mut membership = Kept::default();
        // A tree in memory can always be changed.
        let _ = membership.tree.apply(0, [(StateKey::of(&key.record), Some(hash))]);
        Self {
            chain: genesis.chain(),
            agency,
            contracts,
            base: Base::new(genesis.header()),
            epoch: Arc::new(genesis.epoch.clone()),
            epoch_after: None,
            records: BTreeMap::from([(key, Record { version: 1, value: Some(value) })]),
            domains: BTreeMap::from([(Domain::MEMBERSHIP, membership)]),
            ids: HashSet::new(),
            cache: VerifierCache::default(),
        }
    }

    /// In force at the next height.
    pub(super) fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// Applies the final block of the next height, checking everything that makes it final.
    pub(super) fn apply(
        &mut self,
        height: u64,
        end: &FinalRecord,
        block: &BlockRecord,
        certificates: &[Certificate],
    ) -> Result<Applied, Halt> {
        let wrong = |what: &str, reason: String| Err(Halt::from(Difference::new(what, height, reason)));
        let proposal = match Proposal::decode(&block.proposal) {
            Ok(proposal) => proposal,
            Err(error) => return wrong("block", error.to_string()),
        };
        let header = &proposal.header;
        if header.height != height || header.prev != self.base.hash || header.chain != self.chain {
            return wrong("block", format!("it does not link to block {}", self.base.hash));
        }
        if header.time_ms < self.base.header.time_ms || header.epoch != self.epoch.number {
            return wrong("block", "its time or epoch does not follow".into());
        }
        if !proposal.signed(&self.epoch) {
            return wrong("block", "no orderer of the epoch signed it".into());
        }
        if !certified(certificates, self.chain, &self.epoch, &proposal) {
            return wrong("certificate", "no valid certificate is archived".into());
        }
        let parts = self.execute(&proposal, block)?;
        let versions = self.keep(height, &parts)?;
        self.notes(height, &parts, end)?;
        let executed = || parts.iter().flat_map(|part| &part.result.executed);
        let applied = Applied {
            header: header.clone(),
            end: end.clone(),
            transactions: executed().count() as u64,
            refused: executed().filter(|one| one.opening.outcome.code().is_some()).count() as u64,
            voids: parts.iter().map(|part| part.result.voids.len() as u64).sum(),
            parts,
            versions,
        };
        self.base = Base::new(proposal.header);
        Ok(applied)
    }

    /// Executes the hosted segments, all on the state below the block.
    fn execute(&self, proposal: &Proposal, block: &BlockRecord) -> Result<Vec<Part>, Halt> {
        let (header, height) = (&proposal.header, proposal.header.height);
        let mut parts = Vec::new();
        // Also what the agency executed before membership made it a host.
        let held = |domain: Domain| block.segments.iter().any(|(of, _)| *of == domain);
        let executed = |domain: Domain| self.epoch.stores(&self.agency, domain) || held(domain);
        for named in header.segments.iter().filter(|segment| executed(segment.domain)) {
            let domain = named.domain;
            let wrong = |reason: String| Difference::new(format!("segment {domain}"), height, reason);
            let raw = block.segments.iter().find(|(of, _)| *of == domain).map(|(_, raw)| raw);
            let raw = raw.ok_or_else(|| wrong("it is not archived".into()))?;
            let (of, segment) = decode_segment(raw.clone()).map_err(|error| wrong(error.to_string()))?;
            if of != proposal.header.hash() || segment.domain != domain || segment.root() != named.root {
                return Err(wrong("it is not the one that the header names".into()).into());
            }
            let wanted = self.epoch.rules(domain).map(|rules| rules.contract);
            let fits = |c: &&Arc<dyn Contract>| c.domain() == domain && Some(c.version()) == wanted;
            let contract = self.contracts.iter().find(fits).ok_or_else(|| {
                wrong(format!("this software has no contract of {domain} in version {wanted:?}"))
            })?;
            let faults = self.faults(header, &segment);
            let result = self.run(&**contract, header, &segment.transactions, &faults);
            let first_index = self.domains.get(&domain).map_or(0, |kept| kept.frontier.size());
            parts.push(Part { domain, first_index, segment, result });
        }
        Ok(parts)
    }

    fn run(
        &self,
        contract: &dyn Contract,
        header: &Header,
        transactions: &[Transaction],
        faults: &[Option<Void>],
    ) -> ExecutedSegment {
        let mut loaded = Records::new();
        let mut execution = Execution::new(contract, &self.epoch, header, transactions, faults);
        loop {
            match execution.run(&mut loaded) {
                Step::Done(result) => return result,
                Step::Need(keys) => {
                    let found = keys.into_iter().map(|key| {
                        let record = self.records.get(&key).cloned();
                        (key, record)
                    });
                    loaded.extend(found);
                }
            }
        }
    }

    fn faults(&self, header: &Header, segment: &Segment) -> Vec<Option<Void>> {
        let judge = |tx: &Transaction| -> Result<(), Void> {
            tx.check_form(header.chain, segment.domain)?;
            tx.check_time(header.time_ms)?;
            if self.ids.contains(&tx.id) {
                return Err(Void::Repeat);
            }
            let wanted = tx.to_verify(&self.epoch)?;
            let claims: Vec<_> = wanted
                .iter()
                .map(|(public, signature)| Claim {
                    key: PublicKey(*public),
                    prefix: Tag::Transaction.prefix(),
                    message: &tx.body_bytes,
                    signature: *signature,
                })
                .collect();
            let all = verify_batch(&claims, &self.cache).into_iter().all(|valid| valid);
            if all { Ok(()) } else { Err(Void::Unsigned) }
        };
        segment.transactions.iter().map(|tx| judge(tx).err()).collect()
    }

    /// Takes the results into records, ids, logs and trees.
    fn keep(&mut self, height: u64, parts: &[Part]) -> Result<Vec<Version>, Halt> {
        let mut versions = Vec::new();
        for part in parts {
            let domain = part.domain;
            let kept = self.domains.entry(domain).or_default();
            let mut changed = BTreeMap::new();
            for executed in &part.result.executed {
                let id = executed.entry.id;
                if !self.ids.insert(id) {
                    let reason = format!("transaction {id} has two log entries");
                    return Err(Difference::new("execution", height, reason).into());
                }
                let leaf = leaf_hash(&executed.entry.encode());
                kept.frontier.append(leaf);
                kept.leaves.push(leaf);
                let tx = part.segment.transactions.get(executed.entry.index as usize);
                for change in &executed.changes {
                    let key = RecordKey { domain, record: change.record.clone() };
                    changed.insert(StateKey::of(&change.record), Some(change.hash));
                    let record = Record { version: change.version, value: change.value.clone() };
                    self.records.insert(key, record);
                    versions.push(Version {
                        domain,
                        change: change.clone(),
                        salt: record_salt(&executed.opening.nonce, &change.record),
                        transaction: id,
                        agency: tx.map_or(self.agency, |tx| tx.body.agency),
                    });
                }
            }
            if let Some(last) = part.result.executed.last() {
                let (key, hash) = veil(height, &last.opening.nonce);
                changed.insert(key, Some(hash));
            }
            kept.tree
                .apply(height, changed)
                .map_err(|error| Difference::new("execution", height, error.to_string()))?;
            if domain == Domain::MEMBERSHIP {
                self.next_epoch(height)?;
            }
        }
        Ok(versions)
    }

    fn next_epoch(&mut self, height: u64) -> Result<(), Halt> {
        let key = RecordKey { domain: Domain::MEMBERSHIP, record: Epoch::record() };
        let value = self.records.get(&key).and_then(|record| record.value.clone()).unwrap_or_default();
        let next = Epoch::decode(&value);
        let next =
            next.map_err(|error| Difference::new("execution", height, format!("the epoch: {error}")))?;
        self.epoch_after = Some(Arc::new(next));
        Ok(())
    }

    /// Checks that the notes say what this came to, and that the quorums of the epoch signed them.
    fn notes(&mut self, height: u64, parts: &[Part], end: &FinalRecord) -> Result<(), Halt> {
        let mut touched: Vec<Domain> = parts.iter().map(|part| part.domain).collect();
        touched.push(Domain::MEMBERSHIP);
        touched.sort_unstable();
        touched.dedup();
        if end.notes.iter().map(|note| note.point.domain).ne(touched.iter().copied()) {
            let reason = format!("the notes are not those of {touched:?}");
            return Err(Difference::new("note", height, reason).into());
        }
        for note in &end.notes {
            let domain = note.point.domain;
            let wrong = |reason: String| Difference::new(format!("note {domain}"), height, reason);
            let Some(kept) = self.domains.get(&domain) else {
                return Err(wrong("the domain is not kept".into()).into());
            };
            let (size, root) = (kept.frontier.size(), kept.frontier.root());
            let point = Point { domain, size, root, state: kept.tree.root() };
            if note.point != point || note.height != height || note.block != end.block {
                return Err(wrong(format!("it says {:?}; derived is {point:?}", note.point)).into());
            }
            if !note.verifies(&self.chain, &self.epoch) {
                return Err(wrong("no quorum of its hosts signed it".into()).into());
            }
        }
        if let Some(next) = self.epoch_after.take() {
            self.epoch = next;
        }
        Ok(())
    }
}
