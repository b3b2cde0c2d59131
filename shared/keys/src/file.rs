//! Key files: one private key each, for one agency and one purpose, readable by their owner only.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

pub use hutong_ledger::epoch::Purpose;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{Error, PublicKey, SealingKey, SigningKey, random};

/// More than any key file needs; a larger file is something else.
const FILE_BYTES_MAX: u64 = 4096;

/// The public key that a seed stands for under a purpose.
fn public(purpose: Purpose, seed: &[u8; 32]) -> PublicKey {
    match purpose {
        Purpose::Sealing => SealingKey::from_seed(seed).public(),
        _ => SigningKey::from_seed(seed).public(),
    }
}

/// A private key with what it is for.
#[derive(Clone)]
pub struct KeyFile {
    pub agency: String,
    pub purpose: Purpose,
    public: PublicKey,
    seed: Zeroizing<[u8; 32]>,
}

/// The file's form. The public parts are there for people and are checked against the seed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    /// Files from before there was a second version need not say it.
    #[serde(default = "version")]
    version: u32,
    agency: String,
    purpose: Purpose,
    key_id: String,
    public_key: PublicKey,
    seed: String,
}

const VERSION: u32 = 1;

const fn version() -> u32 {
    VERSION
}

/// What any version says of itself.
#[derive(Deserialize)]
struct Versioned {
    #[serde(default = "version")]
    version: u32,
}

impl Drop for Form {
    fn drop(&mut self) {
        self.seed.zeroize();
    }
}

impl KeyFile {
    pub fn generate(agency: impl Into<String>, purpose: Purpose) -> Result<Self, Error> {
        let mut seed = Zeroizing::new([0; 32]);
        random::fill(seed.as_mut())?;
        Ok(Self::from_seed(agency, purpose, &seed))
    }

    pub fn from_seed(agency: impl Into<String>, purpose: Purpose, seed: &[u8; 32]) -> Self {
        Self { agency: agency.into(), purpose, public: public(purpose, seed), seed: Zeroizing::new(*seed) }
    }

    pub fn public(&self) -> PublicKey {
        self.public
    }

    pub fn key_id(&self) -> String {
        self.public.key_id()
    }

    pub fn signing_key(&self) -> Result<SigningKey, Error> {
        match self.purpose {
            Purpose::Sealing => Err(Error::NotForSigning { purpose: self.purpose }),
            _ => Ok(SigningKey::from_seed(&self.seed)),
        }
    }

    /// The key that opens what others sealed to the agency.
    pub fn sealing_key(&self) -> Result<SealingKey, Error> {
        match self.purpose {
            Purpose::Sealing => Ok(SealingKey::from_seed(&self.seed)),
            _ => Err(Error::NotForSealing { purpose: self.purpose }),
        }
    }

    /// The secret itself.
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// Writes the file so that it is there whole or not at all, with mode 0600. Never replaces a file.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let form = Form {
            version: VERSION,
            agency: self.agency.clone(),
            purpose: self.purpose,
            key_id: self.key_id(),
            public_key: self.public,
            seed: hex::encode(self.seed.as_ref()),
        };
        let text = toml::to_string(&form).map(Zeroizing::new);
        let text = text.map_err(|_| Error::Malformed { path: path.to_owned() })?;
        let temporary = path.with_file_name(format!(".{}.{}.tmp", self.key_id(), std::process::id()));
        let written = write_new(&temporary, text.as_bytes())
            // A link, unlike a rename, fails when the name is taken: no key is lost to a repeated command.
            .and_then(|()| fs::hard_link(&temporary, path))
            .and_then(|()| sync_folder(path));
        let _ = fs::remove_file(&temporary);
        written.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => Error::Exists { path: path.to_owned() },
            _ => Error::Io { path: path.to_owned(), action: "write it", source },
        })
    }

    /// Reads a file, unless others could have read it too.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Io { path: path.to_owned(), action: "read it", source };
        let file = File::open(path).map_err(failed)?;
        // Of the open file, not of the name: what is checked is what is read.
        let metadata = file.metadata().map_err(failed)?;
        let mode = metadata.permissions().mode() & 0o777;
        if others_may(mode, metadata.uid(), rustix::process::geteuid().as_raw()) {
            return Err(Error::Readable { path: path.to_owned(), mode });
        }
        let mut text = Zeroizing::new(String::new());
        file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        // A parser's message may quote the seed, so it is not passed on.
        let malformed = || Error::Malformed { path: PathBuf::from(path) };
        let versioned: Versioned = toml::from_str(text).map_err(|_| malformed())?;
        if versioned.version != VERSION {
            return Err(Error::Version { path: path.to_owned(), found: versioned.version, known: VERSION });
        }
        let form: Form = toml::from_str(text).map_err(|_| malformed())?;
        let mut seed = Zeroizing::new([0; 32]);
        hex::decode_to_slice(&form.seed, seed.as_mut()).map_err(|_| malformed())?;
        let key = Self::from_seed(form.agency.clone(), form.purpose, &seed);
        let mismatch = |field| Err(Error::Mismatch { path: path.to_owned(), field });
        if form.public_key != key.public {
            return mismatch("public_key");
        }
        if form.key_id != key.key_id() {
            return mismatch("key_id");
        }
        Ok(key)
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile")
            .field("agency", &self.agency)
            .field("purpose", &self.purpose)
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// Whether others than its owner may do something with a file. A file that root hands to one group for reading, as
/// Kubernetes hands out secrets, is as good as the own file of a process that isn't root.
fn others_may(mode: u32, owner: u32, own: u32) -> bool {
    let handed_out = owner == 0 && own != 0 && mode & !0o440 == 0;
    mode & 0o077 != 0 && !handed_out
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the new name itself durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::others_may;

    #[test]
    fn a_key_is_its_owners_or_handed_out_by_root_to_one_group() {
        for (mode, owner, own, expected) in [
            (0o600, 7, 7, false),
            (0o440, 0, 7, false),
            (0o640, 0, 7, true),
            (0o444, 0, 7, true),
            (0o440, 0, 0, true),
            (0o440, 7, 7, true),
            (0o440, 8, 7, true),
        ] {
            assert_eq!(others_may(mode, owner, own), expected, "{mode:o} of {owner} as {own}");
        }
    }
}
