//! Days that are over: each site's becomes one digest on the ledger, by the domain's owner.

use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use hutong_wire::v1::parking as wire;

use crate::{
    Error, ParkingService, build,
    contract::{digest_record, domain},
    log::{OpenDay, day_number, day_text},
};

/// Who acts when a day is anchored.
const ACTOR: &str = "parking-anchor";
/// Digests on their way at a time: together they share blocks.
const AT_A_TIME: usize = 32;

impl ParkingService {
    pub(super) async fn anchor(&self) {
        loop {
            if let Err(error) = self.anchor_once().await {
                tracing::warn!(%error, "days of occupancy wait to be anchored");
            }
            self.0.clock.sleep(Duration::from_secs(self.0.config.anchor_every_s)).await;
        }
    }

    /// Anchors each day that is over; how many. What was anchored already is not anchored again.
    pub async fn anchor_once(&self) -> Result<usize, Error> {
        if self.owner().await? != self.0.desk.agency() {
            return Ok(0);
        }
        let now_ms = self.0.clock.unix_ms();
        let over = self.0.log.over(now_ms);
        let count = over.len();
        let anchored = futures::stream::iter(over).map(|open| self.anchor_day(open));
        anchored.buffer_unordered(AT_A_TIME).try_collect::<()>().await?;
        let oldest = u64::from(day_number(now_ms)).saturating_sub(self.0.config.log_days);
        let oldest = u32::try_from(oldest).unwrap_or_default();
        self.logged(move |service| service.0.log.prune(oldest)).await?;
        Ok(count)
    }

    async fn anchor_day(&self, open: OpenDay) -> Result<(), Error> {
        let asked = open.clone();
        let day = self.logged(move |service| service.0.log.day(asked.day, &asked.site)).await?;
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
                // The block's clock is a little behind this one: the next look finds the day over.
                Err(hutong_desk::Error::Refused { code, .. }) if code == "day_not_over" => return Ok(()),
                Err(hutong_desk::Error::Refused { code, .. }) => {
                    tracing::error!(site = open.site, day = open.day, code, "a day cannot be anchored");
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.logged(move |service| service.0.log.close(&open)).await
    }

    /// Works with the log where waiting for the disk holds nobody up.
    pub(crate) async fn logged<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let service = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&service)).await;
        done.unwrap_or(Err(Error::Garbled("reader")))
    }
}
