//! Times of feeds: RFC 3339, or the local time of the feeds' cities.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// Central European time, by its rule: no table of time zones is needed.
const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

/// Whole seconds, in unix milliseconds.
pub(super) fn parse_ms(text: &str) -> Option<u64> {
    let text = text.trim();
    let time = text.parse::<Timestamp>().ok().or_else(|| local(text))?;
    u64::try_from(time.as_second()).ok().map(|seconds| seconds * 1000)
}

fn local(text: &str) -> Option<Timestamp> {
    let time: DateTime = text.parse().ok()?;
    Some(time.to_zoned(TimeZone::posix(BERLIN).ok()?).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        let seconds = |text| parse_ms(text).map(|ms| ms / 1000);
        assert_eq!(seconds("2023-12-03T01:51:53.479+01:00"), Some(1_701_564_713));
        assert_eq!(seconds("2024-07-28T12:06:00+00:00"), Some(1_722_168_360));
        // Summer and winter in Central Europe.
        assert_eq!(seconds("2024-06-10 10:20:00"), seconds("2024-06-10T08:20:00Z"));
        assert_eq!(seconds("2024-12-10T10:20:00"), seconds("2024-12-10T09:20:00Z"));
        assert_eq!(seconds("1970-01-01T01:00:00.000+01:00"), Some(0));
        for bad in ["", "today", "2024-13-01T00:00:00Z", "1960-01-01T00:00:00Z"] {
            assert_eq!(parse_ms(bad), None, "{bad}");
        }
    }
}
