//! Digests: what a site's occupancy was on a day, as one hash. Days are of UTC and anchored once, when they are over.

use hutong_ledger::{
    contract::{Change, Refusal},
    id::RecordId,
};
use hutong_wire::v1::parking as wire;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{Case, digest_record, put, site_record};

/// Of any day of UTC.
pub const DAY_MS: u64 = 86_400_000;

/// When a day begins, unix milliseconds; None for what is no day since 1970, written YYYY-MM-DD.
pub fn day_start_ms(day: &str) -> Option<u64> {
    let date: Date = day.parse().ok().filter(|date: &Date| date.to_string() == day)?;
    let start = date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond();
    u64::try_from(start).ok()
}

/// The day of a time.
pub fn day_of(unix_ms: u64) -> String {
    let time = i64::try_from(unix_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC).date().to_string()
}

pub(super) fn reads(action: &wire::AnchorDay) -> Result<Vec<RecordId>, Refusal> {
    Ok(vec![digest_record(&action.site, &action.day)?, site_record(&action.site)?])
}

pub(super) fn anchor(case: &Case<'_>, action: &wire::AnchorDay) -> Result<Vec<Change>, Refusal> {
    case.by_owner()?;
    let invalid = |field: &str, why: &str| Refusal::new("digest_invalid", why.to_owned()).at(field);
    let start_ms = day_start_ms(&action.day).ok_or_else(|| invalid("day", "a day is YYYY-MM-DD"))?;
    if action.sha256.len() != 32 || action.updates == 0 {
        return Err(invalid("sha256", "a digest has 32 bytes and stands for at least one update"));
    }
    if case.state.time_ms < start_ms.saturating_add(DAY_MS) {
        return Err(Refusal::new("day_not_over", "a day is anchored when it is over").at("day"));
    }
    let site = site_record(&action.site)?;
    if case.state.get(&site).is_none() {
        return Err(Refusal::new("site_unknown", format!("{site} is not registered")).at("site"));
    }
    let record = digest_record(&action.site, &action.day)?;
    if case.state.get(&record).is_some() {
        return Err(Refusal::new("day_anchored", format!("{record} stands already")).at("day"));
    }
    let digest = wire::Digest {
        site: action.site.clone(),
        day: action.day.clone(),
        sha256: action.sha256.clone(),
        updates: action.updates,
    };
    Ok(vec![put(record, &digest)?])
}
