//! Key-encryption keys in a folder: one file each, 32 bytes, readable by their owner only.
//!
//! Destroying overwrites, syncs and unlinks. On file systems and disks that copy on write, old blocks may outlive that:
//! there, keep the folder on a volume that is encrypted under a key of its own, or use a key-management service. The
//! folder belongs into no backup.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use hutong_keys::{
    aead::{AeadKey, KEY_BYTES},
    random_bytes,
};
use parking_lot::RwLock;
use zeroize::Zeroizing;

use super::{KekError, KekId, KeyEncryption};

const KEY: &str = "key";
/// A key whose destruction has begun: it is never read again.
const DESTROYED: &str = "destroyed";
/// A key that was not wholly written: nothing was ever wrapped under it.
const UNFINISHED: &str = "tmp";

pub struct FileKeys {
    folder: PathBuf,
    keys: RwLock<BTreeMap<KekId, AeadKey>>,
}

impl fmt::Debug for FileKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileKeys")
            .field("folder", &self.folder)
            .field("ids", &self.ids())
            .finish_non_exhaustive()
    }
}

impl FileKeys {
    /// Opens the folder, which is made if it does not exist, with a first key if it has none. Ends destructions that a
    /// crash cut off.
    pub fn open(folder: &Path) -> Result<Self, KekError> {
        let failed = |action| move |source| KekError::Io { path: folder.to_owned(), action, source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed("make it"))?;
        let this = Self { folder: folder.to_owned(), keys: RwLock::default() };
        for entry in fs::read_dir(folder).map_err(failed("list it"))? {
            let path = entry.map_err(failed("list it"))?.path();
            let id = path.file_stem().and_then(|stem| KekId::from_str_radix(stem.to_str()?, 16).ok());
            match (id, path.extension().and_then(|extension| extension.to_str())) {
                (Some(id), Some(KEY)) => {
                    this.keys.write().insert(id, read(&path)?);
                }
                (Some(_), Some(DESTROYED | UNFINISHED)) => this.shred(&path)?,
                _ => {
                    tracing::warn!(path = %path.display(), "this is no key-encryption key; it is left alone")
                }
            }
        }
        if this.keys.read().is_empty() {
            this.rotate()?;
        }
        Ok(this)
    }

    fn path(&self, id: KekId, extension: &str) -> PathBuf {
        self.folder.join(format!("{id:016x}.{extension}"))
    }

    fn sync(&self) -> Result<(), KekError> {
        let synced = File::open(&self.folder).and_then(|folder| folder.sync_all());
        synced.map_err(|source| KekError::Io { path: self.folder.clone(), action: "sync it", source })
    }

    /// Overwrites a file, then removes it.
    fn shred(&self, path: &Path) -> Result<(), KekError> {
        let shredded = OpenOptions::new().write(true).open(path).and_then(|mut file| {
            file.write_all(&[0; KEY_BYTES])?;
            file.sync_all()?;
            fs::remove_file(path)
        });
        shredded.map_err(|source| KekError::Io { path: path.to_owned(), action: "destroy it", source })?;
        self.sync()
    }
}

impl KeyEncryption for FileKeys {
    fn current(&self) -> KekId {
        self.keys.read().last_key_value().map_or(0, |(id, _)| *id)
    }

    fn ids(&self) -> Vec<KekId> {
        self.keys.read().keys().copied().collect()
    }

    fn wrap(&self, secret: &[u8], aad: &[u8]) -> Result<(KekId, Vec<u8>), KekError> {
        let keys = self.keys.read();
        let (id, key) = keys.last_key_value().ok_or(KekError::Unknown { id: 0 })?;
        Ok((*id, key.seal(aad, secret)?))
    }

