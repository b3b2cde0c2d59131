//! A city around orderers: real keys, the embedded bus in memory, and agencies that certify what they read.

#![allow(clippy::unwrap_used)] // A test's support fails as its tests do.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use hutong_bus::{Batch, Filter, Headers, Message, Outgoing, SharedBus, Stream};
use hutong_bus_embedded::EmbeddedBus;
use hutong_keys::SigningKey;
use hutong_ledger::{
    block::Header,
    chain::{Base, Lane},
    epoch::{Agency, DomainRules, Epoch, Host, Key, Purpose},
    genesis::Genesis,
    id::{AgencyId, Domain, KeyId, RecordId, RecordKey, TxId},
    transaction::{Body, Transaction},
    vote::{Certificate, HostSignature, Status},
};
use hutong_ordering::{Config, OrderingService, Ports};
use hutong_peer::{
    Error, ExecutedBlock, FinalTransaction, Position, Prefetched, Session, SharedStorage, StoragePeer,
    StoredRecord, Submitted,
    agency::{AgencyTip, Answer, Ask},
    storage::{ArchivedBlock, History, Standing},
    stream, subjects,
};
use hutong_runtime::SystemClock;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

const AGENCIES: [&str; 4] = ["alpha", "beta", "gamma", "delta"];

pub(crate) fn seed(agency: &str, purpose: Purpose) -> SigningKey {
    let hash = hutong_ledger::hash::sha256(&[agency.as_bytes(), &[purpose as u8]]);
    SigningKey::from_seed(&hash.0)
}

pub(crate) struct City {
    pub(crate) genesis: Genesis,
    pub(crate) bus: SharedBus,
    stop: CancellationToken,
    /// Whether the agencies certify what they read.
    pub(crate) certify: Arc<AtomicBool>,
    shared: Arc<Mutex<Seen>>,
}

struct Seen {
    lane: Lane,
    certified: u64,
    chain: Vec<Header>,
    certificate: Option<Certificate>,
    /// The highest view promised per height: nothing is certified there in a lower one.
    promised: std::collections::BTreeMap<u64, u32>,
}

impl Drop for City {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl City {
    pub(crate) async fn new() -> Self {
        let mut agencies: Vec<Agency> = AGENCIES
            .iter()
            .map(|name| {
                let purposes = [Purpose::Signing, Purpose::Host, Purpose::Orderer];
                let mut keys: Vec<Key> =
                    purposes.iter().map(|p| Key { purpose: *p, public: seed(name, *p).public().0 }).collect();
                keys.sort_by_key(|k| (k.purpose, k.public));
                Agency { id: name.parse().unwrap(), name: (*name).into(), validating: true, keys }
            })
            .collect();
        agencies.sort_by_key(|a| a.id);
        let hosts = agencies.iter().map(|a| Host { agency: a.id, ready: true }).collect();
        let domain = |name: &str, hosts| DomainRules {
            domain: name.parse().unwrap(),
            owner: "alpha".parse().unwrap(),
            contract: 1,
            hosts,
        };
        let domains = vec![domain("membership", Vec::new()), domain("property", hosts)];
        let orderers = vec!["alpha".parse().unwrap(), "beta".parse().unwrap()];
        let epoch = Epoch { number: 0, from_height: 1, agencies, domains, orderers };
        let genesis = Genesis { name: "testville".parse().unwrap(), time_ms: 1_700_000_000_000, epoch };
        genesis.check().unwrap();
        let bus: SharedBus = EmbeddedBus::in_memory(Default::default()).unwrap();
        let shared = Arc::new(Mutex::new(Seen {
            lane: Lane::new(Base::new(genesis.header())),
            certified: 0,
            chain: vec![genesis.header()],
            certificate: None,
            promised: Default::default(),
        }));
        let city =
            Self { genesis, bus, stop: CancellationToken::new(), certify: Arc::new(true.into()), shared };
        city.read_blocks().await;
        for agency in AGENCIES {
            city.serve(agency).await;
        }
        city
    }

