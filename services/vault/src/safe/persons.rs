//! Persons: a random handle per person and domain, found by a tag that only this vault can make.

use hutong_disclosure::ResidentId;
use hutong_keys::random_bytes;
use hutong_ledger::id::Domain;
use hutong_peer::vault::Handle;
use hutong_store::{Batch, Snapshot};

use super::{
    Safe, of_keys, secret,
    tables::{WRAPPED, item},
};
use crate::Error;

impl Safe {
    /// The person's handle in the domain, and whether it was made now.
    pub(crate) fn find_or_make_person(
        &self,
        domain: Domain,
        id: &ResidentId,
    ) -> Result<(Handle, bool), Error> {
        let tag = self.tag(domain, id);
        {
            let _reading = self.guard.read();
            if let Some(handle) = self.handle(&self.keys_now()?, &tag)? {
                return Ok((handle, false));
            }
        }
        let _alone = self.guard.write();
        if let Some(handle) = self.handle(&self.keys_now()?, &tag)? {
            return Ok((handle, false));
        }
        let handle: Handle = random_bytes()?;
        let (person, back) = (item::person(&tag), item::tag(domain, &handle));
        let mut batch = Batch::default();
        batch.put(&WRAPPED, &person, &self.wrap(&person, &handle)?);
        batch.put(&WRAPPED, &back, &self.wrap(&back, &tag)?);
        self.write_keys(batch)?;
        Ok((handle, true))
    }

    /// The person's handle in the domain, if there is one.
    pub(crate) fn find_person(&self, domain: Domain, id: &ResidentId) -> Result<Option<Handle>, Error> {
        let tag = self.tag(domain, id);
        let _reading = self.guard.read();
        self.handle(&self.keys_now()?, &tag)
    }

    /// What is deleted so that nobody finds the person by the handle, or the handle by the person.
    pub(super) fn forget_person(
        &self,
        keys: &Snapshot,
        domain: Domain,
        handle: &Handle,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let back = item::tag(domain, handle);
        let Some(row) = keys.get(&WRAPPED, &back).map_err(of_keys)? else { return Ok(()) };
        let tag = self.unwrap(&back, &row)?;
        batch.delete(&WRAPPED, &item::person(&*secret(&tag, "a person's tag")?));
        batch.delete(&WRAPPED, &back);
        Ok(())
    }

    fn handle(&self, keys: &Snapshot, tag: &[u8; 32]) -> Result<Option<Handle>, Error> {
        let person = item::person(tag);
        let Some(row) = keys.get(&WRAPPED, &person).map_err(of_keys)? else { return Ok(None) };
        let handle = self.unwrap(&person, &row)?;
        Ok(Some(*secret(&handle, "a person's handle")?))
    }

    /// Other domains have other tags: nobody who reads the stores can join them.
    fn tag(&self, domain: Domain, id: &ResidentId) -> [u8; 32] {
        self.finder.tag(&[domain.as_str().as_bytes(), &[0], id.expose().as_bytes()])
    }
}
