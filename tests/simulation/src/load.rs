//! The clients: transactions all the time, some sent twice, some that soon expire, some that a thief of bytes puts
//! onto the stream again.

use std::{sync::Arc, time::Duration};

use hutong_bus::{Batch, Headers, Outgoing, Stream};
use hutong_ledger::transaction::Transaction;
use hutong_peer::{
    ingest::{Accepted, Code, IngestPeer, Wait},
    subjects,
};
use tokio::task::JoinSet;

use crate::{
    city::{AGENCIES, notes, transaction},
    world::World,
};

const TRANSACTIONS: u64 = 40;

/// Submits until the time of trouble is over; returns when every client has its answer or has given up.
pub(crate) async fn run(world: Arc<World>) {
    let mut clients = JoinSet::new();
    for number in 0..TRANSACTIONS {
        tokio::time::sleep(Duration::from_millis(world.below(900))).await;
        let life = if world.happens(150) { 100 + world.below(3000) } else { 3_600_000 };
        let action = format!("key{}={}", world.below(8), "v".repeat(1 + (number % 7) as usize));
        let agency = world.below(AGENCIES as u64) as usize;
        let tx = transaction(agency, world.nonce(), world.now_ms() + life, action);
        let wait = [Wait::Accepted, Wait::Final, Wait::Receipt][world.below(3) as usize];
        clients.spawn(submit(world.clone(), tx.clone(), wait));
        if world.happens(200) {
            let (world, tx) = (world.clone(), tx.clone());
            let later = Duration::from_millis(world.below(4000));
            clients.spawn(async move {
                tokio::time::sleep(later).await;
                submit(world, tx, Wait::Accepted).await;
            });
        }
        if world.happens(200) {
            clients.spawn(repeat(world.clone(), tx));
        }
    }
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
}

/// Submits the same bytes until they are accepted, refused for good, or given up.
pub(crate) async fn submit(world: Arc<World>, tx: Transaction, wait: Wait) {
    for _ in 0..40 {
        let ingest = world.ingest.lock().clone();
        if let Some(ingest) = ingest {
            let patience = Duration::from_secs(40);
            let answers = tokio::time::timeout(patience, ingest.submit(vec![tx.clone()], wait)).await;
            match answers.ok().and_then(|mut answers| answers.pop()) {
                Some(Ok(Accepted::Pending(acceptance))) => {
                    world.note("accepted", 0, &tx.id.0);
                    world.seen.lock().accepted.push((tx.id, *acceptance));
                    return;
                }
                Some(Ok(Accepted::Final(finality))) => {
                    world.note("final", 0, &finality.height.to_be_bytes());
                    world.seen.lock().answered.push((tx.id, finality));
                    return;
                }
                Some(Err(rejected)) => {
                    let again = [Code::Unavailable, Code::Unconfirmed, Code::Overloaded];
                    if !again.contains(&rejected.code) {
                        return;
                    }
                }
                None => {}
            }
        }
        tokio::time::sleep(Duration::from_millis(100 + world.below(400))).await;
    }
}

/// Puts a transaction onto the stream without asking ingest, more than once.
async fn repeat(world: Arc<World>, tx: Transaction) {
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(world.below(3000))).await;
        let outgoing = Outgoing {
            subject: subjects::transactions(notes()),
            headers: Headers::default(),
            payload: hutong_wire::transaction::encode_group([&tx]),
            message_id: None,
        };
        let batch = Batch { messages: vec![outgoing], expected_last: None };
        world.bus.append(Stream::Transactions, batch).await.unwrap();
    }
}
