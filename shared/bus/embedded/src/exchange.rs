//! Messages and requests: who listens, who serves, and delivery that never waits for either.
//!
//! Each listener has a queue of bounded length. When it is full, that listener misses the message and nobody else
//! notices; what is missed is asked for.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use hutong_bus::{Error, Filter, Headers, Message, Request};
use parking_lot::Mutex;
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    time::Instant,
};

use crate::{Delivery, Faults};

#[derive(Debug)]
pub(crate) struct Exchange {
    state: Mutex<State>,
    queue_messages_max: usize,
    faults: Option<Arc<dyn Faults>>,
}

#[derive(Debug, Default)]
struct State {
    listeners: Vec<Queue<Message>>,
    servers: Vec<Queue<Request>>,
    /// Messages that a fault delays until after the next one.
    delayed: Vec<Message>,
}

#[derive(Debug)]
struct Queue<T> {
    filter: Filter,
    sender: mpsc::Sender<T>,
}

impl Exchange {
    pub(crate) fn new(queue_messages_max: usize, faults: Option<Arc<dyn Faults>>) -> Self {
        Self { state: Mutex::default(), queue_messages_max, faults }
    }

    pub(crate) fn publish(&self, message: Message) -> Result<(), Error> {
        message.check()?;
        let delivery = self.faults.as_ref().map_or(Delivery::Deliver, |faults| faults.publish(&message));
        let mut state = self.state.lock();
        let delayed = std::mem::take(&mut state.delayed);
        match delivery {
            Delivery::Deliver => state.deliver(&message),
            Delivery::Drop => {}
            Delivery::Duplicate => {
                state.deliver(&message);
                state.deliver(&message);
            }
            Delivery::Delay => state.delayed.push(message),
        }
        delayed.iter().for_each(|message| state.deliver(message));
        Ok(())
    }

    pub(crate) fn subscribe(&self, filter: Filter) -> Result<BoxStream<'static, Message>, Error> {
        filter.check()?;
        let (sender, receiver) = mpsc::channel(self.queue_messages_max);
        self.state.lock().listeners.push(Queue { filter, sender });
        Ok(stream_of(receiver))
    }

    pub(crate) fn serve(&self, subject: &str) -> Result<BoxStream<'static, Request>, Error> {
        let filter = Filter::one(subject);
        filter.check()?;
        let (sender, receiver) = mpsc::channel(self.queue_messages_max);
        self.state.lock().servers.push(Queue { filter, sender });
        Ok(stream_of(receiver))
    }

    pub(crate) async fn request(&self, message: Message, timeout: Duration) -> Result<Message, Error> {
        message.check()?;
        let deadline = Instant::now() + timeout;
        let subject = message.subject.clone();
        let (sender, mut replies) = mpsc::channel(1);
        let lost = self.faults.as_ref().is_some_and(|faults| faults.lose_request(&message));
        if !self.state.lock().ask(&message, &sender, lost) {
            return Err(Error::NoResponder { subject });
        }
        // The own sender stays: a server that gives up without an answer looks like one that is slow.
        let reply = tokio::time::timeout_at(deadline, replies.recv()).await;
        drop(sender);
        match reply {
            Ok(Some((headers, payload))) => Ok(Message { subject, headers, payload }),
            _ => Err(Error::Timeout { subject }),
        }
    }
}

type Reply = (Headers, Bytes);

impl State {
    fn deliver(&mut self, message: &Message) {
        self.listeners.retain(|listener| {
            if !listener.filter.matches(&message.subject) {
                return !listener.sender.is_closed();
            }
            match listener.sender.try_send(message.clone()) {
                Ok(()) => true,
                Err(TrySendError::Full(message)) => {
                    tracing::debug!(subject = message.subject, "a slow listener misses a message");
                    true
                }
                Err(TrySendError::Closed(_)) => false,
            }
        });
    }

    /// Hands the request to all who serve its subject; false when nobody does.
    fn ask(&mut self, message: &Message, replies: &mpsc::Sender<Reply>, lost: bool) -> bool {
        let mut served = false;
        self.servers.retain(|server| {
            if server.sender.is_closed() || !server.filter.matches(&message.subject) {
                return !server.sender.is_closed();
            }
            served = true;
            if !lost && server.sender.try_send(request(message.clone(), replies.clone())).is_err() {
                tracing::debug!(subject = message.subject, "a slow server misses a request");
            }
            true
        });
        served
    }
}

fn request(message: Message, replies: mpsc::Sender<Reply>) -> Request {
    let subject = message.subject.clone();
    let respond = move |headers: Headers, payload: Bytes| {
        let reply = Message { subject, headers, payload };
        let sent = reply.check().map(|()| {
            // Only the first answer counts, and the asker may have left.
            let _ = replies.try_send((reply.headers, reply.payload));
        });
        Box::pin(std::future::ready(sent)) as futures::future::BoxFuture<'static, _>
    };
    Request { message, respond: Box::new(respond) }
}

fn stream_of<T: Send + 'static>(receiver: mpsc::Receiver<T>) -> BoxStream<'static, T> {
    futures::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|item| (item, receiver))
    })
    .boxed()
}
