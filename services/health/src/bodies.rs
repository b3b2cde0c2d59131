//! The bodies that the service keeps to search and show them: a file of its own, each body sealed (AES-256-GCM) under the
//! key beside it. What the vault has is the truth; this is what lets a search not ask it for every resource.
//!
//! Erasure: the bodies are taken out, and the file is written anew under a fresh key while the old file and key are
//! deleted, so that no page of the old one opens again.

use std::{
    collections::HashMap,
    fmt, fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use hutong_keys::{aead::AeadKey, random_bytes};
use hutong_ledger::hash::Hash;
use hutong_store::{Batch, Form, Options, Store, Table};
use parking_lot::RwLock;

use crate::error::BodiesError as Error;

const BODIES: Table<[u8; 32], Vec<u8>> = Table::new("bodies");
/// Pages in memory: bodies are read one at a time.
const FORM: Form = Form { name: "health bodies", version: 1 };
const CACHE_BYTES: usize = 32 << 20;
/// How many bodies are copied at a time.
const COPIED: usize = 500;

/// The bodies by their commitments. Cheap to clone.
#[derive(Clone)]
pub struct Bodies(Arc<RwLock<Kept>>);

enum Kept {
    Memory(HashMap<Hash, Arc<str>>),
    File(Box<File>),
}

struct File {
    dir: PathBuf,
    generation: u64,
    store: Store,
    aead: AeadKey,
}

impl fmt::Debug for Bodies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bodies")
    }
}

impl Bodies {
    /// In memory alone: for tests, and for a city that is not kept.
    pub fn memory() -> Self {
        Self(Arc::new(RwLock::new(Kept::Memory(HashMap::new()))))
    }

    /// In a folder, which has to exist.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let generations = generations(dir)?;
        let generation = generations.iter().max().copied().unwrap_or(0);
        if generations.is_empty() {
            write_key(dir, generation)?;
        }
        let file = File::open(dir, generation)?;
        file.remove_others()?;
        Ok(Self(Arc::new(RwLock::new(Kept::File(Box::new(file))))))
    }

    /// Keeps bodies; they are on the disk when this returns.
    pub fn put(&self, bodies: &[(Hash, Arc<str>)]) -> Result<(), Error> {
        // Shared while a file takes them: only its renewal must wait for those that are on their way.
        if let Kept::File(file) = &*self.0.read() {
            return file.put(bodies.iter().map(|(hash, body)| (hash.0, &**body)));
        }
        if let Kept::Memory(kept) = &mut *self.0.write() {
            kept.extend(bodies.iter().cloned());
        }
        Ok(())
    }

    pub fn get(&self, commitment: &Hash) -> Result<Option<Arc<str>>, Error> {
        match &*self.0.read() {
            Kept::Memory(kept) => Ok(kept.get(commitment).cloned()),
            Kept::File(file) => file.get(commitment),
        }
    }

    pub fn has(&self, commitment: &Hash) -> Result<bool, Error> {
        Ok(self.get(commitment)?.is_some())
    }

    /// Destroys bodies: what is left is written anew under a fresh key.
    pub fn destroy(&self, commitments: &[Hash]) -> Result<(), Error> {
        match &mut *self.0.write() {
            Kept::Memory(kept) => {
                kept.retain(|commitment, _| !commitments.contains(commitment));
                Ok(())
            }
            Kept::File(file) => {
                let held = |commitment: &Hash| file.has(commitment);
                let any = commitments.iter().map(held).collect::<Result<Vec<_>, _>>()?.contains(&true);
                // Erasures that were applied before are read again after every start.
                if !any {
                    return Ok(());
                }
                **file = file.renew(commitments)?;
                file.remove_others()
            }
        }
    }
}

impl File {
    fn open(dir: &Path, generation: u64) -> Result<Self, Error> {
        let key = read_key(dir, generation)?;
        let options = Options { cache_bytes: CACHE_BYTES, form: Some(FORM), ..Options::default() };
        let store = Store::open(&dir.join(format!("bodies-{generation}.redb")), options)?;
        Ok(Self { dir: dir.to_owned(), generation, store, aead: AeadKey::new(&key) })
    }

