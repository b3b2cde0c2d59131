//! Moments as people and programs write them: a day, a date with its time, or a number.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;
use utoipa::ToSchema;

/// Numbers below this are seconds: as milliseconds they would be before 1974.
const SECONDS_BELOW: u64 = 100_000_000_000;

/// A moment: `2026-01-31` (UTC), `2026-01-31T08:00:00+08:00`, or Unix seconds or milliseconds.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Moment {
    Number(u64),
    Text(String),
}

impl Moment {
    /// When something begins: a day at its first moment.
    pub(crate) fn begin_ms(&self) -> Option<u64> {
        self.ms(false)
    }

    /// When something ends: a day belongs to it.
    pub(crate) fn end_ms(&self) -> Option<u64> {
        self.ms(true)
    }

    fn ms(&self, whole_day: bool) -> Option<u64> {
        match self {
            Self::Number(number) if *number < SECONDS_BELOW => Some(number * 1000),
            Self::Number(number) => Some(*number),
            Self::Text(text) if text.len() == 10 => {
                let day: Date = text.parse().ok()?;
                let day = if whole_day { day.tomorrow().ok()? } else { day };
                let begin = day.to_zoned(TimeZone::UTC).ok()?;
                u64::try_from(begin.timestamp().as_millisecond()).ok()
            }
            Self::Text(text) => u64::try_from(text.parse::<Timestamp>().ok()?.as_millisecond()).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Moment {
        Moment::Text(text.into())
    }

    #[test]
    fn all_forms() {
        assert_eq!(text("2026-01-31").begin_ms(), Some(1_769_817_600_000));
        assert_eq!(text("2026-01-31").end_ms(), Some(1_769_904_000_000));
        assert_eq!(text("2026-01-31T08:00:00+08:00").end_ms(), Some(1_769_817_600_000));
        assert_eq!(Moment::Number(1_769_817_600).begin_ms(), Some(1_769_817_600_000));
        assert_eq!(Moment::Number(1_769_817_600_000).begin_ms(), Some(1_769_817_600_000));
        for wrong in
            ["", "2026-02-30", "2026-1-1xx", "tomorrow", "1969-12-31", "2026-01-31T08:00:00", "9999-12-31T"]
        {
            assert_eq!(text(wrong).begin_ms(), None, "{wrong}");
        }
        // The last day of the calendar has no tomorrow.
        assert_eq!(text("9999-12-31").end_ms(), None);
    }
}
