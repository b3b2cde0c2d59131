//! The archive: everything that binds the agency or that the final state derives from, as typed records in one
//! journal. It is the write-ahead log of the final state.
//!
//! Records are read back in the order in which they were appended, and what is durable is a prefix of them: a
//! certificate in it follows the votes of this agency that it counts, a cosignature follows its certificate.

use bytes::Bytes;
use hutong_journal::{Journal, Options};
use hutong_ledger::{
    canon::{Malformed, Reader, Writer},
    epoch::DOMAINS_MAX,
    hash::Hash,
    id::{AgencyId, ChainId, Domain},
    vote::{Certificate, Status, Vote},
};
use hutong_peer::agency::Cosigned;
use std::path::Path;

use crate::{Error, checkpoint::SignedCheckpoint};

/// The form of the records. A later one is another number, and this code refuses it.
pub(crate) const FORMAT: u32 = 1;

/// A block as it was submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlockRecord {
    /// The wall time at which it was seen first, for the rule on late headers.
    pub(crate) seen_ms: u64,
    /// Canonical proposal.
    pub(crate) proposal: Bytes,
    /// The hosted segments as they stood on the stream.
    pub(crate) segments: Vec<(Domain, Bytes)>,
}

/// That a height is final, with the notes that say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FinalRecord {
    pub(crate) height: u64,
    pub(crate) block: Hash,
    /// Membership's, and one per hosted domain that the block touches; sorted by domain.
    pub(crate) notes: Vec<SignedCheckpoint>,
}

/// What the archive holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// The first record: whose archive this is.
    Start {
        chain: ChainId,
        agency: AgencyId,
    },
    Block(BlockRecord),
    /// Cast by this agency.
    Vote(Vote),
    /// Given by this agency: a promise.
    Status(Status),
    Certificate(Certificate),
    /// Given by this agency.
    Cosigned(Cosigned),
    Final(FinalRecord),
}

impl Record {
    fn kind(&self) -> u8 {
        match self {
            Self::Start { .. } => 1,
            Self::Block(_) => 2,
            Self::Vote(_) => 3,
            Self::Status(_) => 4,
            Self::Certificate(_) => 5,
            Self::Cosigned(_) => 6,
            Self::Final(_) => 7,
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        match self {
            Self::Start { chain, agency } => {
                w.u32(FORMAT).text(chain.as_str()).text(agency.as_str());
            }
            Self::Block(block) => {
                w.u64(block.seen_ms).bytes(&block.proposal);
                w.list(&block.segments, |w, (domain, raw)| {
                    w.text(domain.as_str()).bytes(raw);
                });
            }
            Self::Vote(vote) => return vote.encode(),
            Self::Status(status) => return status.encode(),
            Self::Certificate(certificate) => return certificate.encode(),
            Self::Cosigned(cosigned) => return cosigned.encode(),
            Self::Final(end) => {
                w.u64(end.height).hash(&end.block);
                w.list(&end.notes, |w, note| {
                    w.bytes(&note.encode());
                });
            }
        }
        w.finish()
    }

    fn decode(kind: u8, bytes: &Bytes) -> Result<Self, Malformed> {
        Ok(match kind {
            1 => Reader::all(bytes, |r| match r.u32()? {
                FORMAT => Ok(Self::Start { chain: r.parsed()?, agency: r.parsed()? }),
                other => Err(r.bad(format!("format {other}; this software knows {FORMAT}"))),
            })?,
            2 => Self::Block(Reader::all(bytes, |r| {
                Ok(BlockRecord {
                    seen_ms: r.u64()?,
                    proposal: bytes.slice_ref(r.bytes()?),
                    segments: r.list(DOMAINS_MAX, |r| Ok((r.parsed()?, bytes.slice_ref(r.bytes()?))))?,
                })
            })?),
            3 => Self::Vote(Vote::decode(bytes)?),
            4 => Self::Status(Status::decode(bytes)?),
            5 => Self::Certificate(Certificate::decode(bytes)?),
            6 => Self::Cosigned(Cosigned::decode(bytes)?),
            7 => Self::Final(Reader::all(bytes, |r| {
                Ok(FinalRecord {
                    height: r.u64()?,
                    block: r.hash()?,
                    notes: r.list(DOMAINS_MAX, |r| SignedCheckpoint::decode(r.bytes()?))?,
                })
            })?),
            other => return Err(Malformed { what: format!("record kind {other}"), at: 0 }),
        })
    }
}

/// An open archive.
#[derive(Debug)]
pub(crate) struct Archive {
    journal: Journal,
}

impl Archive {
    /// Opens the archive of an agency on a chain; a new one gets its first record.
    pub(crate) fn open(
        dir: &Path,
        options: Options,
        chain: ChainId,
        agency: AgencyId,
    ) -> Result<Self, Error> {
        let (journal, recovery) = Journal::open(dir, options)?;
        if let Some(torn) = recovery.torn {
            tracing::warn!(path = %torn.path.display(), bytes = torn.cut_bytes, "a torn end of the archive was cut");
        }
        let archive = Self { journal };
        let start = Record::Start { chain, agency };
        if archive.last() == 0 {
            let position = archive.append(&start)?;
            archive.sync(position)?;
        } else if archive.read(1)?.as_ref() != Some(&start) {
            return Err(Error::Foreign { dir: dir.to_owned(), chain, agency });
        }
        Ok(archive)
    }

