//! The tables of the final state: what is looked up, and under which key.
//!
//! | table | key | value |
//! | --- | --- | --- |
//! | records | domain, record, version (newest first) | value, salt, and the transaction that made it |
//! | transactions | id | height, domain, place among the domain's entries of that height |
//! | segments | height, domain | the domain's executed transactions of the height, in one piece |
//! | log_starts | domain, index of its first log entry at a height | height |
//! | tiles | domain, level, number | up to 256 hashes |
//! | notes | domain, height | checkpoint and cosignatures |
//! | blocks | height | proposal, certificate, own cosignatures, place in the archive |
//! | nodes | domain, node key | a node of the state tree; derived |
//! | meta | name | see [`Meta`] |

use bytes::Bytes;
use hutong_ledger::{
    canon::{Malformed, Reader, Writer},
    id::{AgencyId, Domain, RecordId, TxId},
    vote::Certificate,
};
use hutong_store::{Codec, Key, Table};

use crate::checkpoint::SignedCheckpoint;

/// The form of the tables.
pub(crate) const FORMAT: u32 = 1;

pub(crate) const RECORDS: Table<RecordKeyRow, RecordRow> = Table::new("records");
pub(crate) const TRANSACTIONS: Table<[u8; 38], TransactionRow> = Table::new("transactions");
pub(crate) const SEGMENTS: Table<HeightKey, Bytes> = Table::new("segments");
pub(crate) const LOG_STARTS: Table<DomainKey, u64> = Table::new("log_starts");
pub(crate) const TILES: Table<TileKey, Bytes> = Table::new("tiles");
pub(crate) const NOTES: Table<DomainKey, NoteRow> = Table::new("notes");
pub(crate) const BLOCKS: Table<u64, BlockRow> = Table::new("blocks");
pub(crate) const NODES: Table<Vec<u8>, Bytes> = Table::new("nodes");
pub(crate) const META: Table<Meta, Bytes> = Table::new("meta");

/// What the meta table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meta {
    /// u32.
    Format,
    /// The chain's id.
    Chain,
    /// u64: the last final height that is written.
    Final,
    /// The right edge of a domain's log at that height.
    Frontier(Domain),
    /// u64 height and root: where the stored nodes of a domain's state tree stand.
    Tree(Domain),
}

impl Codec for Meta {
    fn encode(&self, out: &mut Vec<u8>) {
        let (name, domain) = match self {
            Self::Format => ("format", None),
            Self::Chain => ("chain", None),
            Self::Final => ("final", None),
            Self::Frontier(domain) => ("frontier/", Some(domain)),
            Self::Tree(domain) => ("tree/", Some(domain)),
        };
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(domain.map(Domain::as_str).unwrap_or_default().as_bytes());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        match text.split_once('/') {
            None => match text {
                "format" => Some(Self::Format),
                "chain" => Some(Self::Chain),
                "final" => Some(Self::Final),
                _ => None,
            },
            Some(("frontier", domain)) => Some(Self::Frontier(domain.parse().ok()?)),
            Some(("tree", domain)) => Some(Self::Tree(domain.parse().ok()?)),
            Some(_) => None,
        }
    }
}

impl Key for Meta {}

/// A text in a key is ended by a zero byte, which no name contains: so names sort before their extensions.
fn push_name(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(name.as_bytes());
    out.push(0);
}

fn pop_name(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|b| *b == 0)?;
    Some((std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 1..]))
}

/// A version of a record; newer versions sort first, so that the current one is the first of its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordKeyRow {
    pub(crate) domain: Domain,
    pub(crate) record: RecordId,
    pub(crate) version: u64,
}

impl RecordKeyRow {
    /// What the keys of all versions of a record begin with.
    pub(crate) fn record_prefix(domain: Domain, record: &RecordId) -> Vec<u8> {
        let mut prefix = Self::domain_prefix(domain);
        push_name(&mut prefix, record.as_str());
        prefix
    }

    /// What the keys of a domain begin with.
    pub(crate) fn domain_prefix(domain: Domain) -> Vec<u8> {
        let mut prefix = Vec::with_capacity(64);
        push_name(&mut prefix, domain.as_str());
        prefix
    }
}

