//! Exact shares. A share is a fraction of the whole; sums are compared, never rounded.

use hutong_ledger::contract::Refusal;
use hutong_wire::v1::property as wire;

/// The largest denominator of a share: keeps every sum within 128 bits.
pub const DENOMINATOR_MAX: u64 = 1_000_000_000;

/// A fraction in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fraction {
    numerator: u128,
    denominator: u128,
}

impl Fraction {
    pub const ZERO: Self = Self { numerator: 0, denominator: 1 };
    pub const ONE: Self = Self { numerator: 1, denominator: 1 };

    fn reduced(numerator: u128, denominator: u128) -> Self {
        let divisor = gcd(numerator, denominator).max(1);
        Self { numerator: numerator / divisor, denominator: denominator / divisor }
    }

    /// A share that is stated: above 0 and at most 1.
    pub fn parse(share: Option<&wire::Share>, field: &str) -> Result<Self, Refusal> {
        let invalid = |why: &str| Refusal::new("share_invalid", format!("a share {why}")).at(field);
        let share = share.ok_or_else(|| invalid("is missing"))?;
        if share.numerator == 0 || share.denominator == 0 || share.denominator > DENOMINATOR_MAX {
            return Err(invalid("is a numerator and a denominator from 1 to 1,000,000,000"));
        }
        if share.numerator > share.denominator {
            return Err(invalid("is at most the whole"));
        }
        Ok(Self::reduced(share.numerator.into(), share.denominator.into()))
    }

    pub fn plus(self, other: Self) -> Option<Self> {
        let left = self.numerator.checked_mul(other.denominator)?;
        let right = other.numerator.checked_mul(self.denominator)?;
        let denominator = self.denominator.checked_mul(other.denominator)?;
        Some(Self::reduced(left.checked_add(right)?, denominator))
    }

    /// None if more is taken than is there.
    pub fn minus(self, other: Self) -> Option<Self> {
        let left = self.numerator.checked_mul(other.denominator)?;
        let right = other.numerator.checked_mul(self.denominator)?;
        let denominator = self.denominator.checked_mul(other.denominator)?;
        Some(Self::reduced(left.checked_sub(right)?, denominator))
    }

    /// Whether it is two thirds or more.
    pub fn is_two_thirds(self) -> bool {
        let sides = (self.numerator.checked_mul(3), self.denominator.checked_mul(2));
        matches!(sides, (Some(thrice), Some(twice)) if thrice >= twice)
    }

    /// As it is stored; None if it needs a larger denominator than shares may have.
    pub fn stored(self) -> Option<wire::Share> {
        let denominator = u64::try_from(self.denominator).ok().filter(|d| *d <= DENOMINATOR_MAX)?;
        Some(wire::Share { numerator: u64::try_from(self.numerator).ok()?, denominator })
    }
}

/// The sum; a refusal if it cannot be written exactly.
pub(super) fn sum(shares: impl IntoIterator<Item = Fraction>) -> Result<Fraction, Refusal> {
    let too_fine =
        || Refusal::new("share_invalid", "the shares have no common denominator of reasonable size");
    shares.into_iter().try_fold(Fraction::ZERO, |sum, share| sum.plus(share)).ok_or_else(too_fine)
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(numerator: u64, denominator: u64) -> Fraction {
        Fraction::parse(Some(&wire::Share { numerator, denominator }), "share").unwrap()
    }

    #[test]
    fn three_thirds_are_one_and_their_decimals_are_not() {
        assert_eq!(sum([share(1, 3); 3]).unwrap(), Fraction::ONE);
        assert_ne!(sum([share(33333, 100_000); 3]).unwrap(), Fraction::ONE);
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for (numerator, denominator) in
            [(0, 1), (1, 0), (2, 1), (1, DENOMINATOR_MAX + 1), (u64::MAX, u64::MAX)]
        {
            let refused =
                Fraction::parse(Some(&wire::Share { numerator, denominator }), "share").unwrap_err();
            assert_eq!(refused.code, "share_invalid", "{numerator}/{denominator}");
        }
        assert!(Fraction::parse(None, "share").is_err());
    }

    #[test]
    fn two_thirds_are_exact() {
        assert!(share(2, 3).is_two_thirds() && Fraction::ONE.is_two_thirds());
        assert!(!share(666_666_666, 1_000_000_000).is_two_thirds() && !Fraction::ZERO.is_two_thirds());
    }

    #[test]
    fn taking_more_than_there_is_gives_nothing() {
        assert_eq!(share(1, 2).minus(share(1, 2)), Some(Fraction::ZERO));
        assert_eq!(share(1, 2).minus(share(2, 3)), None);
    }
}
