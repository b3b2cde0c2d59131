//! EARS: is today's count above what the days before would let one expect?
//!
//! C1 looks at the baseline just before the day, C2 leaves two days between, C3 adds up what C2 said over three days.

use super::Invalid;

/// The quantile of the normal distribution at 0.999.
pub const Z: f64 = 3.090_232_306;
/// C3 alarms from here: the quantile at 0.975.
pub const C3_ALARM: f64 = 1.959_963_985;
/// Days between the baseline of C2 and the day.
const LAG: usize = 2;
pub const BASELINE_MAX: usize = 365;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Days of the baseline.
    pub baseline: usize,
    /// The least spread that a baseline is taken to have.
    pub min_sigma: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { baseline: 7, min_sigma: 0.0 }
    }
}

/// C1 or C2 of a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    pub upper: f64,
    pub alarm: bool,
    /// The count in standard deviations above the mean; none if the baseline has no spread.
    pub statistic: Option<f64>,
}

/// C3 of a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cumulated {
    pub statistic: f64,
    pub alarm: bool,
}

/// One item for each day; none where there is no baseline yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ears {
    pub c1: Vec<Option<Limit>>,
    pub c2: Vec<Option<Limit>>,
    pub c3: Vec<Option<Cumulated>>,
}

pub fn ears(counts: &[u64], options: Options) -> Result<Ears, Invalid> {
    super::check(counts)?;
    if !(2..=BASELINE_MAX).contains(&options.baseline) {
        return Err(Invalid::Baseline(options.baseline));
    }
    if !(options.min_sigma.is_finite() && options.min_sigma >= 0.0) {
        return Err(Invalid::MinSigma);
    }
    let counts: Vec<f64> = counts.iter().map(|count| *count as f64).collect();
    let limits =
        |lag: usize| (0..counts.len()).map(|day| limit(&counts, day, lag, options)).collect::<Vec<_>>();
    let (c1, c2) = (limits(0), limits(LAG));
    let c3 = (0..counts.len()).map(|day| cumulated(&c2, day)).collect();
    Ok(Ears { c1, c2, c3 })
}

fn limit(counts: &[f64], day: usize, lag: usize, options: Options) -> Option<Limit> {
    let end = day.checked_sub(lag)?;
    let window = &counts[end.checked_sub(options.baseline)?..end];
    let days = window.len() as f64;
    let mean = window.iter().sum::<f64>() / days;
    let squares: f64 = window.iter().map(|count| (count - mean) * (count - mean)).sum();
    let sigma = (squares / (days - 1.0)).sqrt().max(options.min_sigma);
    let upper = mean + Z * sigma;
    let statistic = (sigma > 0.0).then(|| (counts[day] - mean) / sigma);
    Some(Limit { upper, alarm: counts[day] > upper, statistic })
}

fn cumulated(c2: &[Option<Limit>], day: usize) -> Option<Cumulated> {
    let days = &c2[day.checked_sub(2)?..=day];
    let excess = days.iter().map(|limit| Some((limit.as_ref()?.statistic? - 1.0).max(0.0)));
    let statistic = excess.sum::<Option<f64>>()?;
    Some(Cumulated { statistic, alarm: statistic >= C3_ALARM })
}
