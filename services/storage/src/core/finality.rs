//! Cosignatures, and when a height is final.

use hutong_ledger::{
    epoch::{Purpose, faults},
    id::{ChainId, Domain, KeyId},
    invariant::Invariant,
    note::cosignature_message,
};
use hutong_peer::agency::{Cosignature, Cosigned};

use super::{
    Action, Charge, Core, Finalized, Now, OtherRoots, Release,
    slot::{LogSignature, Slot},
};
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
        if self.slots[at].own.is_empty() {
            self.recognise(at)?;
        }
        let slot = &self.slots[at];
        if let (Some(points), Some(certificate)) = (&slot.points, &slot.certificate)
            && !slot.own.contains_key(&certificate.view)
            && self.identity.signs(&slot.epoch)
            && self.commitments.may_cosign(slot.height(), certificate.view).is_ok()
        {
            let view = certificate.view;
            let cosigned = self.sign(slot, points, view, now);
            let position = self.append(Record::Cosigned(cosigned.clone()));
            self.slots[at].own.insert(view, (cosigned.clone(), position));
            self.release_at(position, Release::Cosigned(cosigned));
        }
        self.count_heard(at)
    }

    fn sign(&self, slot: &Slot, points: &[Point], view: u32, now: Now) -> Cosigned {
        let (chain, height, block) = (self.identity.chain, slot.height(), slot.block.hash);
        let time_s = now.unix_ms / 1000;
        let notes = points.iter().map(|point| {
            let text = point.text(&chain, height, &block, view);
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
        let (agency, key) = (self.identity.agency, self.identity.key_id());
        Cosigned { chain, agency, key, height, block, view, notes }
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
                let signed = slot.signed.entry(note.view).or_default();
                let by = note.cosignatures.iter().map(|one| (one.agency, *one)).collect();
                signed.cosigners.insert(point.domain, by);
                signed.logs.extend(note.log.map(|log| (point.domain, log)));
            }
        }
        let known = self.known.cosigned.range((height, 0)..=(height, u32::MAX)).map(|(_, held)| held);
        for (cosigned, position) in known.filter(|(cosigned, _)| cosigned.block == hash) {
            for point in points.iter() {
                let note = cosigned.notes.iter().find(|note| note.domain == point.domain);
                same(note.map(Point::of), point)?;
            }
            slot.own.insert(cosigned.view, (cosigned.clone(), *position));
            self.releases.push_back((*position, Release::Cosigned(cosigned.clone())));
        }
        Ok(())
    }

    /// Counts this agency's own cosignatures: durable now.
    pub(super) fn count_own(&mut self, cosigned: &Cosigned) {
        let above = cosigned.height.checked_sub(self.base.header.height + 1);
        let slot = above.and_then(|above| self.slots.get_mut(usize::try_from(above).ok()?));
        if let Some(slot) = slot.filter(|slot| slot.block.hash == cosigned.block) {
            for note in &cosigned.notes {
                slot.count(cosigned, note, note.log_signature);
            }
        }
    }

    /// Another agency's cosignatures, passed on by a third that has the height as final. They are checked at once or
    /// dropped, so that whoever passes on rubbish takes nobody's place.
    pub(crate) fn hear_relayed(&mut self, cosigned: &Cosigned, now: Now) -> Result<(), Error> {
        let chain = self.identity.chain;
        let above = cosigned.height.checked_sub(self.base.header.height + 1);
        let slot = above.and_then(|above| self.slots.get_mut(usize::try_from(above).ok()?));
        let Some(slot) = slot.filter(|slot| cosigned.chain == chain && slot.block.hash == cosigned.block)
        else {
            return Ok(());
        };
        for note in &cosigned.notes {
            let own = slot.points.iter().flat_map(|points| points.iter()).any(|own| *own == Point::of(note));
            if own && slot.verifies(&chain, cosigned, note) {
                slot.count(cosigned, note, slot.log_signature(&chain, cosigned, note));
            }
        }
        self.advance(now)
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
                    if !slot.verifies(&chain, &cosigned, note) {
                        continue;
                    }
                    if theirs == *own {
                        slot.count(&cosigned, note, slot.log_signature(&chain, &cosigned, note));
                    } else {
                        slot.differing.entry(own.domain).or_default().push(cosigned.agency);
                        slot.dissent.push(SignedCheckpoint {
                            point: theirs,
                            height,
                            block: hash,
                            view: cosigned.view,
                            cosignatures: vec![host_cosignature(&cosigned, note)],
                            log: None,
                        });
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
            && let Some(view) = slot.final_view()
            && slot.position <= self.durable
        {
            let Some(slot) = self.slots.pop_front() else { return };
            self.finalize(slot, view);
        }
    }

    fn finalize(&mut self, slot: Slot, view: u32) {
        let (height, block) = (slot.height(), slot.block.hash);
        let Some(certificate) = slot.certificate.clone() else { return };
        let notes = slot.signed_checkpoints(view);
        if !self.known.finals.contains_key(&height) {
            self.append(Record::Final(FinalRecord { height, block, notes: notes.clone() }));
        }
        self.convict(&slot.dissent, &notes);
        self.base.header = slot.block.proposal.header.clone();
        self.base.hash = block;
        self.base_seen_ms = Some(slot.seen_ms);
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
            position: slot.position,
            epoch: self.epoch.clone(),
        })));
    }

    /// Now that a quorum stands for a result, whoever signed another is shown to have.
    fn convict(&mut self, dissent: &[SignedCheckpoint], notes: &[SignedCheckpoint]) {
        let of = |domain| notes.iter().find(|note| note.point.domain == domain);
        for signed in dissent {
            if let (Some(quorum), Some(membership)) = (of(signed.point.domain), of(Domain::MEMBERSHIP)) {
                let other = OtherRoots {
                    signed: signed.clone(),
                    quorum: quorum.clone(),
                    membership: membership.clone(),
                };
                self.actions.push(Action::Convict(Charge::OtherRoots(Box::new(other))));
            }
        }
    }

    /// The agency's own cosignatures above the final state from a height on that are outside already.
    pub(crate) fn own_cosigned(&self, from: u64) -> Vec<Cosigned> {
        let slots = self.slots.iter().filter(|slot| slot.height() >= from);
        let own = slots.flat_map(|slot| slot.own.values());
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
    fn text(&self, chain: &ChainId, cosigned: &Cosigned, note: &Cosignature) -> String {
        Point::of(note).text(chain, self.height(), &self.block.hash, cosigned.view)
    }

    fn verifies(&self, chain: &ChainId, cosigned: &Cosigned, note: &Cosignature) -> bool {
        host_cosignature(cosigned, note).verifies(&self.epoch, &self.text(chain, cosigned, note))
    }

    /// The signature of the domain's owner, if it came along and is right.
    fn log_signature(
        &self,
        chain: &ChainId,
        cosigned: &Cosigned,
        note: &Cosignature,
    ) -> Option<LogSignature> {
        let (key, signature) = note.log_signature?;
        let owner = self.epoch.rules(note.domain)?.owner;
        let text = self.text(chain, cosigned, note);
        let right = self.epoch.signed(&owner, Purpose::Log, &key, text.as_bytes(), &signature);
        right.then_some((key, signature))
    }

    /// Counts a cosignature on this slot's own point that was checked, as the owner's signature with it was.
    fn count(&mut self, cosigned: &Cosigned, note: &Cosignature, log: Option<LogSignature>) {
        let cosignature = host_cosignature(cosigned, note);
        let signed = self.signed.entry(cosigned.view).or_default();
        signed.cosigners.entry(note.domain).or_default().insert(cosigned.agency, cosignature);
        if let Some(log) = log {
            signed.logs.insert(note.domain, log);
        }
    }

    fn signed_checkpoints(&self, view: u32) -> Vec<SignedCheckpoint> {
        let points = self.points.as_deref().unwrap_or_default();
        let signed = self.signed.get(&view);
        let notes = points.iter().map(|point| {
            let hosts = self.epoch.hosts(point.domain);
            let by = signed.and_then(|signed| signed.cosigners.get(&point.domain));
            let counted = by.into_iter().flat_map(|by| by.values()).filter(|one| hosts.contains(&one.agency));
            SignedCheckpoint {
                point: *point,
                height: self.height(),
                block: self.block.hash,
                view,
                cosignatures: counted.copied().collect(),
                log: signed.and_then(|signed| signed.logs.get(&point.domain)).copied(),
            }
        });
        notes.collect()
    }
}
