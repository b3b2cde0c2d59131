//! A reader of one stream: from memory while it keeps up, from the journal when it starts far back.
//!
//! It does not keep the bus alive: when the last owner drops the bus, readers end with `Closed`.

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
};

use futures::{StreamExt, stream::BoxStream};
use hutong_bus::{Entry, Error, Filter, Stream};
use tokio::sync::watch;

use crate::{core::Core, log::Fetch};

struct Reader {
    core: Weak<Core>,
    stream: Stream,
    filter: Arc<Filter>,
    next: u64,
    ready: VecDeque<Arc<Entry>>,
    tip: watch::Receiver<u64>,
    ended: bool,
}

pub(crate) fn read(
    core: &Arc<Core>,
    stream: Stream,
    filter: Filter,
    from: u64,
) -> Result<BoxStream<'static, Result<Entry, Error>>, Error> {
    filter.check()?;
    let next = from.max(1);
    if let Fetch::Gone { first } = core.fetch(stream, next, &filter) {
        return Err(Error::Gone { stream, sequence: next, first });
    }
    let reader = Reader {
        core: Arc::downgrade(core),
        stream,
        filter: Arc::new(filter),
        next,
        ready: VecDeque::new(),
        tip: core.watch(stream),
        ended: false,
    };
    let entries = futures::stream::unfold(reader, |mut reader| async move {
        if reader.ended {
            return None;
        }
        let item = reader.next_entry().await;
        reader.ended = item.is_err();
        Some((item, reader))
    });
    Ok(entries.boxed())
}

impl Reader {
    async fn next_entry(&mut self) -> Result<Entry, Error> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Ok(Arc::unwrap_or_clone(entry));
            }
            if self.fetch().await? {
                continue;
            }
            let next = self.next;
            self.tip.wait_for(|tip| *tip >= next).await.map_err(|_| Error::Closed)?;
        }
    }

    /// Fetches what there is; false when there is nothing yet.
    async fn fetch(&mut self) -> Result<bool, Error> {
        let core = self.core.upgrade().ok_or(Error::Closed)?;
        let (stream, next) = (self.stream, self.next);
        match core.fetch(stream, next, &self.filter) {
            Fetch::Wait => return Ok(false),
            Fetch::Gone { first } => return Err(Error::Gone { stream, sequence: next, first }),
            Fetch::Entries { entries, next } => {
                self.ready.extend(entries);
                self.next = next;
            }
            Fetch::Cold { position, until } => {
                let filter = self.filter.clone();
                let read = move || core.fetch_cold(stream, next, until, position, &filter);
                let (entries, reached) = tokio::task::spawn_blocking(read)
                    .await
                    .map_err(|error| Error::transport(format!("cannot read {stream}"), error))??;
                self.ready.extend(entries);
                self.next = reached;
            }
        }
        Ok(true)
    }
}
