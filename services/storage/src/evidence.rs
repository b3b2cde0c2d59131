//! Evidence of misbehaviour: what an agency signed against the rules, as a document that anyone with the trust file can check.
//! What it is and how it is checked is the ledger's; here it is put together and kept, in a folder of its own.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use hutong_ledger::{
    evidence::{Evidence, Exhibit, file_name},
    receipt::{
        TrustFile,
        document::{Base64, Text, VERSION},
    },
};

use crate::{
    Error,
    checkpoint::SignedCheckpoint,
    core::{Charge, OtherRoots},
    read::Reads,
    read::damaged,
};

/// Below the folder of storage.
pub(crate) const FOLDER: &str = "evidence";
/// Documents that are kept: who misbehaves a thousand times is known well enough, and must not fill the disk.
const DOCUMENTS_MAX: usize = 1000;

/// Writes the document; it is checked as others will check it first.
pub(crate) fn keep(reads: &Reads, folder: &Path, charge: &Charge) -> Result<PathBuf, Error> {
    let (exhibit, height) = exhibit(reads, charge)?;
    let epochs = reads.transitions(height)?;
    let document = Evidence { version: VERSION, chain: reads.chain, exhibit, epochs };
    let first = reads.epoch_at(1)?;
    let trust = TrustFile { version: VERSION, chain: reads.chain, genesis: None, epoch: (*first).clone() };
    let proven =
        document.verify(&trust).map_err(|error| damaged(format!("evidence proves nothing: {error}")))?;
    let path = folder.join(file_name(&proven.misdeed, &proven.agency));
    let json = serde_json::to_vec_pretty(&document).map_err(|error| damaged(error.to_string()))?;
    write(folder, &path, &json)
        .map_err(|source| Error::Evidence { path: path.clone(), source: Arc::new(source) })?;
    Ok(path)
}

fn exhibit(reads: &Reads, charge: &Charge) -> Result<(Exhibit, u64), Error> {
    Ok(match charge {
        Charge::TwoVotes(votes) => {
            let [first, second] = &**votes;
            let exhibit =
                Exhibit::TwoVotes { first: Base64(first.encode()), second: Base64(second.encode()) };
            (exhibit, first.ballot.height)
        }
        Charge::OtherRoots(other) => {
            let OtherRoots { signed, quorum, membership } = &**other;
            let height = quorum.height;
            let epoch = reads.epoch_at(height)?;
            let note = |note: &SignedCheckpoint| reads.signed_note(note, &epoch).map(Text);
            let exhibit = Exhibit::OtherRoots {
                signed: note(signed)?,
                quorum: note(quorum)?,
                membership: note(membership)?,
            };
            (exhibit, height)
        }
    })
}

/// Under its name only when it is whole; the same again stays as it is.
fn write(folder: &Path, path: &Path, json: &[u8]) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    if path.exists() {
        return Ok(());
    }
    if fs::read_dir(folder)?.count() >= DOCUMENTS_MAX {
        return Err(std::io::Error::other(format!("there are {DOCUMENTS_MAX} documents already")));
    }
    let unfinished = path.with_extension("tmp");
    let mut file = fs::File::create(&unfinished)?;
    file.write_all(json)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    fs::File::open(folder)?.sync_all()
}
