//! Quantities and numbers, as exact decimals. A wanted 5.4 means what rounds to it: from 5.35 on to before 5.45.

use std::{ops::Bound, sync::Arc};

use rust_decimal::Decimal;

use super::prefix::Prefix;
use crate::json::{Json, text};

/// A found quantity. A comparator makes it open to one side.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quantity {
    /// None: as low or high as can be.
    low: Option<Decimal>,
    high: Option<Decimal>,
    system: Option<Arc<str>>,
    code: Option<Arc<str>>,
    unit: Option<Arc<str>>,
}

/// A wanted quantity.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    prefix: Prefix,
    number: Decimal,
    /// Half of its last digit.
    half: Decimal,
    system: Option<String>,
    code: Option<String>,
}

/// A number by its text; None if it is none, or beyond 28 digits.
pub(crate) fn number(text: &str) -> Option<Decimal> {
    if text.contains(['e', 'E']) { Decimal::from_scientific(text).ok() } else { text.parse().ok() }
}

/// Half of the last digit that a number tells.
fn half(text: &str) -> Option<Decimal> {
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        None => (text, 0),
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
    };
    let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let last = exponent.checked_sub(i32::try_from(decimals).ok()?)?;
    Decimal::from_scientific(&format!("5e{}", last.checked_sub(1)?)).ok()
}

impl Quantity {
    /// The quantity of an element, or None if it has no number.
    pub(crate) fn of(json: &Json) -> Option<Self> {
        let Some(Json::Number(value)) = json.get("value") else { return None };
        let value = number(value)?;
        let (low, high) = match text(json, "comparator") {
            Some("<" | "<=") => (None, Some(value)),
            Some(">" | ">=") => (Some(value), None),
            _ => (Some(value), Some(value)),
        };
        let part = |name| text(json, name).map(Arc::from);
        Some(Self { low, high, system: part("system"), code: part("code"), unit: part("unit") })
    }

    /// Its one number, if it is not open to a side.
    pub(crate) fn number(&self) -> Option<Decimal> {
        self.low.filter(|_| self.low == self.high)
    }

    /// Where it is sorted.
    pub(crate) fn order(&self) -> Decimal {
        self.low.or(self.high).unwrap_or_default()
    }
}

impl Wanted {
    /// `[prefix][number]|[system]|[code]`
    pub(crate) fn parse(given: &str) -> Option<Self> {
        let mut parts = given.split('|');
        let (prefix, digits) = Prefix::split(parts.next()?);
        let digits = digits.strip_prefix('+').unwrap_or(digits);
        let mut part = || parts.next().filter(|part| !part.is_empty()).map(str::to_owned);
        let (system, code) = (part(), part());
        Some(Self { prefix, number: number(digits)?, half: half(digits)?, system, code })
    }

    /// Between which numbers what is wanted lies; None where that does not say it.
    pub(crate) fn range(&self) -> Option<(Bound<Decimal>, Bound<Decimal>)> {
        Some(match self.prefix {
            Prefix::Gt | Prefix::Sa => (Bound::Excluded(self.number), Bound::Unbounded),
            Prefix::Lt | Prefix::Eb => (Bound::Unbounded, Bound::Excluded(self.number)),
            Prefix::Ge => (Bound::Included(self.number), Bound::Unbounded),
            Prefix::Le => (Bound::Unbounded, Bound::Included(self.number)),
            Prefix::Eq => {
                let least = self.number.checked_sub(self.half)?;
                (Bound::Included(least), Bound::Excluded(self.number.checked_add(self.half)?))
            }
            Prefix::Ne | Prefix::Ap => return None,
        })
    }

    /// Whether any unit will do.
    pub(crate) fn is_unitless(&self) -> bool {
        self.system.is_none() && self.code.is_none()
    }

    pub(crate) fn matches(&self, found: &Quantity) -> bool {
        self.unit_matches(found) && self.number_matches(found)
    }

    fn unit_matches(&self, found: &Quantity) -> bool {
        let is = |part: &Option<Arc<str>>, wanted: &str| part.as_deref() == Some(wanted);
        let code = |code: &String| match &self.system {
            Some(_) => is(&found.code, code),
            None => is(&found.code, code) || is(&found.unit, code),
        };
        self.system.as_ref().is_none_or(|system| is(&found.system, system))
            && self.code.as_ref().is_none_or(code)
    }

