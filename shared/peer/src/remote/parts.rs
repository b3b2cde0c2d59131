//! Calls larger than one message: cutting into parts, and keeping parts until all are there or were fetched.
//!
//! What is kept is bounded in bytes and in calls, and goes after a while if nobody asks for it: a caller that
//! disappears in the middle of a call must not cost memory for long, and one that sends rubbish not at all.

use std::{collections::HashMap, time::Duration};

use bytes::{Bytes, BytesMut};
use hutong_bus::PAYLOAD_BYTES_MAX;
use tokio::time::Instant;

/// What a part carries; the rest of a message is for the frame around it.
pub(super) const PART_BYTES: usize = PAYLOAD_BYTES_MAX - 1024;
/// The largest request or answer as a whole. A block has at most this much: 64 segments of at most 1 MiB, with what
/// they came to, are far apart from it in practice.
pub(super) const MESSAGE_BYTES_MAX: usize = 128 << 20;
/// The most parts of one request or answer.
pub(super) const PARTS_MAX: usize = MESSAGE_BYTES_MAX.div_ceil(PART_BYTES);
/// What is neither completed nor fetched is dropped after this.
pub(super) const KEPT_FOR: Duration = Duration::from_secs(30);

/// Names a call: drawn by its caller.
pub(super) type CallId = [u8; 16];

/// Why a part was not taken or not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Untaken {
    #[error("the parts of too many calls are kept already")]
    Full,
    #[error("a call of more than {PARTS_MAX} parts or {MESSAGE_BYTES_MAX} bytes")]
    TooLarge,
    #[error("this part does not fit the parts before it")]
    Misfit,
    #[error("parts of this call are missing: they expired, or went to an earlier life of storage")]
    Missing,
}

/// How many parts so many bytes make.
pub(super) fn count(bytes: usize) -> usize {
    bytes.div_ceil(PART_BYTES).max(1)
}

/// The parts, in order.
pub(super) fn cut(whole: &Bytes) -> Vec<Bytes> {
    let starts = (0..count(whole.len())).map(|number| number * PART_BYTES);
    starts.map(|start| whole.slice(start..whole.len().min(start + PART_BYTES))).collect()
}

/// The whole again.
pub(super) fn join(parts: &[Bytes]) -> Bytes {
    match parts {
        [only] => only.clone(),
        parts => {
            let mut whole = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
            parts.iter().for_each(|part| whole.extend_from_slice(part));
            whole.freeze()
        }
    }
}

/// Parts that wait.
#[derive(Debug)]
pub(super) struct Shelf {
    calls: HashMap<CallId, Waiting>,
    bytes: usize,
    bytes_max: usize,
    calls_max: usize,
}

#[derive(Debug)]
struct Waiting {
    parts: Vec<Option<Bytes>>,
    bytes: usize,
    touched: Instant,
}

impl Shelf {
    pub(super) fn new(bytes_max: usize, calls_max: usize) -> Self {
        Self { calls: HashMap::new(), bytes: 0, bytes_max, calls_max }
    }

    /// Keeps one part. The same part again replaces the one before.
    pub(super) fn put(
        &mut self,
        call: CallId,
        number: usize,
        count: usize,
        part: Bytes,
        now: Instant,
    ) -> Result<(), Untaken> {
        if count > PARTS_MAX || part.len() > PART_BYTES {
            return Err(Untaken::TooLarge);
        }
        if number >= count {
            return Err(Untaken::Misfit);
        }
        self.expire(now);
        if !self.calls.contains_key(&call) && self.calls.len() >= self.calls_max {
            return Err(Untaken::Full);
        }
        if self.bytes + part.len() > self.bytes_max {
            return Err(Untaken::Full);
        }
        let fresh = || Waiting { parts: vec![None; count], bytes: 0, touched: now };
        let waiting = self.calls.entry(call).or_insert_with(fresh);
        if waiting.parts.len() != count {
            return Err(Untaken::Misfit);
        }
        let (added, replaced) =
            (part.len(), waiting.parts[number].replace(part).map_or(0, |part| part.len()));
        waiting.bytes = waiting.bytes + added - replaced;
        waiting.touched = now;
        self.bytes = self.bytes + added - replaced;
        Ok(())
    }

    /// Takes all parts of a call off the shelf; they must be complete.
    pub(super) fn take_all(&mut self, call: &CallId) -> Result<Vec<Bytes>, Untaken> {
        let waiting = self.remove(call).ok_or(Untaken::Missing)?;
        waiting.parts.into_iter().collect::<Option<_>>().ok_or(Untaken::Missing)
    }

    /// Takes one part; with the last of them the call leaves the shelf.
    pub(super) fn take_part(
        &mut self,
        call: &CallId,
        number: usize,
        now: Instant,
    ) -> Result<(Bytes, usize), Untaken> {
        let waiting = self.calls.get_mut(call).ok_or(Untaken::Missing)?;
        let part = waiting.parts.get_mut(number).and_then(Option::take).ok_or(Untaken::Missing)?;
        waiting.bytes -= part.len();
        waiting.touched = now;
        let (count, done) = (waiting.parts.len(), waiting.parts.iter().all(Option::is_none));
        self.bytes -= part.len();
        if done {
            self.calls.remove(call);
        }
        Ok((part, count))
    }

