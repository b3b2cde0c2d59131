//! Dates: each is the interval of all instants that it may mean. eq and ne go by containment, the others by overlap.

use jiff::{
    ToSpan,
    civil::{Date, Time},
    tz::Offset,
};

use super::prefix::Prefix;

/// From an instant on to before another, in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) from: i64,
    pub(crate) until: i64,
}

impl Interval {
    /// The interval of a date, dateTime or instant; a time without a zone is UTC, as are dates. None if the calendar
    /// has no such date.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.split_once('T') {
            None => Self::of_date(text),
            Some((date, time)) => Self::of_time(date, time),
        }
    }

    fn of_date(text: &str) -> Option<Self> {
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
        let mut parts = text.split('-');
        let (year, month, day) = (parts.next()?, parts.next(), parts.next());
        let fits = digits(year, 4)
            && month.is_none_or(|month| digits(month, 2))
            && day.is_none_or(|day| digits(day, 2))
            && parts.next().is_none();
        if !fits {
            return None;
        }
        let number = |part: Option<&str>| part.map_or(Some(1), |part| part.parse::<i8>().ok());
        let first = Date::new(year.parse().ok()?, number(month)?, number(day)?).ok()?;
        let span = match (month, day) {
            (None, _) => 1.year(),
            (Some(_), None) => 1.month(),
            (Some(_), Some(_)) => 1.day(),
        };
        // After the last day of the calendar there is nothing.
        let until = first.checked_add(span).ok().and_then(|next| micros(next, Time::midnight(), Offset::UTC));
        Some(Self { from: micros(first, Time::midnight(), Offset::UTC)?, until: until.unwrap_or(i64::MAX) })
    }

    fn of_time(date: &str, rest: &str) -> Option<Self> {
        if date.len() != 10 {
            return None;
        }
        let date: Date = date.parse().ok()?;
        // In a query + may have become a space.
        let zone = rest.find(['Z', '+', '-', ' ']).unwrap_or(rest.len());
        let (clock, zone) = rest.split_at(zone);
        let mut parts = clock.splitn(3, ':');
        let two = |part: &str| {
            let fits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            if fits { part.parse::<i8>().ok() } else { None }
        };
        let (hour, minute) = (two(parts.next()?)?, two(parts.next()?)?);
        let (second, fraction) = match parts.next() {
            None => (None, None),
            Some(text) => match text.split_once('.') {
                None => (Some(two(text)?), None),
                Some((second, fraction)) => (Some(two(second)?), Some(fraction)),
            },
        };
        // A leap second is told as the one before it.
        let time = Time::new(hour, minute, second.map_or(0, |second| second.min(59)), 0).ok()?;
        let start = micros(date, time, offset(zone)?)?;
        let (from, length) = match (second, fraction) {
            (None, _) => (0, 60_000_000),
            (Some(_), None) => (0, 1_000_000),
            (Some(_), Some(fraction)) => fraction_of(fraction)?,
        };
        Some(Self { from: start.checked_add(from)?, until: start.checked_add(from)?.saturating_add(length) })
    }

    /// The one of a period; what has no start or end is open there.
    pub(crate) fn of_period(start: Option<&str>, end: Option<&str>) -> Option<Self> {
        if start.is_none() && end.is_none() {
            return None;
        }
        let from = start.map_or(Some(i64::MIN), |start| Some(Self::parse(start)?.from))?;
        let until = end.map_or(Some(i64::MAX), |end| Some(Self::parse(end)?.until))?;
        Some(Self { from, until })
    }

    /// The instant of a time in milliseconds, as exact as it is told.
    pub(crate) fn of_ms(unix_ms: u64) -> Self {
        let from = i64::try_from(unix_ms).unwrap_or(i64::MAX).saturating_mul(1000);
        Self { from, until: from.saturating_add(1000) }
    }

    fn contains(&self, other: &Self) -> bool {
        self.from <= other.from && other.until <= self.until
    }

    /// Whether a found interval stands to the wanted one as the prefix says. `now` is where ap measures from.
    pub(crate) fn matches(found: &Self, prefix: Prefix, wanted: &Self, now: i64) -> bool {
        match prefix {
            Prefix::Eq => wanted.contains(found),
            Prefix::Ne => !wanted.contains(found),
            Prefix::Gt => found.until > wanted.until,
            Prefix::Lt => found.from < wanted.from,
            Prefix::Ge => found.until > wanted.from,
            Prefix::Le => found.from < wanted.until,
            Prefix::Sa => found.from >= wanted.until,
            Prefix::Eb => found.until <= wanted.from,
            Prefix::Ap => {
                let slack = now.saturating_sub(wanted.from).saturating_abs() / 10;
                found.until > wanted.from.saturating_sub(slack)
                    && found.from < wanted.until.saturating_add(slack)
            }
        }
    }
}

fn micros(date: Date, time: Time, offset: Offset) -> Option<i64> {
    offset.to_timestamp(date.to_datetime(time)).ok().map(|time| time.as_microsecond())
}

fn offset(zone: &str) -> Option<Offset> {
    if matches!(zone, "" | "Z") {
        return Some(Offset::UTC);
    }
    let (sign, rest) = zone.split_at(1);
    let (hours, minutes) = rest.split_once(':')?;
    let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
    Offset::from_seconds(if sign == "-" { -seconds } else { seconds }).ok()
}