    /// Opens an archive that exists, whosever it is.
    pub(crate) fn inspect(dir: &Path) -> Result<(Self, ChainId, AgencyId), Error> {
        if !dir.is_dir() {
            let source = std::sync::Arc::new(std::io::ErrorKind::NotFound.into());
            return Err(Error::Directory { path: dir.to_owned(), source });
        }
        let (journal, _) = Journal::open(dir, Options::default())?;
        let archive = Self { journal };
        match archive.read(1)? {
            Some(Record::Start { chain, agency }) => Ok((archive, chain, agency)),
            _ => Err(Error::Archive { position: 1, reason: "it does not say whose archive it is".into() }),
        }
    }

    pub(crate) fn append(&self, record: &Record) -> Result<u64, Error> {
        Ok(self.journal.append(record.kind(), &record.encode())?)
    }

    /// Appends a block without copying its segments into one buffer first.
    pub(crate) fn append_block(
        &self,
        seen_ms: u64,
        proposal: &[u8],
        segments: &[(Domain, Bytes)],
    ) -> Result<u64, Error> {
        let mut heads: Vec<Vec<u8>> = Vec::with_capacity(segments.len() + 1);
        let mut first = Writer::new();
        first.u64(seen_ms).bytes(proposal).count(segments.len());
        heads.push(first.finish());
        for (domain, raw) in segments {
            let mut head = Writer::new();
            head.text(domain.as_str()).count(raw.len());
            heads.push(head.finish());
        }
        let mut parts: Vec<&[u8]> = vec![&heads[0]];
        for (head, (_, raw)) in heads[1..].iter().zip(segments) {
            parts.extend([head.as_slice(), raw]);
        }
        Ok(self.journal.append_parts(2, &parts)?)
    }

    pub(crate) fn read(&self, position: u64) -> Result<Option<Record>, Error> {
        let Some(record) = self.journal.read(position)? else { return Ok(None) };
        Self::decode(&record).map(Some)
    }

    /// A block at a position where one is known to be.
    pub(crate) fn block(&self, position: u64) -> Result<BlockRecord, Error> {
        match self.read(position)? {
            Some(Record::Block(block)) => Ok(block),
            _ => Err(Error::Archive { position, reason: "a block was expected here".into() }),
        }
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = Result<(u64, Record), Error>> + '_ {
        self.records_from(self.journal.first_position())
    }

    /// The records from a position on.
    pub(crate) fn records_from(&self, from: u64) -> impl Iterator<Item = Result<(u64, Record), Error>> + '_ {
        self.journal.iter(from).map(|record| {
            let record = record?;
            Ok((record.position, Self::decode(&record)?))
        })
    }

    fn decode(record: &hutong_journal::Record) -> Result<Record, Error> {
        let damaged =
            |error: Malformed| Error::Archive { position: record.position, reason: error.to_string() };
        Record::decode(record.kind, &record.payload).map_err(damaged)
    }

    pub(crate) fn last(&self) -> u64 {
        self.journal.last_position()
    }

    pub(crate) fn sync(&self, position: u64) -> Result<(), Error> {
        Ok(self.journal.sync(position)?)
    }

    pub(crate) fn durable(&self, position: u64) -> hutong_journal::Durable {
        self.journal.durable(position)
    }

    pub(crate) fn durable_position(&self) -> u64 {
        self.journal.durable_position()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_appended_in_parts_reads_back_as_its_record() {
        let dir = tempfile::tempdir().unwrap();
        let chain: ChainId = "harbour-0011223344556677".parse().unwrap();
        let agency: AgencyId = "land".parse().unwrap();
        let open = |agency| Archive::open(dir.path(), Options::default(), chain, agency);
        let archive = open(agency).unwrap();
        let block = BlockRecord {
            seen_ms: 7,
            proposal: Bytes::from_static(b"proposal"),
            segments: vec![
                ("health".parse().unwrap(), Bytes::from_static(b"one")),
                ("property".parse().unwrap(), Bytes::new()),
            ],
        };
        let parts = archive.append_block(block.seen_ms, &block.proposal, &block.segments).unwrap();
        let whole = archive.append(&Record::Block(block.clone())).unwrap();
        assert_eq!(archive.block(parts).unwrap(), block);
        assert_eq!(archive.block(whole).unwrap(), block);
        assert!(archive.block(1).is_err());
        drop(archive);
        assert!(matches!(open("sea".parse().unwrap()), Err(Error::Foreign { .. })));
        assert_eq!(open(agency).unwrap().records().count(), 3);
    }
}
