//! Instants as FHIR and HTTP write them.

use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;

/// An instant of FHIR, in UTC with milliseconds.
pub(crate) fn instant(unix_ms: u64) -> String {
    let ms = i64::try_from(unix_ms).unwrap_or(i64::MAX);
    let time = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX);
    format!("{time:.3}")
}

/// A date of HTTP, in whole seconds.
pub(crate) fn http_date(unix_ms: u64) -> String {
    // Later than the year 9999 HTTP has no dates.
    let ms = unix_ms.min(253_402_300_799_000);
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(ms))
}

/// Unix seconds of a date of HTTP.
pub(crate) fn parse_http_date(text: &str) -> Option<u64> {
    let time = httpdate::parse_http_date(text.trim()).ok()?;
    time.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_have_three_digits_and_dates_none() {
        assert_eq!(instant(1_700_000_000_000), "2023-11-14T22:13:20.000Z");
        assert_eq!(instant(1_700_000_000_120), "2023-11-14T22:13:20.120Z");
        assert!(!instant(u64::MAX).is_empty() && !http_date(u64::MAX).is_empty());
        let date = http_date(1_700_000_000_999);
        assert_eq!(date, "Tue, 14 Nov 2023 22:13:20 GMT");
        assert_eq!(parse_http_date(&date), Some(1_700_000_000));
        assert_eq!(parse_http_date("yesterday"), None);
    }
}
