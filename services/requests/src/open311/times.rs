//! Dates and times of the standard (ISO 8601, W3C): read with or without a zone, always written with one.

use jiff::{Timestamp, civil, tz::TimeZone};

use super::Fault;

const DAY_MS: u64 = 24 * 3_600_000;
/// The longest span of a list.
pub(super) const SPAN_MS_MAX: u64 = 90 * DAY_MS;

/// As it is shown: in UTC, with its zone.
pub(super) fn show(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.map(|time| time.to_string()).unwrap_or_default()
}

/// A moment, or a whole day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) first_ms: u64,
    pub(super) last_ms: u64,
}

/// Reads a date and time; without a zone it is UTC, a date alone is that whole day.
pub(super) fn read(name: &str, text: &str) -> Result<Moment, Fault> {
    let invalid = || {
        let told = format!("{name}: a date and time such as 2026-01-31T08:00:00+08:00.");
        Fault::bad(told)
    };
    // A plus that was not encoded arrives as a space.
    let repaired = match text.rsplit_once(' ') {
        Some((time, zone)) if time.contains('T') => format!("{time}+{zone}"),
        _ => text.to_owned(),
    };
    let utc = |time: civil::DateTime| time.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).ok();
    let is_date = repaired.len() == 10;
    let time = if is_date {
        repaired.parse::<civil::Date>().ok().and_then(|date| utc(date.to_datetime(civil::Time::midnight())))
    } else {
        let zoned = repaired.parse::<Timestamp>().ok();
        // A zone that is wrong is not none.
        let bare = || repaired.parse::<civil::DateTime>().ok().filter(|_| is_bare(&repaired)).and_then(utc);
        zoned.or_else(bare)
    };
    let ms = time.and_then(|time| u64::try_from(time.as_millisecond()).ok()).ok_or_else(invalid)?;
    Ok(Moment { first_ms: ms, last_ms: if is_date { ms + DAY_MS - 1 } else { ms } })
}

fn is_bare(text: &str) -> bool {
    let time = text.split_once('T').map_or("", |(_, time)| time);
    !time.is_empty() && time.bytes().all(|b| b.is_ascii_digit() || b == b':' || b == b'.')
}

/// The first and last moment of a list: both ends are in it, at most 90 days lie between, the last 90 unless told.
pub(super) fn span(start: Option<&str>, end: Option<&str>, now_ms: u64) -> Result<(u64, u64), Fault> {
    let start = start.map(|text| read("start_date", text)).transpose()?;
    let end = end.map(|text| read("end_date", text)).transpose()?;
    match (start, end) {
        (None, None) => Ok((now_ms.saturating_sub(SPAN_MS_MAX), u64::MAX)),
        (Some(start), None) => Ok((start.first_ms, start.first_ms.saturating_add(SPAN_MS_MAX))),
        (None, Some(end)) => Ok((end.last_ms.saturating_sub(SPAN_MS_MAX), end.last_ms)),
        (Some(start), Some(end)) => {
            if end.last_ms < start.first_ms {
                return Err(Fault::bad("end_date: it is before start_date."));
            }
            if end.first_ms.saturating_sub(start.first_ms) > SPAN_MS_MAX {
                return Err(Fault::bad("end_date: at most 90 days after start_date; ask for parts."));
            }
            Ok((start.first_ms, end.last_ms))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> u64 {
        read("t", text).unwrap_or_else(|fault| panic!("{text}: {fault:?}")).first_ms
    }

    #[test]
    fn dates_are_read_and_shown_with_their_zone() {
        let at = 1_713_236_595_000;
        assert_eq!(show(at), "2024-04-16T03:03:15Z");
        assert_eq!(ms(&show(at)), at);
        assert_eq!(ms(&show(at + 7)), at + 7);
        for text in [
            "2024-04-16T03:03:15.000Z",
            "2024-04-16T11:03:15+08:00",
            "2024-04-16T11:03:15 08:00",
            "2024-04-15T23:03:15-04:00",
            "2024-04-16T03:03:15",
        ] {
            assert_eq!(ms(text), at, "{text}");
        }
        let day = read("t", "2024-04-16").unwrap();
        assert_eq!(
            (show(day.first_ms), show(day.last_ms)),
            ("2024-04-16T00:00:00Z".into(), "2024-04-16T23:59:59.999Z".into())
        );
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "x",
            "2024-13-01",
            "2024-02-30T00:00:00Z",
            "2024-04-16T25:00:00Z",
            "16.04.2024",
            "1713236595",
            "2024-04-16T03:03:15+99:00",
            "1900-01-01T00:00:00Z",
            "2024-04-16T",
            "2024-04-16T03:03:15[Mars]",
        ] {
            assert!(read("t", text).is_err(), "{text}");
        }
    }

    #[test]
    fn spans_have_both_ends_and_90_days() {
        let span = |start: &str, end: &str| span(Some(start), Some(end), 0);
        let (from, to) = span("2024-01-01T00:00:00Z", "2024-03-31T00:00:00Z").unwrap();
        assert_eq!(to - from, SPAN_MS_MAX);
        assert!(span("2024-01-01T00:00:00Z", "2024-03-31T00:00:01Z").is_err());
        assert!(span("2024-01-01", "2024-03-31").is_ok() && span("2024-01-01", "2024-04-01").is_err());
        assert!(span("2024-01-02", "2024-01-01").is_err() && span("2024-01-01", "2024-01-01").is_ok());
        let now_ms = ms("2026-01-01");
        assert_eq!(super::span(None, None, now_ms).unwrap(), (now_ms - SPAN_MS_MAX, u64::MAX));
    }
}
