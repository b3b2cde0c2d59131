//! Groups: what is checked is cut into groups per domain, journalled, and appended to the domain's subject.
//!
//! With no append in flight a domain's transactions go at once; with some, they gather until one comes back, the group
//! is full, or they have waited long enough. So an idle ingest adds no wait, and a busy one syncs seldom.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use hutong_bus::{AppendError, Appended, Batch, Headers, Outgoing, Stream};
use hutong_ledger::{
    acceptance::Statement,
    block::{GROUP_BYTES_MAX, SEGMENT_TRANSACTIONS_MAX},
    id::{Domain, TxId},
    log::{Tree, leaf_hash},
};
use hutong_peer::{
    ingest::{Code, Rejected},
    subjects,
};
use hutong_wire::transaction::encode_group;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::{
    Error,
    check::View,
    core::{Core, Job, Origin, Room},
    journal::message_id,
    waiters::{Entry, Place, Signed},
};

/// What the grouper is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// Checked transactions.
    Jobs(Vec<Job>),
    /// Groups of a domain that are in the journal and not on the stream, by journal position.
    Refill(Domain, Vec<u64>),
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Job>,
    bytes: usize,
    /// When the first of the jobs came.
    since: Duration,
    refills: VecDeque<u64>,
    in_flight: usize,
}

/// A group on its way to the stream.
struct Group {
    position: u64,
    domain: Domain,
    ids: Arc<[TxId]>,
    payload: Bytes,
    headers: Headers,
    /// Held until the group is accepted.
    rooms: Vec<Room>,
}

type Appending = BoxFuture<'static, (Domain, Result<(), Error>)>;

pub(crate) struct Grouper {
    core: Arc<Core>,
    queues: BTreeMap<Domain, Queue>,
    appends: FuturesUnordered<Appending>,
}

impl Grouper {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core, queues: BTreeMap::new(), appends: FuturesUnordered::new() }
    }

    /// Runs until no more commands can come and all is appended; fails only with the journal.
    pub(crate) async fn run(mut self, mut commands: UnboundedReceiver<Command>) -> Result<(), Error> {
        let clock = self.core.ports.clock.clone();
        let mut open = true;
        loop {
            let wake = self.dispatch().await?;
            if !open && self.appends.is_empty() && self.queues.values().all(Queue::is_empty) {
                return Ok(());
            }
            tokio::select! {
                // First what has ended: there are few of those, and however many commands come, each frees a place for more.
                biased;
                Some((domain, appended)) = self.appends.next(), if !self.appends.is_empty() => {
                    self.done(domain, appended)?;
                }
                command = commands.recv(), if open => match command {
                    Some(command) => {
                        self.take(command);
                        while let Ok(command) = commands.try_recv() {
                            self.take(command);
                        }
                    }
                    None => open = false,
                },
                () = clock.sleep(wake.unwrap_or_default()), if wake.is_some() => {}
            }
        }
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Jobs(jobs) => {
                let now = self.core.ports.clock.monotonic();
                for job in jobs {
                    let queue = self.queues.entry(job.transaction.body.domain).or_default();
                    if queue.jobs.is_empty() {
                        queue.since = now;
                    }
                    queue.bytes += job.bytes();
                    queue.jobs.push_back(job);
                }
            }
            Command::Refill(domain, positions) => {
                self.queues.entry(domain).or_default().refills.extend(positions);
            }
        }
    }

    fn done(&mut self, domain: Domain, appended: Result<(), Error>) -> Result<(), Error> {
        if let Some(queue) = self.queues.get_mut(&domain) {
            queue.in_flight -= 1;
        }
        appended
    }

    /// Starts every append whose time has come. How long until the next one's, if waiting is all it needs.
    async fn dispatch(&mut self) -> Result<Option<Duration>, Error> {
        let (linger, in_flight_max) = (self.core.config.linger(), self.core.config.appends_in_flight_max);
        let domains: Vec<Domain> = self.queues.keys().copied().collect();
        let mut wake: Option<Duration> = None;
        for domain in domains {
            loop {
                let now = self.core.ports.clock.monotonic();
                let Some(queue) = self.queues.get_mut(&domain) else { break };
                if queue.in_flight >= in_flight_max || queue.is_empty() {
                    break;
                }
                let left = (queue.since + linger).saturating_sub(now);
                let due = queue.in_flight == 0 || queue.is_full() || left.is_zero();
                // What the stream lost is older than what is queued.
                let group = if let Some(position) = queue.refills.pop_front() {
                    refill(&self.core, position)?
                } else if due {
                    cut(&self.core, domain, queue, now)?
                } else {
                    wake = Some(wake.map_or(left, |wake| wake.min(left)));
                    break;
                };
                if let Some(group) = group {
                    queue.in_flight += 1;
                    self.start(group).await?;
                }
            }
        }
        Ok(wake)
    }

    /// Polls the append once before the next one is made, so that groups reach the stream in the order they were cut.
    async fn start(&mut self, group: Group) -> Result<(), Error> {
        let mut appending: Appending = Box::pin(append(self.core.clone(), group));
        match futures::poll!(&mut appending) {
            std::task::Poll::Ready((domain, appended)) => self.done(domain, appended),
            std::task::Poll::Pending => {
                self.appends.push(appending);
                Ok(())
            }
        }
    }
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.refills.is_empty()
    }

    fn is_full(&self) -> bool {
        self.bytes >= GROUP_BYTES_MAX || self.jobs.len() >= SEGMENT_TRANSACTIONS_MAX
    }
}

