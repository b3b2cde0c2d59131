//! What was accepted stays accepted: through restarts, lost streams and blocks that pass it over.

use crate::support::*;
use hutong_bus::{SharedBus, Stream};
use hutong_ledger::{
    block::Cursor,
    epoch::{Key, Purpose},
    transaction::Transaction,
};
use hutong_peer::ingest::{Accepted, Answer, Code, IngestPeer, Wait};
use tokio::task::JoinHandle;

async fn cursor(bus: &SharedBus, domain: &str, sequence: u64) -> Cursor {
    let incarnation = bus.tip(Stream::Transactions, "tx.*").await.unwrap().incarnation;
    Cursor { domain: domain.parse().unwrap(), incarnation, sequence }
}

async fn ordered(bus: &SharedBus) -> Vec<Transaction> {
    on_stream(bus).await.iter().flat_map(group).collect()
}

fn submit(city: &Running, transactions: Vec<Transaction>, wait: Wait) -> JoinHandle<Vec<Answer>> {
    let ingest = city.ingest.clone();
    tokio::spawn(async move { ingest.submit(transactions, wait).await })
}

fn all_accepted(answers: &[Answer]) -> bool {
    answers.iter().all(|answer| matches!(answer, Ok(Accepted::Pending(_))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_puts_back_what_the_stream_lost_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let city = Setup::new().run(dir.path()).await;
    let (storage, old_bus) = (city.storage.clone(), city.bus.clone());
    for n in 0..3 {
        assert!(all_accepted(&city.ingest.submit(vec![transaction(n)], Wait::Accepted).await));
    }
    // The first is final; the others were only accepted.
    storage.finalize(GENESIS_MS + 1, cursor(&old_bus, "property", 1).await, vec![transaction(0)]);
    city.kill().await;

    // The stream is as it was: nothing is appended again, and the same answer is given.
    let same = Setup { bus: old_bus.clone(), storage: storage.clone(), ..Setup::new() };
    let city = same.run(dir.path()).await;
    let answers = city.ingest.submit(vec![transaction(2)], Wait::Accepted).await;
    let Ok(Accepted::Pending(acceptance)) = &answers[0] else { panic!("{answers:?}") };
    acceptance.verify(chain(), &genesis().epoch, &transaction(2).id).unwrap();
    assert_eq!(acceptance.statement.sequence, 3);
    assert_eq!(ordered(&old_bus).await, transactions(0..3));
    city.stop().await;

    // The stream is gone: what is not final comes back, in order.
    let new = Setup { storage: storage.clone(), ..Setup::new() };
    let city = new.run(dir.path()).await;
    until_on_stream(&city.bus, 2).await;
    assert_eq!(ordered(&city.bus).await, transactions(1..3));
    let waiting = submit(&city, transactions(0..3), Wait::Final);
    let ordering = storage.order_all(&city.bus);
    let answers = waiting.await.unwrap();
    assert!(answers.iter().all(|answer| matches!(answer, Ok(Accepted::Final(_)))), "{answers:?}");
    ordering.abort();
    city.stop().await;

    // Now there is nothing to put back.
    let city = Setup { storage, ..Setup::new() }.run(dir.path()).await;
    assert!(all_accepted(&city.ingest.submit(vec![transaction(7)], Wait::Accepted).await));
    assert_eq!(ordered(&city.bus).await, [transaction(7)]);
    city.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_lost_under_way_is_filled_again() {
    let dir = tempfile::tempdir().unwrap();
    let lossy = LossyBus::new();
    let city = Setup { bus: lossy.clone(), ..Setup::new() }.run(dir.path()).await;
    for n in 0..3 {
        assert!(all_accepted(&city.ingest.submit(vec![transaction(n)], Wait::Accepted).await));
    }
    let waiting = submit(&city, transactions(0..3), Wait::Final);
    lossy.lose_streams();
    let entries = until_on_stream(&city.bus, 3).await;
    assert_eq!(entries.iter().flat_map(group).collect::<Vec<_>>(), transactions(0..3));
    let ordering = city.storage.order_all(&city.bus);
    let answers = waiting.await.unwrap();
    assert!(answers.iter().all(|answer| matches!(answer, Ok(Accepted::Final(_)))), "{answers:?}");
    ordering.abort();
    city.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_a_block_passes_over_is_appended_again() {
    let dir = tempfile::tempdir().unwrap();
    let city = Setup::new().run(dir.path()).await;
    let waiting = submit(&city, transactions(0..3), Wait::Final);
    let first = until_on_stream(&city.bus, 1).await.remove(0);
    let whole = group(&first).len();
    // An orderer that leaves the second out.
    let place = cursor(&city.bus, "property", first.sequence).await;
    assert_eq!(whole, 3, "one submission, one group");
    city.storage.finalize(GENESIS_MS + 1, place, vec![transaction(0), transaction(2)]);
    let again = until_on_stream(&city.bus, 2).await.remove(1);
    assert_eq!(group(&again), [transaction(1)]);
    let place = cursor(&city.bus, "property", again.sequence).await;
    city.storage.finalize(GENESIS_MS + 2, place, vec![transaction(1)]);
    let answers = waiting.await.unwrap();
    let height = |answer: &Answer| match answer {
        Ok(Accepted::Final(finality)) => finality.height,
        other => panic!("{other:?}"),
    };
    assert_eq!(answers.iter().map(height).collect::<Vec<_>>(), [1, 2, 1]);
    city.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_ordered_any_more_is_said_to_those_who_wait() {
    let dir = tempfile::tempdir().unwrap();
    let city = Setup::new().run(dir.path()).await;
    let mut short = body("property", 1);
    short.not_after_ms = GENESIS_MS + 10;
    let short = signed(short);
    let (expires, revoked) =
        (submit(&city, vec![short.clone()], Wait::Final), submit(&city, vec![transaction(2)], Wait::Final));
    let entries = until_on_stream(&city.bus, 1).await;
    let groups = if group(&entries[0]).len() == 2 { 1 } else { 2 };
    let last = until_on_stream(&city.bus, groups).await.pop().unwrap();
    // Alpha's key is replaced, and the block is later than the first one's not_after.
    let mut epoch = genesis().epoch;
    let alpha = &mut epoch.agencies[0];
    alpha.keys.retain(|key| key.purpose != Purpose::Signing);
    alpha.keys.push(Key { purpose: Purpose::Signing, public: key("new", Purpose::Signing).public().0 });
    alpha.keys.sort_by_key(|key| (key.purpose, key.public));
    city.storage.set_epoch(epoch);
    let place = cursor(&city.bus, "property", last.sequence).await;
    city.storage.finalize(GENESIS_MS + 1000, place, vec![]);
    let answers = (expires.await.unwrap(), revoked.await.unwrap());
    assert_eq!(answers.0[0].as_ref().unwrap_err().code, Code::Expired);
    assert_eq!(answers.1[0].as_ref().unwrap_err().code, Code::Void);
    city.until_metric("hutong_ingest_unordered_total{} 1").await;
    city.until_metric("hutong_ingest_pending{} 0").await;
    assert_eq!(on_stream(&city.bus).await.len(), groups);
    city.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_of_others_is_followed_by_its_cursor() {
    let dir = tempfile::tempdir().unwrap();
    let city = Setup::new().run(dir.path()).await;
    let tx = signed(body("health", 1));
    let waiting = submit(&city, vec![tx.clone()], Wait::Final);
    until_on_stream(&city.bus, 1).await;
    city.storage.finalize(GENESIS_MS + 1, cursor(&city.bus, "health", 1).await, vec![tx.clone()]);
    // Alpha cannot know what became of it, and says what it knows.
    assert!(all_accepted(&waiting.await.unwrap()));
    let (storage, bus) = (city.storage.clone(), city.bus.clone());
    city.stop().await;
    let city = Setup { storage, bus: bus.clone(), ..Setup::new() }.run(dir.path()).await;
    assert!(all_accepted(&city.ingest.submit(vec![transaction(1)], Wait::Accepted).await));
    let health = ordered(&bus).await.into_iter().filter(|other| *other == tx).count();
    assert!(health >= 1);
    city.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_taken_is_dropped_by_an_orderly_stop() {
    let dir = tempfile::tempdir().unwrap();
    let city = Setup::new().run(dir.path()).await;
    let waiting: Vec<_> =
        (0..20).map(|n| submit(&city, transactions(n * 10..n * 10 + 10), Wait::Accepted)).collect();
    until_on_stream(&city.bus, 1).await;
    let bus = city.bus.clone();
    city.stop().await;
    let stream = ordered(&bus).await;
    let mut accepted = 0;
    for (n, answers) in waiting.into_iter().enumerate() {
        for (m, answer) in answers.await.unwrap().iter().enumerate() {
            let tx = transaction((n * 10 + m) as u64);
            match answer {
                Ok(_) => accepted += 1,
                Err(rejected) => assert_eq!(rejected.code, Code::Unconfirmed),
            }
            assert!(answer.is_err() || stream.contains(&tx));
        }
    }
    assert!(accepted > 0);
}
