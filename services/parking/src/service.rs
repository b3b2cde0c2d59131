//! The loops: the view follows what is final and what is told over the bus; days that are over are anchored.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::StreamExt;
use hutong_bus::{Filter, Headers, Message, SharedBus};
use hutong_desk::Desk;
use hutong_ledger::{
    contract::Refusal,
    id::{AgencyId, RecordId, RecordKey},
};
use hutong_peer::{SharedStorage, StoredRecord};
use hutong_runtime::SharedClock;
use hutong_wire::v1::parking as wire;
use parking_lot::RwLock;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Error, build,
    contract::{digest_record, domain},
    geo,
    live::Live,
    log::{Log, OpenDay, day_number, day_text},
    realtime::{Sent, Update},
    shown,
    view::{Standing, View},
};

/// Occupancy travels here, followed by the agency that accepted it.
const SUBJECT: &str = "telemetry.parking";
/// What one message may carry; the bus takes four times that.
const MESSAGE_BYTES_MAX: usize = 256 << 10;
/// Who acts when a day is anchored.
const ACTOR: &str = "parking-anchor";

/// The service, and what its API works with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ParkingService(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) storage: SharedStorage,
    pub(crate) desk: Desk,
    bus: SharedBus,
    pub(crate) clock: SharedClock,
    pub(crate) view: RwLock<View>,
    pub(crate) log: Log,
    pub(crate) live: Arc<Live>,
    pub(crate) stopping: CancellationToken,
    /// One at a time reads what is final.
    pulling: Mutex<()>,
    /// One at a time takes updates: what is checked is what is logged.
    taking: Mutex<()>,
}

impl ParkingService {
    /// The desk is that of the agency whose node this is; where it owns the domain, it takes occupancy and anchors days.
    /// Opens the log in the configured folder.
    pub fn new(
        config: Config,
        storage: SharedStorage,
        desk: Desk,
        bus: SharedBus,
        clock: SharedClock,
    ) -> Result<Self, Error> {
        let (log, latest) = Log::open(Path::new(&config.dir))?;
        let mut view = View::default();
        for update in latest {
            view.set_live(Arc::new(update));
        }
        let live = Arc::new(Live::new(clock.unix_ms(), config.live_events_max));
        let view = RwLock::new(view);
        let stopping = CancellationToken::new();
        let (pulling, taking) = (Mutex::default(), Mutex::default());
        Ok(Self(Arc::new(Inner {
            config,
            storage,
            desk,
            bus,
            clock,
            view,
            log,
            live,
            stopping,
            pulling,
            taking,
        })))
    }

