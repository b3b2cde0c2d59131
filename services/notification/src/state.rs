//! Notification's own store: one file for the position of EVENTS and for subscriptions.

use std::{path::Path, sync::Arc};

use hutong_store::{Form, Options, Store};

use crate::Error;

const FORM: Form = Form { name: "subscriptions", version: 1 };
/// Small rows, few of them read twice.
const CACHE_BYTES: usize = 4 << 20;

/// Opens the file, which is made if it is not there. It holds secrets of subscriptions: only its owner may read it.
pub(crate) fn open(path: &Path) -> Result<Arc<Store>, Error> {
    own(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
    let options = Options { cache_bytes: CACHE_BYTES, form: Some(FORM), ..Options::default() };
    let store = Store::open(path, options);
    Ok(Arc::new(store.map_err(|source| Error::Store { path: path.to_owned(), source })?))
}

/// Before anything is in it: a file that is closed afterwards was open before.
#[cfg(unix)]
fn own(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

    let file = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn own(_: &Path) -> std::io::Result<()> {
    Ok(())
}
