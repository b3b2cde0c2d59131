//! Cosignatures, and when a height is final.

use hutong_ledger::{
    epoch::{Purpose, faults},
    id::KeyId,
    invariant::Invariant,
    note::cosignature_message,
};
use hutong_peer::agency::{Cosignature, Cosigned};

use super::{Action, Core, Finalized, Now, Release, slot::Slot};
use crate::{
    Error,
    archive::{FinalRecord, Record},
    checkpoint::{HostCosignature, Point, SignedCheckpoint},
};

impl Core {
    /// Cosignatures from outside; `cosigned.agency` is the agency that the subject belongs to.
    pub(crate) fn hear_cosigned(&mut self, cosigned: Cosigned, now: Now) -> Result<(), Error> {
        let height = cosigned.height;
        let own = cosigned.agency == self.identity.agency;
        if cosigned.chain == self.identity.chain && self.listens(height) && !own {
            self.heard.entry(height).or_default().cosigned(cosigned);
            self.advance(now)?;
        }
        Ok(())
    }

    /// Cosigns the block in a slot once it is certified and its roots are known, and counts what others signed.
    pub(super) fn cosign(&mut self, at: usize, now: Now) -> Result<(), Error> {
        if self.slots[at].points.is_none() {
            return Ok(());
        }
        if self.slots[at].own.is_none() {
            self.recognise(at)?;
        }
        let slot = &self.slots[at];
        if let (Some(points), Some(certificate), None) = (&slot.points, &slot.certificate, &slot.own)
            && self.identity.signs(&slot.epoch)
            && self.commitments.may_cosign(slot.height(), certificate.view).is_ok()
        {
            let cosigned = self.sign(slot, points, now);
            let position = self.append(Record::Cosigned(cosigned.clone()));
            self.slots[at].own = Some((cosigned.clone(), position));
            self.release_at(position, Release::Cosigned(cosigned));
        }
        self.count_heard(at)
    }

    fn sign(&self, slot: &Slot, points: &[Point], now: Now) -> Cosigned {
        let (chain, height, block) = (self.identity.chain, slot.height(), slot.block.hash);
        let time_s = now.unix_ms / 1000;
        let notes = points.iter().map(|point| {
            let text = point.text(&chain, height, &block);
            let rules = slot.epoch.rules(point.domain).filter(|rules| rules.owner == self.identity.agency);
            let log_signature = rules.and_then(|rules| {
                self.identity.logs.iter().find_map(|key| {
                    let id = KeyId::of(key.public().as_bytes());
                    slot.epoch.key(&rules.owner, Purpose::Log, &id).map(|_| (id, key.sign(text.as_bytes())))
                })
            });
            Cosignature {
                domain: point.domain,
                size: point.size,
                root: point.root,
                state: point.state,
                time_s,
                signature: self.identity.host.sign(&cosignature_message(&text, time_s)),
                log_signature,
            }
        });
        let notes = notes.collect();
        Cosigned { chain, agency: self.identity.agency, key: self.identity.key_id(), height, block, notes }
    }

    /// What was signed or final in an earlier life must come out the same again; it is not signed anew.
    fn recognise(&mut self, at: usize) -> Result<(), Error> {
        let slot = &mut self.slots[at];
        let (height, hash) = (slot.height(), slot.block.hash);
        let Some(points) = slot.points.clone() else { return Ok(()) };
        let same = |earlier: Option<Point>, point: &Point| {
            if earlier == Some(*point) {
                return Ok(());
            }
            let reason = format!("earlier this agency had {earlier:?}, now it comes to {point:?}");
            Err(Error::Broken { invariant: Invariant::Same, height, domain: point.domain, reason })
        };
        if let Some(record) = self.known.finals.get(&height) {
            if record.block != hash {
                return Err(Error::Forked { height, own: record.block, other: hash });
            }
            for point in points.iter() {
                let note = record.notes.iter().find(|note| note.point.domain == point.domain);
                same(note.map(|note| note.point), point)?;
                let Some(note) = note else { continue };
                let signed = note.cosignatures.iter().map(|one| (one.agency, *one)).collect();
                slot.cosigners.insert(point.domain, signed);
                slot.log_signatures.extend(note.log.map(|log| (point.domain, log)));
            }
        }
        if let Some((cosigned, position)) = self.known.cosigned.get(&(height, hash)).cloned() {
            for point in points.iter() {
                let note = cosigned.notes.iter().find(|note| note.domain == point.domain);
                same(note.map(Point::of), point)?;
            }
            slot.own = Some((cosigned.clone(), position));
            self.release_at(position, Release::Cosigned(cosigned));
        }
        Ok(())
    }

    /// Counts this agency's own cosignatures: durable now.
    pub(super) fn count_own(&mut self, cosigned: &Cosigned) {
        let above = cosigned.height.checked_sub(self.base.header.height + 1);
        let slot = above.and_then(|above| self.slots.get_mut(usize::try_from(above).ok()?));
        if let Some(slot) = slot.filter(|slot| slot.block.hash == cosigned.block) {
            for note in &cosigned.notes {
                slot.count(cosigned, note);
            }
        }
    }

