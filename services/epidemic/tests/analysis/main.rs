//! The statistics against published numbers, to the digits given: EARS, the serial interval, the reproduction number.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use hutong_epidemic::analysis::{
    COUNT_MAX, DAYS_MAX, Invalid,
    ears::{Ears, Options, ears},
    interval::SerialInterval,
    rt::{Estimate, rt},
};
use proptest::prelude::*;

const COUNTS: [u64; 14] = [12, 9, 11, 14, 10, 8, 13, 11, 12, 25, 30, 28, 15, 9];
const FLU: [u64; 32] =
    [1, 1, 0, 2, 5, 3, 3, 3, 6, 2, 5, 9, 13, 12, 13, 11, 12, 6, 6, 6, 3, 1, 0, 2, 0, 0, 0, 0, 2, 0, 2, 0];
const WEIGHTS: [f64; 12] = [0.0, 0.233, 0.359, 0.198, 0.103, 0.053, 0.027, 0.014, 0.007, 0.003, 0.002, 0.001];

/// Equal to the last digit that the number is given with.
fn same(found: f64, given: f64, digits: i32) {
    let half = 0.5 * 10_f64.powi(-digits);
    assert!((found - given).abs() <= half * 1.000_001, "{found} is not {given} to {digits} digits");
}

fn usual(counts: &[u64]) -> Ears {
    ears(counts, Options::default()).unwrap()
}

fn alarms<T>(items: &[Option<T>], alarm: impl Fn(&T) -> bool) -> Vec<usize> {
    items.iter().zip(1..).filter(|(item, _)| item.as_ref().is_some_and(&alarm)).map(|(_, t)| t).collect()
}

#[test]
fn ears_says_what_its_authors_say() {
    let found = usual(&COUNTS);
    assert!(found.c1[..7].iter().all(Option::is_none) && found.c1[7..].iter().all(Option::is_some));
    assert!(found.c2[..9].iter().all(Option::is_none) && found.c2[9..].iter().all(Option::is_some));
    assert!(found.c3[..11].iter().all(Option::is_none) && found.c3[11..].iter().all(Option::is_some));
    for (t, upper) in (8..).zip([17.675_665, 17.395_15, 17.392_159, 30.372_052]) {
        same(found.c1[t - 1].unwrap().upper, upper, 5);
    }
    same(found.c1[7].unwrap().upper, 17.675_665, 6);
    same(found.c1[9].unwrap().upper, 17.392_159, 6);
    same(found.c1[10].unwrap().upper, 30.372_052, 6);
    assert_eq!(alarms(&found.c1, |limit| limit.alarm), [10]);
    for (t, statistic) in (10..).zip([6.480_741, 9.047_998, 8.458_445, 0.310_045, -0.780_147]) {
        same(found.c2[t - 1].unwrap().statistic.unwrap(), statistic, 6);
    }
    assert_eq!(alarms(&found.c2, |limit| limit.alarm), [10, 11, 12]);
    for (t, statistic) in (12..).zip([20.987_184, 15.506_443, 7.458_445]) {
        same(found.c3[t - 1].unwrap().statistic, statistic, 6);
    }
    assert_eq!(alarms(&found.c3, |sum| sum.alarm), [12, 13, 14]);
}

#[test]
fn a_baseline_without_spread_alarms_unless_one_is_given() {
    let counts = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1];
    let found = usual(&counts);
    let first = found.c1[7].unwrap();
    assert_eq!((first.upper, first.alarm, first.statistic), (0.0, true, None));
    // C2 of day 10 has a baseline of zeros: a limit, no statistic, and so no C3 of days that need it.
    assert_eq!(found.c2[9].unwrap().statistic, None);
    assert!(found.c3.iter().all(Option::is_none));
    let floor = ears(&counts, Options { min_sigma: 1.0, ..Options::default() }).unwrap();
    same(floor.c1[7].unwrap().upper, 3.0902, 4);
    assert!(!floor.c1[7].unwrap().alarm);
    assert!(floor.c3[11].is_some(), "with a least spread there is a statistic for every baseline");
}

