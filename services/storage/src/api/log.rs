//! `/log/{domain}/…`: the public logs as C2SP tlog-tiles. Entries are blinded, so they tell nothing without a receipt.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::header;
use hutong_ledger::{
    id::Domain,
    log::{
        TilePath, TileReader,
        tile::{HEIGHT, TileKind, WIDTH, push_entry},
    },
};
use hutong_runtime::http::{Path, Problem};

use super::{failed, not_found, parse};
use crate::{
    Error,
    handle::Storage,
    read::{Reads, damaged},
    tiles::Tiles,
};

/// A full tile never changes, nor does a partial one: it is named by its width.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// The log's last checkpoint, a C2SP signed note
#[utoipa::path(
    get,
    path = "/log/{domain}/checkpoint",
    tag = "log",
    params(("domain" = String, Path)),
    responses(
        (status = 200, description = "A C2SP tlog-checkpoint.", content_type = "text/plain"),
        (status = 404, description = "`no_log`: nothing of the domain is final here.")
    )
)]
pub(super) async fn checkpoint(
    State(storage): State<Storage>,
    Path(domain): Path<String>,
) -> Result<Response, Problem> {
    let domain: Domain = parse("domain", &domain)?;
    let read = move |reads: &Reads| {
        let Some(mut note) = reads.last_note(domain)? else { return Ok(None) };
        let epoch = reads.epoch_at(note.height)?;
        reads.add_log_signature(&mut note, &epoch);
        reads.signed_note(&note, &epoch).map(|note| Some(note.to_string()))
    };
    let note = storage.read(read).await.map_err(failed)?.ok_or_else(|| no_log(domain))?;
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    Ok((headers, note).into_response())
}

fn no_log(domain: Domain) -> Problem {
    not_found("no_log", format!("Nothing of {domain} is final here."))
}

/// A tile of the log
#[utoipa::path(
    get,
    path = "/log/{domain}/tile/{path}",
    tag = "log",
    params(
        ("domain" = String, Path),
        ("path" = String, Path, description = "`<level>/<number>[.p/<width>]` or `entries/<number>[.p/<width>]`")
    ),
    responses(
        (status = 200, description = "Hashes, or entries behind their lengths.", content_type = "application/octet-stream"),
        (status = 404, description = "`no_tile`: the last checkpoint does not cover it.")
    )
)]
pub(super) async fn tile(
    State(storage): State<Storage>,
    Path((domain, path)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let domain: Domain = parse("domain", &domain)?;
    let tile: TilePath = parse("path", &format!("tile/{path}"))?;
    let found = storage.read(move |reads| read_tile(reads, domain, tile)).await.map_err(failed)?;
    let found = found.ok_or_else(|| {
        not_found("no_tile", format!("The last checkpoint of {domain} does not cover {tile}."))
    })?;
    let headers = [(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, FOREVER)];
    Ok((headers, found).into_response())
}

fn read_tile(reads: &Reads, domain: Domain, tile: TilePath) -> Result<Option<Bytes>, Error> {
    let Some(note) = reads.last_note(domain)? else { return Ok(None) };
    let level = if let TileKind::Hashes(level) = tile.kind() { level } else { 0 };
    let first = tile.index() * WIDTH as u64;
    // Beyond the checkpoint there may be more already; nobody could check it.
    if first + tile.width() as u64 > note.point.size >> (level * HEIGHT) {
        return Ok(None);
    }
    let short = || damaged(format!("{tile} of {domain} holds too little"));
    match tile.kind() {
        TileKind::Hashes(level) => {
            let held = Tiles::new(reads, domain, note.point.size).tile(level, tile.index())?;
            if held.len() < tile.width() * 32 {
                Err(short())
            } else {
                Ok(Some(held.slice(..tile.width() * 32)))
            }
        }
        TileKind::Entries => {
            let entries = reads.entries(domain, first, tile.width())?;
            if entries.len() < tile.width() {
                return Err(short());
            }
            let mut bytes = Vec::with_capacity(tile.width() * 84);
            for entry in entries {
                push_entry(&mut bytes, &entry.encode()).map_err(|error| damaged(error.to_string()))?;
            }
            Ok(Some(bytes.into()))
        }
    }
}