    fn number_matches(&self, found: &Quantity) -> bool {
        let wanted = self.number;
        let above = found.high.is_none_or(|high| high > wanted);
        let below = found.low.is_none_or(|low| low < wanted);
        let at = found.low == Some(wanted) || found.high == Some(wanted);
        match self.prefix {
            Prefix::Eq => self.rounds(found),
            Prefix::Ne => !self.rounds(found),
            Prefix::Gt => above,
            Prefix::Lt => below,
            Prefix::Ge => above || at,
            Prefix::Le => below || at,
            Prefix::Sa => found.low.is_some_and(|low| low > wanted),
            Prefix::Eb => found.high.is_some_and(|high| high < wanted),
            Prefix::Ap => {
                let tenth = wanted.abs().checked_div(Decimal::TEN).unwrap_or_default();
                let (least, most) = (wanted.checked_sub(tenth), wanted.checked_add(tenth));
                found.high.zip(least).is_none_or(|(high, least)| high >= least)
                    && found.low.zip(most).is_none_or(|(low, most)| low <= most)
            }
        }
    }

    /// Whether all that was found rounds to what is wanted.
    fn rounds(&self, found: &Quantity) -> bool {
        let (Some(low), Some(high)) = (found.low, found.high) else { return false };
        let least = self.number.checked_sub(self.half);
        let most = self.number.checked_add(self.half);
        least.is_some_and(|least| low >= least) && most.is_some_and(|most| high < most)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is(found: &str, wanted: &str) -> bool {
        let found = Quantity::of(&Json::parse(found).unwrap()).unwrap();
        Wanted::parse(wanted).unwrap().matches(&found)
    }

    #[test]
    fn the_examples_of_the_specification() {
        let of = |value: &str| {
            format!(
                r#"{{"value":{value},"system":"http://unitsofmeasure.org","code":"mg","unit":"milligram"}}"#
            )
        };
        assert!(is(&of("5.4"), "5.4|http://unitsofmeasure.org|mg") && is(&of("5.35"), "5.4||mg"));
        assert!(!is(&of("5.45"), "5.4||mg") && !is(&of("5.4"), "5.4||g") && is(&of("5.4"), "5.4||milligram"));
        assert!(
            is(&of("5.4"), "5.40")
                && !is(&of("5.404"), "5.400")
                && is(&of("100.4"), "100")
                && is(&of("120"), "1e2")
                && !is(&of("151"), "1e2")
        );
        assert!(!is(&of("100.4"), "ne100") && is(&of("100.5"), "ne100"));
        assert!(is(&of("100.4"), "gt100") && !is(&of("100"), "gt100") && is(&of("100"), "ge100.0"));
        assert!(
            is(&of("99"), "lt100")
                && is(&of("100"), "le100")
                && is(&of("95"), "ap100")
                && !is(&of("80"), "ap100")
        );
        assert!(!is(&of("5.4"), "5.4|urn:other|mg"));
        let below = r#"{"value":10,"comparator":"<"}"#;
        assert!(
            is(below, "lt10")
                && is(below, "lt3")
                && !is(below, "gt10")
                && !is(below, "10")
                && is(below, "le10")
        );
        assert!(Wanted::parse("x").is_none() && Wanted::parse("").is_none() && Wanted::parse("gt").is_none());
    }

    #[test]
    fn decimals_are_no_floats() {
        assert_eq!(number("72.50"), number("72.5"));
        assert_ne!(number("0.1000000000000000055"), number("0.1"));
        assert_eq!(number("1.5e3"), number("1500"));
        assert_eq!(number("-2E-2"), number("-0.02"));
    }

    proptest! {
        #[test]
        fn a_number_matches_itself_and_its_roundings(digits in 0_i64..1_000_000, decimals in 0_u32..6) {
            let exact = Decimal::new(digits, decimals);
            let found = format!(r#"{{"value":{exact}}}"#);
            prop_assert!(is(&found, &exact.to_string()));
            let rounded = exact.round_dp_with_strategy(decimals / 2, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
            prop_assert!(is(&found, &rounded.to_string()), "{} {}", exact, rounded);
            let prefixed = |prefix: &str| is(&found, &format!("{prefix}{exact}"));
            let stands = [prefixed("ge"), prefixed("le"), prefixed("gt"), prefixed("lt")];
            prop_assert_eq!(stands, [true, true, false, false]);
        }

        #[test]
        fn anything_is_read_or_refused(text in ".{0,20}") {
            let _ = Wanted::parse(&text);
        }
    }
}
