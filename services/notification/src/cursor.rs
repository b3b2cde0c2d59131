//! How far a subscriber has come: a place in the sequence of an agency's final changes, as text and as a record.
//!
//! A position belongs to the agency that gave it: another agency hosts other domains and counts differently.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

use hutong_ledger::{
    canon::{Malformed, Reader, Writer},
    epoch::DOMAINS_MAX,
    id::Domain,
};
use hutong_peer::Position;
use hutong_store::{Batch, Store, Table};
use serde::{Deserialize, Serialize};

use crate::Error;

/// After some changes of a transaction, or after all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct EventPosition {
    pub(crate) transaction: Position,
    /// Counts the changes of the transaction, from 1; `WHOLE` is after all of them.
    pub(crate) change: u32,
}

impl EventPosition {
    const WHOLE: u32 = u32::MAX;

    pub(crate) fn new(transaction: Position, change: u32) -> Self {
        Self { transaction, change }
    }

    pub(crate) fn after(transaction: Position) -> Self {
        Self { transaction, change: Self::WHOLE }
    }

    /// After everything before a height.
    pub(crate) fn before_height(height: u64) -> Self {
        match height.checked_sub(1) {
            None | Some(0) => Self::after(Position::default()),
            Some(height) => Self::after(Position { height, ordinal: u32::MAX }),
        }
    }

    /// Where to go on asking for transactions: the one that is only partly done is asked for again.
    pub(crate) fn ask_after(&self) -> Position {
        let Position { height, ordinal } = self.transaction;
        match self.change {
            Self::WHOLE => self.transaction,
            _ => Position { height, ordinal: ordinal.saturating_sub(1) },
        }
    }

    /// Whether a change is behind this position.
    pub(crate) fn covers(&self, transaction: Position, change: u32) -> bool {
        Self::new(transaction, change) <= *self
    }
}

/// `<height>-<ordinal>` after a transaction, `<height>-<ordinal>-<change>` after one of its changes.
impl fmt::Display for EventPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { height, ordinal } = self.transaction;
        match self.change {
            Self::WHOLE => write!(f, "{height}-{ordinal}"),
            change => write!(f, "{height}-{ordinal}-{change}"),
        }
    }
}

impl From<EventPosition> for String {
    fn from(position: EventPosition) -> Self {
        position.to_string()
    }
}

impl TryFrom<String> for EventPosition {
    type Error = NoPosition;

    fn try_from(text: String) -> Result<Self, NoPosition> {
        text.parse()
    }
}

/// A text that is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a position is <height>-<ordinal> or <height>-<ordinal>-<change>, as the id of an event is")]
pub(crate) struct NoPosition;

impl FromStr for EventPosition {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        /// Digits alone, without a sign or zeros before them: one text for one position.
        fn number<T: FromStr>(text: &str) -> Result<T, NoPosition> {
            let plain =
                text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
            if plain { text.parse().map_err(|_| NoPosition) } else { Err(NoPosition) }
        }
        let mut parts = text.split('-');
        let height = number(parts.next().ok_or(NoPosition)?)?;
        let ordinal = number(parts.next().ok_or(NoPosition)?)?;
        let change = parts.next().map(number).transpose()?.unwrap_or(Self::WHOLE);
        // A change is one of a transaction, and both are counted from 1.
        let counted = change == Self::WHOLE || (change > 0 && ordinal > 0);
        match parts.next() {
            None if counted => Ok(Self::new(Position { height, ordinal }, change)),
            _ => Err(NoPosition),
        }
    }
}

/// How far the EVENTS stream has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamCursor {
    /// The life of the stream that this is about.
    pub(crate) incarnation: u64,
    pub(crate) position: EventPosition,
    /// The events so far, by domain.
    pub(crate) sequences: BTreeMap<Domain, u64>,
}

impl StreamCursor {
    fn encode(&self) -> Vec<u8> {
        let EventPosition { transaction, change } = self.position;
        let sequences: Vec<_> = self.sequences.iter().collect();
        let mut w = Writer::new();
        w.u64(self.incarnation).u64(transaction.height).u32(transaction.ordinal).u32(change);
        w.list(&sequences, |w, (domain, sequence)| {
            w.text(domain.as_str()).u64(**sequence);
        });
        w.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, |r| {
            let incarnation = r.u64()?;
            let transaction = Position { height: r.u64()?, ordinal: r.u32()? };
            let position = EventPosition::new(transaction, r.u32()?);
            let sequences = r.list(DOMAINS_MAX, |r| Ok((r.parsed()?, r.u64()?)))?;
            Ok(Self { incarnation, position, sequences: sequences.into_iter().collect() })
        })
    }
}

