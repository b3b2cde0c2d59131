//! The reproduction number over windows of a week (Cori, Ferguson, Fraser and Cauchemez, 2013): how many others a case
//! infects, from the local cases and the infectiousness of those before them, imported ones included.

use super::{
    Invalid, check,
    gamma::{Tail, quantile},
    interval::SerialInterval,
};

/// Days of a window.
pub const WINDOW: usize = 7;
/// What is believed before any case is seen: mean 5, standard deviation 5.
const PRIOR_SHAPE: f64 = 1.0;
const PRIOR_SCALE: f64 = 5.0;

/// The estimate of one window; days count from 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub t_start: usize,
    pub t_end: usize,
    pub mean: f64,
    pub sd: f64,
    pub q025: f64,
    pub q975: f64,
}

/// Windows from day 2 on; those that end within the mean serial interval are left out.
pub fn rt(local: &[u64], imported: &[u64], interval: &SerialInterval) -> Result<Vec<Estimate>, Invalid> {
    check(local)?;
    if local.len() != imported.len() {
        return Err(Invalid::Lengths { local: local.len(), imported: imported.len() });
    }
    check(imported)?;
    let total: Vec<f64> =
        local.iter().zip(imported).map(|(local, imported)| (local + imported) as f64).collect();
    let infectiousness: Vec<f64> =
        (0..total.len()).map(|day| lambda(&total, day, &interval.weights)).collect();
    // The first window is of days 2 to 8: places 1 to 7.
    let windows = (1..).map(|start| start..start + WINDOW).take_while(|window| window.end <= local.len());
    let late = windows.filter(|window| window.end as f64 > interval.mean_days + 1e-9);
    let estimates = late.map(|window| {
        let cases: u64 = local[window.clone()].iter().sum();
        let pressure: f64 = infectiousness[window.clone()].iter().sum();
        let shape = PRIOR_SHAPE + cases as f64;
        let scale = 1.0 / (1.0 / PRIOR_SCALE + pressure);
        Estimate {
            t_start: window.start + 1,
            t_end: window.end,
            mean: shape * scale,
            sd: shape.sqrt() * scale,
            q025: quantile(shape, Tail::Lower) * scale,
            q975: quantile(shape, Tail::Upper) * scale,
        }
    });
    Ok(estimates.collect())
}

/// How infectious the cases before a day are on it.
fn lambda(total: &[f64], day: usize, weights: &[f64]) -> f64 {
    let before = total[..day].iter().rev();
    before.zip(weights.iter().skip(1)).map(|(cases, weight)| cases * weight).sum()
}