    /// Keeps the parts of a whole but the first, which its caller gets at once.
    pub(super) fn put_rest(&mut self, call: CallId, parts: &[Bytes], now: Instant) -> Result<(), Untaken> {
        let rest = parts.iter().enumerate().skip(1);
        for (number, part) in rest {
            if let Err(untaken) = self.put(call, number, parts.len(), part.clone(), now) {
                self.remove(&call);
                return Err(untaken);
            }
        }
        Ok(())
    }

    /// Drops what nobody touched for too long.
    pub(super) fn expire(&mut self, now: Instant) {
        let mut freed = 0;
        self.calls.retain(|_, waiting| {
            let kept = now.saturating_duration_since(waiting.touched) < KEPT_FOR;
            freed += if kept { 0 } else { waiting.bytes };
            kept
        });
        self.bytes -= freed;
    }

    fn remove(&mut self, call: &CallId) -> Option<Waiting> {
        let waiting = self.calls.remove(call)?;
        self.bytes -= waiting.bytes;
        Some(waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(len: usize) -> Bytes {
        vec![7; len].into()
    }

    #[test]
    fn what_is_cut_joins_again() {
        for len in [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES + 5] {
            let whole: Bytes = (0..len).map(|at| at as u8).collect::<Vec<_>>().into();
            let parts = cut(&whole);
            assert_eq!(parts.len(), count(len));
            assert!(parts.iter().all(|part| part.len() <= PART_BYTES));
            assert_eq!(join(&parts), whole);
        }
    }

    #[test]
    fn parts_come_in_any_order_and_more_than_once() {
        let (mut shelf, now) = (Shelf::new(1000, 10), Instant::now());
        for number in [2, 0, 2, 1] {
            shelf.put([1; 16], number, 3, part(number + 1), now).unwrap();
        }
        assert_eq!(shelf.bytes, 6);
        let parts = shelf.take_all(&[1; 16]).unwrap();
        assert_eq!(parts.iter().map(Bytes::len).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!((shelf.bytes, shelf.calls.len()), (0, 0));
    }

    #[test]
    fn what_does_not_fit_is_not_taken() {
        let (mut shelf, now) = (Shelf::new(100, 2), Instant::now());
        assert_eq!(shelf.put([1; 16], 0, PARTS_MAX + 1, part(1), now), Err(Untaken::TooLarge));
        assert_eq!(shelf.put([1; 16], 0, 1, part(PART_BYTES + 1), now), Err(Untaken::TooLarge));
        assert_eq!(shelf.put([1; 16], 3, 3, part(1), now), Err(Untaken::Misfit));
        assert_eq!(shelf.put([1; 16], 0, 0, part(1), now), Err(Untaken::Misfit));
        shelf.put([1; 16], 0, 3, part(60), now).unwrap();
        assert_eq!(shelf.put([1; 16], 0, 4, part(1), now), Err(Untaken::Misfit));
        assert_eq!(shelf.put([1; 16], 1, 3, part(60), now), Err(Untaken::Full));
        shelf.put([2; 16], 0, 2, part(1), now).unwrap();
        assert_eq!(shelf.put([3; 16], 0, 2, part(1), now), Err(Untaken::Full));
        assert_eq!(shelf.take_all(&[1; 16]), Err(Untaken::Missing));
        assert_eq!(shelf.bytes, 1);
    }

    #[test]
    fn what_nobody_asks_for_goes() {
        let (mut shelf, now) = (Shelf::new(100, 2), Instant::now());
        shelf.put([1; 16], 0, 3, part(90), now).unwrap();
        let later = now + KEPT_FOR;
        shelf.put([2; 16], 0, 3, part(90), later).unwrap();
        assert_eq!((shelf.bytes, shelf.calls.len()), (90, 1));
        assert_eq!(shelf.take_part(&[1; 16], 0, later), Err(Untaken::Missing));
    }

    #[test]
    fn an_answer_is_fetched_part_by_part() {
        let (mut shelf, now) = (Shelf::new(100, 2), Instant::now());
        let parts = [part(1), part(2), part(3)];
        shelf.put_rest([1; 16], &parts, now).unwrap();
        assert_eq!(shelf.take_part(&[1; 16], 2, now), Ok((part(3), 3)));
        assert_eq!(shelf.take_part(&[1; 16], 2, now), Err(Untaken::Missing));
        assert_eq!(shelf.take_part(&[1; 16], 1, now), Ok((part(2), 3)));
        assert_eq!((shelf.bytes, shelf.calls.len()), (0, 0));
        assert_eq!(shelf.put_rest([2; 16], &[part(1), part(60), part(60)], now), Err(Untaken::Full));
        assert_eq!((shelf.bytes, shelf.calls.len()), (0, 0));
    }
}
