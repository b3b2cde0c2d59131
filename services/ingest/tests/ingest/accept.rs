//! What ingest takes, what it refuses, and that asking again changes nothing.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use crate::support::*;
use hutong_bus::{Batch, Stream};
use hutong_bus_embedded::{Fate, Faults};
use hutong_ledger::{
    acceptance::Acceptance,
    block::Cursor,
    entry::Outcome,
    id::KeyId,
    transaction::{NOT_AFTER_AHEAD_MS_MAX, Transaction},
};
use hutong_peer::ingest::{Accepted, Answer, Code, IngestClient, IngestPeer, Wait};

fn acceptance(answer: &Answer) -> &Acceptance {
    match answer {
        Ok(Accepted::Pending(acceptance)) => acceptance,
        other => panic!("no acceptance: {other:?}"),
    }
}

fn code(answer: &Answer) -> Code {
    answer.as_ref().unwrap_err().code
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_is_journalled_appended_and_signed_once() {
    let dir = tempfile::tempdir().unwrap();
    let city = Setup::new().run(dir.path()).await;
    let sent = transactions(0..40);
    let answers = city.ingest.submit(sent.clone(), Wait::Accepted).await;
    let epoch = genesis().epoch;
    for (tx, answer) in sent.iter().zip(&answers) {
        acceptance(answer).verify(chain(), &epoch, &tx.id).unwrap();
    }
    let entries = on_stream(&city.bus).await;
    let ordered: Vec<Transaction> = entries.iter().flat_map(group).collect();
    assert_eq!(ordered, sent, "as they stand in the submission");
    for (tx, answer) in sent.iter().zip(&answers) {
        let statement = &acceptance(answer).statement;
        let entry = entries.iter().find(|entry| entry.sequence == statement.sequence).unwrap();
        assert!(group(entry).contains(tx));
        assert_eq!(statement.deadline_ms, GENESIS_MS + 60_000);
    }
    city.until_metric("hutong_ingest_accepted_total{domain=\"property\"} 40").await;
    city.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_ends_with_finality_and_the_receipt() {
    let dir = tempfile::tempdir().unwrap();
    let city = Setup::new().run(dir.path()).await;
    let ordering = city.storage.order_all(&city.bus);
    let sent = transactions(0..300);
    let answers = city.ingest.submit(sent.clone(), Wait::Receipt).await;
    for (tx, answer) in sent.iter().zip(answers) {
        let Ok(Accepted::Final(finality)) = answer else { panic!("{answer:?}") };
        assert_eq!(finality.outcome, Outcome::Applied);
        assert_eq!(finality.receipt.unwrap(), format!("{{\"receipt\":\"{}\"}}", tx.id));
    }
    ordering.abort();
    city.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_said_and_spoils_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let city = Setup::new().run(dir.path()).await;
    let beta = "beta".parse().unwrap();
    let altered = |change: &dyn Fn(&mut hutong_ledger::transaction::Body)| {
        let mut body = body("property", 1);
        change(&mut body);
        signed(body)
    };
    let broken = |change: &dyn Fn(&mut Transaction)| {
        let mut tx = transaction(1);
        change(&mut tx);
        tx
    };
    let cases = [
        (Code::WrongChain, altered(&|body| body.chain = "town-0011223344556677".parse().unwrap())),
        (Code::UnknownDomain, altered(&|body| body.domain = "zoo".parse().unwrap())),
        (Code::Malformed, altered(&|body| body.agency = beta)),
        (Code::Malformed, altered(&|body| body.actor = "a\nb".into())),
        (Code::UnknownAgency, altered(&|body| body.signers.push("nobody".parse().unwrap()))),
        (Code::Expired, altered(&|body| body.not_after_ms = GENESIS_MS - 1)),
        (Code::TooFarAhead, altered(&|body| body.not_after_ms = GENESIS_MS + NOT_AFTER_AHEAD_MS_MAX + 1)),
        (Code::Unsigned, broken(&|tx| tx.signatures.clear())),
        (Code::Unsigned, broken(&|tx| tx.signatures.push(tx.signatures[0]))),
        (Code::UnknownKey, broken(&|tx| tx.signatures[0].key = KeyId([0; 8]))),
        (Code::BadSignature, broken(&|tx| tx.signatures[0].bytes[40] ^= 1)),
    ];
    let mut sent: Vec<Transaction> = cases.iter().map(|(_, tx)| tx.clone()).collect();
    sent.insert(5, transaction(100));
    sent.push(transaction(101));
    let mut answers = city.ingest.submit(sent, Wait::Accepted).await;
    acceptance(&answers.pop().unwrap());
    acceptance(&answers.remove(5));
    for ((expected, tx), answer) in cases.iter().zip(&answers) {
        assert_eq!(code(answer), *expected, "{tx:?}");
    }
    let ordered: Vec<_> = on_stream(&city.bus).await.iter().flat_map(group).collect();
    assert_eq!(ordered, [transaction(100), transaction(101)]);
    city.until_metric("hutong_ingest_refused_total{code=\"bad_signature\"} 1").await;
    city.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_again_is_the_same_answer() {
    let dir = tempfile::tempdir().unwrap();
    let config = hutong_ingest::Config { recent_max: 1, ..hutong_ingest::Config::default() };
    let city = Setup { config, ..Setup::new() }.run(dir.path()).await;
    let tx = transaction(1);
    let twice = vec![tx.clone(), tx.clone()];
    let answers = city.ingest.submit(twice.clone(), Wait::Accepted).await;
    assert_eq!(answers[0], answers[1]);
    assert_eq!(city.ingest.submit(vec![tx.clone()], Wait::Accepted).await[0], answers[0]);
    assert_eq!(on_stream(&city.bus).await.iter().flat_map(group).count(), 1);

    let ordering = city.storage.order_all(&city.bus);
    let finals = city.ingest.submit(twice.clone(), Wait::Final).await;
    let Ok(Accepted::Final(_)) = &finals[0] else { panic!("{finals:?}") };
    assert_eq!(finals[0], finals[1]);
    // Once others are final too, only storage still knows it.
    city.ingest.submit(transactions(2..4), Wait::Final).await;
    assert_eq!(city.ingest.submit(twice, Wait::Accepted).await, finals);
    let ids: Vec<_> = on_stream(&city.bus).await.iter().flat_map(group).map(|tx| tx.id).collect();
    assert_eq!(ids.iter().filter(|id| **id == tx.id).count(), 1);

    // Long after it has expired as well.
    ordering.abort();
    let cursor = Cursor { domain: "property".parse().unwrap(), incarnation: 0, sequence: 0 };
    city.storage.finalize(tx.body.not_after_ms + 1, cursor, vec![]);
    for n in 10.. {
        let answers = city.ingest.submit(vec![tx.clone(), transaction(n)], Wait::Accepted).await;
        assert_eq!(answers[0], finals[0]);
        // Ingest has seen the block.
        if answers[1].as_ref().is_err_and(|rejected| rejected.code == Code::Expired) {
            break;
        }
    }
    city.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_copy_cannot_speak_for_the_genuine_one() {
    let dir = tempfile::tempdir().unwrap();
    let city = Setup::new().run(dir.path()).await;
    let genuine = transaction(1);
    let mut forged = genuine.clone();
    forged.signatures[0].bytes = [1; 64];
    let answers = city.ingest.submit(vec![forged, genuine.clone()], Wait::Accepted).await;
    assert_eq!(code(&answers[0]), Code::BadSignature);
    acceptance(&answers[1]).verify(chain(), &genesis().epoch, &genuine.id).unwrap();
    city.stop().await;
}

#[derive(Debug, Default)]
struct Unreliable {
    appends: AtomicUsize,
    full: AtomicBool,
}

impl Faults for Unreliable {
    fn append(&self, stream: Stream, _batch: &Batch) -> Fate {
        assert_eq!(stream, Stream::Transactions);
        if self.full.load(Ordering::SeqCst) {
            return Fate::Refuse;
        }
        match self.appends.fetch_add(1, Ordering::SeqCst) % 4 {
            0 => Fate::LoseAck,
            1 => Fate::LoseBatch,
            2 => Fate::Refuse,
            _ => Fate::Accept,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_acknowledgement_is_found_out_and_appends_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let bus = bus(Some(Arc::new(Unreliable::default())));
    let city = Setup { bus, ..Setup::new() }.run(dir.path()).await;
    for n in 0..8 {
        let answers = city.ingest.submit(vec![transaction(n)], Wait::Accepted).await;
        assert_eq!(acceptance(&answers[0]).statement.sequence, n + 1);
    }
    assert_eq!(on_stream(&city.bus).await.len(), 8);
    city.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_and_what_is_not_confirmed_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Arc::new(Unreliable::default());
    faults.full.store(true, Ordering::SeqCst);
    let bus = bus(Some(faults.clone()));
    let config = hutong_ingest::Config {
        queue_bytes_max: 2000,
        accept_timeout_ms: 50,
        retry_ms: 1,
        ..hutong_ingest::Config::default()
    };
    let city = Setup { bus, config, ..Setup::new() }.run(dir.path()).await;
    let answers = city.ingest.submit(transactions(0..50), Wait::Accepted).await;
    let codes: Vec<Code> = answers.iter().map(code).collect();
    assert_eq!((codes[0], codes[49]), (Code::Unconfirmed, Code::Overloaded));

    faults.full.store(false, Ordering::SeqCst);
    loop {
        // The queue empties by itself; what it refused can be submitted again.
        let answers = city.ingest.submit(transactions(0..2), Wait::Accepted).await;
        if answers.iter().all(Result::is_ok) {
            break;
        }
    }
    let first = transaction(0).id;
    let ids: Vec<_> = on_stream(&city.bus).await.iter().flat_map(group).map(|tx| tx.id).collect();
    assert_eq!(ids.iter().filter(|id| **id == first).count(), 1);
    city.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_the_bus_it_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let city = Setup::new().run(dir.path()).await;
    let client = IngestClient::new(city.bus.clone(), PATIENCE);
    let ordering = city.storage.order_all(&city.bus);
    // More than one request holds.
    let mut sent = transactions(0..2500);
    sent[700].signatures.clear();
    // Serving begins a moment after ingest is ready.
    while city.bus.request("ingest.submit", Default::default(), Default::default(), PATIENCE).await.is_err() {
        tokio::task::yield_now().await;
    }
    let answers = client.submit(sent.clone(), Wait::Receipt).await;
    assert_eq!(answers.len(), sent.len());
    for (n, answer) in answers.iter().enumerate() {
        match answer {
            Ok(Accepted::Final(finality)) => assert!(n != 700 && finality.receipt.is_some()),
            other => assert!(n == 700 && code(other) == Code::Unsigned, "{n}: {other:?}"),
        }
    }
    ordering.abort();
    city.stop().await;
    assert_eq!(code(&client.submit(transactions(0..1), Wait::Accepted).await[0]), Code::Unavailable);
}