impl Codec for RecordKeyRow {
    fn encode(&self, out: &mut Vec<u8>) {
        push_name(out, self.domain.as_str());
        push_name(out, self.record.as_str());
        out.extend_from_slice(&(u64::MAX - self.version).to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (domain, rest) = pop_name(bytes)?;
        let (record, rest) = pop_name(rest)?;
        let version = u64::MAX - u64::from_be_bytes(rest.try_into().ok()?);
        Some(Self { domain: domain.parse().ok()?, record: record.parse().ok()?, version })
    }
}

impl Key for RecordKeyRow {}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordRow {
    pub(crate) value: Option<Bytes>,
    pub(crate) salt: [u8; 16],
    pub(crate) transaction: TxId,
    pub(crate) height: u64,
    pub(crate) time_ms: u64,
    pub(crate) agency: AgencyId,
}

/// Values by the ledger's canonical bytes.
macro_rules! canonical {
    ($type:ty, |$self:ident, $w:ident| $encode:block, |$r:ident| $decode:expr) => {
        impl Codec for $type {
            fn encode(&self, out: &mut Vec<u8>) {
                let $self = self;
                let mut writer = Writer::new();
                let $w = &mut writer;
                $encode
                out.extend_from_slice(&writer.finish());
            }

            fn decode(bytes: &[u8]) -> Option<Self> {
                Reader::all(bytes, |$r: &mut Reader<'_>| -> Result<Self, Malformed> { $decode }).ok()
            }
        }
    };
}

canonical!(
    RecordRow,
    |row, w| {
        w.raw(&row.salt).raw(&row.transaction.0).u64(row.height).u64(row.time_ms);
        w.text(row.agency.as_str());
        w.option(row.value.as_ref(), |w, value| {
            w.bytes(value);
        });
    },
    |r| {
        Ok(Self {
            salt: r.array()?,
            transaction: TxId(r.array()?),
            height: r.u64()?,
            time_ms: r.u64()?,
            agency: r.parsed()?,
            value: r.option(|r| r.owned())?,
        })
    }
);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TransactionRow {
    pub(crate) height: u64,
    pub(crate) domain: Domain,
    /// Among the domain's entries of the height, from 0.
    pub(crate) place: u32,
}

canonical!(
    TransactionRow,
    |row, w| {
        w.u64(row.height).text(row.domain.as_str()).u32(row.place);
    },
    |r| Ok(Self { height: r.u64()?, domain: r.parsed()?, place: r.u32()? })
);

/// A height, then a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeightKey {
    pub(crate) height: u64,
    pub(crate) domain: Domain,
}

impl Codec for HeightKey {
    fn encode(&self, out: &mut Vec<u8>) {
        self.height.encode(out);
        out.extend_from_slice(self.domain.as_str().as_bytes());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (height, domain) = bytes.split_first_chunk()?;
        let domain = std::str::from_utf8(domain).ok()?.parse().ok()?;
        Some(Self { height: u64::from_be_bytes(*height), domain })
    }
}

impl Key for HeightKey {}

/// A domain, then a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DomainKey {
    pub(crate) domain: Domain,
    pub(crate) number: u64,
}

impl Codec for DomainKey {
    fn encode(&self, out: &mut Vec<u8>) {
        push_name(out, self.domain.as_str());
        self.number.encode(out);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (domain, number) = pop_name(bytes)?;
        Some(Self { domain: domain.parse().ok()?, number: u64::decode(number)? })
    }
}

impl Key for DomainKey {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TileKey {
    pub(crate) domain: Domain,
    pub(crate) level: u8,
    pub(crate) index: u64,
}

impl Codec for TileKey {
    fn encode(&self, out: &mut Vec<u8>) {
        push_name(out, self.domain.as_str());
        out.push(self.level);
        self.index.encode(out);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (domain, rest) = pop_name(bytes)?;
        let (level, index) = rest.split_first()?;
        Some(Self { domain: domain.parse().ok()?, level: *level, index: u64::decode(index)? })
    }
}

impl Key for TileKey {}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoteRow(pub(crate) SignedCheckpoint);

impl Codec for NoteRow {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.encode());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        SignedCheckpoint::decode(bytes).ok().map(Self)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlockRow {
    /// Canonical.
    pub(crate) proposal: Bytes,
    pub(crate) certificate: Certificate,
    /// Where the archive has the block.
    pub(crate) position: u64,
}

canonical!(
    BlockRow,
    |row, w| {
        w.bytes(&row.proposal).bytes(&row.certificate.encode());
        w.u64(row.position);
    },
    |r| {
        Ok(Self { proposal: r.owned()?, certificate: Certificate::decode(r.bytes()?)?, position: r.u64()? })
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(key: &impl Codec) -> Vec<u8> {
        let mut out = Vec::new();
        key.encode(&mut out);
        out
    }

    #[test]
    fn newer_versions_sort_first_and_records_by_name() {
        let row = |record: &str, version| RecordKeyRow {
            domain: "property".parse().unwrap(),
            record: record.parse().unwrap(),
            version,
        };
        let sorted = [row("a", 300), row("a", 2), row("a", 1), row("a!", 9), row("a/1", 1), row("ab", 1)];
        let encoded: Vec<_> = sorted.iter().map(bytes).collect();
        assert!(encoded.is_sorted());
        for (row, bytes) in sorted.iter().zip(&encoded) {
            assert_eq!(RecordKeyRow::decode(bytes).as_ref(), Some(row));
            assert!(bytes.starts_with(&RecordKeyRow::record_prefix(row.domain, &row.record)));
        }
    }

    #[test]
    fn keys_round_trip() {
        let domain: Domain = "health".parse().unwrap();
        let key = TileKey { domain, level: 3, index: 77 };
        assert_eq!(TileKey::decode(&bytes(&key)), Some(key));
        let key = HeightKey { height: 1 << 40, domain };
        assert_eq!(HeightKey::decode(&bytes(&key)), Some(key));
        let key = DomainKey { domain, number: 5 };
        assert_eq!(DomainKey::decode(&bytes(&key)), Some(key));
        for meta in [Meta::Format, Meta::Chain, Meta::Final, Meta::Frontier(domain), Meta::Tree(domain)] {
            assert_eq!(Meta::decode(&bytes(&meta)), Some(meta));
        }
        assert_eq!(Meta::decode(b"other"), None);
    }
}
