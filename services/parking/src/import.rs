//! Feeds of real operators, read into sites and updates of occupancy. Pure.
//!
//! A feed is recognised by its content, not by its name. A row that cannot be read is told with its place and why, and
//! the rest of the file counts; the same file read twice gives the same actions.

mod basel;
mod freiburg;
mod heidelberg;
mod karlsruhe;
mod konstanz;
mod row;
mod stuttgart;
mod time;
mod utm;
mod xml;

use std::collections::BTreeSet;

use bytes::Bytes;
use hutong_ledger::hash::sha256;
use hutong_wire::v1::parking as wire;
use serde_json::Value;

use crate::{
    build,
    contract::{SITES_MAX, check_site, site_name},
    realtime::Update,
};

/// Up to here each site gets an action of its own, so that one that is refused holds back no other.
const SINGLE_MAX: usize = 1000;
/// Data may be so much newer than the clock that reads them.
const AHEAD_MS_MAX: u64 = 86_400_000;

/// What a feed holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Import {
    /// The feed's name, under which its sites stand.
    pub source: &'static str,
    pub sites: Vec<wire::Site>,
    pub realtime: Vec<Update>,
    /// Rows of which nothing could be read.
    pub broken_rows: Vec<RowError>,
    /// Rows whose occupancy contradicts itself; their sites stand in `sites` if the row has one.
    pub broken_updates: Vec<RowError>,
}

/// A row that is wrong. The others are not.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[error("row {row}: {reason}")]
pub struct RowError {
    /// From 1.
    pub row: u64,
    pub reason: String,
}

/// A file that is no feed at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    #[error("the file is neither XML nor JSON: {0}")]
    Malformed(String),
    #[error(
        "the file is no feed that is known here: Stuttgart (DATEX II), Freiburg, Karlsruhe (GeoJSON), Basel, \
         Heidelberg (NGSI), Konstanz (Esri)"
    )]
    Unrecognised,
}

/// One row of a feed, read.
struct Draft {
    site: Option<wire::Site>,
    /// The update, or what is wrong with it.
    realtime: Option<Result<Update, String>>,
}

type Row = Result<Draft, String>;

/// Reads a feed. `now_ms` stands in for times that a feed does not tell.
pub fn import(file: &[u8], now_ms: u64) -> Result<Import, ImportError> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file).trim_ascii();
    if file.first() == Some(&b'<') {
        let root = xml::parse(file).map_err(ImportError::Malformed)?;
        let (source, rows) = stuttgart::rows(&root).ok_or(ImportError::Unrecognised)?;
        return Ok(gather(source, rows, now_ms));
    }
    let json: Value =
        serde_json::from_slice(file).map_err(|error| ImportError::Malformed(error.to_string()))?;
    let any = |rows: &[Value], fits: fn(&Value) -> bool| rows.iter().any(fits);
    let read = |rows: &[Value], read: fn(&Value, u64) -> Row| -> Vec<Row> {
        rows.iter().map(|row| read(row, now_ms)).collect()
    };
    if let Some(rows) = json.as_array() {
        if any(rows, basel::fits) {
            return Ok(gather(basel::SOURCE, read(rows, basel::row), now_ms));
        }
        if any(rows, heidelberg::fits) {
            return Ok(gather(heidelberg::SOURCE, read(rows, heidelberg::row), now_ms));
        }
        return Err(ImportError::Unrecognised);
    }
    let rows = json["features"].as_array().ok_or(ImportError::Unrecognised)?;
    if any(rows, freiburg::fits) {
        return Ok(gather(freiburg::SOURCE, read(rows, freiburg::row), now_ms));
    }
    if any(rows, karlsruhe::fits) {
        return Ok(gather(karlsruhe::SOURCE, read(rows, karlsruhe::row), now_ms));
    }
    if any(rows, konstanz::fits) {
        return Ok(gather(konstanz::SOURCE, read(rows, konstanz::row), now_ms));
    }
    Err(ImportError::Unrecognised)
}

fn gather(source: &'static str, rows: Vec<Row>, now_ms: u64) -> Import {
    let mut import = Import { source, ..Import::default() };
    let mut seen = BTreeSet::new();
    for (draft, row) in rows.into_iter().zip(1..) {
        let error = |reason: String| RowError { row, reason };
        let draft = match draft {
            Ok(draft) => draft,
            Err(reason) => {
                import.broken_rows.push(error(reason));
                continue;
            }
        };
        if let Some(mut site) = draft.site {
            source.clone_into(&mut site.source);
            site.restrictions.sort_by_key(|restriction| restriction.r#type);
            if let Err(reason) = checked(&site, &mut seen, now_ms) {
                import.broken_rows.push(error(reason));
                continue;
            }
            import.sites.push(site);
        }
        match draft.realtime {
            None => {}
            Some(Err(reason)) => import.broken_updates.push(error(reason)),
            Some(Ok(mut update)) => {
                update.site = format!("{source}:{}", update.site);
                match update.check() {
                    Ok(()) => import.realtime.push(update),
                    Err(refusal) => import.broken_updates.push(error(refusal.message)),
                }
            }
        }
    }
    import
}

fn checked(site: &wire::Site, seen: &mut BTreeSet<String>, now_ms: u64) -> Result<(), String> {
    let told = |refusal: hutong_ledger::contract::Refusal| match &refusal.field {
        Some(field) => format!("{field}: {}", refusal.message),
        None => refusal.message.clone(),
    };
    check_site(site).map_err(told)?;
    if site.static_data_updated_at_ms > now_ms.saturating_add(AHEAD_MS_MAX) {
        return Err("its data are from the future".into());
    }
    let name = site_name(site).map_err(told)?;
    if seen.insert(name) { Ok(()) } else { Err(format!("{} stands in the file before", site.source_uid)) }
}

/// The actions that register what was imported, each with its nonce: the same for the same content.
pub fn actions(import: &Import) -> Vec<([u8; 16], Bytes)> {
    let nonced = |action: Bytes| {
        let hash = sha256(&[b"hutong parking import\0", &action]);
        let mut nonce = [0; 16];
        nonce.copy_from_slice(&hash.0[..16]);
        (nonce, action)
    };
    if import.sites.len() <= SINGLE_MAX {
        return import.sites.iter().map(|site| nonced(build::put_site(site.clone()))).collect();
    }
    import.sites.chunks(SITES_MAX).map(|sites| nonced(build::import_sites(sites.to_vec()))).collect()
}

#[cfg(test)]
mod tests;
