//! Erasure: destroying the keys of what a certificate names, and all that they encrypt.

use std::collections::BTreeSet;

use hutong_disclosure::records;
use hutong_ledger::id::RecordKey;
use hutong_peer::Position;
use hutong_store::Batch;
use hutong_wire::v1::disclosure::{Erasure, ErasureStatus};

use super::{
    Safe, of_keys, of_values,
    tables::{
        CIPHERTEXT, ERASED, Generation, RELEASES, STANDINGS, Standing, WRAPPED, end, item, name, value_parts,
    },
};
use crate::Error;

impl Safe {
    /// Applies a final certificate of erasure. To apply it again, or after what came later, changes nothing more.
    pub(crate) fn erase(&self, record: &RecordKey, erasure: &Erasure, at: Position) -> Result<(), Error> {
        let _alone = self.guard.write();
        let (keys, values) = (self.keys_now()?, self.values_now()?);
        let name = name(record);
        let person = records::person_of(&record.record);

        let (mut rows, mut destroyed) = (Vec::new(), BTreeSet::new());
        let standings = values.table(&STANDINGS).map_err(of_values)?;
        for standing in standings.between(&name, Some(&end(&name))).map_err(of_values)? {
            let (row, standing) = standing.map_err(of_values)?;
            let (generation, commitment) =
                value_parts(&row).ok_or(Error::Damaged { what: "the name of a value" })?;
            let named = erasure.fields.iter().any(|gone| gone.commitment[..] == commitment.0);
            // A person's data comes back no more; another record may be given new values, and those stay.
            if named || person.is_some() || !outlives(&standing, at) {
                destroyed.insert(generation);
            }
            rows.push((row, generation));
        }
        let kept: BTreeSet<Generation> =
            rows.iter().map(|(_, generation)| *generation).filter(|one| !destroyed.contains(one)).collect();

        let mut batch = Batch::default();
        let items = item::keys(&name);
        let wrapped = keys.table(&WRAPPED).map_err(of_keys)?;
        for row in wrapped.between(&items, Some(&end(&items))).map_err(of_keys)? {
            let (item, _) = row.map_err(of_keys)?;
            if item::key_parts(&item).is_none_or(|(_, generation)| !kept.contains(&generation)) {
                batch.delete(&WRAPPED, &item);
            }
        }
        if let Some(handle) = person.filter(|_| erasure.handle_destroyed) {
            self.forget_person(&keys, record.domain, &handle, &mut batch)?;
        }
        match erasure.status() {
            // Whatever wrapped its keys was made no later than the key that wraps now.
            ErasureStatus::Erased => batch.put(&ERASED, &name, &self.kek.current()),
            ErasureStatus::Unrecoverable | ErasureStatus::Unspecified => batch.delete(&ERASED, &name),
        }
        // The keys first: from here on nothing opens what is deleted next.
        self.write_keys(batch)?;

        let mut batch = Batch::default();
        for (row, _) in rows.iter().filter(|(_, generation)| destroyed.contains(generation)) {
            batch.delete(&CIPHERTEXT, row);
            batch.delete(&STANDINGS, row);
        }
        let releases = values.table(&RELEASES).map_err(of_values)?;
        for release in releases.between(&name, Some(&end(&name))).map_err(of_values)? {
            batch.delete(&RELEASES, &release.map_err(of_values)?.0);
        }
        self.write_values(batch)
    }
}

/// Whether a value is none of those that stood before the erasure.
fn outlives(standing: &Standing, at: Position) -> bool {
    standing.settled.is_none_or(|settled| settled > at)
}
