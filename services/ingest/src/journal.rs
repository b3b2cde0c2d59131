//! The journal of ingest: every accepted group until all of it is final or can no longer be ordered.
//!
//! A record of kind GROUP is the domain's name (a length byte, then text) followed by the group exactly as it stands
//! on the stream; one of kind MARK is a position (8 bytes, big-endian) below which nothing is needed any more. Files
//! go as a whole, so the mark is finer than what they show.

use std::path::Path;

use bytes::Bytes;
use hutong_journal::{Durable, Journal, Options};
use hutong_ledger::{hash::sha256, id::Domain};

use crate::Error;

const GROUP: u8 = 1;
const MARK: u8 = 2;

/// A group as it was journalled.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) position: u64,
    pub(crate) domain: Domain,
    /// An encoded `TransactionGroup`.
    pub(crate) payload: Bytes,
}

#[derive(Debug)]
pub(crate) struct IngestJournal {
    journal: Journal,
}

impl IngestJournal {
    pub(crate) fn open(dir: &Path, options: Options) -> Result<Self, Error> {
        let (journal, recovery) = Journal::open(dir, options)?;
        if let Some(torn) = recovery.torn {
            tracing::info!(path = %torn.path.display(), bytes = torn.cut_bytes, "an unfinished write was cut off");
        }
        Ok(Self { journal })
    }

    /// Appends a group; it is safe once its position is [`durable`](Self::durable).
    pub(crate) fn append(&self, domain: Domain, payload: &[u8]) -> Result<u64, Error> {
        let name = domain.as_str().as_bytes();
        // The name of a domain is at most 23 bytes.
        Ok(self.journal.append_parts(GROUP, &[&[name.len() as u8], name, payload])?)
    }

    pub(crate) fn durable(&self, position: u64) -> Durable {
        self.journal.durable(position)
    }

    pub(crate) fn read(&self, position: u64) -> Result<Kept, Error> {
        match self.journal.read(position)? {
            Some(record) if record.kind == GROUP => parse(position, record.payload),
            _ => Err(Error::Record { position, reason: "it is no longer there".into() }),
        }
    }

    /// All groups that may still be needed, in order.
    pub(crate) fn kept(&self) -> Result<Vec<Kept>, Error> {
        let mut low = 0;
        let mut groups = Vec::new();
        for record in self.journal.iter(self.journal.first_position()) {
            let record = record?;
            match record.kind {
                GROUP => groups.push(parse(record.position, record.payload)?),
                MARK => {
                    let mark = record.payload[..].try_into().map(u64::from_be_bytes);
                    let reason =
                        || Error::Record { position: record.position, reason: "a mark of 8 bytes".into() };
                    low = low.max(mark.map_err(|_| reason())?);
                }
                kind => {
                    let reason = format!("kind {kind} is unknown");
                    return Err(Error::Record { position: record.position, reason });
                }
            }
        }
        groups.retain(|group| group.position >= low);
        Ok(groups)
    }

    /// The position that the next record will have.
    pub(crate) fn next_position(&self) -> u64 {
        self.journal.last_position() + 1
    }

    /// Notes that nothing below a position is needed any more, and drops the files that this leaves empty. The note
    /// becomes durable with whatever is synced next: without it only work is repeated.
    pub(crate) fn mark(&self, low: u64) -> Result<(), Error> {
        self.journal.append(MARK, &low.to_be_bytes())?;
        Ok(self.journal.truncate_before(low)?)
    }
}

fn parse(position: u64, record: Bytes) -> Result<Kept, Error> {
    let bad = |reason: &str| Error::Record { position, reason: reason.into() };
    let length = usize::from(*record.first().ok_or_else(|| bad("it is empty"))?);
    let name = record.get(1..1 + length).ok_or_else(|| bad("it is cut off"))?;
    let name = std::str::from_utf8(name).map_err(|_| bad("its domain is not text"))?;
    let domain = name.parse().map_err(|_| bad("its domain is no name"))?;
    Ok(Kept { position, domain, payload: record.slice(1 + length..) })
}

/// What the stream knows a group by: the hash of its bytes.
pub(crate) fn message_id(payload: &[u8]) -> String {
    sha256(&[payload]).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_not_below_the_mark() {
        let dir = tempfile::tempdir().unwrap();
        let domain: Domain = "property".parse().unwrap();
        {
            let journal = IngestJournal::open(dir.path(), Options::default()).unwrap();
            let positions: Vec<u64> = (0..5_u8).map(|n| journal.append(domain, &[n; 3]).unwrap()).collect();
            journal.mark(positions[3]).unwrap();
            assert_eq!(journal.read(positions[4]).unwrap().payload, [4_u8; 3].as_slice());
            assert!(journal.read(journal.next_position()).is_err());
        }
        let kept = IngestJournal::open(dir.path(), Options::default()).unwrap().kept().unwrap();
        let payloads: Vec<_> = kept.iter().map(|kept| (kept.domain, kept.payload.clone())).collect();
        assert_eq!(payloads, [(domain, vec![3; 3].into()), (domain, vec![4; 3].into())]);
    }

    #[test]
    fn a_record_that_is_no_group_is_named() {
        for record in [&[][..], &[5, b'a'], &[1, 0xff], &[1, b'A', 7]] {
            assert!(matches!(
                parse(9, Bytes::copy_from_slice(record)),
                Err(Error::Record { position: 9, .. })
            ));
        }
    }
}
