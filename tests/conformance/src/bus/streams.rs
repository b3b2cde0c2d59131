//! Appending and reading.

use bytes::Bytes;
use hutong_bus::{
    AppendError, Appended, BATCH_MESSAGES_MAX, Filter, Headers, PAYLOAD_BYTES_MAX, SharedBus, Stream,
};

use super::{CaseResult, batch, cases, expecting, identified, next, outgoing};

cases![
    entries_are_read_in_the_order_of_appending,
    a_batch_lands_together,
    a_refused_batch_leaves_nothing,
    an_expectation_holds_or_is_stale,
    of_racing_appenders_exactly_one_wins,
    a_repeated_message_is_a_duplicate,
    a_batch_that_repeats_a_message_is_refused,
    a_reader_starts_in_the_middle_and_follows,
    a_reader_may_start_at_what_comes_next,
    readers_see_what_their_filter_matches,
    the_streams_are_apart,
    a_tip_tells_the_last_sequences,
    batches_against_the_rules_are_refused,
    the_largest_payload_passes_and_one_byte_more_is_refused,
    many_entries_keep_their_order,
];

const TX: Stream = Stream::Transactions;

async fn entries_are_read_in_the_order_of_appending(bus: SharedBus) -> CaseResult {
    let mut headers = Headers::default();
    headers.set("traceparent", "00-abc-def-01");
    let first =
        bus.append(TX, batch([hutong_bus::Outgoing { headers, ..outgoing("tx.order", "a") }])).await?;
    let second = bus.append(TX, batch([outgoing("tx.order", "")])).await?;
    assert_eq!(second, Appended { sequence: first.sequence + 1, ..first });
    assert!(!first.duplicate);
    let mut entries = bus.read(TX, Filter::one("tx.order"), first.sequence).await?;
    let entry = next(&mut entries).await?;
    assert_eq!(
        (entry.sequence, entry.subject.as_str(), &entry.payload[..]),
        (first.sequence, "tx.order", &b"a"[..])
    );
    assert_eq!(entry.headers.iter().collect::<Vec<_>>(), [("traceparent", "00-abc-def-01")]);
    let entry = next(&mut entries).await?;
    assert_eq!((entry.sequence, entry.payload.len()), (second.sequence, 0));
    assert!(entry.headers.is_empty());
    Ok(())
}

async fn a_batch_lands_together(bus: SharedBus) -> CaseResult {
    let subjects = ["block.segment.together", "block.segment.together-too", "block.header-together"];
    let appended =
        bus.append(Stream::Blocks, batch(subjects.map(|subject| outgoing(subject, subject)))).await?;
    let first = appended.sequence - 2;
    let mut entries = bus.read(Stream::Blocks, Filter::one("block.>"), first).await?;
    for (sequence, subject) in (first..).zip(subjects) {
        let entry = next(&mut entries).await?;
        assert_eq!(
            (entry.sequence, entry.subject.as_str(), &entry.payload[..]),
            (sequence, subject, subject.as_bytes())
        );
    }
    Ok(())
}

async fn a_refused_batch_leaves_nothing(bus: SharedBus) -> CaseResult {
    let before = bus.tip(Stream::Blocks, "block.nothing").await?;
    let refused = expecting(
        "block.nothing",
        7,
        [
            outgoing("block.segment.nothing", "x"),
            outgoing("block.nothing", "y"),
            outgoing("block.other", "z"),
        ],
    );
    let refused = bus.append(Stream::Blocks, refused).await;
    assert!(matches!(refused, Err(AppendError::Stale { .. })), "{refused:?}");
    assert_eq!(bus.tip(Stream::Blocks, "block.nothing").await?, before);
    let kept = bus.append(Stream::Blocks, batch([outgoing("block.nothing", "w")])).await?;
    assert_eq!(kept.sequence, before.sequence + 1);
    Ok(())
}

