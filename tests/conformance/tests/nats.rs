//! The bus port's suite on NATS JetStream, and what that adapter adds: it refuses an unfit broker, outlives a
//! broker's restart, and calls what it cannot know unknown. Each test starts a broker of its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use hutong_bus::{AppendError, Batch, Bus, Error, Filter, Headers, Message, Outgoing, Stream};
use hutong_bus_nats::{Credentials, NatsBus, Options};
use hutong_test_conformance::{
    NatsServer, ServerOptions,
    bus::{after_reopening, before_reopening, suite},
};

async fn start(options: ServerOptions) -> NatsServer {
    NatsServer::start(options).await.unwrap()
}

fn options(server: &NatsServer) -> Options {
    Options { monitors: vec![server.monitor()], ..Options::new(server.url()) }
}

async fn connect(server: &NatsServer) -> Arc<NatsBus> {
    NatsBus::connect(options(server)).await.unwrap()
}

fn batch(subject: &str, payload: impl Into<bytes::Bytes>) -> Batch {
    let message = Outgoing {
        subject: subject.into(),
        headers: Headers::default(),
        payload: payload.into(),
        message_id: None,
    };
    Batch { messages: vec![message], expected_last: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite() {
    let server = start(ServerOptions::default()).await;
    suite(connect(&server).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_in_a_namespace_beside_another_city() {
    let server = start(ServerOptions::default()).await;
    let namespaced =
        |name: &str| NatsBus::connect(Options { namespace: Some(name.into()), ..options(&server) });
    let (city, village) = (namespaced("city").await.unwrap(), namespaced("village").await.unwrap());
    let mut overheard = village.subscribe(Filter::one(">")).await.unwrap();
    suite(city).await;
    for stream in Stream::ALL {
        assert_eq!(village.tip(stream, "tx.order").await.unwrap().sequence, 0);
    }
    village
        .publish(Message { subject: "own".into(), headers: Headers::default(), payload: "x".into() })
        .await
        .unwrap();
    assert_eq!(overheard.next().await.unwrap().subject, "own");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_outlives_a_crash_of_the_broker() {
    let mut server = start(ServerOptions::default()).await;
    let bus = connect(&server).await;
    let before = before_reopening(bus.clone()).await.unwrap();
    drop(bus);
    server.restart().await.unwrap();
    after_reopening(connect(&server).await, before).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_and_servers_outlive_a_restart_of_the_broker() {
    let mut server = start(ServerOptions::default()).await;
    let bus = connect(&server).await;
    bus.append(Stream::Transactions, batch("tx.a", "1")).await.unwrap();
    let mut entries = bus.read(Stream::Transactions, Filter::one("tx.a"), 0).await.unwrap();
    let mut requests = bus.serve("ask").await.unwrap();
    let mut heard = bus.subscribe(Filter::one("vote")).await.unwrap();
    assert_eq!(entries.next().await.unwrap().unwrap().payload, "1");
    server.restart().await.unwrap();
    let sequence = loop {
        match bus.append(Stream::Transactions, batch("tx.a", "2")).await {
            Ok(appended) => break appended.sequence,
            Err(error) => assert!(!matches!(error, AppendError::Invalid { .. }), "{error}"),
        }
    };
    // An attempt whose acknowledgement was lost with the connection may be there too.
    for expected in 2..=sequence {
        let entry = entries.next().await.unwrap().unwrap();
        assert_eq!((entry.sequence, &entry.payload[..]), (expected, &b"2"[..]));
    }
    let answer = tokio::spawn(async move { requests.next().await.unwrap().reply("yes".into()).await });
    let reply = loop {
        match bus.request("ask", Headers::default(), "x".into(), Duration::from_secs(5)).await {
            Err(Error::NoResponder { .. } | Error::Timeout { .. }) => tokio::task::yield_now().await,
            reply => break reply.unwrap(),
        }
    };
    assert_eq!(reply.payload, "yes");
    answer.await.unwrap().unwrap();
    let vote = Message { subject: "vote".into(), headers: Headers::default(), payload: "v".into() };
    bus.publish(vote).await.unwrap();
    assert_eq!(heard.next().await.unwrap().payload, "v");
    drop(bus);
    assert!(matches!(entries.next().await, Some(Err(Error::Closed))));
    assert!(heard.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_acknowledgement_is_unknown() {
    let server = start(ServerOptions::default()).await;
    let options = Options { request_timeout: Duration::from_millis(500), ..options(&server) };
    let bus = NatsBus::connect(options).await.unwrap();
    let two = Batch {
        messages: [batch("tx.a", "1"), batch("tx.a", "2")].map(|b| b.messages).concat(),
        expected_last: None,
    };
    server.pause().unwrap();
    let single = bus.append(Stream::Transactions, batch("tx.a", "0")).await;
    let several = bus.append(Stream::Transactions, two).await;
    server.resume().unwrap();
    assert!(matches!(single, Err(AppendError::Unknown { .. })), "{single:?}");
    assert!(matches!(several, Err(AppendError::Unknown { .. })), "{several:?}");
    // Both had been sent: what was unknown turns out to be there.
    let mut entries = bus.read(Stream::Transactions, Filter::one("tx.a"), 0).await.unwrap();
    for expected in ["0", "1", "2"] {
        assert_eq!(entries.next().await.unwrap().unwrap().payload, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_stream_refuses_and_keeps_what_it_has() {
    let server = start(ServerOptions::default()).await;
    let options = Options { stream_bytes_max: Some(100_000), ..options(&server) };
    let bus = NatsBus::connect(options).await.unwrap();
    let mut count = 0;
    let refused = loop {
        match bus.append(Stream::Transactions, batch("tx.a", vec![0; 10_000])).await {
            Ok(appended) => count = appended.sequence,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, AppendError::Full { .. }), "{refused:?}");
    let pair = Batch {
        messages: [batch("tx.a", vec![0; 10_000]), batch("tx.a", vec![0; 10_000])]
            .map(|b| b.messages)
            .concat(),
        expected_last: None,
    };
    let refused = bus.append(Stream::Transactions, pair).await;
    assert!(matches!(refused, Err(AppendError::Full { .. })), "{refused:?}");
    let tip = bus.tip(Stream::Transactions, "tx.a").await.unwrap();
    assert_eq!((tip.first_sequence, tip.sequence), (1, count));
}

async fn refusal(options: Options) -> String {
    let error = NatsBus::connect(options).await.unwrap_err();
    assert!(matches!(error, Error::Unfit { .. }), "{error:?}");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfit_broker_is_refused_with_what_to_change() {
    let lazy = start(ServerOptions { sync_always: false, ..ServerOptions::default() }).await;
    assert!(refusal(options(&lazy)).await.contains("sync_interval: always"));
    // Where nobody tells how it syncs, it is taken with a warning.
    NatsBus::connect(Options { monitors: Vec::new(), ..options(&lazy) }).await.unwrap();

    let narrow = start(ServerOptions { max_payload: "1MB", ..ServerOptions::default() }).await;
    assert!(refusal(options(&narrow)).await.contains("max_payload: 2MB"));

    let server = start(ServerOptions::default()).await;
    NatsBus::connect(Options { stream_bytes_max: Some(1 << 30), ..options(&server) }).await.unwrap();
    let reason = refusal(options(&server)).await;
    assert!(
        reason.contains("TRANSACTIONS") && reason.contains("max_bytes is 1073741824, must be none"),
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_system_account_tells_how_the_broker_syncs() {
    let accounts = "accounts { SYS { users: [{user: sys, password: pw}] }, CITY { jetstream: enabled, users: [{user: city, \
                    password: pw}] } }\nsystem_account: SYS";
    for (sync_always, jetstream_needed) in [(false, "sync_interval: always"), (true, "JetStream")] {
        let server =
            start(ServerOptions { sync_always, extra: accounts.into(), ..ServerOptions::default() }).await;
        let as_user = |user: &str| Options {
            credentials: Credentials::UserPassword { user: user.into(), password: "pw".into() },
            ..Options::new(server.url())
        };
        NatsBus::connect(as_user("city")).await.unwrap();
        // The system account has no streams of its own; what matters is how far the checks got.
        let system = NatsBus::connect(as_user("sys")).await.unwrap_err();
        let refused_sync =
            matches!(&system, Error::Unfit { reason } if reason.contains("sync_interval: always"));
        assert_eq!(refused_sync, !sync_always, "{jetstream_needed}: {system}");
        assert!(NatsBus::connect(as_user("stranger")).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_lost_is_another_one() {
    let mut server = start(ServerOptions::default()).await;
    let bus = connect(&server).await;
    let old = bus.append(Stream::Transactions, batch("tx.a", "1")).await.unwrap();
    let mut entries = bus.read(Stream::Transactions, Filter::one("tx.a"), 2).await.unwrap();
    server.kill().unwrap();
    std::fs::remove_dir_all(server.store_dir()).unwrap();
    server.restart().await.unwrap();
    let again = connect(&server).await;
    let tip = again.tip(Stream::Transactions, "tx.a").await.unwrap();
    assert_ne!(tip.incarnation, old.incarnation);
    assert_eq!(tip.sequence, 0);
    assert!(matches!(entries.next().await, Some(Err(Error::Gone { .. }))));
    assert_eq!(bus.tip(Stream::Transactions, "tx.a").await.unwrap(), tip);
}
