//! What lasts: for adapters that keep anything, before and after everything was closed and opened again.

use hutong_bus::{AppendError, Appended, Filter, SharedBus, Stream, Tip};

use super::{CaseResult, batch, expecting, identified, next, outgoing};

const SUBJECT: &str = "tx.lasting";
const COUNT: u64 = 20;

/// Fills a stream, and tells what it looks like.
pub async fn before_reopening(bus: SharedBus) -> Result<Tip, Box<dyn std::error::Error + Send + Sync>> {
    for at in 0..COUNT {
        let id = format!("lasting-{at}");
        bus.append(Stream::Transactions, batch([identified(SUBJECT, "kept", &id)])).await?;
    }
    let pair = [outgoing("block.segment.lasting", "s"), outgoing("block.lasting", "h")];
    bus.append(Stream::Blocks, expecting("block.lasting", 0, pair)).await?;
    Ok(bus.tip(Stream::Transactions, SUBJECT).await?)
}

/// Looks whether all of it is still there and goes on where it stopped.
pub async fn after_reopening(bus: SharedBus, before: Tip) -> CaseResult {
    assert_eq!(bus.tip(Stream::Transactions, SUBJECT).await?, before);
    let first = before.sequence + 1 - COUNT;
    let mut entries = bus.read(Stream::Transactions, Filter::one(SUBJECT), first).await?;
    for sequence in first..=before.sequence {
        let entry = next(&mut entries).await?;
        assert_eq!((entry.sequence, &entry.payload[..]), (sequence, &b"kept"[..]));
    }
    let again = bus.append(Stream::Transactions, batch([identified(SUBJECT, "kept", "lasting-3")])).await?;
    assert_eq!(again, Appended { incarnation: before.incarnation, sequence: first + 3, duplicate: true });
    let header = [outgoing("block.lasting", "h")];
    let stale = bus.append(Stream::Blocks, expecting("block.lasting", 0, header.clone())).await;
    assert!(matches!(stale, Err(AppendError::Stale { .. })), "{stale:?}");
    let last = bus.tip(Stream::Blocks, "block.lasting").await?.subject_sequence;
    bus.append(Stream::Blocks, expecting("block.lasting", last, header)).await?;
    let appended = bus.append(Stream::Transactions, batch([outgoing(SUBJECT, "more")])).await?;
    assert_eq!((appended.incarnation, appended.sequence), (before.incarnation, before.sequence + 1));
    assert_eq!(next(&mut entries).await?.payload, "more");
    Ok(())
}
