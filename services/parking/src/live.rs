//! Live changes of occupancy: a ring of the latest, which every subscriber reads at its own pace.
//!
//! Nobody waits for a subscriber. One that falls behind the ring is told so and goes on from where the ring begins; it
//! then has to read the sites anew.

use std::{
    collections::VecDeque,
    fmt,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::geo::Point;

/// A change of one site's occupancy.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) number: u64,
    pub(crate) site: String,
    pub(crate) source: String,
    pub(crate) place: Point,
    /// The site as JSON.
    pub(crate) json: String,
}

/// Where a subscriber stands: the number belongs to one life of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) life: u64,
    pub(crate) number: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.life, self.number)
    }
}

impl FromStr for Cursor {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (life, number) = text.split_once('-').unwrap_or((text, ""));
        Ok(Self { life: life.parse()?, number: number.parse()? })
    }
}

/// What comes after a cursor.
#[derive(Debug)]
pub(crate) enum Next {
    Change(Arc<Change>),
    /// Some were missed; the subscriber goes on after this number.
    Missed(u64),
    Nothing,
}

#[derive(Debug)]
pub(crate) struct Live {
    life: u64,
    ring: Mutex<VecDeque<Arc<Change>>>,
    last: watch::Sender<u64>,
    max: usize,
    subscribers: AtomicUsize,
}

impl Live {
    /// `life` differs from that of every earlier run.
    pub(crate) fn new(life: u64, max: usize) -> Self {
        let last = watch::Sender::new(0);
        Self { life, ring: Mutex::default(), last, max: max.max(1), subscribers: AtomicUsize::new(0) }
    }

    /// Where it stands now.
    pub(crate) fn cursor(&self) -> Cursor {
        Cursor { life: self.life, number: *self.last.borrow() }
    }

    pub(crate) fn push(&self, site: String, source: String, place: Point, json: String) {
        let mut ring = self.ring.lock();
        let number = *self.last.borrow() + 1;
        if ring.len() >= self.max {
            ring.pop_front();
        }
        ring.push_back(Arc::new(Change { number, site, source, place, json }));
        self.last.send_replace(number);
    }

    pub(crate) fn after(&self, cursor: Cursor) -> Next {
        let ring = self.ring.lock();
        let last = *self.last.borrow();
        if cursor.life != self.life || cursor.number > last {
            return Next::Missed(last);
        }
        let first = last - ring.len() as u64 + 1;
        if cursor.number + 1 < first {
            return Next::Missed(first - 1);
        }
        let at = usize::try_from(cursor.number + 1 - first).unwrap_or(usize::MAX);
        ring.get(at).map_or(Next::Nothing, |change| Next::Change(change.clone()))
    }

    /// Returns when there is more than this number.
    pub(crate) async fn beyond(&self, number: u64) {
        // The sender is in `self`, so it outlives the wait.
        let _ = self.last.subscribe().wait_for(|last| *last > number).await;
    }

    /// A place among the subscribers, until it is dropped.
    pub(crate) fn enter(self: &Arc<Self>, max: usize) -> Option<Seat> {
        let enter = |count: usize| (count < max).then_some(count + 1);
        self.subscribers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, enter).ok()?;
        Some(Seat(self.clone()))
    }
}

/// A subscriber's place.
#[derive(Debug)]
pub(crate) struct Seat(Arc<Live>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.subscribers.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(live: &Live, site: &str) {
        live.push(site.into(), String::new(), [0.0; 3], String::new());
    }

    fn site(next: Next) -> String {
        match next {
            Next::Change(change) => change.site.clone(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn each_reads_at_its_own_pace_and_is_told_what_it_missed() {
        let live = Live::new(7, 2);
        let start = live.cursor();
        assert_eq!(start.to_string(), "7-0");
        assert!(matches!(live.after(start), Next::Nothing));
        for name in ["a", "b"] {
            push(&live, name);
        }
        assert_eq!(site(live.after(start)), "a");
        assert_eq!(site(live.after("7-1".parse().unwrap())), "b");
        push(&live, "c");
        assert!(matches!(live.after(start), Next::Missed(1)));
        assert_eq!(site(live.after("7-1".parse().unwrap())), "b");
        assert!(matches!(live.after("7-3".parse().unwrap()), Next::Nothing));
        // Another life, or a number that was never given.
        assert!(matches!(live.after("6-1".parse().unwrap()), Next::Missed(3)));
        assert!(matches!(live.after("7-9".parse().unwrap()), Next::Missed(3)));
        for bad in ["", "7", "7-", "-1", "x-1", "7-1-1"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }

    #[test]
    fn seats_are_given_back() {
        let live = Arc::new(Live::new(1, 1));
        let seat = live.enter(1);
        assert!(seat.is_some() && live.enter(1).is_none());
        drop(seat);
        assert!(live.enter(1).is_some());
    }
}
