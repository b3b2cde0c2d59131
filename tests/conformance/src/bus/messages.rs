//! Messages and requests.

use std::time::{Duration, Instant};

use futures::StreamExt;
use hutong_bus::{Error, Filter, Headers, PAYLOAD_BYTES_MAX, SharedBus};

use super::{CaseResult, cases, message};

cases![
    a_message_reaches_all_who_listen,
    messages_arrive_in_order,
    a_slow_listener_holds_nobody_up,
    a_request_is_answered,
    requests_are_answered_each_by_its_own_reply,
    nobody_serves_is_said_at_once,
    a_server_that_left_serves_nobody,
    a_request_without_answer_times_out,
    one_of_two_servers_is_enough,
    messages_against_the_rules_are_refused,
];

/// Far longer than any answer takes.
const LONG: Duration = Duration::from_secs(30);

async fn a_message_reaches_all_who_listen(bus: SharedBus) -> CaseResult {
    let mut exact = bus.subscribe(Filter::one("vote.city")).await?;
    let mut wild = bus.subscribe(Filter::any(["vote.*", "cosign.>"])).await?;
    let mut other = bus.subscribe(Filter::one("vote.village")).await?;
    let mut sent = message("vote.city", "yes");
    sent.headers.set("traceparent", "00-1-2-01");
    bus.publish(sent).await?;
    bus.publish(message("cosign.city.health", "c")).await?;
    bus.publish(message("vote.village", "no")).await?;
    for listener in [&mut exact, &mut wild] {
        let heard = listener.next().await.ok_or("ended")?;
        assert_eq!((heard.subject.as_str(), &heard.payload[..]), ("vote.city", &b"yes"[..]));
        assert_eq!(heard.headers.iter().collect::<Vec<_>>(), [("traceparent", "00-1-2-01")]);
    }
    let mut rest: Vec<_> =
        [wild.next().await, wild.next().await].into_iter().flatten().map(|m| m.subject).collect();
    rest.sort();
    assert_eq!(rest, ["cosign.city.health", "vote.village"]);
    assert_eq!(other.next().await.ok_or("ended")?.payload, "no");
    Ok(())
}

async fn messages_arrive_in_order(bus: SharedBus) -> CaseResult {
    let mut listener = bus.subscribe(Filter::one("vote.order")).await?;
    for at in 0..500u16 {
        bus.publish(message("vote.order", at.to_le_bytes().to_vec())).await?;
    }
    for at in 0..500u16 {
        assert_eq!(listener.next().await.ok_or("ended")?.payload[..], at.to_le_bytes());
    }
    Ok(())
}

async fn a_slow_listener_holds_nobody_up(bus: SharedBus) -> CaseResult {
    let mut slow = bus.subscribe(Filter::one("vote.slow")).await?;
    let mut quick = bus.subscribe(Filter::one("vote.slow")).await?;
    for _ in 0..20 {
        for _ in 0..1000 {
            bus.publish(message("vote.slow", "x")).await?;
        }
        for _ in 0..1000 {
            quick.next().await.ok_or("ended")?;
        }
    }
    // It missed some, and hears again once it listens.
    for heard in 0.. {
        if heard >= 20_000 {
            return Err("what nobody takes is kept without bound".into());
        }
        match tokio::time::timeout(Duration::from_millis(200), slow.next()).await {
            Ok(heard) => assert_eq!(heard.ok_or("ended")?.payload, "x"),
            Err(_) => break,
        }
    }
    bus.publish(message("vote.slow", "again")).await?;
    assert_eq!(slow.next().await.ok_or("ended")?.payload, "again");
    Ok(())
}

async fn a_request_is_answered(bus: SharedBus) -> CaseResult {
    let mut requests = bus.serve("ask.storage").await?;
    let server = tokio::spawn(async move {
        let request = requests.next().await.ok_or("ended")?;
        assert_eq!(request.message.subject, "ask.storage");
        assert_eq!(request.message.headers.get("traceparent"), Some("00-1-2-01"));
        assert_eq!(request.message.payload, "question");
        let mut headers = Headers::default();
        headers.set("kind", "answer");
        (request.respond)(headers, "answer".into()).await?;
        CaseResult::Ok(())
    });
    let mut headers = Headers::default();
    headers.set("traceparent", "00-1-2-01");
    let reply = bus.request("ask.storage", headers, "question".into(), LONG).await?;
    assert_eq!((reply.subject.as_str(), &reply.payload[..]), ("ask.storage", &b"answer"[..]));
    assert_eq!(reply.headers.iter().collect::<Vec<_>>(), [("kind", "answer")]);
    server.await?
}

