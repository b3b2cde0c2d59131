//! Making the file of a new store, so that a crash leaves a whole one or none.
//!
//! redb writes a new file in place: a power cut on the way leaves one that it never opens again. So the file is made
//! under another name and gets its own when all of it is on the disk, the name included; else a power cut could take
//! the file and every synced commit in it.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use redb::{Builder, DatabaseError, StorageError};

use crate::faulty::FaultyBackend;

/// Makes the file of an empty store, unless there is one. One without a byte is none: its maker wants its rights kept.
pub(crate) fn create(path: &Path) -> Result<(), DatabaseError> {
    let found = fs::metadata(path).ok();
    if found.as_ref().is_some_and(|found| found.len() > 0) {
        return Ok(());
    }
    let memory = FaultyBackend::default();
    drop(Builder::new().create_with_backend(memory.clone())?);
    name(path, found, &memory.crash_image(|_| true)).map_err(|error| StorageError::Io(error).into())
}

fn name(path: &Path, found: Option<fs::Metadata>, bytes: &[u8]) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}.tmp", std::process::id()));
    let draft = Path::new(&draft);
    if draft.exists() {
        fs::remove_file(draft)?;
    }
    let mut file = File::create_new(draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    if let Some(found) = found {
        file.set_permissions(found.permissions())?;
        fs::remove_file(path)?;
    }
    // A link, unlike a new name, leaves alone what another process has made and opened in the meantime.
    match fs::hard_link(draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::remove_file(draft)?,
        Ok(()) => fs::remove_file(draft)?,
        // Not every file system has links.
        Err(_) => fs::rename(draft, path)?,
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    File::open(above.unwrap_or(Path::new(".")))?.sync_all()
}