async fn an_expectation_holds_or_is_stale(bus: SharedBus) -> CaseResult {
    let subject = "block.expected";
    let first = bus.append(Stream::Blocks, expecting(subject, 0, [outgoing(subject, "1")])).await?;
    bus.append(Stream::Blocks, batch([outgoing("block.unrelated", "x")])).await?;
    for wrong in [0, first.sequence - 1, first.sequence + 1] {
        let stale = bus.append(Stream::Blocks, expecting(subject, wrong, [outgoing(subject, "2")])).await;
        let Err(AppendError::Stale { subject: named, expected, .. }) = stale else {
            return Err(format!("{wrong} was taken for {}: {stale:?}", first.sequence).into());
        };
        assert_eq!((named.as_str(), expected), (subject, wrong));
    }
    let messages = [outgoing("block.segment.expected", "s"), outgoing(subject, "2")];
    let second = bus.append(Stream::Blocks, expecting(subject, first.sequence, messages)).await?;
    let single =
        bus.append(Stream::Blocks, expecting(subject, second.sequence, [outgoing(subject, "3")])).await?;
    assert_eq!(single.sequence, second.sequence + 1);
    Ok(())
}

async fn of_racing_appenders_exactly_one_wins(bus: SharedBus) -> CaseResult {
    let subject = "block.race";
    let mut last = 0;
    for round in 0..10 {
        let racers = (0..6).map(|racer| {
            let bus = bus.clone();
            let messages =
                [outgoing("block.segment.race", "s"), outgoing(subject, format!("{round}/{racer}"))];
            // Half of them with one message, which takes another way through some transports.
            let messages = if racer % 2 == 0 { messages.to_vec() } else { messages[1..].to_vec() };
            tokio::spawn(async move { bus.append(Stream::Blocks, expecting(subject, last, messages)).await })
        });
        let mut winner = None;
        for racer in futures::future::join_all(racers).await {
            match racer? {
                Ok(appended) => assert_eq!(winner.replace(appended.sequence), None, "two won round {round}"),
                Err(AppendError::Stale { .. }) => {}
                Err(other) => return Err(other.into()),
            }
        }
        last = winner.ok_or("nobody won")?;
        assert_eq!(bus.tip(Stream::Blocks, subject).await?.subject_sequence, last);
    }
    Ok(())
}

async fn a_repeated_message_is_a_duplicate(bus: SharedBus) -> CaseResult {
    let subject = "tx.repeated";
    let first = bus.append(TX, expecting(subject, 0, [identified(subject, "x", "repeated-1")])).await?;
    let again = bus.append(TX, batch([identified(subject, "x", "repeated-1")])).await?;
    assert_eq!(again, Appended { duplicate: true, ..first });
    // With an expectation that holds no more, either answer is right, and nothing is appended.
    match bus.append(TX, expecting(subject, 0, [identified(subject, "x", "repeated-1")])).await {
        Ok(again) => assert_eq!(again, Appended { duplicate: true, ..first }),
        Err(error) => assert!(matches!(error, AppendError::Stale { .. }), "{error:?}"),
    }
    assert_eq!(bus.tip(TX, subject).await?.subject_sequence, first.sequence);
    // Ids are the stream's own.
    let elsewhere =
        bus.append(Stream::Events, batch([identified("event.repeated", "x", "repeated-1")])).await?;
    assert!(!elsewhere.duplicate);
    Ok(())
}

async fn a_batch_that_repeats_a_message_is_refused(bus: SharedBus) -> CaseResult {
    let subject = "tx.twice";
    bus.append(TX, batch([identified(subject, "x", "twice-1"), identified(subject, "y", "twice-2")])).await?;
    let before = bus.tip(TX, subject).await?;
    for ids in [["twice-3", "twice-2"], ["twice-1", "twice-3"], ["twice-4", "twice-4"]] {
        let refused = bus.append(TX, batch(ids.map(|id| identified(subject, "z", id)))).await;
        assert!(matches!(refused, Err(AppendError::Repeated { .. })), "{ids:?}: {refused:?}");
    }
    assert_eq!(bus.tip(TX, subject).await?, before);
    // What was refused with a batch was not taken.
    let fresh = bus.append(TX, batch(["twice-3", "twice-4"].map(|id| identified(subject, "z", id)))).await?;
    assert_eq!(fresh.sequence, before.sequence + 2);
    Ok(())
}

