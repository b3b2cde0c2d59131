//! Occupancy: what comes is checked, logged, shown and told to other agencies; what the domain's owner tells is heard.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::StreamExt;
use hutong_bus::{Filter, Headers, Message};
use hutong_ledger::contract::Refusal;

use crate::{
    Error, ParkingService, geo,
    realtime::{Sent, Update},
    shown,
};

/// Occupancy travels here, followed by the agency that accepted it.
const SUBJECT: &str = "telemetry.parking";
/// What one message may carry; the bus takes four times that.
const MESSAGE_BYTES_MAX: usize = 256 << 10;

impl ParkingService {
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

    pub(super) async fn listen(&self) {
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
}