    fn put<'a>(&self, bodies: impl Iterator<Item = ([u8; 32], &'a str)>) -> Result<(), Error> {
        let mut batch = Batch::default();
        for (commitment, body) in bodies {
            let sealed = self.aead.seal(&commitment, body.as_bytes());
            let sealed = sealed.map_err(|error| Error::Key(error.to_string()))?;
            batch.put(&BODIES, &commitment, &sealed);
        }
        Ok(self.store.write_synced(batch)?)
    }

    fn has(&self, commitment: &Hash) -> Result<bool, Error> {
        Ok(self.store.snapshot()?.get(&BODIES, &commitment.0)?.is_some())
    }

    fn get(&self, commitment: &Hash) -> Result<Option<Arc<str>>, Error> {
        let Some(sealed) = self.store.snapshot()?.get(&BODIES, &commitment.0)? else { return Ok(None) };
        match self.unseal(&commitment.0, &sealed) {
            // What does not open is lost like what is not there: the vault has it.
            Err(Error::Unopened) => {
                tracing::error!(%commitment, "a body does not open under the key of its file");
                Ok(None)
            }
            body => body.map(Some),
        }
    }

    fn unseal(&self, commitment: &[u8; 32], sealed: &[u8]) -> Result<Arc<str>, Error> {
        let body = self.aead.open(commitment, sealed).map_err(|_| Error::Unopened)?;
        std::str::from_utf8(&body).map(Arc::from).map_err(|_| Error::Unopened)
    }

    /// The next generation of the file, without some bodies.
    fn renew(&self, without: &[Hash]) -> Result<Self, Error> {
        let next = self.generation + 1;
        // What an earlier try left is of no use.
        remove(&self.dir.join(format!("bodies-{next}.redb")))?;
        let pending = self.dir.join(format!("bodies-{next}.key.new"));
        remove(&pending)?;
        write_key_file(&pending)?;
        let key = read_key_file(&pending)?;
        let options = Options { cache_bytes: CACHE_BYTES, form: Some(FORM), ..Options::default() };
        let store = Store::open(&self.dir.join(format!("bodies-{next}.redb")), options)?;
        let new = Self { dir: self.dir.clone(), generation: next, store, aead: AeadKey::new(&key) };
        let snapshot = self.store.snapshot()?;
        let mut copied: Vec<([u8; 32], Arc<str>)> = Vec::with_capacity(COPIED);
        for row in snapshot.table(&BODIES)?.between(&[], None)? {
            let (commitment, sealed) = row?;
            if without.iter().any(|gone| gone.0 == commitment) {
                continue;
            }
            // A damaged row is of no use in the new file either.
            if let Ok(body) = self.unseal(&commitment, &sealed) {
                copied.push((commitment, body));
            }
            if copied.len() == COPIED {
                new.put(copied.iter().map(|(hash, body)| (*hash, &**body)))?;
                copied.clear();
            }
        }
        new.put(copied.iter().map(|(hash, body)| (*hash, &**body)))?;
        // From here on the new file is the one that counts.
        let key_path = self.dir.join(format!("bodies-{next}.key"));
        fs::rename(&pending, &key_path).map_err(|error| file_error("rename", &pending, &error))?;
        Ok(new)
    }

    fn remove_others(&self) -> Result<(), Error> {
        let entries = fs::read_dir(&self.dir).map_err(|error| file_error("read", &self.dir, &error))?;
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let own = name.starts_with(&format!("bodies-{}.", self.generation));
            if name.starts_with("bodies-") && !own {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }
}

/// The generations that have a key.
fn generations(dir: &Path) -> Result<Vec<u64>, Error> {
    let entries = fs::read_dir(dir).map_err(|error| file_error("read", dir, &error))?;
    let number = |name: String| name.strip_prefix("bodies-")?.strip_suffix(".key")?.parse().ok();
    Ok(entries
        .flatten()
        .filter_map(|entry| number(entry.file_name().to_string_lossy().into_owned()))
        .collect())
}