    /// One reader stands for all agencies' storages: it certifies what counts.
    async fn read_blocks(&self) {
        let mut entries = self.bus.read(Stream::Blocks, Filter::one(subjects::HEADER), 1).await.unwrap();
        let (shared, certify, bus, epoch) =
            (self.shared.clone(), self.certify.clone(), self.bus.clone(), self.genesis.epoch.clone());
        let stop = self.stop.clone();
        tokio::spawn(async move {
            loop {
                let entry = tokio::select! {
                    () = stop.cancelled() => return,
                    entry = entries.next() => entry.unwrap().unwrap(),
                };
                let proposal = stream::decode(&entry.payload).unwrap();
                {
                    let mut seen = shared.lock();
                    let _ = seen.lane.offer(proposal, entry.sequence, &epoch);
                    if certify.load(Ordering::SeqCst) {
                        while let Some(slot) = seen.lane.slot(seen.certified + 1).cloned() {
                            let promised = seen.promised.get(&slot.proposal.header.height).copied();
                            if slot.proposal.view < promised.unwrap_or_default() {
                                break;
                            }
                            seen.certified += 1;
                            seen.chain.push(slot.proposal.header.clone());
                        }
                        let certified = seen.certified;
                        seen.lane.settle(certified);
                    }
                }
                for agency in AGENCIES {
                    let id: AgencyId = agency.parse().unwrap();
                    let payload = tip(&shared, id).encode().into();
                    let message =
                        Message { subject: subjects::tip(&id), headers: Headers::default(), payload };
                    bus.publish(message).await.unwrap();
                }
            }
        });
    }

    async fn serve(&self, agency: &'static str) {
        let id: AgencyId = agency.parse().unwrap();
        let mut requests = self.bus.serve(&subjects::agency(&id)).await.unwrap();
        let (shared, stop, chain) = (self.shared.clone(), self.stop.clone(), self.genesis.chain());
        tokio::spawn(async move {
            let key = seed(agency, Purpose::Host);
            loop {
                let request = tokio::select! {
                    () = stop.cancelled() => return,
                    request = requests.next() => request.unwrap(),
                };
                let answer = match Ask::decode(&request.message.payload).unwrap() {
                    Ask::Tip => Answer::Tip(tip(&shared, id)),
                    Ask::Status { height, .. } if height <= shared.lock().certified => {
                        Answer::Refused("the height is certified".into())
                    }
                    Ask::Status { height, view } => {
                        let certificate = {
                            let mut seen = shared.lock();
                            let promise = seen.promised.entry(height).or_default();
                            *promise = view.max(*promise);
                            seen.certificate.clone()
                        };
                        let message = Status::message(chain, height, view, certificate.as_ref());
                        let signature = HostSignature {
                            agency: id,
                            key: KeyId::of(&key.public().0),
                            bytes: key.sign(&message),
                        };
                        Answer::Status(Status { chain, height, view, certificate, signature }.encode())
                    }
                    _ => Answer::Absent,
                };
                let _ = request.reply(answer.encode().into()).await;
            }
        });
    }

    pub(crate) fn orderer(&self, agency: &str, config: Config) -> CancellationToken {
        let id: AgencyId = agency.parse().unwrap();
        let storage: SharedStorage = Arc::new(FakeStorage {
            shared: self.shared.clone(),
            epoch: Arc::new(self.genesis.epoch.clone()),
        });
        let ports = Ports {
            bus: self.bus.clone(),
            storage,
            clock: SystemClock::shared(),
            key: Arc::new(seed(agency, Purpose::Orderer)),
        };
        let stop = self.stop.child_token();
        tokio::spawn(OrderingService::new(id, config, ports).run(stop.clone()));
        stop
    }

    pub(crate) async fn submit(&self, domain: &str, nonce: u64) -> TxId {
        let domain: Domain = domain.parse().unwrap();
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&nonce.to_be_bytes());
        let body = Body {
            chain: self.genesis.chain(),
            domain,
            agency: "alpha".parse().unwrap(),
            signers: vec!["alpha".parse().unwrap()],
            actor: "test".into(),
            nonce: bytes,
            not_after_ms: SystemClock::shared().unix_ms() + 60_000,
            action: Bytes::from_static(b"action"),
        };
        let tx = Transaction::new(hutong_wire::transaction::encode_body(&body), body, Vec::new());
        let outgoing = Outgoing {
            subject: subjects::transactions(domain),
            headers: Headers::default(),
            payload: hutong_wire::transaction::encode_group([&tx]),
            message_id: None,
        };
        let batch = Batch { messages: vec![outgoing], expected_last: None };
        self.bus.append(Stream::Transactions, batch).await.unwrap();
        tx.id
    }

