//! The bus as one agency sees it in one life: what passes may be dropped, doubled, delayed or cut off, answers may be
//! lost, and the agency may crash at any call.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use hutong_bus::{
    AppendError, Appended, Batch, Bus, Entry, Error, Filter, Headers, Message, Request, Stream, Tip,
};

use crate::{city::of_subject, world::World};

#[derive(Debug)]
pub(crate) struct FaultyBus {
    pub(crate) world: Arc<World>,
    pub(crate) agency: usize,
    pub(crate) alive: Arc<AtomicBool>,
}

impl FaultyBus {
    /// Whether the call is made at all; a crash in it never returns.
    async fn enter(&self) -> Result<(), Error> {
        if self.world.burn(self.agency) {
            self.alive.store(false, Ordering::Relaxed);
            std::future::pending::<()>().await;
        }
        if self.alive.load(Ordering::Relaxed) { Ok(()) } else { Err(Error::Closed) }
    }

    /// A delay, as often as delays happen.
    async fn delay(&self) {
        let rates = *self.world.rates.lock();
        if self.world.happens(rates.delay) {
            let delay = Duration::from_millis(self.world.below(rates.delay_ms_max + 1));
            tokio::time::sleep(delay).await;
        }
    }

    /// What of the batch matters to compare runs.
    fn note(&self, stream: Stream, batch: &Batch) {
        for message in &batch.messages {
            self.world.note(&format!("append {stream} {}", message.subject), self.agency, &message.payload);
        }
    }
}

#[async_trait]
impl Bus for FaultyBus {
    async fn append(&self, stream: Stream, batch: Batch) -> Result<Appended, AppendError> {
        self.enter().await?;
        self.note(stream, &batch);
        self.delay().await;
        let rates = *self.world.rates.lock();
        if self.world.is_alone(self.agency) || self.world.happens(rates.append_lost) {
            tokio::time::sleep(Duration::from_millis(200)).await;
            return Err(AppendError::Unknown { stream });
        }
        if self.world.happens(rates.append_refused) {
            return Err(AppendError::Full { stream });
        }
        let appended = self.world.bus.append(stream, batch).await?;
        self.enter().await?;
        if self.world.happens(rates.ack_lost) {
            tokio::time::sleep(Duration::from_millis(200)).await;
            return Err(AppendError::Unknown { stream });
        }
        self.delay().await;
        Ok(appended)
    }

    async fn read(
        &self,
        stream: Stream,
        filter: Filter,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Entry, Error>>, Error> {
        self.enter().await?;
        let entries = self.world.bus.read(stream, filter, from).await?;
        let (world, agency) = (self.world.clone(), self.agency);
        // Which of several readers is woken first is not the seed's to say: each takes a time of its own.
        let own = Duration::from_millis(1 + self.world.reader() % 13);
        let held = entries.then(move |entry| {
            let world = world.clone();
            async move {
                tokio::time::sleep(own).await;
                while world.is_alone(agency) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                let rates = *world.rates.lock();
                if world.happens(rates.delay) {
                    tokio::time::sleep(Duration::from_millis(world.below(rates.delay_ms_max + 1))).await;
                }
                entry
            }
        });
        Ok(held.boxed())
    }

    async fn tip(&self, stream: Stream, subject: &str) -> Result<Tip, Error> {
        self.enter().await?;
        if self.world.is_alone(self.agency) {
            tokio::time::sleep(Duration::from_millis(100)).await;
            return Err(Error::Timeout { subject: subject.into() });
        }
        self.world.bus.tip(stream, subject).await
    }

    async fn publish(&self, message: Message) -> Result<(), Error> {
        self.enter().await?;
        self.world.note(&message.subject, self.agency, &message.payload);
        let rates = *self.world.rates.lock();
        if self.world.happens(rates.drop) {
            return Ok(());
        }
        let copies = 1 + usize::from(self.world.happens(rates.duplicate));
        for _ in 0..copies {
            if self.world.happens(rates.delay) {
                let delay = Duration::from_millis(self.world.below(rates.delay_ms_max + 1));
                let (bus, message) = (self.world.bus.clone(), message.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    bus.publish(message).await
                });
            } else {
                self.world.bus.publish(message.clone()).await?;
            }
        }
        Ok(())
    }

    async fn subscribe(&self, filter: Filter) -> Result<BoxStream<'static, Message>, Error> {
        self.enter().await?;
        let (world, agency) = (self.world.clone(), self.agency);
        let messages = self.world.bus.subscribe(filter).await?;
        let heard = move |message: &Message| {
            let from = of_subject(&message.subject);
            let is_heard = from.is_none_or(|from| from == agency || world.reach(from, agency));
            async move { is_heard }
        };
        Ok(messages.filter(heard).boxed())
    }

    async fn request(
        &self,
        subject: &str,
        headers: Headers,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Message, Error> {
        self.enter().await?;
        self.world.note(subject, self.agency, &payload);
        let to = of_subject(subject);
        let is_cut = || to.is_some_and(|to| to != self.agency && !self.world.reach(to, self.agency));
        let rate = self.world.rates.lock().lose_request;
        if is_cut() || to != Some(self.agency) && self.world.happens(rate) {
            tokio::time::sleep(timeout).await;
            return Err(Error::Timeout { subject: subject.into() });
        }
        self.delay().await;
        let answer = self.world.bus.request(subject, headers, payload, timeout).await?;
        self.enter().await?;
        if is_cut() {
            tokio::time::sleep(timeout).await;
            return Err(Error::Timeout { subject: subject.into() });
        }
        self.delay().await;
        Ok(answer)
    }

    async fn serve(&self, subject: &str) -> Result<BoxStream<'static, Request>, Error> {
        self.enter().await?;
        self.world.bus.serve(subject).await
    }
}
