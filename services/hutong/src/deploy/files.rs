//! Writes a deployment's files: each whole or not at all, secrets for their owner only.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
};

use super::Error;

pub(super) const PUBLIC: u32 = 0o644;
pub(super) const SECRET: u32 = 0o600;
const FOLDER: u32 = 0o750;

/// Writes a file, in place of what was there.
pub(super) fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    let failed = |source: io::Error| Error::io(path, source);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|source| Error::io(folder, source))?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(mode)).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Copies a file that is needed in two places.
pub(super) fn copy(from: &Path, to: &Path, mode: u32) -> Result<(), Error> {
    let bytes = fs::read(from).map_err(|source| Error::io(from, source))?;
    write(to, &bytes, mode)
}

/// Gives a folder and all in it to a user and a group.
pub(super) fn give(path: &Path, (user, group): (u32, u32)) -> Result<(), Error> {
    let failed = |source| Error::io(path, source);
    if path.is_dir() {
        for entry in fs::read_dir(path).map_err(failed)? {
            give(&entry.map_err(failed)?.path(), (user, group))?;
        }
        fs::set_permissions(path, fs::Permissions::from_mode(FOLDER)).map_err(failed)?;
    }
    chown(path, Some(user), Some(group)).map_err(failed)
}