    /// Runs until stopped. What does not answer is asked again; the view then shows what it knew.
    pub async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.follow() => {}
            () = self.listen() => {}
            () = self.anchor() => {}
        }
        self.0.stopping.cancel();
    }

    async fn follow(&self) {
        loop {
            match self.pull().await {
                Ok(true) => {}
                Ok(false) => self.wait().await,
                Err(error) => {
                    tracing::debug!(%error, "the parking view waits for storage");
                    tokio::time::sleep(Duration::from_millis(self.0.config.retry_ms)).await;
                }
            }
        }
    }

    async fn wait(&self) {
        let height = self.0.view.read().position().height;
        let wait = Duration::from_millis(self.0.config.wait_ms);
        if let Err(error) = self.0.storage.wait_final(height, wait).await {
            tracing::debug!(%error, "the parking view waits for storage");
            tokio::time::sleep(Duration::from_millis(self.0.config.retry_ms)).await;
        }
    }

    /// Reads what is final and not in the view yet; whether there was any.
    pub(crate) async fn pull(&self) -> Result<bool, hutong_peer::Error> {
        let _one = self.0.pulling.lock().await;
        let after = self.0.view.read().position();
        let (finals, reached) =
            self.0.storage.finals(after, Some(vec![domain()]), self.0.config.page).await?;
        let mut view = self.0.view.write();
        for change in finals.iter().flat_map(|transaction| &transaction.changes) {
            view.apply(change);
        }
        view.advance(reached);
        Ok(reached != after)
    }

    /// The owner of the domain.
    pub(crate) async fn owner(&self) -> Result<AgencyId, hutong_peer::Error> {
        let epoch = self.0.storage.standing().await?.epoch;
        let rules = epoch.rules(domain());
        let unknown = || hutong_peer::Error::Failed {
            callee: "storage",
            reason: "the epoch does not know the domain parking".into(),
        };
        Ok(rules.ok_or_else(unknown)?.owner)
    }

    pub(crate) async fn record(
        &self,
        record: RecordId,
        version: Option<u64>,
    ) -> Result<Option<StoredRecord>, hutong_peer::Error> {
        self.0.storage.record(RecordKey { domain: domain(), record }, version).await
    }

    /// A site as it stands; what is final is read first if the view does not know it.
    pub(crate) async fn site(&self, name: &str) -> Result<Option<Standing>, hutong_peer::Error> {
        let known = self.0.view.read().get(name);
        if known.is_some() {
            return Ok(known);
        }
        while self.pull().await? {}
        Ok(self.0.view.read().get(name))
    }

    /// Takes updates, each by itself; what is wrong with each that is refused.
    pub(crate) async fn take(&self, updates: Vec<Update>) -> Result<Vec<Result<(), Refusal>>, Error> {
        let _one = self.0.taking.lock().await;
        let mut answers = Vec::with_capacity(updates.len());
        let mut accepted: Vec<Arc<Update>> = Vec::new();
        let now_ms = self.0.clock.unix_ms();
        let latest_ms = now_ms.saturating_add(self.0.config.ahead_s_max * 1000);
        for update in updates {
            let answer = if update.updated_at_ms > latest_ms {
                let message = format!("{} is ahead of this server's clock", update.site);
                Err(Refusal::new("update_too_far_ahead", message).at("realtime_data_updated_at"))
            } else {
                self.0.view.read().check(&update)
            };
            // One update may follow another of the same site in one message.
            let rival = accepted.iter().rev().find(|other| other.site == update.site);
            let answer = match (answer, rival) {
                (Ok(_), Some(rival)) if rival.updated_at_ms > update.updated_at_ms => {
                    let message = format!("{} has newer data already", update.site);
                    Err(Refusal::new("stale_update", message).at("realtime_data_updated_at"))
                }
                (Ok(_), Some(rival)) => Ok(**rival != update),
                (answer, _) => answer,
            };
            if answer == Ok(true) {
                accepted.push(Arc::new(update));
            }
            answers.push(answer.map(|_| ()));
        }
        if !accepted.is_empty() {
            self.0.log.append(now_ms, &accepted).await?;
            self.show(&accepted);
            self.tell(&accepted).await;
        }
        Ok(answers)
    }

    /// Puts accepted updates into the view and tells live subscribers.
    fn show(&self, updates: &[Arc<Update>]) {
        let now_ms = self.0.clock.unix_ms();
        for update in updates {
            let standing = {
                let mut view = self.0.view.write();
                view.set_live(update.clone());
                view.get(&update.site)
            };
            if let Some(standing) = standing {
                let place =
                    geo::point(geo::degrees(standing.site.lat_e7), geo::degrees(standing.site.lon_e7));
                let json = shown::site(&standing, now_ms, &self.0.config).to_string();
                self.0.live.push(update.site.clone(), standing.site.source.clone(), place, json);
            }
        }
    }

    /// Tells the views of other agencies. At most once: what is missed, the next update mends.
    async fn tell(&self, updates: &[Arc<Update>]) {
        let mut batch: Vec<Sent> = Vec::new();
        let mut bytes = 0;
        for update in updates {
            let sent = update.to_sent();
            bytes += 512 + sent.spots.len() * 128;
            batch.push(sent);
            if bytes > MESSAGE_BYTES_MAX {
                self.publish(std::mem::take(&mut batch)).await;
                bytes = 0;
            }
        }
        if !batch.is_empty() {
            self.publish(batch).await;
        }
    }

    async fn publish(&self, batch: Vec<Sent>) {
        let payload = Bytes::from(serde_json::to_vec(&batch).unwrap_or_default());
        let subject = format!("{SUBJECT}.{}", self.0.desk.agency());
        let message = Message { subject, headers: Headers::default(), payload };
        if let Err(error) = self.0.bus.publish(message).await {
            tracing::warn!(%error, "occupancy does not reach the other agencies");
        }
    }

    async fn listen(&self) {
        loop {
            match self.0.bus.subscribe(Filter::one(format!("{SUBJECT}.*"))).await {
                Ok(mut messages) => {
                    while let Some(message) = messages.next().await {
                        self.hear(&message).await;
                    }
                }
                Err(error) => tracing::debug!(%error, "occupancy is not heard"),
            }
            tokio::time::sleep(Duration::from_millis(self.0.config.retry_ms)).await;
        }
    }

    /// Occupancy that the domain's owner accepted; what others say is not believed.
    async fn hear(&self, message: &Message) {
        let from = message.subject.rsplit('.').next().unwrap_or_default();
        if from == self.0.desk.agency().as_str() {
            return;
        }
        match self.owner().await {
            Ok(owner) if owner.as_str() == from => {}
            Ok(_) => return tracing::warn!(from, "occupancy from another than the owner is dropped"),
            Err(error) => return tracing::debug!(%error, "occupancy is dropped while storage is away"),
        }
        let Ok(batch) = serde_json::from_slice::<Vec<Sent>>(&message.payload) else {
            return tracing::warn!(from, "occupancy that does not decode is dropped");
        };
        for update in batch.iter().filter_map(|sent| Update::of(sent).ok()) {
            if self.site(&update.site).await.is_ok() && self.0.view.read().check(&update) == Ok(true) {
                self.show(&[Arc::new(update)]);
            }
        }
    }

    async fn anchor(&self) {
        loop {
            if let Err(error) = self.anchor_once().await {
                tracing::warn!(%error, "days of occupancy wait to be anchored");
            }
            self.0.clock.sleep(Duration::from_secs(self.0.config.anchor_every_s)).await;
        }
    }

    /// Anchors each day that is over; how many.
    pub async fn anchor_once(&self) -> Result<usize, Error> {
        if self.owner().await? != self.0.desk.agency() {
            return Ok(0);
        }
        let now_ms = self.0.clock.unix_ms();
        let mut anchored = 0;
        for open in self.0.log.over(now_ms) {
            self.anchor_day(&open).await?;
            anchored += 1;
        }
        let oldest = u64::from(day_number(now_ms)).saturating_sub(self.0.config.log_days);
        self.0.log.prune(u32::try_from(oldest).unwrap_or_default())?;
        Ok(anchored)
    }

    async fn anchor_day(&self, open: &OpenDay) -> Result<(), Error> {
        let day = self.0.log.day(open.day, &open.site)?;
        let text = day_text(open.day);
        if let Ok(record) = digest_record(&open.site, &text)
            && self.record(record, None).await?.is_none()
        {
            let digest = wire::AnchorDay {
                site: open.site.clone(),
                day: text,
                sha256: Bytes::copy_from_slice(&day.sha256.0),
                updates: day.lines.len() as u64,
            };
            match self.0.desk.submit(domain(), build::anchor(digest), ACTOR).await {
                Ok(_) => {}
                // A try whose answer was lost was final after all.
                Err(hutong_desk::Error::Refused { code, .. }) if code == "day_anchored" => {}
                Err(hutong_desk::Error::Refused { code, .. }) => {
                    tracing::error!(site = open.site, day = open.day, code, "a day cannot be anchored");
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.0.log.close(open)
    }
}