#[test]
fn a_short_series_has_no_baseline_and_is_no_fault() {
    for days in 1..8 {
        let found = usual(&COUNTS[..days]);
        assert_eq!((found.c1.len(), found.c2.len(), found.c3.len()), (days, days, days));
        assert!(found.c1.iter().all(Option::is_none));
    }
    let short = ears(&COUNTS, Options { baseline: 2, ..Options::default() }).unwrap();
    assert!(short.c1[1].is_none() && short.c1[2].is_some());
}

#[test]
fn series_that_are_none_are_refused() {
    let options = Options::default();
    assert_eq!(ears(&[], options), Err(Invalid::Days(0)));
    assert_eq!(ears(&vec![0; DAYS_MAX + 1], options), Err(Invalid::Days(DAYS_MAX + 1)));
    assert!(ears(&vec![0; DAYS_MAX], options).is_ok());
    assert_eq!(ears(&[0, COUNT_MAX + 1], options), Err(Invalid::Count { day: 2, count: COUNT_MAX + 1 }));
    for baseline in [0, 1, 366, usize::MAX] {
        assert_eq!(ears(&COUNTS, Options { baseline, ..options }), Err(Invalid::Baseline(baseline)));
    }
    for min_sigma in [-0.1, f64::NAN, f64::INFINITY] {
        assert_eq!(ears(&COUNTS, Options { min_sigma, ..options }), Err(Invalid::MinSigma));
    }
}

fn flu(interval: &SerialInterval) -> Vec<Estimate> {
    rt(&FLU, &[0; 32], interval).unwrap()
}

fn at(estimates: &[Estimate], start: usize, end: usize) -> Estimate {
    *estimates.iter().find(|found| (found.t_start, found.t_end) == (start, end)).unwrap()
}

#[test]
fn the_school_outbreak_of_2009_has_its_published_numbers() {
    let found = flu(&SerialInterval::given(WEIGHTS.to_vec()).unwrap());
    assert_eq!(found.len(), 25);
    let first = at(&found, 2, 8);
    same(first.mean, 1.735_608_909, 9);
    same(first.sd, 0.409_086_943_1, 10);
    same(first.q025, 1.028_631_836_9, 10);
    same(first.q975, 2.624_495_884, 9);
    same(at(&found, 3, 9).mean, 1.749_049_430, 9);
    same(at(&found, 26, 32).mean, 1.004_016_064, 9);
}

#[test]
fn the_interval_by_mean_and_deviation_has_its_published_weights() {
    let interval = SerialInterval::parametric(2.6, 1.5, 32).unwrap();
    for (day, weight) in
        [0.0, 0.233_172_125_41, 0.358_579_400_32, 0.198_110_828_54, 0.103_342_655_43].iter().enumerate()
    {
        same(interval.weights[day], *weight, 11);
    }
    let sum: f64 = interval.weights.iter().sum();
    assert!((sum - 1.0).abs() < 1e-8, "{sum}");
    same(at(&flu(&interval), 2, 8).mean, 1.735_797_663_7, 10);
}

#[test]
fn windows_within_the_mean_interval_are_left_out() {
    let mut late = vec![0.0; 11];
    late[10] = 1.0;
    let found = flu(&SerialInterval::given(late).unwrap());
    // A window that ends on day 10 ends within a mean of 10 days.
    assert_eq!((found[0].t_start, found[0].t_end), (5, 11));
    assert_eq!(found.last().unwrap().t_end, 32);
    let found = flu(&SerialInterval::parametric(10.0, 2.0, 32).unwrap());
    assert_eq!(found[0].t_end, 11);
    assert!(rt(&FLU[..7], &[0; 7], &SerialInterval::given(WEIGHTS.to_vec()).unwrap()).unwrap().is_empty());
}

