//! Judging notes under an epoch: whose keys may sign, whether they did, and whether they are enough.

use std::collections::BTreeSet;

use crate::{
    epoch::{Epoch, Purpose, faults, quorum},
    id::{AgencyId, ChainId, Domain},
    note::{Algorithm, Checkpoint, NoteSignature, SignedNote, VerifierKey, host_name, origin},
};

use super::verify::{Fault, Standing, VerifyError};

/// Who cosigned a note, and when the quorum was complete.
pub(super) struct Cosigned {
    hosts: Vec<AgencyId>,
    cosigners: Vec<AgencyId>,
    time_s: u64,
    checkpoint: Checkpoint,
}

/// Judges notes under an epoch.
pub(crate) struct Court<'a> {
    pub(crate) chain: &'a ChainId,
    pub(crate) epoch: &'a Epoch,
    pub(crate) part: Fault,
}

impl Court<'_> {
    pub(super) fn height(&self, found: u64, wanted: u64) -> Result<(), VerifyError> {
        if found == wanted { Ok(()) } else { Err(VerifyError::Height { part: self.part, found, wanted }) }
    }

    /// Judges a domain's note and membership's: a quorum each, of the same block.
    pub(crate) fn both(
        &self,
        domain: Domain,
        note: &SignedNote,
        membership: &SignedNote,
    ) -> Result<Standing, VerifyError> {
        let own = self.note(domain, note)?;
        let all = self.note(Domain::MEMBERSHIP, membership)?;
        self.height(all.checkpoint.height, own.checkpoint.height)?;
        if own.checkpoint.block != all.checkpoint.block {
            return Err(VerifyError::Block { part: self.part, domain });
        }
        if own.checkpoint.view != all.checkpoint.view {
            return Err(VerifyError::View { part: self.part, domain });
        }
        // For membership itself the two are the same note.
        if domain == Domain::MEMBERSHIP && own.checkpoint != all.checkpoint {
            return Err(VerifyError::Block { part: self.part, domain });
        }
        Ok(Standing {
            epoch: self.epoch.number,
            quorum: quorum(own.hosts.len()),
            tolerated_faults: faults(own.hosts.len()),
            hosts: own.hosts,
            cosigners: own.cosigners,
            validating: all.hosts.len(),
            validating_quorum: quorum(all.hosts.len()),
            validating_tolerated_faults: faults(all.hosts.len()),
            validating_cosigners: all.cosigners,
            time_s: own.time_s,
        })
    }

    /// The one host of a domain that cosigned a note, if exactly one did and nobody else signed it.
    pub(crate) fn host(&self, domain: Domain, note: &SignedNote) -> Result<Option<AgencyId>, VerifyError> {
        let part = self.part;
        let (keys, owners) = self.keys(domain, &self.epoch.hosts(domain))?;
        let signed = note.verify(&keys).map_err(|source| VerifyError::Signature { part, domain, source })?;
        let [one] = signed.as_slice() else { return Ok(None) };
        if note.signatures().len() != 1 || one.time_s.is_none() {
            return Ok(None);
        }
        Ok(keys.iter().position(|key| key == one.key).and_then(|at| owners[at]))
    }

    /// Judges a note: of this domain, signed by nobody unknown, validly, by a quorum of the hosts.
    pub(super) fn note(&self, domain: Domain, note: &SignedNote) -> Result<Cosigned, VerifyError> {
        let part = self.part;
        let checkpoint: Checkpoint =
            note.text().parse().map_err(|_| VerifyError::Checkpoint { part, domain })?;
        let wanted = origin(self.chain, &domain);
        if checkpoint.origin != wanted {
            return Err(VerifyError::Origin { part, found: checkpoint.origin, wanted });
        }
        let hosts = self.epoch.hosts(domain);
        let (keys, owners) = self.keys(domain, &hosts)?;
        let known = |name: &str, id| keys.iter().any(|key| key.name() == name && key.key_id() == id);
        if let Some(unknown) = note.signatures().iter().find(|s| !known(s.name(), s.key_id())) {
            let name = unknown.name().to_owned();
            return Err(VerifyError::UnknownSigner { part, domain, name });
        }
        let signed = note.verify(&keys).map_err(|source| VerifyError::Signature { part, domain, source })?;
        // Whoever signed twice signed one of them for nothing; the document is not as it was made.
        if signed.len() != note.signatures().len() {
            let named = |s: &NoteSignature| (s.name().to_owned(), s.key_id());
            let mut seen = BTreeSet::new();
            let twice = note.signatures().iter().find(|s| !seen.insert(named(s)));
            let name = twice.map(|s| s.name().to_owned()).unwrap_or_default();
            return Err(VerifyError::SignedTwice { part, domain, name });
        }
        let mut cosigners: Vec<(u64, AgencyId)> = Vec::new();
        for one in &signed {
            let at = keys.iter().position(|key| key == one.key);
            if let (Some(Some(agency)), Some(time_s)) = (at.map(|at| owners[at]), one.time_s) {
                cosigners.push((time_s, agency));
            }
        }
        let needed = quorum(hosts.len());
        if cosigners.len() < needed || needed == 0 {
            let cosigned = cosigners.len();
            return Err(VerifyError::Quorum { part, domain, cosigned, hosts: hosts.len(), quorum: needed });
        }
        cosigners.sort_unstable();
        let time_s = cosigners[needed - 1].0;
        let mut cosigners: Vec<AgencyId> = cosigners.into_iter().map(|(_, agency)| agency).collect();
        cosigners.sort_unstable();
        Ok(Cosigned { hosts, cosigners, time_s, checkpoint })
    }

    /// The keys that may sign a domain's notes, and for host keys whose they are.
    fn keys(
        &self,
        domain: Domain,
        hosts: &[AgencyId],
    ) -> Result<(Vec<VerifierKey>, Vec<Option<AgencyId>>), VerifyError> {
        let rules = self.epoch.rules(domain).ok_or(VerifyError::Domain { part: self.part, domain })?;
        let unusable = |error: crate::canon::Malformed| VerifyError::Trust(error.to_string());
        let (mut keys, mut owners) = (Vec::new(), Vec::new());
        for host in hosts {
            let held = self.epoch.agency(host).into_iter().flat_map(|agency| &agency.keys);
            for key in held.filter(|key| key.purpose == Purpose::Host) {
                let name = host_name(self.chain, host);
                keys.push(VerifierKey::new(name, Algorithm::CosignatureV1, key.public).map_err(unusable)?);
                owners.push(Some(*host));
            }
        }
        let held = self.epoch.agency(&rules.owner).into_iter().flat_map(|agency| &agency.keys);
        for key in held.filter(|key| key.purpose == Purpose::Log) {
            let name = origin(self.chain, &domain);
            keys.push(VerifierKey::new(name, Algorithm::Ed25519, key.public).map_err(unusable)?);
            owners.push(None);
        }
        Ok((keys, owners))
    }
}