    /// Checks and counts what others signed for the block in a slot.
    fn count_heard(&mut self, at: usize) -> Result<(), Error> {
        let chain = self.identity.chain;
        let slot = &mut self.slots[at];
        let (height, hash) = (slot.height(), slot.block.hash);
        let (Some(points), Some(heard)) = (slot.points.clone(), self.heard.get_mut(&height)) else {
            return Ok(());
        };
        let mut evidence = Vec::new();
        for held in heard.cosigned.values_mut() {
            for cosigned in held.extract_if(.., |cosigned| cosigned.block == hash) {
                for note in &cosigned.notes {
                    let Some(own) = points.iter().find(|point| point.domain == note.domain) else { continue };
                    let theirs = Point::of(note);
                    let cosignature = host_cosignature(&cosigned, note);
                    if !cosignature.verifies(&slot.epoch, &theirs.text(&chain, height, &hash)) {
                        continue;
                    }
                    if theirs == *own {
                        slot.count(&cosigned, note);
                    } else {
                        slot.differing.entry(own.domain).or_default().push(cosigned.agency);
                        evidence.push(format!(
                            "{} signed {theirs:?} at height {height} where this agency has {own:?}",
                            cosigned.agency
                        ));
                    }
                }
            }
        }
        let differing = slot.differing.iter().find(|(domain, agencies)| {
            let hosts = slot.epoch.hosts(**domain);
            hosts.iter().filter(|host| agencies.contains(host)).count() > faults(hosts.len())
        });
        // More differ than may be faulty: an honest one is among them, so this agency may well be the one at fault.
        let broken = differing.map(|(domain, agencies)| Error::Broken {
            invariant: Invariant::Same,
            height,
            domain: *domain,
            reason: format!("{agencies:?} came to other roots: {}", evidence.join("; ")),
        });
        for evidence in evidence {
            self.violation(Invariant::Same, evidence);
        }
        broken.map_or(Ok(()), Err)
    }

    /// Makes heights final from the lowest up, as far as quorums go. The block itself must be durable here: what
    /// this agency tells as final it can show after any crash.
    pub(super) fn settle(&mut self) {
        while let Some(slot) = self.slots.front()
            && slot.certificate.is_some()
            && slot.has_quorum()
            && slot.position <= self.durable
        {
            let Some(slot) = self.slots.pop_front() else { return };
            self.finalize(slot);
        }
    }

    fn finalize(&mut self, slot: Slot) {
        let (height, block) = (slot.height(), slot.block.hash);
        let Some(certificate) = slot.certificate.clone() else { return };
        let notes = slot.signed_checkpoints();
        if !self.known.finals.contains_key(&height) {
            self.append(Record::Final(FinalRecord { height, block, notes: notes.clone() }));
        }
        self.base.header = slot.block.proposal.header.clone();
        self.base.hash = block;
        if let Some(next) = &slot.block.next_epoch {
            self.epoch = next.clone();
        }
        self.commitments.forget_below(height);
        self.known.forget_below(height + 1);
        self.heard = self.heard.split_off(&(height + 1));
        self.actions.push(Action::Finalize(Box::new(Finalized {
            block: slot.block,
            certificate,
            notes,
            cosigned: slot.own.map(|(cosigned, _)| cosigned),
            position: slot.position,
            epoch: self.epoch.clone(),
        })));
    }

    /// The agency's own cosignatures above the final state from a height on that are outside already.
    pub(crate) fn own_cosigned(&self, from: u64) -> Vec<Cosigned> {
        let slots = self.slots.iter().filter(|slot| slot.height() >= from);
        let own = slots.filter_map(|slot| slot.own.as_ref());
        own.filter(|(_, position)| *position <= self.durable).map(|(cosigned, _)| cosigned.clone()).collect()
    }
}

fn host_cosignature(cosigned: &Cosigned, note: &Cosignature) -> HostCosignature {
    HostCosignature {
        agency: cosigned.agency,
        key: cosigned.key,
        time_s: note.time_s,
        signature: note.signature,
    }
}

impl Slot {
    /// Counts a cosignature on this slot's own point that was checked.
    fn count(&mut self, cosigned: &Cosigned, note: &Cosignature) {
        let cosignature = host_cosignature(cosigned, note);
        self.cosigners.entry(note.domain).or_default().insert(cosigned.agency, cosignature);
        if let Some(log) = note.log_signature {
            self.log_signatures.entry(note.domain).or_insert(log);
        }
    }

    fn signed_checkpoints(&self) -> Vec<SignedCheckpoint> {
        let points = self.points.as_deref().unwrap_or_default();
        let notes = points.iter().map(|point| SignedCheckpoint {
            point: *point,
            height: self.height(),
            block: self.block.hash,
            cosignatures: self.counted(point.domain),
            log: self.log_signatures.get(&point.domain).copied(),
        });
        notes.collect()
    }

    /// The cosignatures of hosts that count.
    fn counted(&self, domain: hutong_ledger::id::Domain) -> Vec<HostCosignature> {
        let hosts = self.epoch.hosts(domain);
        let signed = self.cosigners.get(&domain).into_iter().flat_map(|signed| signed.values());
        signed.filter(|one| hosts.contains(&one.agency)).copied().collect()
    }
}