const CURSORS: Table<Vec<u8>, Vec<u8>> = Table::new("cursors");
const EVENTS: &[u8] = b"stream/EVENTS";

/// How far the EVENTS stream has come, through restarts.
#[derive(Debug)]
pub(crate) struct Cursors {
    pub(crate) store: Arc<Store>,
    pub(crate) path: std::path::PathBuf,
}

impl Cursors {
    /// The position of the stream, if one is kept that can be read. What cannot is as good as none: the stream's own
    /// end says the rest.
    pub(crate) fn stream(&self) -> Result<Option<StreamCursor>, Error> {
        let failed = |source| Error::Store { path: self.path.clone(), source };
        let snapshot = self.store.snapshot().map_err(failed)?;
        let Some(bytes) = snapshot.get(&CURSORS, &EVENTS.to_vec()).map_err(failed)? else { return Ok(None) };
        match StreamCursor::decode(&bytes) {
            Ok(cursor) => Ok(Some(cursor)),
            Err(error) => {
                tracing::warn!(%error, "the kept position of the EVENTS stream is unreadable; asking the stream");
                Ok(None)
            }
        }
    }

    /// Keeps the position, soon: what a crash takes of it, the stream's own end gives back.
    pub(crate) fn keep_stream(&self, cursor: &StreamCursor) {
        let mut batch = Batch::default();
        batch.put(&CURSORS, &EVENTS.to_vec(), &cursor.encode());
        self.store.write(batch, |written| {
            if let Err(error) = written {
                tracing::error!(%error, "the position of the EVENTS stream is not kept");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(height: u64, ordinal: u32, change: u32) -> EventPosition {
        EventPosition::new(Position { height, ordinal }, change)
    }

    #[test]
    fn positions_are_read_as_they_are_written() {
        for (text, position) in [
            ("0-0", at(0, 0, u32::MAX)),
            ("7-3", at(7, 3, u32::MAX)),
            ("7-3-2", at(7, 3, 2)),
            ("18446744073709551615-4294967295-1", at(u64::MAX, u32::MAX, 1)),
        ] {
            assert_eq!(text.parse(), Ok(position));
            assert_eq!(position.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_position_is_refused() {
        for text in [
            "",
            "-",
            "7",
            "7-",
            "-7",
            "7-3-",
            "7-3-2-1",
            "7-3-0",
            "7-0-1",
            "07-3",
            "7-03",
            "+7-3",
            "7-+3",
            "7 -3",
            "7-3\n",
            "7-3-2 ",
            "x-y",
            "18446744073709551616-0",
            "1-4294967296",
            "٧-٣",
            "7--3",
        ] {
            assert_eq!(text.parse::<EventPosition>(), Err(NoPosition), "{text:?}");
        }
    }

    #[test]
    fn a_transaction_that_is_partly_done_is_asked_for_again() {
        assert_eq!(at(7, 3, 2).ask_after(), Position { height: 7, ordinal: 2 });
        assert_eq!(at(7, 3, u32::MAX).ask_after(), Position { height: 7, ordinal: 3 });
        let position = at(7, 3, 2);
        assert!(position.covers(Position { height: 7, ordinal: 3 }, 2));
        assert!(!position.covers(Position { height: 7, ordinal: 3 }, 3));
        assert!(position.covers(Position { height: 7, ordinal: 2 }, 9));
        assert!(!position.covers(Position { height: 8, ordinal: 1 }, 1));
    }

    #[test]
    fn the_streams_position_is_kept_and_rubbish_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notification.redb");
        let sequences = [("property".parse().unwrap(), 4), (Domain::MEMBERSHIP, 1)].into();
        let cursor = StreamCursor { incarnation: 9, position: at(7, 3, 2), sequences };
        let open = || Cursors { store: crate::state::open(&path).unwrap(), path: path.clone() };
        let cursors = open();
        assert_eq!(cursors.stream().unwrap(), None);
        cursors.keep_stream(&cursor);
        drop(cursors);
        let cursors = open();
        assert_eq!(cursors.stream().unwrap(), Some(cursor));
        let mut batch = Batch::default();
        batch.put(&CURSORS, &EVENTS.to_vec(), &b"rubbish".to_vec());
        cursors.store.write_synced(batch).unwrap();
        assert_eq!(cursors.stream().unwrap(), None);
    }
}
