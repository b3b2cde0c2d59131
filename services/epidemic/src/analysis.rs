//! The statistics of surveillance: early warning (EARS) and the reproduction number. Pure.
//!
//! Floating point is allowed here and nowhere in the contract: nothing on the ledger is decided by it.
//!
//! Parts: [`ears`] C1, C2 and C3; [`interval`] the serial interval; [`rt`] the reproduction number; [`gamma`] quantiles.

pub mod ears;
pub mod gamma;
pub mod interval;
pub mod rt;

/// The most days of one analysis.
pub const DAYS_MAX: usize = 10_000;
/// The most cases of one day in a series: more people than any city has, and sums of them are exact in floating point.
pub const COUNT_MAX: u64 = 1_000_000_000;

/// Input that no analysis can be made of.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Invalid {
    #[error("a series has 1 to {DAYS_MAX} days; this one has {0}")]
    Days(usize),
    #[error("day {day} has {count} cases; at most {COUNT_MAX} are taken")]
    Count { day: usize, count: u64 },
    #[error("local has {local} days and imported {imported}; both cover the same days")]
    Lengths { local: usize, imported: usize },
    #[error("a baseline has 2 to {max} days; this one has {0}", max = ears::BASELINE_MAX)]
    Baseline(usize),
    #[error("minSigma is a finite number of at least 0")]
    MinSigma,
    #[error("the mean of the serial interval is a number above 1 and at most {max}", max = interval::MEAN_MAX)]
    Mean,
    #[error("the standard deviation of the serial interval is a number above 0 and at most {max}", max = interval::MEAN_MAX)]
    Sd,
    #[error("1 to {DAYS_MAX} weights, each a finite number of at least 0")]
    Weights,
    #[error("weights[0] is day 0 and must be 0: nobody infects another on the day of the own onset")]
    FirstWeight,
    #[error("the weights sum to {0}, not to 1")]
    WeightSum(f64),
}

impl Invalid {
    /// The field of a request that is at fault.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Days(_) | Self::Count { .. } => "counts",
            Self::Lengths { .. } => "imported",
            Self::Baseline(_) => "baseline",
            Self::MinSigma => "minSigma",
            Self::Mean => "si.mean",
            Self::Sd => "si.sd",
            Self::Weights | Self::FirstWeight | Self::WeightSum(_) => "si.weights",
        }
    }
}

/// Refuses a series that is too long or has impossible counts.
pub fn check(series: &[u64]) -> Result<(), Invalid> {
    if !(1..=DAYS_MAX).contains(&series.len()) {
        return Err(Invalid::Days(series.len()));
    }
    match series.iter().position(|count| *count > COUNT_MAX) {
        Some(at) => Err(Invalid::Count { day: at + 1, count: series[at] }),
        None => Ok(()),
    }
}
