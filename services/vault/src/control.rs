//! What the operator of the machine asks of a vault that runs: a backup. A socket in the vault's folder, which only the
//! account that runs the vault can enter; nothing here is reached over a network, and nothing here opens a value.
//!
//! One call is one line of JSON each way.

use std::{
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::{fs::DirBuilderExt as _, net::UnixStream},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixListener,
};
use tokio_util::sync::CancellationToken;

use crate::{Error, Vault, error::chain};

/// A path fits; nobody needs more.
const LINE_BYTES_MAX: u64 = 16 * 1024;
/// A large vault takes a while to copy.
const PATIENCE: Duration = Duration::from_secs(3600);
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The folder to write a backup into, from the root.
    backup: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    error: Option<String>,
}

fn path(vault: &Path) -> PathBuf {
    vault.join("control").join("socket")
}

/// Answers at the socket in the vault's folder until stopped. A vault whose folder has too long a name for a socket runs
/// without: it has to be stopped for a backup, and the log says so.
pub async fn serve(vault: Vault, folder: PathBuf, stop: CancellationToken) {
    match bind(&path(&folder)) {
        Ok(listener) => tokio::select! {
            () = stop.cancelled() => {}
            () = listen(listener, &vault) => {}
        },
        Err(error) => {
            tracing::warn!(%error, "the vault takes no calls of its operator: for a backup it has to be stopped");
            stop.cancelled().await;
        }
    }
}

/// Whoever has the vault's stores open is alone here, so a socket that is left is of a process that is gone.
fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    UnixListener::bind(path)
}

async fn listen(listener: UnixListener, vault: &Vault) {
    loop {
        let answered = match listener.accept().await {
            Ok((stream, _)) => answer(stream, vault).await,
            Err(error) => Err(error),
        };
        if let Err(error) = answered {
            tracing::warn!(%error, "a call of the operator broke off");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// One call at a time is enough: a second backup waits for the first.
async fn answer(mut stream: tokio::net::UnixStream, vault: &Vault) -> io::Result<()> {
    let (read, mut write) = stream.split();
    let mut line = String::new();
    tokio::io::BufReader::new(read.take(LINE_BYTES_MAX)).read_line(&mut line).await?;
    let error = match serde_json::from_str::<Asked>(&line) {
        Ok(Asked { backup }) if backup.is_absolute() => {
            vault.backup(&backup).await.err().map(|error| chain(&error))
        }
        Ok(_) => Some("a backup's folder is named from the root".to_owned()),
        Err(error) => Some(format!("this is no call: {error}")),
    };
    if error.is_none() {
        tracing::info!("a backup was written");
    }
    let answer = serde_json::to_string(&Answer { error }).map_err(io::Error::other)?;
    write.write_all(format!("{answer}\n").as_bytes()).await
}

/// Has the vault that runs over a folder write a backup; false if none runs there.
pub fn backup(vault: &Path, folder: &Path) -> Result<bool, Error> {
    let path = path(vault);
    let failed = |source| Error::Unreachable { path: path.clone(), source };
    let stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(false);
        }
        // No vault listens where no socket can be.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    let answer = call(stream, folder).map_err(failed)?;
    match answer.error {
        None => Ok(true),
        Some(error) => Err(Error::Answered(error)),
    }
}

fn call(mut stream: UnixStream, folder: &Path) -> io::Result<Answer> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let asked = Asked { backup: std::path::absolute(folder)? };
    let asked = serde_json::to_string(&asked).map_err(io::Error::other)?;
    stream.write_all(format!("{asked}\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream.take(LINE_BYTES_MAX)).read_line(&mut line)?;
    serde_json::from_str(&line).map_err(io::Error::other)
}