    fn unwrap(&self, id: KekId, wrapped: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, KekError> {
        let keys = self.keys.read();
        let key = keys.get(&id).ok_or(KekError::Unknown { id })?;
        key.open(aad, wrapped).map_err(|_| KekError::Unopened { id })
    }

    fn rotate(&self) -> Result<KekId, KekError> {
        let mut keys = self.keys.write();
        let id = keys.last_key_value().map_or(0, |(id, _)| *id) + 1;
        let secret = Zeroizing::new(random_bytes::<KEY_BYTES>()?);
        let (unfinished, path) = (self.path(id, UNFINISHED), self.path(id, KEY));
        let written = write_new(&unfinished, &secret[..]).and_then(|()| fs::rename(&unfinished, &path));
        written.map_err(|source| KekError::Io { path, action: "write it", source })?;
        self.sync()?;
        keys.insert(id, AeadKey::new(&secret));
        Ok(id)
    }

    fn destroy(&self, id: KekId) -> Result<(), KekError> {
        let mut keys = self.keys.write();
        if keys.last_key_value().is_some_and(|(current, _)| *current == id) {
            return Err(KekError::InUse { id });
        }
        let (path, destroyed) = (self.path(id, KEY), self.path(id, DESTROYED));
        match fs::rename(&path, &destroyed) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound && !destroyed.exists() => {
                keys.remove(&id);
                return Ok(());
            }
            // An earlier try came no further.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(KekError::Io { path, action: "destroy it", source }),
        }
        keys.remove(&id);
        self.sync()?;
        self.shred(&destroyed)
    }
}

fn read(path: &Path) -> Result<AeadKey, KekError> {
    let failed = |source| KekError::Io { path: path.to_owned(), action: "read it", source };
    let mut file = File::open(path).map_err(failed)?;
    // Of the open file, not of the name: what is checked is what is read.
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KekError::Readable { path: path.to_owned(), mode });
    }
    let (mut secret, mut more) = (Zeroizing::new([0; KEY_BYTES]), [0]);
    let malformed = || KekError::Malformed { path: path.to_owned() };
    file.read_exact(&mut secret[..]).map_err(|_| malformed())?;
    if file.read(&mut more).map_err(failed)? != 0 {
        return Err(malformed());
    }
    Ok(AeadKey::new(&secret))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn keys_are_replaced_and_destroyed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("kek");
        let keys = FileKeys::open(&folder).unwrap();
        assert_eq!((keys.current(), keys.ids()), (1, vec![1]));
        let (id, wrapped) = keys.wrap(b"secret", b"record").unwrap();
        assert_eq!((id, keys.rotate().unwrap(), keys.current()), (1, 2, 2));
        assert_eq!(keys.unwrap(1, &wrapped, b"record").unwrap()[..], *b"secret");
        assert!(matches!(keys.unwrap(1, &wrapped, b"other"), Err(KekError::Unopened { id: 1 })));
        assert!(matches!(keys.unwrap(2, &wrapped, b"record"), Err(KekError::Unopened { id: 2 })));
        assert!(matches!(keys.destroy(2), Err(KekError::InUse { id: 2 })));
        drop(keys);

        let keys = FileKeys::open(&folder).unwrap();
        assert_eq!(keys.unwrap(1, &wrapped, b"record").unwrap()[..], *b"secret");
        keys.destroy(1).unwrap();
        keys.destroy(1).unwrap();
        assert!(matches!(keys.unwrap(1, &wrapped, b"record"), Err(KekError::Unknown { id: 1 })));
        assert_eq!(names(&folder), ["0000000000000002.key"]);
        assert_eq!(
            fs::metadata(folder.join("0000000000000002.key")).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(FileKeys::open(&folder).unwrap().ids(), [2]);
    }

    #[test]
    fn what_a_crash_cut_off_is_ended() {
        let dir = tempfile::tempdir().unwrap();
        let keys = FileKeys::open(dir.path()).unwrap();
        keys.rotate().unwrap();
        drop(keys);
        // Between the renaming and the overwriting; and a key that was being written.
        let destroyed = dir.path().join("0000000000000001.destroyed");
        fs::rename(dir.path().join("0000000000000001.key"), destroyed).unwrap();
        fs::write(dir.path().join("0000000000000003.tmp"), b"half").unwrap();
        assert_eq!(FileKeys::open(dir.path()).unwrap().ids(), [2]);
        assert_eq!(names(dir.path()), ["0000000000000002.key"]);
    }

    #[test]
    fn files_that_others_read_or_that_are_no_keys_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        drop(FileKeys::open(dir.path()).unwrap());
        let path = dir.path().join("0000000000000001.key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(FileKeys::open(dir.path()), Err(KekError::Readable { mode: 0o640, .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, [1; 33]).unwrap();
        assert!(matches!(FileKeys::open(dir.path()), Err(KekError::Malformed { .. })));
        fs::write(&path, [1; 31]).unwrap();
        assert!(matches!(FileKeys::open(dir.path()), Err(KekError::Malformed { .. })));
    }
}
