//! Backup and restore. A backup has ciphertext and wrapped keys, and nothing that opens them: without the
//! key-encryption key it tells nothing, and when that is destroyed it is worth nothing. So back up after each rotation.
//!
//! A backup is written row by row, so that pages which once held what was erased are not in it.

use std::{
    fs::{self, File},
    path::Path,
};

use hutong_store::{Batch, Form, Options, Snapshot, Store, Table};

use super::{
    CURSOR, KEYS, KEYS_FORM, Safe, VALUES, VALUES_FORM, of_keys, of_values,
    tables::{ALL_KEYS, ALL_VALUES, STATE},
};
use crate::{Error, kek::SharedKeys};

/// Written at a time.
const BATCH_BYTES: usize = 4 << 20;

impl Safe {
    /// Writes a backup as of one moment into a folder that must not exist yet.
    pub(crate) fn backup(&self, folder: &Path) -> Result<(), Error> {
        let (keys, values) = {
            let _alone = self.guard.write();
            (self.keys_now()?, self.values_now()?)
        };
        write(&keys, &values, folder)
    }
}

/// The same of a vault that does not run: nobody else may have its stores open. It needs none of its keys.
pub(crate) fn of_stopped(vault: &Path, folder: &Path) -> Result<(), Error> {
    for file in [KEYS, VALUES] {
        if !vault.join(file).exists() {
            return Err(Error::NoVault { path: vault.join(file) });
        }
    }
    let open =
        |file, form| Store::open(&vault.join(file), Options { form: Some(form), ..Options::default() });
    let (keys, values) = (open(KEYS, KEYS_FORM), open(VALUES, VALUES_FORM));
    let (keys, values) = (keys.map_err(of_keys)?, values.map_err(of_values)?);
    write(&keys.snapshot().map_err(of_keys)?, &values.snapshot().map_err(of_values)?, folder)
}

fn write(keys: &Snapshot, values: &Snapshot, folder: &Path) -> Result<(), Error> {
    if folder.exists() {
        return Err(Error::Exists { path: folder.to_owned() });
    }
    // Under its own name only when it is whole.
    let unfinished = folder.with_extension("tmp");
    let failed = |action| move |source| Error::Io { path: folder.to_owned(), action, source };
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(failed("remove what was left of an earlier try"))?;
    }
    fs::create_dir_all(&unfinished).map_err(failed("make it"))?;
    copy(keys, &ALL_KEYS, &unfinished.join(KEYS), KEYS_FORM, of_keys)?;
    copy(values, &ALL_VALUES, &unfinished.join(VALUES), VALUES_FORM, of_values)?;
    fs::rename(&unfinished, folder).map_err(failed("write it"))?;
    sync_parent(folder)
}

/// Makes a vault's stores from a backup, in a folder that has none, if the keys are there that open it. The vault then
/// applies everything that is final from the start of the ledger before it serves, erasures with it, however old either
/// store of the backup is.
pub(crate) fn restore(backup: &Path, folder: &Path, kek: &SharedKeys) -> Result<(), Error> {
    let failed = |action| move |source| Error::Io { path: folder.to_owned(), action, source };
    for file in [KEYS, VALUES] {
        if !backup.join(file).exists() {
            return Err(Error::NoBackup { path: backup.join(file) });
        }
    }
    fs::create_dir_all(folder).map_err(failed("make it"))?;
    for file in [KEYS, VALUES] {
        if folder.join(file).exists() {
            return Err(Error::Exists { path: folder.join(file) });
        }
    }
    let unfinished = |file: &str| folder.join(file).with_extension("tmp");
    for file in [VALUES, KEYS] {
        fs::copy(backup.join(file), unfinished(file)).map_err(failed("copy the backup into it"))?;
    }
    {
        let options = Options { form: Some(KEYS_FORM), ..Options::default() };
        let keys = Store::open(&unfinished(KEYS), options).map_err(of_keys)?;
        super::finder(&keys.snapshot().map_err(of_keys)?, kek)?
            .ok_or(Error::NoBackup { path: backup.join(KEYS) })?;
        let mut batch = Batch::default();
        batch.delete(&STATE, &CURSOR.to_vec());
        keys.write_synced(batch).map_err(of_keys)?;
    }
    for file in [VALUES, KEYS] {
        let made = unfinished(file);
        File::open(&made).and_then(|file| file.sync_all()).map_err(failed("sync it"))?;
        fs::rename(&made, folder.join(file)).map_err(failed("write it"))?;
        sync_parent(&folder.join(file))?;
    }
    Ok(())
}

fn copy(
    from: &Snapshot,
    tables: &[&'static str],
    to: &Path,
    form: Form,
    failed: impl Fn(hutong_store::Error) -> Error,
) -> Result<(), Error> {
    let options = Options { cache_bytes: 1 << 20, form: Some(form), ..Options::default() };
    let store = Store::open(to, options).map_err(&failed)?;
    let mut batch = Batch::default();
    for name in tables {
        let table = Table::<Vec<u8>, Vec<u8>>::new(name);
        for row in from.table(&table).map_err(&failed)?.between(&[], None).map_err(&failed)? {
            let (key, value) = row.map_err(&failed)?;
            batch.put(&table, &key, &value);
            if batch.bytes() >= BATCH_BYTES {
                store.write_synced(std::mem::take(&mut batch)).map_err(&failed)?;
            }
        }
    }
    store.write_synced(batch).map_err(&failed)
}

fn sync_parent(path: &Path) -> Result<(), Error> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = File::open(parent).and_then(|folder| folder.sync_all());
    synced.map_err(|source| Error::Io { path: parent.to_owned(), action: "sync it", source })
}
