//! The three rates of the 12345 line, exact: counts and fractions of whole numbers, rounded only to be read.
//!
//! Response is citizens contacted in time ÷ requests dispatched; resolution and satisfaction are yes ÷ valid call-backs.
//! The weighted number is their weighted mean. A rate of nothing is none, and so is the mean then.

use hutong_wire::v1::requests as wire;

/// Weights where the ledger has none.
pub const WEIGHTS: wire::Weights = wire::Weights { response: 1, resolution: 1, satisfaction: 1 };

/// What one request counts for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub in_time: bool,
    pub valid: bool,
    pub resolved: bool,
    pub satisfied: bool,
}

impl Counted {
    /// None: it counts for nothing, since it repeats another one or was never dispatched here.
    pub fn of(request: &wire::Request) -> Option<Self> {
        if request.dispatched_ms == 0 || !request.duplicate_of.is_empty() {
            return None;
        }
        let call = request.call_back.unwrap_or_default();
        // Who was reached and says that nobody called has the last word.
        let contacted = request.contacted && (!call.valid || call.contacted);
        let answered = request.answered_ms > 0 && request.answered_ms <= request.expected_ms;
        Some(Self {
            in_time: contacted && answered,
            valid: call.valid,
            resolved: call.valid && call.resolved,
            satisfied: call.valid && call.satisfied,
        })
    }
}

/// Sums over requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub dispatched: u64,
    pub in_time: u64,
    pub valid: u64,
    pub resolved: u64,
    pub satisfied: u64,
}

impl Tally {
    pub fn add(&mut self, counted: Counted) {
        self.dispatched += 1;
        self.in_time += u64::from(counted.in_time);
        self.valid += u64::from(counted.valid);
        self.resolved += u64::from(counted.resolved);
        self.satisfied += u64::from(counted.satisfied);
    }

    pub fn response(&self) -> Option<Rate> {
        Rate::new(self.in_time, self.dispatched)
    }

    pub fn resolution(&self) -> Option<Rate> {
        Rate::new(self.resolved, self.valid)
    }

    pub fn satisfaction(&self) -> Option<Rate> {
        Rate::new(self.satisfied, self.valid)
    }

    /// The weighted mean of the rates that have a weight; none if one of those is none.
    pub fn weighted(&self, weights: &wire::Weights) -> Option<Rate> {
        let parts = [
            (weights.response, self.response()),
            (weights.resolution, self.resolution()),
            (weights.satisfaction, self.satisfaction()),
        ];
        let mut mean = Rate { numerator: 0, denominator: 1 };
        for (weight, rate) in parts.into_iter().filter(|(weight, _)| *weight > 0) {
            let rate = rate?;
            mean = mean.plus(Rate::reduced(rate.numerator.checked_mul(weight.into())?, rate.denominator))?;
        }
        let all: u128 = parts.iter().map(|(weight, _)| u128::from(*weight)).sum();
        Some(Rate::reduced(mean.numerator, mean.denominator.checked_mul(all)?))
    }
}

/// A fraction in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub numerator: u128,
    pub denominator: u128,
}

impl Rate {
    fn new(numerator: u64, denominator: u64) -> Option<Self> {
        (denominator > 0).then(|| Self::reduced(numerator.into(), denominator.into()))
    }

    fn reduced(numerator: u128, denominator: u128) -> Self {
        let (mut a, mut b) = (numerator, denominator);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        Self { numerator: numerator / a.max(1), denominator: denominator / a.max(1) }
    }

    fn plus(self, other: Self) -> Option<Self> {
        let left = self.numerator.checked_mul(other.denominator)?;
        let right = other.numerator.checked_mul(self.denominator)?;
        Some(Self::reduced(left.checked_add(right)?, self.denominator.checked_mul(other.denominator)?))
    }

    /// Percent with two decimals, half up.
    pub fn percent(&self) -> String {
        let hundredths = (self.numerator * 20_000 + self.denominator) / (2 * self.denominator);
        format!("{}.{:02}", hundredths / 100, hundredths % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_exact() {
        let tally = Tally { dispatched: 7, in_time: 5, valid: 3, resolved: 2, satisfied: 1 };
        let rate = |numerator, denominator| Some(Rate { numerator, denominator });
        assert_eq!(tally.response(), rate(5, 7));
        assert_eq!((tally.resolution(), tally.satisfaction()), (rate(2, 3), rate(1, 3)));
        // 1·5/7 + 4·2/3 + 5·1/3 over 10 = (15 + 56 + 35) / 21 / 10.
        let weights = wire::Weights { response: 1, resolution: 4, satisfaction: 5 };
        assert_eq!(tally.weighted(&weights), rate(53, 105));
        assert_eq!(tally.weighted(&weights).unwrap().percent(), "50.48");
        assert_eq!(tally.weighted(&WEIGHTS), rate(4, 7));
        assert_eq!(Rate { numerator: 1, denominator: 8 }.percent(), "12.50");
        assert_eq!(Rate { numerator: 1, denominator: 1 }.percent(), "100.00");
        assert_eq!(Rate { numerator: 2, denominator: 3 }.percent(), "66.67");
    }

    #[test]
    fn a_rate_of_nothing_is_none() {
        let tally = Tally { dispatched: 2, in_time: 1, ..Tally::default() };
        assert_eq!((tally.resolution(), tally.weighted(&WEIGHTS)), (None, None));
        let response_alone = wire::Weights { response: 3, ..wire::Weights::default() };
        assert_eq!(tally.weighted(&response_alone).unwrap().percent(), "50.00");
        assert_eq!(Tally::default().response(), None);
    }

    #[test]
    fn the_largest_counts_do_not_overflow() {
        let tally = Tally {
            dispatched: 4_294_967_291,
            in_time: 4_294_967_279,
            valid: 4_294_967_279,
            resolved: 4_294_967_231,
            satisfied: 4_294_967_197,
        };
        let most = wire::Weights { response: 1_000_000, resolution: 999_999, satisfaction: 999_998 };
        assert!(tally.weighted(&most).is_some());
    }
}