fn write_key(dir: &Path, generation: u64) -> Result<(), Error> {
    write_key_file(&dir.join(format!("bodies-{generation}.key")))
}

fn write_key_file(path: &Path) -> Result<(), Error> {
    let key: [u8; 32] = random_bytes().map_err(|error| Error::Key(error.to_string()))?;
    let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = made.and_then(|mut file| {
        file.write_all(hex::encode(key).as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| file_error("write", path, &error))
}

fn read_key(dir: &Path, generation: u64) -> Result<[u8; 32], Error> {
    read_key_file(&dir.join(format!("bodies-{generation}.key")))
}

fn read_key_file(path: &Path) -> Result<[u8; 32], Error> {
    let text = fs::read_to_string(path).map_err(|error| file_error("read", path, &error))?;
    let mut key = [0; 32];
    hex::decode_to_slice(text.trim(), &mut key).map_err(|error| file_error("read", path, &error))?;
    Ok(key)
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file_error("remove", path, &error)),
        _ => Ok(()),
    }
}

fn file_error(action: &'static str, path: &Path, error: &dyn fmt::Display) -> Error {
    Error::File { action, path: path.display().to_string(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn bodies_outlive_a_restart_and_not_their_erasure() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (Hash([1; 32]), Hash([2; 32]));
        {
            let bodies = Bodies::open(dir.path()).unwrap();
            bodies.put(&[(one, "{\"a\":72.50}".into()), (two, "two".into())]).unwrap();
            assert_eq!(bodies.get(&one).unwrap().as_deref(), Some("{\"a\":72.50}"));
        }
        let raw = fs::read(dir.path().join("bodies-0.redb")).unwrap();
        assert!(!raw.windows(5).any(|bytes| bytes == b"72.50"), "a body stands in the clear");
        let key = fs::read(dir.path().join("bodies-0.key")).unwrap();
        let bodies = Bodies::open(dir.path()).unwrap();
        bodies.destroy(&[one]).unwrap();
        assert_eq!(bodies.get(&one).unwrap(), None);
        assert_eq!(bodies.get(&two).unwrap().as_deref(), Some("two"));
        assert_eq!(names(dir.path()), ["bodies-1.key", "bodies-1.redb"]);
        assert_ne!(fs::read(dir.path().join("bodies-1.key")).unwrap(), key);
        // Once destroyed, nothing is written anew again.
        bodies.destroy(&[one]).unwrap();
        assert_eq!(names(dir.path()), ["bodies-1.key", "bodies-1.redb"]);
        drop(bodies);
        assert_eq!(Bodies::open(dir.path()).unwrap().get(&two).unwrap().as_deref(), Some("two"));
    }

    #[test]
    fn what_does_not_open_is_lost_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        Bodies::open(dir.path()).unwrap().put(&[(Hash([1; 32]), "one".into())]).unwrap();
        fs::write(dir.path().join("bodies-0.key"), hex::encode([7; 32])).unwrap();
        let bodies = Bodies::open(dir.path()).unwrap();
        assert_eq!(bodies.get(&Hash([1; 32])).unwrap(), None);
        assert!(!bodies.has(&Hash([1; 32])).unwrap());
        bodies.put(&[(Hash([1; 32]), "one".into())]).unwrap();
        assert!(bodies.has(&Hash([1; 32])).unwrap());
    }

    #[test]
    fn a_renewal_that_was_cut_short_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let bodies = Bodies::open(dir.path()).unwrap();
        bodies.put(&[(Hash([1; 32]), "one".into())]).unwrap();
        drop(bodies);
        fs::write(dir.path().join("bodies-1.key.new"), "half").unwrap();
        fs::write(dir.path().join("bodies-1.redb"), "half").unwrap();
        let bodies = Bodies::open(dir.path()).unwrap();
        assert_eq!(bodies.get(&Hash([1; 32])).unwrap().as_deref(), Some("one"));
        assert_eq!(names(dir.path()), ["bodies-0.key", "bodies-0.redb"]);
    }
}
