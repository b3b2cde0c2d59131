//! Measures searches over 100,000 resources: `cargo run --release -p hutong-health --example health_search`.
//!
//! What it prints are facts of the machine that it runs on; nothing is asserted but that each search is one. It is the
//! search alone: whoever gets bodies also waits for their accesses to be final.

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::time::Instant;

use hutong_health::{Kind, sample::Sample};

const OBSERVATIONS: u64 = 90_000;
const PATIENTS: u64 = 10_000;
const ROUNDS: u64 = 500;
const FAMILIES: [&str; 10] =
    ["Zhang", "Wang", "Li", "Zhao", "Chen", "Yang", "Huang", "Zhou", "Müller", "Ouyang"];

/// A name, what is searched, and how a round asks for it.
type Search = (&'static str, Kind, fn(u64) -> String);

/// A sequence that looks random and is the same each time.
fn draw(seed: &mut u64, below: u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % below
}

fn patient(n: u64, seed: &mut u64) -> String {
    let family = FAMILIES[draw(seed, 10) as usize];
    let gender = ["female", "male"][draw(seed, 2) as usize];
    let (year, month) = (1930 + draw(seed, 90), 1 + draw(seed, 12));
    format!(
        r#"{{"resourceType":"Patient","id":"p{n}","identifier":[{{"system":"urn:city","value":"{n}"}}],
        "name":[{{"family":"{family}","given":["Given{n}"]}}],"gender":"{gender}","birthDate":"{year}-{month:02}-01"}}"#
    )
}

fn observation(seed: &mut u64) -> String {
    let (patient, code, value) = (draw(seed, PATIENTS), draw(seed, 200), draw(seed, 2000));
    let (year, month, day) = (2015 + draw(seed, 10), 1 + draw(seed, 12), 1 + draw(seed, 28));
    let category = ["laboratory", "vital-signs"][draw(seed, 2) as usize];
    format!(
        r#"{{"resourceType":"Observation","status":"final","category":[{{"coding":[{{"code":"{category}"}}]}}],
        "code":{{"coding":[{{"system":"http://loinc.org","code":"{code}-1"}}]}},
        "subject":{{"reference":"Patient/p{patient}"}},"effectiveDateTime":"{year}-{month:02}-{day:02}",
        "valueQuantity":{{"value":{value}.50,"system":"http://unitsofmeasure.org","code":"kg"}}}}"#
    )
}

fn measure(sample: &Sample, name: &str, kind: Kind, query: impl Fn(u64) -> String) -> Option<()> {
    let (mut micros, mut total, mut shown) = (Vec::new(), 0, 0);
    for round in 0..ROUNDS {
        let query = query(round);
        let began = Instant::now();
        let found = sample.search(kind, &query)?;
        micros.push(began.elapsed().as_micros());
        total += found.0;
        shown += found.1;
    }
    micros.sort_unstable();
    let at = |percent: usize| micros[micros.len() * percent / 100];
    let mean = |sum: usize| sum / ROUNDS as usize;
    let (p50, p99, total, shown) = (at(50), at(99), mean(total), mean(shown));
    println!("{name:<42} p50 {p50:>6} µs  p99 {p99:>6} µs  {total:>6} match  {shown:>4} shown");
    Some(())
}

fn main() -> Result<(), &'static str> {
    let (mut sample, mut seed) = (Sample::default(), 7);
    let began = Instant::now();
    for n in 0..PATIENTS {
        let body = patient(n, &mut seed);
        sample.add(Kind::Patient, &format!("p{n}"), &body, n).ok_or("no patient")?;
    }
    for n in 0..OBSERVATIONS {
        let body = observation(&mut seed);
        sample.add(Kind::Observation, &format!("o{n}"), &body, PATIENTS + n).ok_or("no observation")?;
    }
    println!("{} resources indexed in {:.1} s", PATIENTS + OBSERVATIONS, began.elapsed().as_secs_f64());

    let searches: [Search; 12] = [
        ("one patient by identifier", Kind::Patient, |n| format!("identifier=urn:city|{n}")),
        ("patients by start of a name", Kind::Patient, |n| format!("name=given{n}")),
        ("patients by family name, by birth", Kind::Patient, |_| "family=zh&_sort=birthdate".to_owned()),
        ("patients by gender and birth", Kind::Patient, |n| {
            format!("gender=female&birthdate=lt{}", 1930 + n % 90)
        }),
        ("all of a patient", Kind::Observation, |n| format!("patient=p{n}&_sort=-date")),
        ("a code of a patient", Kind::Observation, |n| {
            format!("patient=p{n}&code=http://loinc.org|{}-1", n % 200)
        }),
        ("a code in a year, newest first", Kind::Observation, |n| {
            format!("code={}-1&date={}&_sort=-date", n % 200, 2015 + n % 10)
        }),
        ("a value above a bound", Kind::Observation, |n| format!("value-quantity=gt{}||kg", 1500 + n)),
        ("a category since a day, newest first", Kind::Observation, |n| {
            format!("category=laboratory&date=ge{}-06-01&_sort=-date", 2015 + n % 10)
        }),
        ("of patients of a name, with those", Kind::Observation, |n| {
            format!("patient.name=given{n}&_include=Observation:patient")
        }),
        ("all, in order of dates", Kind::Observation, |_| "_sort=-date".to_owned()),
        ("all but one code", Kind::Observation, |n| format!("code:not={}-1", n % 200)),
    ];
    for (name, kind, query) in searches {
        measure(&sample, name, kind, query).ok_or("this is no search")?;
    }
    Ok(())
}