/// Cuts the next group and journals it. Transactions that are known by now are answered and left out.
fn cut(core: &Arc<Core>, domain: Domain, queue: &mut Queue, now: Duration) -> Result<Option<Group>, Error> {
    let (mut entries, mut transactions, mut rooms, mut repeats) = (vec![], vec![], vec![], vec![]);
    let (mut seen, mut bytes, mut headers) = (HashSet::new(), 0, Headers::default());
    let mut table = core.table.lock();
    while let Some(job) = queue.jobs.front() {
        if entries.len() >= SEGMENT_TRANSACTIONS_MAX || bytes + job.bytes() > GROUP_BYTES_MAX {
            break;
        }
        let Some(job) = queue.jobs.pop_front() else { break };
        queue.bytes -= job.bytes();
        let id = job.transaction.id;
        let (size, trace) = (job.bytes(), job.trace);
        let (reply, waiter) = match job.origin {
            Origin::Caller { reply, waiter, room } => match table.attach(&id, reply, waiter) {
                Ok(()) => continue,
                Err((reply, waiter)) => {
                    if !seen.insert(id) {
                        repeats.push((id, reply, waiter));
                        continue;
                    }
                    rooms.push(room);
                    (Some(reply), waiter)
                }
            },
            Origin::Again if table.is_pending(&id) && seen.insert(id) => (None, None),
            Origin::Again => continue,
        };
        bytes += size;
        // A group has many origins and a message one trace: that of the first.
        if headers.is_empty() {
            trace.into_iter().for_each(|(name, value)| headers.set(name, value));
        }
        entries.push(Entry { id, reply, waiter });
        transactions.push(job.transaction);
    }
    queue.since = now;
    if entries.is_empty() {
        return Ok(None);
    }
    let payload = encode_group(&transactions);
    let position = core.journal.append(domain, &payload)?;
    let ids = table.insert(position, domain, entries);
    for (id, reply, waiter) in repeats {
        // It is known now, so this always attaches.
        let _ = table.attach(&id, reply, waiter);
    }
    core.meters.pending(table.pending());
    Ok(Some(Group { position, domain, ids, payload, headers, rooms }))
}

/// A group that the stream lost, from the journal, if it is still needed.
fn refill(core: &Arc<Core>, position: u64) -> Result<Option<Group>, Error> {
    let Some((domain, ids)) = core.table.lock().group(position) else { return Ok(None) };
    let payload = core.journal.read(position)?.payload;
    core.meters.appended_again();
    Ok(Some(Group { position, domain, ids, payload, headers: Headers::default(), rooms: Vec::new() }))
}

/// Sees a group through: durable here, and on the stream. Only then is it accepted.
async fn append(core: Arc<Core>, group: Group) -> (Domain, Result<(), Error>) {
    let Group { position, domain, ids, payload, headers, rooms } = group;
    let began = core.ports.clock.monotonic();
    let (durable, appended) =
        tokio::join!(core.journal.durable(position), append_until_known(&core, domain, payload, headers));
    if let Err(error) = durable {
        return (domain, Err(error.into()));
    }
    match appended {
        Ok(appended) => {
            let place = Place { incarnation: appended.incarnation, sequence: appended.sequence };
            core.meters.appended(domain, ids.len(), core.seconds_since(began));
            // The view is there before the grouper starts.
            if let Some(view) = core.view() {
                let signed = sign(&core, &view, domain, &ids, place);
                core.table.lock().placed(position, place, signed);
            }
        }
        Err(reason) => {
            tracing::error!(%domain, position, reason, "the bus can never take a group");
            core.table.lock().dropped(position, &Rejected::new(Code::Unavailable, reason));
        }
    }
    drop(rooms);
    (domain, Ok(()))
}

/// Appends under the hash of the bytes until it is known where they stand: a lost acknowledgement is found out by
/// appending again, which the stream answers as a duplicate. Fails only when no attempt could ever succeed.
async fn append_until_known(
    core: &Core,
    domain: Domain,
    payload: Bytes,
    headers: Headers,
) -> Result<Appended, String> {
    let message_id = Some(message_id(&payload));
    let message = Outgoing { subject: subjects::transactions(domain), headers, payload, message_id };
    for attempt in 0.. {
        let batch = Batch { messages: vec![message.clone()], expected_last: None };
        match core.ports.bus.append(Stream::Transactions, batch).await {
            Ok(appended) => return Ok(appended),
            Err(error @ AppendError::Invalid { .. }) => return Err(error.to_string()),
            Err(error) => {
                tracing::warn!(%domain, attempt, %error, "a group is not known to be on the stream; trying again");
                core.ports.clock.sleep(core.config.retry(attempt)).await;
            }
        }
    }
    Err("every attempt failed".to_owned())
}

/// One signature for a whole group.
pub(crate) fn sign(core: &Core, view: &View, domain: Domain, ids: &[TxId], place: Place) -> Signed {
    let tree = Tree::new(ids.iter().map(|id| leaf_hash(&id.0)));
    let statement = Statement {
        chain: view.header.chain,
        domain,
        agency: core.agency,
        key: core.key,
        root: tree.root(),
        size: ids.len() as u64,
        incarnation: place.incarnation,
        sequence: place.sequence,
        deadline_ms: core.now_ms().saturating_add(core.config.deadline_ms),
    };
    let signature = core.ports.key.sign(&statement.message());
    Signed { statement, signature, tree }
}
