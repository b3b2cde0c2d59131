//! Checkpoints with the signatures that storage holds for them.

use std::collections::BTreeMap;

use hutong_ledger::{
    canon::{Malformed, Reader, Writer},
    epoch::{AGENCIES_MAX, Epoch, Purpose, quorum},
    hash::Hash,
    id::{AgencyId, ChainId, Domain, KeyId},
    note::{Algorithm, Checkpoint, SignedNote, VerifierKey, cosignature_message, host_name, origin},
};
use hutong_peer::agency::{Cosignature, Cosigned};

/// Where a domain stands at a height: what a checkpoint says beside height and block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) domain: Domain,
    pub(crate) size: u64,
    pub(crate) root: Hash,
    pub(crate) state: Hash,
}

impl Point {
    /// The text that hosts sign.
    pub(crate) fn text(&self, chain: &ChainId, height: u64, block: &Hash, view: u32) -> String {
        let checkpoint = Checkpoint {
            origin: origin(chain, &self.domain),
            size: self.size,
            root: self.root,
            height,
            block: *block,
            state: self.state,
            view,
        };
        checkpoint.to_string()
    }

    /// What another agency says of the same domain and height.
    pub(crate) fn of(note: &Cosignature) -> Self {
        Self { domain: note.domain, size: note.size, root: note.root, state: note.state }
    }
}

/// One host's signature on a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HostCosignature {
    pub(crate) agency: AgencyId,
    pub(crate) key: KeyId,
    pub(crate) time_s: u64,
    pub(crate) signature: [u8; 64],
}

/// A checkpoint with a quorum of cosignatures, and the owner's own signature if it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignedCheckpoint {
    pub(crate) point: Point,
    pub(crate) height: u64,
    pub(crate) block: Hash,
    /// In which all of them cosigned.
    pub(crate) view: u32,
    /// Sorted by agency.
    pub(crate) cosignatures: Vec<HostCosignature>,
    pub(crate) log: Option<(KeyId, [u8; 64])>,
}

impl HostCosignature {
    /// Whether the agency's host key made it on this text.
    pub(crate) fn verifies(&self, epoch: &Epoch, text: &str) -> bool {
        let message = cosignature_message(text, self.time_s);
        epoch.signed(&self.agency, Purpose::Host, &self.key, &message, &self.signature)
    }
}

/// Whether the owner of a domain made its own signature on a checkpoint.
pub(crate) fn log_verifies(
    epoch: &Epoch,
    domain: Domain,
    (key, signature): &(KeyId, [u8; 64]),
    text: &str,
) -> bool {
    let owner = epoch.rules(domain).map(|rules| rules.owner);
    owner.is_some_and(|owner| epoch.signed(&owner, Purpose::Log, key, text.as_bytes(), signature))
}

impl SignedCheckpoint {
    pub(crate) fn text(&self, chain: &ChainId) -> String {
        self.point.text(chain, self.height, &self.block, self.view)
    }

    /// Whether a quorum of the domain's hosts signed, all of them validly.
    pub(crate) fn verifies(&self, chain: &ChainId, epoch: &Epoch) -> bool {
        let hosts = epoch.hosts(self.point.domain);
        let text = self.text(chain);
        let counted = self.cosignatures.iter().filter(|one| hosts.contains(&one.agency)).count();
        let each_once = hutong_ledger::canon::ascending(&self.cosignatures, |one| one.agency);
        each_once
            && counted >= quorum(hosts.len())
            && self.cosignatures.iter().all(|one| one.verifies(epoch, &text))
            && self.log.as_ref().is_none_or(|log| log_verifies(epoch, self.point.domain, log, &text))
    }

    /// The note as C2SP clients read it; the owner's signature first.
    pub(crate) fn note(&self, chain: &ChainId, epoch: &Epoch) -> Result<SignedNote, Malformed> {
        let mut note = SignedNote::new(self.text(chain))?;
        let domain = self.point.domain;
        let owner = epoch.rules(domain).map(|rules| rules.owner);
        if let (Some(owner), Some((key, signature))) = (owner, &self.log)
            && let Some(public) = epoch.key(&owner, Purpose::Log, key)
        {
            let key = VerifierKey::new(origin(chain, &domain), Algorithm::Ed25519, public)?;
            note.add(key.signature(signature));
        }
        for one in &self.cosignatures {
            if let Some(public) = epoch.key(&one.agency, Purpose::Host, &one.key) {
                let key = VerifierKey::new(host_name(chain, &one.agency), Algorithm::CosignatureV1, public)?;
                note.add(key.cosignature(one.time_s, &one.signature));
            }
        }
        Ok(note)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        let point = &self.point;
        w.text(point.domain.as_str()).u64(point.size).hash(&point.root).hash(&point.state);
        w.u64(self.height).hash(&self.block).u32(self.view);
        w.list(&self.cosignatures, |w, one| {
            w.text(one.agency.as_str()).raw(&one.key.0).u64(one.time_s).raw(&one.signature);
        });
        w.option(self.log.as_ref(), |w, (key, signature)| {
            w.raw(&key.0).raw(signature);
        });
        w.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, |r| {
            Ok(Self {
                point: Point { domain: r.parsed()?, size: r.u64()?, root: r.hash()?, state: r.hash()? },
                height: r.u64()?,
                block: r.hash()?,
                view: r.u32()?,
                cosignatures: r.list(AGENCIES_MAX, |r| {
                    Ok(HostCosignature {
                        agency: r.parsed()?,
                        key: KeyId(r.array()?),
                        time_s: r.u64()?,
                        signature: r.array()?,
                    })
                })?,
                log: r.option(|r| Ok((KeyId(r.array()?), r.array()?)))?,
            })
        })
    }
}

/// The signatures of a height's checkpoints as the agencies sent them.
pub(crate) fn by_agency(chain: ChainId, notes: &[SignedCheckpoint]) -> Vec<Cosigned> {
    let mut sent: BTreeMap<AgencyId, Cosigned> = BTreeMap::new();
    for note in notes {
        for one in &note.cosignatures {
            let SignedCheckpoint { point, height, block, view, .. } = note.clone();
            let (agency, key) = (one.agency, one.key);
            let cosigned = sent.entry(agency).or_insert(Cosigned {
                chain,
                agency,
                key,
                height,
                block,
                view,
                notes: vec![],
            });
            let Point { domain, size, root, state } = point;
            let (time_s, signature, log_signature) = (one.time_s, one.signature, note.log);
            cosigned.notes.push(Cosignature { domain, size, root, state, time_s, signature, log_signature });
        }
    }
    sent.into_values().collect()
}