async fn requests_are_answered_each_by_its_own_reply(bus: SharedBus) -> CaseResult {
    const REQUESTS: u8 = 50;
    let mut requests = bus.serve("ask.many").await?;
    let server = tokio::spawn(async move {
        let mut waiting = Vec::new();
        while waiting.len() < usize::from(REQUESTS) {
            waiting.push(requests.next().await.ok_or("ended")?);
        }
        for request in waiting.into_iter().rev() {
            let payload = request.message.payload.clone();
            request.reply(payload).await?;
        }
        CaseResult::Ok(())
    });
    let asks = (0..REQUESTS).map(|at| bus.request("ask.many", Headers::default(), vec![at].into(), LONG));
    for (at, reply) in (0..).zip(futures::future::join_all(asks).await) {
        assert_eq!(reply?.payload[..], [at]);
    }
    server.await?
}

async fn nobody_serves_is_said_at_once(bus: SharedBus) -> CaseResult {
    let asked = Instant::now();
    let answer = bus.request("ask.nobody", Headers::default(), "x".into(), LONG).await;
    assert!(matches!(&answer, Err(Error::NoResponder { subject }) if subject == "ask.nobody"), "{answer:?}");
    assert!(asked.elapsed() < LONG / 2);
    Ok(())
}

async fn a_server_that_left_serves_nobody(bus: SharedBus) -> CaseResult {
    drop(bus.serve("ask.left").await?);
    // Its leaving may take a moment to be known; until then a request goes unanswered.
    loop {
        match bus.request("ask.left", Headers::default(), "x".into(), Duration::from_millis(50)).await {
            Err(Error::NoResponder { .. }) => return Ok(()),
            Err(Error::Timeout { .. }) => {}
            other => return Err(format!("{other:?}").into()),
        }
    }
}

async fn a_request_without_answer_times_out(bus: SharedBus) -> CaseResult {
    let mut requests = bus.serve("ask.silent").await?;
    let timeout = Duration::from_millis(200);
    let ask = || bus.request("ask.silent", Headers::default(), "x".into(), timeout);
    let asked = Instant::now();
    let unanswered = ask().await;
    assert!(
        matches!(&unanswered, Err(Error::Timeout { subject }) if subject == "ask.silent"),
        "{unanswered:?}"
    );
    assert!(asked.elapsed() >= timeout);
    // An answer that comes too late is nobody's.
    requests.next().await.ok_or("ended")?.reply("late".into()).await?;
    // Giving a request up is no answer either.
    let (given_up, request) = tokio::join!(ask(), async { requests.next().await.map(drop) });
    assert!(request.is_some());
    assert!(matches!(given_up, Err(Error::Timeout { .. })), "{given_up:?}");
    Ok(())
}

async fn one_of_two_servers_is_enough(bus: SharedBus) -> CaseResult {
    let mut silent = bus.serve("ask.two").await?;
    let mut answering = bus.serve("ask.two").await?;
    let ask = bus.request("ask.two", Headers::default(), "x".into(), LONG);
    let serve = async {
        let unanswered = silent.next().await.ok_or("ended")?;
        answering.next().await.ok_or("ended")?.reply("y".into()).await?;
        drop(unanswered);
        CaseResult::Ok(())
    };
    let (reply, served) = tokio::join!(ask, serve);
    served?;
    assert_eq!(reply?.payload, "y");
    Ok(())
}

async fn messages_against_the_rules_are_refused(bus: SharedBus) -> CaseResult {
    let mut listener = bus.subscribe(Filter::one("vote.rules")).await?;
    let large = vec![7; PAYLOAD_BYTES_MAX + 1];
    for (subject, payload) in [("vote.rules", &large[..]), ("vote.*", b"x"), ("vote..x", b"x"), ("", b"x")] {
        let payload = payload.to_vec();
        let published = bus.publish(message(subject, payload.clone())).await;
        assert!(matches!(published, Err(Error::Invalid { .. })), "{subject}: {published:?}");
        let asked = bus.request(subject, Headers::default(), payload.into(), LONG).await;
        assert!(matches!(asked, Err(Error::Invalid { .. })), "{subject}: {asked:?}");
    }
    assert!(bus.subscribe(Filter::one("vote.>.x")).await.is_err());
    assert!(bus.serve("ask. x").await.is_err());
    let mut reserved = message("vote.rules", "x");
    reserved.headers.set("Nats-Msg-Id", "x");
    assert!(matches!(bus.publish(reserved).await, Err(Error::Invalid { .. })));

    let mut requests = bus.serve("ask.rules").await?;
    let ask = bus.request("ask.rules", Headers::default(), "x".into(), LONG);
    let serve = async {
        let request = requests.next().await.ok_or("ended")?;
        let refused = request.reply(large.clone().into()).await;
        assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
        CaseResult::Ok(())
    };
    tokio::select! {
        answer = ask => return Err(format!("{answer:?}").into()),
        served = serve => served?,
    }
    bus.publish(message("vote.rules", large[1..].to_vec())).await?;
    assert_eq!(listener.next().await.ok_or("ended")?.payload.len(), PAYLOAD_BYTES_MAX);
    Ok(())
}