/// Where a fraction of a second begins, and how long it is.
fn fraction_of(digits: &str) -> Option<(i64, i64)> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let kept = &digits[..digits.len().min(6)];
    let length = 10_i64.pow(u32::try_from(6 - kept.len()).unwrap_or(0));
    Some((kept.parse::<i64>().ok()? * length, length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Interval {
        Interval::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    fn is(found: &str, prefixed: &str) -> bool {
        let (prefix, wanted) = Prefix::split(prefixed);
        let found = match found.split_once("..") {
            None => of(found),
            Some((start, end)) => {
                let side = |text: &'static str| (!text.is_empty()).then_some(text);
                let (start, end) = (start.to_owned().leak(), end.to_owned().leak());
                Interval::of_period(side(start), side(end)).unwrap()
            }
        };
        Interval::matches(&found, prefix, &of(wanted), of("2024-01-01").from)
    }

    #[test]
    fn the_examples_of_the_specification() {
        // eq: the wanted range contains the found one.
        assert!(is("2013-01-14", "2013-01-14") && is("2013-01-14T10:00:00Z", "eq2013-01-14"));
        assert!(is("2013-01-14", "2013-01") && !is("2013", "2013-01-14"));
        assert!(is("2013", "ne2013-01-14") && !is("2013-01-14T10:00:00Z", "ne2013-01-14"));
        // lt and gt: up to the instant.
        assert!(is("2013-01-14", "lt2013-01-14T10:00:00Z") && is("2013-01-14", "gt2013-01-14T10:00:00Z"));
        assert!(is("2013-03-15", "ge2013-03-14") && is("2013-03-14", "le2013-03-14"));
        assert!(!is("2013-03-13", "ge2013-03-14") && !is("2013-03-15", "le2013-03-14"));
        assert!(is("2013-01-21..", "ge2013-03-14") && is("2013-01-21..", "le2013-03-14"));
        // sa and eb: nothing of it inside.
        assert!(is("2013-03-15..", "sa2013-03-14") && !is("2013-03-14..2013-03-20", "sa2013-03-14"));
        assert!(is("..2013-03-13", "eb2013-03-14") && !is("2013-03-14", "eb2013-03-14"));
        assert!(is("2023-05-20", "ap2023-06") && !is("2001", "ap2023-06"));
    }

    #[test]
    fn partial_dates_are_intervals() {
        let day = 86_400_000_000;
        assert_eq!(of("1970-01-01"), Interval { from: 0, until: day });
        assert_eq!(
            of("1972-02"),
            of("1972-02-01T00:00:00Z..1972-02-29".split("..").next().unwrap()).to("1972-02-29")
        );
        assert_eq!(of("1970").until, of("1970-12-31").until);
        assert_eq!(of("1970-01-01T10:00+02:00"), of("1970-01-01T08:00Z"));
        assert_eq!(of("1970-01-01T10:00:00 02:00"), of("1970-01-01T08:00:00Z"));
        assert_eq!(of("1970-01-01T00:00:00.12Z"), Interval { from: 120_000, until: 130_000 });
        assert_eq!(of("9999").until, i64::MAX);
        for bad in [
            "",
            "20",
            "2020-13",
            "2020-02-30",
            "2020-1",
            "2020-02-29T",
            "2020-02T10:00",
            "2020-02-29T24:00",
            "x",
        ] {
            assert_eq!(Interval::parse(bad), None, "{bad}");
        }
    }

    impl Interval {
        fn to(self, end: &str) -> Self {
            Self { from: self.from, until: of(end).until }
        }
    }

    fn text() -> impl Strategy<Value = String> {
        let date = (1900_i32..2100, 1_u8..13, 1_u8..29);
        (date, 0_u8..24, 0_u8..60, 0_u8..60, 0_u8..5).prop_map(|((y, m, d), hour, min, s, precision)| {
            match precision {
                0 => format!("{y:04}"),
                1 => format!("{y:04}-{m:02}"),
                2 => format!("{y:04}-{m:02}-{d:02}"),
                3 => format!("{y:04}-{m:02}-{d:02}T{hour:02}:{min:02}Z"),
                _ => format!("{y:04}-{m:02}-{d:02}T{hour:02}:{min:02}:{s:02}+08:00"),
            }
        })
    }

    proptest! {
        #[test]
        fn prefixes_agree_with_each_other(found in text(), wanted in text()) {
            let (found, wanted) = (of(&found), of(&wanted));
            prop_assert!(found.from < found.until);
            let is = |prefix| Interval::matches(&found, prefix, &wanted, 0);
            prop_assert_eq!(is(Prefix::Eq), !is(Prefix::Ne));
            prop_assert!(!is(Prefix::Eq) || (is(Prefix::Ge) && is(Prefix::Le) && is(Prefix::Ap)));
            // Wholly before, wholly after, or some of it shared.
            let apart = is(Prefix::Sa) || is(Prefix::Eb);
            prop_assert_eq!(apart, !(is(Prefix::Ge) && is(Prefix::Le)));
            prop_assert!(!(is(Prefix::Sa) && is(Prefix::Eb)));
            prop_assert!(!is(Prefix::Sa) || (is(Prefix::Gt) && is(Prefix::Ge) && !is(Prefix::Le)));
            prop_assert!(!is(Prefix::Eb) || (is(Prefix::Lt) && is(Prefix::Le) && !is(Prefix::Ge)));
            prop_assert!(!is(Prefix::Gt) || is(Prefix::Ge));
            prop_assert!(!is(Prefix::Lt) || is(Prefix::Le));
        }

        #[test]
        fn anything_is_read_or_refused(text in ".{0,30}") {
            let _ = Interval::parse(&text);
        }
    }
}
