//! Quantiles of the Gamma distribution, to about twelve digits.
//!
//! The distribution function is statrs's; its inverse there stops at fewer digits, so the root is found here.

use statrs::function::gamma::{gamma_lr, ln_gamma};

/// From this shape on the expansion is exact to all digits of a double, and the series of the function gets long.
const SHAPE_LARGE: f64 = 1e4;
const STEPS_MAX: usize = 200;

/// The two tails that credible intervals of 95 % cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// At 0.025.
    Lower,
    /// At 0.975.
    Upper,
}

impl Tail {
    fn probability(self) -> f64 {
        match self {
            Self::Lower => 0.025,
            Self::Upper => 0.975,
        }
    }

    /// The same quantile of the normal distribution.
    fn z(self) -> f64 {
        let z = 1.959_963_984_540_054;
        match self {
            Self::Lower => -z,
            Self::Upper => z,
        }
    }
}

/// The probability of at most x under shape a and scale 1.
pub fn cdf(shape: f64, x: f64) -> f64 {
    if x <= 0.0 {
        0.0
    } else if x.is_infinite() {
        1.0
    } else {
        gamma_lr(shape, x)
    }
}

/// The quantile under a shape of at least 1 and scale 1.
pub fn quantile(shape: f64, tail: Tail) -> f64 {
    if shape >= SHAPE_LARGE { expansion(shape, tail.z()) } else { root(shape, tail) }
}

/// Cornish-Fisher: the quantile in powers of the root of the shape.
fn expansion(shape: f64, z: f64) -> f64 {
    let root = shape.sqrt();
    let (z2, z3) = (z * z, z * z * z);
    let terms = [
        1.0,
        z / root,
        (z2 - 1.0) / (3.0 * shape),
        (z3 - 7.0 * z) / (36.0 * shape * root),
        -(3.0 * z2 * z2 + 7.0 * z2 - 16.0) / (810.0 * shape * shape),
        (9.0 * z3 * z2 + 256.0 * z3 - 433.0 * z) / (38_880.0 * shape * shape * root),
    ];
    shape * terms.iter().rev().sum::<f64>()
}

/// Newton's steps within a bracket that shrinks: a step that leaves it is halved instead.
fn root(shape: f64, tail: Tail) -> f64 {
    let p = tail.probability();
    let norm = ln_gamma(shape);
    let (mut low, mut high) = (0.0_f64, f64::INFINITY);
    // Wilson and Hilferty.
    let start = 1.0 - 1.0 / (9.0 * shape) + tail.z() / (3.0 * shape.sqrt());
    let mut x = (shape * start * start * start).max(1e-3);
    for _ in 0..STEPS_MAX {
        let miss = cdf(shape, x) - p;
        if miss > 0.0 {
            high = x;
        } else {
            low = x;
        }
        let density = ((shape - 1.0) * x.ln() - x - norm).exp();
        let step = x - miss / density;
        let next = if step > low && step < high {
            step
        } else if high.is_infinite() {
            2.0 * x
        } else {
            f64::midpoint(low, high)
        };
        if (next - x).abs() <= 1e-15 * x {
            return next;
        }
        x = next;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, wanted: f64, relative: f64) {
        assert!((found - wanted).abs() <= relative * wanted.abs(), "{found} and not {wanted}");
    }

    #[test]
    fn known_quantiles() {
        // Shape 1 is the exponential distribution; the others were bisected over the Poisson sum with 40 digits.
        close(quantile(1.0, Tail::Lower), -(0.975_f64.ln()), 1e-13);
        close(quantile(1.0, Tail::Upper), -(0.025_f64.ln()), 1e-13);
        close(quantile(5.0, Tail::Upper), 10.241_588_675_403_698, 1e-13);
        close(quantile(5.0, Tail::Lower), 1.623_486_390_118_420_5, 1e-13);
        close(quantile(50.0, Tail::Upper), 64.780_598_592_918_3, 1e-13);
    }

    #[test]
    fn the_quantile_undoes_the_distribution() {
        for shape in [1.0, 1.5, 2.0, 18.0, 300.0, 5000.0, 9999.0] {
            for tail in [Tail::Lower, Tail::Upper] {
                close(cdf(shape, quantile(shape, tail)), tail.probability(), 1e-9);
            }
        }
    }

    #[test]
    fn both_ways_meet_where_they_change() {
        for tail in [Tail::Lower, Tail::Upper] {
            close(expansion(SHAPE_LARGE, tail.z()), root(SHAPE_LARGE, tail), 1e-12);
        }
    }
}