async fn a_reader_starts_in_the_middle_and_follows(bus: SharedBus) -> CaseResult {
    let subject = "tx.middle";
    let mut sequences = Vec::new();
    for at in 0..10u8 {
        sequences.push(bus.append(TX, batch([outgoing(subject, vec![at])])).await?.sequence);
    }
    let mut entries = bus.read(TX, Filter::one(subject), sequences[4]).await?;
    for at in 4..10u8 {
        let entry = next(&mut entries).await?;
        assert_eq!((entry.sequence, &entry.payload[..]), (sequences[usize::from(at)], &[at][..]));
    }
    for at in 10..20u8 {
        let appended = bus.append(TX, batch([outgoing(subject, vec![at])])).await?;
        let entry = next(&mut entries).await?;
        assert_eq!((entry.sequence, &entry.payload[..]), (appended.sequence, &[at][..]));
    }
    Ok(())
}

async fn a_reader_may_start_at_what_comes_next(bus: SharedBus) -> CaseResult {
    let tip = bus.tip(TX, "tx.next").await?;
    let mut entries = bus.read(TX, Filter::one("tx.next"), tip.sequence + 1).await?;
    let mut later = bus.read(TX, Filter::one("tx.next"), tip.sequence + 2).await?;
    bus.append(TX, batch([outgoing("tx.next", "a"), outgoing("tx.next", "b")])).await?;
    assert_eq!(next(&mut entries).await?.sequence, tip.sequence + 1);
    assert_eq!(next(&mut later).await?.sequence, tip.sequence + 2);
    Ok(())
}

async fn readers_see_what_their_filter_matches(bus: SharedBus) -> CaseResult {
    let subjects = ["event.f1.a", "event.f1.b", "event.f2.a", "event.f2.b.c", "event.f3"];
    let first =
        bus.append(Stream::Events, batch(subjects.map(|subject| outgoing(subject, subject)))).await?.sequence
            - 4;
    // A last one under every filter shows that nothing else comes in between.
    let last = ["event.f1.a", "event.f2.b.c"].map(|subject| outgoing(subject, "last"));
    bus.append(Stream::Events, batch(last)).await?;
    for (filter, expected) in [
        (Filter::one("event.f1.a"), &[0, 5][..]),
        (Filter::one("event.f1.*"), &[0, 1, 5]),
        (Filter::any(["event.f1.b", "event.f1.a"]), &[0, 1, 5]),
        (Filter::any(["event.f1.a", "event.*.a", "event.>"]), &[0, 1, 2, 3, 4, 5, 6]),
        (Filter::one("event.f2.>"), &[2, 3, 6]),
        (Filter::one("event.*"), &[4]),
    ] {
        let mut entries = bus.read(Stream::Events, filter.clone(), first).await?;
        for at in expected {
            assert_eq!(next(&mut entries).await?.sequence, first + at, "{filter:?}");
        }
    }
    assert!(bus.read(Stream::Events, Filter::any(Vec::<String>::new()), 0).await.is_err());
    Ok(())
}

async fn the_streams_are_apart(bus: SharedBus) -> CaseResult {
    let before = bus.tip(TX, "tx.apart").await?;
    bus.append(Stream::Events, batch([outgoing("event.apart", "x")])).await?;
    assert_eq!(bus.tip(TX, "tx.apart").await?, before);
    Ok(())
}

async fn a_tip_tells_the_last_sequences(bus: SharedBus) -> CaseResult {
    let empty = bus.tip(TX, "tx.tip").await?;
    assert_eq!(empty.subject_sequence, 0);
    assert_eq!(empty.first_sequence, 1);
    let appended = bus.append(TX, batch([outgoing("tx.tip", "a"), outgoing("tx.other", "b")])).await?;
    let tip = bus.tip(TX, "tx.tip").await?;
    assert_eq!(tip.incarnation, appended.incarnation);
    assert_eq!((tip.sequence, tip.subject_sequence), (appended.sequence, appended.sequence - 1));
    assert_ne!(tip.incarnation, 0);
    Ok(())
}

