//! Clients at work: each signs, submits and waits until its transactions are final, then goes on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use hutong_ledger::transaction::Transaction;
use hutong_peer::ingest::{Accepted, IngestClient, IngestPeer, Wait};
use tokio::{sync::Semaphore, task::JoinSet};

use super::{BenchError as Error, report::Histogram, workload::Workload};

/// How transactions reach the city.
#[async_trait]
pub(super) trait Way: Send + Sync + 'static {
    /// Submits and waits; how many were applied and how many refused. Anything else is an error.
    async fn submit_final(&self, transactions: Vec<Transaction>) -> Result<(u64, u64), Error>;
}

/// Over the bus, as an agency's own services do.
pub(super) struct OverBus(pub(super) IngestClient);

#[async_trait]
impl Way for OverBus {
    async fn submit_final(&self, transactions: Vec<Transaction>) -> Result<(u64, u64), Error> {
        let (mut applied, mut refused) = (0, 0);
        for answer in self.0.submit(transactions, Wait::Final).await {
            match answer {
                Ok(Accepted::Final(finality)) if finality.outcome.code().is_none() => applied += 1,
                Ok(Accepted::Final(_)) => refused += 1,
                Ok(Accepted::Pending(_)) => return Err(Error::NotFinal),
                Err(rejected) => return Err(Error::Rejected(rejected.to_string())),
            }
        }
        Ok((applied, refused))
    }
}

/// Over HTTP, as an agency's systems do: one transaction a request, each answered with its receipt.
pub(super) struct OverHttp {
    pub(super) client: reqwest::Client,
    pub(super) url: String,
    pub(super) token: tokio::sync::watch::Receiver<String>,
}

const PROTOBUF: &str = "application/x-protobuf";
const PROTOBUF_GROUP: &str = "application/x-protobuf; messageType=\"hutong.v1.TransactionGroup\"";

#[async_trait]
impl Way for OverHttp {
    async fn submit_final(&self, transactions: Vec<Transaction>) -> Result<(u64, u64), Error> {
        use hutong_wire::prost::Message;
        let (body, content_type): (Bytes, _) = match transactions.as_slice() {
            [one] => (hutong_wire::v1::Transaction::from(one).encode_to_vec().into(), PROTOBUF),
            many => (hutong_wire::transaction::encode_group(many), PROTOBUF_GROUP),
        };
        let token = self.token.borrow().clone();
        let request = self.client.post(format!("{}/v1/transactions?wait=final", self.url));
        let request = request.bearer_auth(token).header("content-type", content_type).body(body);
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        if status != reqwest::StatusCode::OK {
            return Err(Error::Rejected(format!("{status}: {text}")));
        }
        Ok((transactions.len() as u64, 0))
    }
}

/// What the clients did between the end of the warm-up and the end.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) applied: u64,
    pub(super) refused: u64,
    pub(super) latency: Histogram,
}

/// When to measure.
pub(super) struct Phases {
    measuring: AtomicBool,
    done: AtomicBool,
    submits: AtomicU64,
    /// Transactions that became final, in whatever phase.
    finals: AtomicU64,
}

impl Phases {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { measuring: false.into(), done: false.into(), submits: 0.into(), finals: 0.into() })
    }

    pub(super) fn measure(&self) {
        self.measuring.store(true, Ordering::SeqCst);
    }

    pub(super) fn finals(&self) -> u64 {
        self.finals.load(Ordering::Relaxed)
    }

    pub(super) fn end(&self) {
        self.measuring.store(false, Ordering::SeqCst);
        self.done.store(true, Ordering::SeqCst);
    }
}

/// Starts the clients. With a rate, turns to submit are given out at that rate, as long as a client is free to take
/// them.
pub(super) fn start(
    clients: u32,
    batch: u32,
    rate: Option<u32>,
    way: Arc<dyn Way>,
    workload: Arc<Workload>,
    phases: Arc<Phases>,
) -> JoinSet<Result<Tally, Error>> {
    let mut running = JoinSet::new();
    let due = Arc::new(Semaphore::new(0));
    if let Some(rate) = rate {
        let (due, phases) = (due.clone(), phases.clone());
        let every = Duration::from_secs_f64(f64::from(batch) / f64::from(rate.max(1)));
        running.spawn(async move {
            let mut tick = tokio::time::interval(every);
            tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
            while !phases.done.load(Ordering::SeqCst) {
                tick.tick().await;
                due.add_permits(1);
            }
            // Nobody waits for a turn that no longer comes.
            due.close();
            Ok(Tally::default())
        });
    }
    for _ in 0..clients {
        let (way, workload, phases, due) = (way.clone(), workload.clone(), phases.clone(), due.clone());
        running.spawn(async move {
            let mut tally = Tally::default();
            while !phases.done.load(Ordering::SeqCst) {
                if rate.is_some() {
                    match due.acquire().await {
                        Ok(turn) => turn.forget(),
                        Err(_) => break,
                    }
                }
                let first = phases.submits.fetch_add(1, Ordering::Relaxed) * u64::from(batch);
                let began = Instant::now();
                let transactions = workload.transactions(first, batch);
                let (applied, refused) = way.submit_final(transactions).await?;
                phases.finals.fetch_add(applied + refused, Ordering::Relaxed);
                if phases.measuring.load(Ordering::SeqCst) {
                    let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
                    tally.applied += applied;
                    tally.refused += refused;
                    tally.latency.add(micros, applied + refused);
                }
            }
            Ok(tally)
        });
    }
    running
}
