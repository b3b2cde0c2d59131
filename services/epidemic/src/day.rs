//! Days as numbers, from 1970-01-01, and weeks that begin on Monday. Whole numbers alone, so that the contract may use it.

use jiff::civil::Date;

/// Days from 1970-01-01; before it they are negative.
pub type Day = i32;

pub const DAY_MS: u64 = 24 * 3600 * 1000;
/// 1800-01-01: line lists of old epidemics are read too.
pub const FIRST: Day = -62_091;
/// 2199-12-31.
pub const LAST: Day = 84_005;
/// Days of a week.
pub const WEEK: Day = 7;

/// The day, in UTC, of a time in milliseconds.
pub fn of_ms(unix_ms: u64) -> Day {
    Day::try_from(unix_ms / DAY_MS).unwrap_or(LAST).min(LAST)
}

/// The Monday of a day's week.
pub fn monday(day: Day) -> Day {
    // 1970-01-01 was a Thursday.
    day - (day + 3).rem_euclid(WEEK)
}

fn epoch() -> Date {
    Date::constant(1970, 1, 1)
}

/// As a date.
pub fn date(day: Day) -> Date {
    epoch().saturating_add(jiff::Span::new().days(day.clamp(FIRST, LAST)))
}

/// As 2002-08-19.
pub fn text(day: Day) -> String {
    date(day).to_string()
}

/// The week as 2002-W34.
pub fn week_text(monday: Day) -> String {
    let week = date(monday).iso_week_date();
    format!("{}-W{:02}", week.year(), week.week())
}

/// Reads 2002-08-19, and nothing else.
pub fn parse(text: &str) -> Option<Day> {
    let mut parts = text.split('-');
    let mut number = |digits: usize| {
        let part =
            parts.next().filter(|part| part.len() == digits && part.bytes().all(|b| b.is_ascii_digit()))?;
        part.parse::<i16>().ok()
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    if parts.next().is_some() {
        return None;
    }
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let days = epoch().until(date).ok()?.get_days();
    (FIRST..=LAST).contains(&days).then_some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_the_same() {
        assert_eq!(
            (parse("1970-01-01"), parse("1969-12-31"), parse("2002-08-19")),
            (Some(0), Some(-1), Some(11_918))
        );
        assert_eq!((parse("1800-01-01"), parse("2199-12-31")), (Some(FIRST), Some(LAST)));
        for day in (FIRST..=LAST).step_by(97) {
            assert_eq!(parse(&text(day)), Some(day));
        }
        for odd in [
            "",
            "2002-8-19",
            "2002/08/19",
            "2002-02-30",
            "2002-08-19-1",
            "1799-12-31",
            "2200-01-01",
            "+002-08-19",
        ] {
            assert_eq!(parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn weeks_begin_on_monday() {
        assert_eq!(text(monday(11_918)), "2002-08-19");
        assert_eq!(text(monday(11_924)), "2002-08-19");
        assert_eq!(text(monday(-1)), "1969-12-29");
        assert_eq!(week_text(monday(11_918)), "2002-W34");
    }
}
