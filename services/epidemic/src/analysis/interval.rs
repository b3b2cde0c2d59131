//! The serial interval: how many days lie between a case and those it infected, as a probability for each day.

use super::{DAYS_MAX, Invalid, gamma::cdf};

/// The longest mean and standard deviation, in days.
pub const MEAN_MAX: f64 = 1000.0;
/// How far given weights may sum from 1: published ones are rounded.
const SUM_TOLERANCE: f64 = 0.01;

/// Weights by day, from day 0, which has none, and their mean.
#[derive(Clone, Debug, PartialEq)]
pub struct SerialInterval {
    pub weights: Vec<f64>,
    pub mean_days: f64,
}

impl SerialInterval {
    /// Weights as given; `weights[0]` is day 0.
    pub fn given(weights: Vec<f64>) -> Result<Self, Invalid> {
        let sound = weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0);
        if !sound || !(1..=DAYS_MAX).contains(&weights.len()) {
            return Err(Invalid::Weights);
        }
        if weights[0] > 0.0 {
            return Err(Invalid::FirstWeight);
        }
        let sum: f64 = weights.iter().sum();
        if (sum - 1.0).abs() > SUM_TOLERANCE {
            return Err(Invalid::WeightSum(sum));
        }
        let mean_days = weights.iter().zip(0_u32..).map(|(weight, day)| weight * f64::from(day)).sum();
        Ok(Self { weights, mean_days })
    }

    /// A Gamma distribution moved by one day and made discrete (Cori and others, 2013), for so many days.
    pub fn parametric(mean: f64, sd: f64, days: usize) -> Result<Self, Invalid> {
        if !(mean > 1.0 && mean <= MEAN_MAX) {
            return Err(Invalid::Mean);
        }
        if !(sd > 0.0 && sd <= MEAN_MAX) {
            return Err(Invalid::Sd);
        }
        let (shape, scale) = (((mean - 1.0) / sd).powi(2), sd * sd / (mean - 1.0));
        // A spread this small puts all weight between the two days around the mean.
        if shape > 1e8 {
            return Ok(Self { weights: between(mean, days), mean_days: mean });
        }
        let days = u32::try_from(days.min(DAYS_MAX)).unwrap_or(0);
        let mut weights = vec![0.0];
        for day in 1..=days {
            let below =
                |back: u32, shape: f64| cdf(shape, (f64::from(day) - f64::from(back)).max(0.0) / scale);
            // Beyond this day nothing is left, and differences of ones would only add noise.
            if below(2, shape) >= 1.0 && below(2, shape + 1.0) >= 1.0 {
                break;
            }
            let k = f64::from(day);
            // F is 0 below 0, so its term falls out there.
            let older = if day >= 2 { (k - 2.0) * below(2, shape) } else { 0.0 };
            let first = k * below(0, shape) + older - 2.0 * (k - 1.0) * below(1, shape);
            let second = 2.0 * below(1, shape + 1.0) - below(2, shape + 1.0) - below(0, shape + 1.0);
            weights.push((first + shape * scale * second).max(0.0));
        }
        Ok(Self { weights, mean_days: mean })
    }
}

fn between(mean: f64, days: usize) -> Vec<f64> {
    let floor = mean.floor();
    let mut weights = vec![0.0; days + 1];
    for (day, weight) in [(floor, 1.0 - (mean - floor)), (floor + 1.0, mean - floor)] {
        if let Some(place) = weights.get_mut(day as usize) {
            *place = weight;
        }
    }
    weights
}
