//! The names of parking's records.

use hutong_ledger::{contract::Refusal, id::RecordId};
use hutong_wire::v1::parking as wire;

use super::day_start_ms;

const UID_BYTES_MAX: usize = 72;
const SOURCE_BYTES_MAX: usize = 24;

/// A site's name in the city: `<source>:<source_uid>` for a feed's site, its own uid for another.
pub fn site_name(site: &wire::Site) -> Result<String, Refusal> {
    let invalid = |field: &str, why: &str| Refusal::new("site_invalid", why.to_owned()).at(field);
    if site.source.is_empty() {
        if !site.source_uid.is_empty() {
            return Err(invalid("source", "a source_uid has a source"));
        }
        if !is_uid(&site.uid) {
            return Err(invalid(
                "uid",
                "1 to 72 of 0-9, A-Z, a-z, - . and _, beginning with none of the last three",
            ));
        }
        return Ok(site.uid.clone());
    }
    if !site.uid.is_empty() {
        return Err(invalid("uid", "a site of a source is named by its source_uid"));
    }
    if !is_source(&site.source) {
        return Err(invalid("source", "1 to 24 of a-z, 0-9, - and _"));
    }
    if !is_source_uid(&site.source_uid) {
        return Err(invalid("source_uid", "1 to 72 visible ASCII characters without / ? # % and \\"));
    }
    Ok(format!("{}:{}", site.source, site.source_uid))
}

/// Whether a text is a site's name.
pub fn is_site(name: &str) -> bool {
    match name.split_once(':') {
        Some((source, uid)) => is_source(source) && is_source_uid(uid),
        None => is_uid(name),
    }
}

fn is_uid(text: &str) -> bool {
    (1..=UID_BYTES_MAX).contains(&text.len())
        && text.as_bytes()[0].is_ascii_alphanumeric()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
}

fn is_source(text: &str) -> bool {
    (1..=SOURCE_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
}

fn is_source_uid(text: &str) -> bool {
    (1..=UID_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_graphic() && !b"/?#%\\".contains(&b))
}

/// Of an operator or a permit.
fn is_id(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// `site/<name>`
pub fn site_record(name: &str) -> Result<RecordId, Refusal> {
    let unknown = || Refusal::new("site_invalid", "this is no site's name").at("site");
    if is_site(name) { named(format!("site/{name}")) } else { Err(unknown()) }
}

/// `operator/<id>`
pub fn operator_record(id: &str) -> Result<RecordId, Refusal> {
    let invalid = || Refusal::new("operator_invalid", "an id is 1 to 32 of a-z, 0-9 and -").at("id");
    if is_id(id) { named(format!("operator/{id}")) } else { Err(invalid()) }
}

/// `permit/<id>`
pub fn permit_record(id: &str) -> Result<RecordId, Refusal> {
    let invalid = || Refusal::new("permit_invalid", "an id is 1 to 32 of a-z, 0-9 and -").at("id");
    if is_id(id) { named(format!("permit/{id}")) } else { Err(invalid()) }
}

/// `digest/<site>/<day>`
pub fn digest_record(site: &str, day: &str) -> Result<RecordId, Refusal> {
    if !is_site(site) || day_start_ms(day).is_none() {
        return Err(Refusal::new("digest_invalid", "a digest names a site and a day, YYYY-MM-DD").at("day"));
    }
    named(format!("digest/{site}/{day}"))
}

fn named(name: String) -> Result<RecordId, Refusal> {
    name.parse().map_err(|_| Refusal::fault(format!("{name} is no record's name")))
}
