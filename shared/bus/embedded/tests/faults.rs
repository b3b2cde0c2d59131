//! The seam for faults does what it says.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures::StreamExt;
use hutong_bus::{AppendError, Batch, Bus, Error, Filter, Headers, Message, Outgoing, Stream};
use hutong_bus_embedded::{Delivery, EmbeddedBus, Fate, Faults, Options};

/// Faults in the order they were written down.
#[derive(Debug, Default)]
struct Script {
    deliveries: Mutex<VecDeque<Delivery>>,
    fates: Mutex<VecDeque<Fate>>,
    lost_requests: Mutex<VecDeque<bool>>,
}

impl Faults for Script {
    fn publish(&self, _message: &Message) -> Delivery {
        self.deliveries.lock().unwrap().pop_front().unwrap_or(Delivery::Deliver)
    }

    fn append(&self, _stream: Stream, _batch: &Batch) -> Fate {
        self.fates.lock().unwrap().pop_front().unwrap_or(Fate::Accept)
    }

    fn lose_request(&self, _message: &Message) -> bool {
        self.lost_requests.lock().unwrap().pop_front().unwrap_or(false)
    }
}

fn bus(script: Script) -> Arc<EmbeddedBus> {
    EmbeddedBus::in_memory(Options { faults: Some(Arc::new(script)), ..Options::default() }).unwrap()
}

fn message(payload: &'static str) -> Message {
    Message { subject: "vote.a".into(), headers: Headers::default(), payload: payload.into() }
}

#[tokio::test]
async fn messages_are_dropped_doubled_and_delayed() {
    use Delivery::{Delay, Deliver, Drop, Duplicate};
    let deliveries = Mutex::new([Drop, Duplicate, Delay, Deliver, Delay, Delay, Deliver].into());
    let bus = bus(Script { deliveries, ..Script::default() });
    let mut seen = bus.subscribe(Filter::one("vote.*")).await.unwrap();
    for payload in ["a", "b", "c", "d", "e", "f", "g", "end"] {
        bus.publish(message(payload)).await.unwrap();
    }
    let mut order = Vec::new();
    while order.last().is_none_or(|last| last != "end") {
        order.push(seen.next().await.unwrap().payload);
    }
    assert_eq!(order, ["b", "b", "d", "c", "e", "g", "f", "end"].map(Bytes::from));
}

#[tokio::test]
async fn acknowledgements_and_batches_are_lost() {
    let fates = Mutex::new([Fate::LoseAck, Fate::LoseBatch, Fate::Refuse].into());
    let bus = bus(Script { fates, ..Script::default() });
    let batch = |payload: &'static str| Batch {
        messages: vec![Outgoing {
            subject: "tx.a".into(),
            headers: Headers::default(),
            payload: payload.into(),
            message_id: None,
        }],
        expected_last: None,
    };
    let stream = Stream::Transactions;
    assert!(matches!(bus.append(stream, batch("there")).await, Err(AppendError::Unknown { .. })));
    assert_eq!(bus.tip(stream, "tx.a").await.unwrap().sequence, 1);
    assert!(matches!(bus.append(stream, batch("lost")).await, Err(AppendError::Unknown { .. })));
    assert!(matches!(bus.append(stream, batch("refused")).await, Err(AppendError::Full { .. })));
    assert_eq!(bus.append(stream, batch("next")).await.unwrap().sequence, 2);
    let entries = bus.read(stream, Filter::one("tx.a"), 0).await.unwrap().take(2).collect::<Vec<_>>().await;
    let payloads: Vec<_> = entries.into_iter().map(|entry| entry.unwrap().payload).collect();
    assert_eq!(payloads, ["there", "next"].map(Bytes::from));
}

#[tokio::test(start_paused = true)]
async fn a_lost_request_times_out() {
    let bus = bus(Script { lost_requests: Mutex::new([true].into()), ..Script::default() });
    let mut requests = bus.serve("ask").await.unwrap();
    let server = tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            let payload = request.message.payload.clone();
            request.reply(payload).await.unwrap();
        }
    });
    let ask = || bus.request("ask", Headers::default(), "x".into(), Duration::from_secs(1));
    assert!(matches!(ask().await, Err(Error::Timeout { .. })));
    assert_eq!(ask().await.unwrap().payload, "x");
    server.abort();
}