#[test]
fn imported_cases_infect_and_were_not_infected_here() {
    let interval = SerialInterval::given(WEIGHTS.to_vec()).unwrap();
    let imported: Vec<u64> = (0..32).map(|day| u64::from(day % 4 == 0)).collect();
    let both = at(&rt(&FLU, &imported, &interval).unwrap(), 2, 8);
    let alone = at(&rt(&FLU, &[0; 32], &interval).unwrap(), 2, 8);
    assert!(both.mean < alone.mean);
    // Λ by hand for days 2 to 8, cases as in the window: shape 1 + 17, scale 1 / (1/5 + ΣΛ).
    let total: Vec<f64> = FLU.iter().zip(&imported).map(|(a, b)| (a + b) as f64).collect();
    let pressure: f64 = (1..8)
        .flat_map(|day| (1..=day).map(move |back| (day, back)))
        .map(|(day, back)| WEIGHTS[back] * total[day - back])
        .sum();
    same(both.mean, 18.0 / (0.2 + pressure), 12);
    same(both.sd, 18_f64.sqrt() / (0.2 + pressure), 12);
    assert_eq!(rt(&FLU, &[0; 31], &interval), Err(Invalid::Lengths { local: 32, imported: 31 }));
}

#[test]
fn intervals_that_are_none_are_refused() {
    let given = |weights: &[f64]| SerialInterval::given(weights.to_vec()).unwrap_err();
    assert_eq!(given(&[]), Invalid::Weights);
    assert_eq!(given(&[0.0, f64::NAN]), Invalid::Weights);
    assert_eq!(given(&[0.0, -0.5, 1.5]), Invalid::Weights);
    assert_eq!(given(&[0.2, 0.8]), Invalid::FirstWeight);
    assert_eq!(given(&[0.0, 0.9]), Invalid::WeightSum(0.9));
    assert_eq!(given(&[0.0]), Invalid::WeightSum(0.0));
    assert!(SerialInterval::given(vec![0.0, 0.995]).is_ok(), "published weights are rounded");
    for mean in [1.0, 0.0, -3.0, f64::NAN, f64::INFINITY, 1001.0] {
        assert_eq!(SerialInterval::parametric(mean, 1.0, 9), Err(Invalid::Mean));
    }
    for sd in [0.0, -1.0, f64::NAN, f64::INFINITY, 1001.0] {
        assert_eq!(SerialInterval::parametric(2.0, sd, 9), Err(Invalid::Sd));
    }
}

#[test]
fn the_file_of_2009_reads_as_its_numbers() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/epidemic/flu2009.csv");
    let Ok(text) = std::fs::read_to_string(path) else {
        return eprintln_skip("flu2009.csv");
    };
    let counts: Vec<u64> =
        text.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect();
    assert_eq!(counts, FLU);
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn eprintln_skip(file: &str) {
    eprintln!("skipped: {file} is not here");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_counts_come_in_numbers_come_out(
        counts in prop::collection::vec(0..=1000_u64, 1..60),
        huge in prop::collection::vec(0..=COUNT_MAX, 1..60),
        mean in 1.001..60.0_f64,
        sd in 0.001..60.0_f64,
    ) {
        for counts in [&counts, &huge] {
            let found = usual(counts);
            prop_assert!(found.c1.iter().chain(&found.c2).flatten().all(|limit| limit.upper.is_finite()));
            let interval = SerialInterval::parametric(mean, sd, counts.len()).unwrap();
            prop_assert!(interval.weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0));
            prop_assert!(interval.weights.iter().sum::<f64>() < 1.0 + 1e-5);
            for one in rt(counts, &vec![0; counts.len()], &interval).unwrap() {
                prop_assert!(0.0 < one.q025 && one.q025 < one.mean && one.mean < one.q975 && one.q975.is_finite());
                prop_assert!(one.t_end == one.t_start + 6 && one.t_end as f64 > mean);
            }
        }
    }

    /// Weights have the mean and the spread that they were made of.
    #[test]
    fn discrete_weights_keep_the_mean(mean in 1.5..20.0_f64, share in 0.2..1.5_f64) {
        let sd = share * mean;
        let weights = SerialInterval::parametric(mean, sd, 9000).unwrap().weights;
        let found: f64 = weights.iter().enumerate().map(|(day, weight)| day as f64 * weight).sum();
        prop_assert!((found - mean).abs() < 1e-5 * mean, "{found} and not {mean}");
    }
}