    /// The ids of the blocks of the certified chain, once so many transactions are in it.
    pub(crate) async fn ordered(&self, count: usize) -> Vec<TxId> {
        let wait = async {
            loop {
                let ids = self.ids().await;
                if ids.len() >= count {
                    return ids;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait)
            .await
            .expect("the transactions are ordered in time")
    }

    async fn ids(&self) -> Vec<TxId> {
        let end = self.bus.tip(Stream::Blocks, "block.>").await.unwrap().sequence;
        let mut ids = Vec::new();
        if end == 0 {
            return ids;
        }
        let certified: BTreeSet<_> = self.shared.lock().chain.iter().map(Header::hash).collect();
        let mut entries = self.bus.read(Stream::Blocks, Filter::one("block.>"), 1).await.unwrap();
        while let Some(entry) = entries.next().await {
            let entry = entry.unwrap();
            if entry.subject != subjects::HEADER {
                let (block, segment) = hutong_wire::transaction::decode_segment(entry.payload).unwrap();
                if certified.contains(&block) {
                    ids.extend(segment.transactions.iter().map(|tx| tx.id));
                }
            }
            if entry.sequence >= end {
                break;
            }
        }
        ids
    }

    /// The certified headers from genesis on.
    pub(crate) fn chain(&self) -> Vec<Header> {
        self.shared.lock().chain.clone()
    }

    /// The views of the lane's slots.
    pub(crate) fn views(&self) -> Vec<u32> {
        self.shared.lock().lane.slots().map(|slot| slot.proposal.view).collect()
    }

    /// Gives the agencies a certificate for the lane's first slot, as if its votes had reached them late.
    pub(crate) fn hold_certificate(&self) -> hutong_ledger::hash::Hash {
        let mut seen = self.shared.lock();
        let slot = seen.lane.slots().next().unwrap().clone();
        let (height, view, block) = (slot.proposal.header.height, slot.proposal.view, slot.hash);
        let ballot = hutong_ledger::vote::Ballot { chain: self.genesis.chain(), height, view, block };
        let mut votes: Vec<HostSignature> = AGENCIES
            .iter()
            .map(|name| {
                let key = seed(name, Purpose::Host);
                HostSignature {
                    agency: name.parse().unwrap(),
                    key: KeyId::of(&key.public().0),
                    bytes: key.sign(&ballot.message()),
                }
            })
            .collect();
        votes.sort_by_key(|vote| vote.agency);
        seen.certificate = Some(Certificate { height, view, block, votes });
        block
    }
}

fn tip(shared: &Mutex<Seen>, agency: AgencyId) -> AgencyTip {
    let certified = shared.lock().certified;
    AgencyTip { agency, executed: certified, certified, final_height: certified }
}

#[derive(Clone)]
struct FakeStorage {
    shared: Arc<Mutex<Seen>>,
    epoch: Arc<Epoch>,
}

impl std::fmt::Debug for FakeStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FakeStorage")
    }
}

fn unused<T>() -> Result<T, Error> {
    Err(Error::Failed { callee: "storage", reason: "ordering does not ask this".into() })
}

#[async_trait]
impl StoragePeer for FakeStorage {
    async fn standing(&self) -> Result<Standing, Error> {
        let final_header = self.shared.lock().chain.last().unwrap().clone();
        let next_height = final_header.height + 1;
        Ok(Standing {
            session: Session(1),
            final_header,
            epoch: self.epoch.clone(),
            next_height,
            recalled_height: 0,
        })
    }

    async fn prefetch(&self, _: Domain, _: Vec<RecordKey>, _: Vec<TxId>) -> Result<Prefetched, Error> {
        unused()
    }

    async fn submit(&self, _: Session, _: Arc<ExecutedBlock>) -> Result<Submitted, Error> {
        unused()
    }

    async fn archived(&self, _: u64) -> Result<Option<ArchivedBlock>, Error> {
        unused()
    }

    async fn wait_final(&self, _: u64, _: Duration) -> Result<u64, Error> {
        unused()
    }

    async fn finals(
        &self,
        _: Position,
        _: Option<Vec<Domain>>,
        _: usize,
    ) -> Result<(Vec<FinalTransaction>, Position), Error> {
        unused()
    }

    async fn transaction(&self, _: TxId) -> Result<Option<FinalTransaction>, Error> {
        unused()
    }

    async fn receipt(&self, _: TxId) -> Result<Option<Bytes>, Error> {
        unused()
    }

    async fn state_receipt(&self, _: RecordKey) -> Result<Option<Bytes>, Error> {
        unused()
    }

    async fn record(&self, _: RecordKey, _: Option<u64>) -> Result<Option<StoredRecord>, Error> {
        unused()
    }

    async fn history(&self, _: RecordKey, _: Option<u64>, _: usize) -> Result<History, Error> {
        unused()
    }

    async fn scan(
        &self,
        _: Domain,
        _: String,
        _: Option<RecordId>,
        _: usize,
    ) -> Result<Vec<(RecordId, StoredRecord)>, Error> {
        unused()
    }
}