async fn batches_against_the_rules_are_refused(bus: SharedBus) -> CaseResult {
    let before = bus.tip(TX, "tx.rules").await?;
    for (what, refused) in [
        ("nothing", batch([])),
        ("another stream's subject", batch([outgoing("tx.rules", "x"), outgoing("block.header", "x")])),
        ("a pattern", batch([outgoing("tx.*", "x")])),
        ("an expectation of another subject", expecting("tx.other", 0, [outgoing("tx.rules", "x")])),
        ("too many", batch(vec![outgoing("tx.rules", "x"); BATCH_MESSAGES_MAX + 1])),
    ] {
        let answer = bus.append(TX, refused).await;
        assert!(matches!(answer, Err(AppendError::Invalid { .. })), "{what}: {answer:?}");
    }
    assert_eq!(bus.tip(TX, "tx.rules").await?, before);
    let most = bus.append(TX, batch(vec![outgoing("tx.rules", "x"); BATCH_MESSAGES_MAX])).await?;
    assert_eq!(most.sequence, before.sequence + BATCH_MESSAGES_MAX as u64);
    Ok(())
}

async fn the_largest_payload_passes_and_one_byte_more_is_refused(bus: SharedBus) -> CaseResult {
    let subject = "block.segment.large";
    let largest: Bytes = (0..PAYLOAD_BYTES_MAX).map(|at| (at % 251) as u8).collect::<Vec<u8>>().into();
    let mut message = outgoing(subject, largest.clone());
    message.headers.set("large", "h".repeat(8 << 10));
    message.message_id = Some("large".into());
    let single = bus.append(Stream::Blocks, batch([message])).await?;
    bus.append(Stream::Blocks, batch(vec![outgoing(subject, largest.clone()); 4])).await?;
    let mut entries = bus.read(Stream::Blocks, Filter::one(subject), single.sequence).await?;
    for at in 0..5 {
        let entry = next(&mut entries).await?;
        assert_eq!(entry.sequence, single.sequence + at);
        assert!(entry.payload == largest, "entry {at} came back changed");
    }
    let larger = vec![0; PAYLOAD_BYTES_MAX + 1];
    for refused in [
        batch([outgoing(subject, larger.clone())]),
        batch([outgoing(subject, "x"), outgoing(subject, larger)]),
    ] {
        assert!(matches!(bus.append(Stream::Blocks, refused).await, Err(AppendError::Invalid { .. })));
    }
    assert_eq!(bus.tip(Stream::Blocks, subject).await?.sequence, single.sequence + 4);
    Ok(())
}

async fn many_entries_keep_their_order(bus: SharedBus) -> CaseResult {
    const APPENDERS: u16 = 4;
    const EACH: u16 = 100;
    let start = bus.tip(TX, "tx.many").await?.sequence + 1;
    let appenders = (0..APPENDERS).map(|appender| {
        let bus = bus.clone();
        tokio::spawn(async move {
            let mut sequences = Vec::new();
            for count in 0..EACH {
                let payload = [appender.to_le_bytes(), count.to_le_bytes()].concat();
                sequences.push(bus.append(TX, batch([outgoing("tx.many", payload)])).await?.sequence);
            }
            Ok::<_, AppendError>(sequences)
        })
    });
    let appenders: Vec<_> = appenders.collect();
    let mut entries = bus.read(TX, Filter::one("tx.many"), start).await?;
    let mut read = vec![Vec::new(); APPENDERS.into()];
    for sequence in start..start + u64::from(APPENDERS * EACH) {
        let entry = next(&mut entries).await?;
        assert_eq!(entry.sequence, sequence);
        let of = usize::from(entry.payload[0]);
        assert_eq!(entry.payload[2..], (read[of].len() as u16).to_le_bytes());
        read[of].push(sequence);
    }
    for (appender, read) in appenders.into_iter().zip(read) {
        assert_eq!(appender.await??, read);
    }
    Ok(())
}
