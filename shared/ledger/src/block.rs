//! Headers, segments, proposals: how transactions become a sequence.

use crate::{
    canon::{Malformed, Reader, Writer, ascending},
    epoch::{AGENCIES_MAX, DOMAINS_MAX, Epoch, Purpose},
    hash::{Hash, Tag},
    id::{AgencyId, ChainId, Domain, KeyId, TxId},
    log,
    transaction::Transaction,
    vote::Status,
};

/// The most transactions of a segment.
pub const SEGMENT_TRANSACTIONS_MAX: usize = 8192;
/// The largest segment, in bytes as encoded: with its headers it is one message of at most 1 MiB on the bus.
pub const SEGMENT_BYTES_MAX: usize = (1 << 20) - 8 * 1024;
/// The largest group of accepted transactions, in bytes as encoded: a segment holds at least one whole group.
pub const GROUP_BYTES_MAX: usize = SEGMENT_BYTES_MAX - 1024;

/// How far ordering has read one domain's accepted transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    pub domain: Domain,
    /// The stream's incarnation: sequences of another one mean nothing.
    pub incarnation: u64,
    pub sequence: u64,
}

/// A segment as the header names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentRef {
    pub domain: Domain,
    /// RFC 6962 root over the ids of its transactions.
    pub root: Hash,
}

/// A block's header; its hash names the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub chain: ChainId,
    pub rules: u32,
    pub epoch: u64,
    pub height: u64,
    pub prev: Hash,
    /// Unix milliseconds; never less than the previous header's.
    pub time_ms: u64,
    /// Sorted by domain.
    pub cursors: Vec<Cursor>,
    /// Sorted by domain.
    pub segments: Vec<SegmentRef>,
}

impl Header {
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.text(self.chain.as_str()).u32(self.rules).u64(self.epoch).u64(self.height);
        w.hash(&self.prev).u64(self.time_ms);
        w.list(&self.cursors, |w, cursor| {
            w.text(cursor.domain.as_str()).u64(cursor.incarnation).u64(cursor.sequence);
        });
        w.list(&self.segments, |w, segment| {
            w.text(segment.domain.as_str()).hash(&segment.root);
        });
        w.finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, |r| {
            let header = Self {
                chain: r.parsed()?,
                rules: r.u32()?,
                epoch: r.u64()?,
                height: r.u64()?,
                prev: r.hash()?,
                time_ms: r.u64()?,
                cursors: r.list(DOMAINS_MAX, |r| {
                    Ok(Cursor { domain: r.parsed()?, incarnation: r.u64()?, sequence: r.u64()? })
                })?,
                segments: r.list(DOMAINS_MAX, |r| Ok(SegmentRef { domain: r.parsed()?, root: r.hash()? }))?,
            };
            if !ascending(&header.cursors, |c| c.domain) || !ascending(&header.segments, |s| s.domain) {
                return Err(r.bad("cursors and segments must be sorted by domain, without repeats"));
            }
            Ok(header)
        })
    }

    pub fn hash(&self) -> Hash {
        Tag::Header.hash(&[&self.encode()])
    }

    pub fn segment(&self, domain: Domain) -> Option<&SegmentRef> {
        self.segments.iter().find(|s| s.domain == domain)
    }

    pub fn cursor(&self, domain: Domain) -> Option<&Cursor> {
        self.cursors.iter().find(|c| c.domain == domain)
    }
}

/// The transactions of one domain in one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub domain: Domain,
    pub transactions: Vec<Transaction>,
}

impl Segment {
    pub fn root(&self) -> Hash {
        segment_root(self.transactions.iter().map(|t| &t.id))
    }
}

/// RFC 6962 root over transaction ids.
pub fn segment_root<'a>(ids: impl IntoIterator<Item = &'a TxId>) -> Hash {
    log::root(ids.into_iter().map(|id| log::leaf_hash(&id.0)))
}

/// A header in a view, signed by an orderer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub header: Header,
    pub view: u32,
    pub orderer: AgencyId,
    pub key: KeyId,
    /// For a view above 0: a quorum of statuses for that view.
    pub statuses: Vec<Status>,
    pub signature: [u8; 64],
}

impl Proposal {
    /// The message that the orderer signs: header, view, and the statuses that justify the view.
    pub fn message(header: &Header, view: u32, orderer: AgencyId, statuses: &[Status]) -> Vec<u8> {
        let mut w = Writer::new();
        w.hash(&header.hash()).u32(view).text(orderer.as_str());
        w.list(statuses, |w, status| {
            w.bytes(&status.encode());
        });
        Tag::Proposal.message(&w.finish())
    }

    /// The block that a set of statuses obliges the next view to repeat: that of the highest certificate.
    pub fn obliged(statuses: &[Status]) -> Option<Hash> {
        let certificates = statuses.iter().filter_map(|status| status.certificate.as_ref());
        certificates.max_by_key(|certificate| certificate.view).map(|certificate| certificate.block)
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.bytes(&self.header.encode()).u32(self.view).text(self.orderer.as_str()).raw(&self.key.0);
        w.list(&self.statuses, |w, status| {
            w.bytes(&status.encode());
        });
        w.raw(&self.signature);
        w.finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, |r| {
            Ok(Self {
                header: Header::decode(r.bytes()?)?,
                view: r.u32()?,
                orderer: r.parsed()?,
                key: KeyId(r.array()?),
                statuses: r.list(AGENCIES_MAX, |r| Status::decode(r.bytes()?))?,
                signature: r.array()?,
            })
        })
    }

    /// Whether an orderer of the epoch signed it.
    pub fn signed(&self, epoch: &Epoch) -> bool {
        let message = Self::message(&self.header, self.view, self.orderer, &self.statuses);
        epoch.orderers.contains(&self.orderer)
            && epoch.signed(&self.orderer, Purpose::Orderer, &self.key, &message, &self.signature)
    }
}
