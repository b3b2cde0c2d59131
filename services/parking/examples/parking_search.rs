//! How long a search takes over 100,000 sites: near, with and without a filter, a page of the list, and a change.
//!
//! `cargo run --release -p hutong-parking --example parking_search [sites]`

use std::{
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use hutong_ledger::contract::{Change, Versioned};
use hutong_parking::{
    OpeningStatus, Update, domain,
    view::{Near, View},
};
use hutong_wire::{
    prost::Message,
    v1::parking::{self as wire, Purpose, SiteType},
};

const SEARCHES: usize = 1000;

/// Numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn change(at: usize, numbers: &mut Numbers) -> Result<Versioned, Box<dyn std::error::Error>> {
    let site = wire::Site {
        source: "bench".into(),
        source_uid: format!("{at:06}"),
        name: format!("Garage {at}"),
        purpose: Purpose::Car.into(),
        r#type: 1 + i32::try_from(numbers.below(5))?,
        // A city of some 100 km from end to end.
        lat_e7: 395_000_000 + i64::try_from(numbers.below(9_000_000))?,
        lon_e7: 1_160_000_000 + i64::try_from(numbers.below(11_000_000))?,
        capacity: 100,
        static_data_updated_at_ms: 1,
        ..wire::Site::default()
    };
    let record = format!("site/bench:{at:06}").parse()?;
    Ok(Versioned::new(domain(), &[0; 16], Change::put(record, site.encode_to_vec()), 1))
}

fn measure(
    what: &str,
    mut work: impl FnMut(&mut Numbers) -> usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut numbers = Numbers(42);
    let mut found = 0;
    let mut times: Vec<Duration> = (0..SEARCHES)
        .map(|_| {
            let start = Instant::now();
            found += work(&mut numbers);
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    let (median, p99) = (times[SEARCHES / 2], times[SEARCHES * 99 / 100]);
    let each = found / SEARCHES;
    writeln!(std::io::stdout(), "{what:<34} p50 {median:>10.1?}  p99 {p99:>10.1?}  found {each} each")?;
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sites = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse::<usize>())?;
    let mut view = View::default();
    let mut numbers = Numbers(7);
    let changes: Vec<_> = (0..sites).map(|at| change(at, &mut numbers)).collect::<Result<_, _>>()?;
    let start = Instant::now();
    changes.iter().for_each(|change| view.apply(change));
    for at in 0..sites {
        view.set_live(Arc::new(Update {
            site: format!("bench:{at:06}"),
            updated_at_ms: 1,
            status: OpeningStatus::Open,
            capacity: Some(100),
            free: Some(u32::from(at % 10 == 0)),
            spots: Vec::new(),
        }));
    }
    writeln!(std::io::stdout(), "{sites} sites indexed in {:.1?}", start.elapsed())?;
    let near = |numbers: &mut Numbers, radius_m: f64, free: Option<u32>, kind: Option<SiteType>| Near {
        lat: 39.5 + f64::from(u32::try_from(numbers.below(900_000)).unwrap_or_default()) / 1e6,
        lon: 116.0 + f64::from(u32::try_from(numbers.below(1_100_000)).unwrap_or_default()) / 1e6,
        radius_m,
        free,
        open: false,
        kind,
        purpose: None,
        limit: 100,
    };
    measure("near, 1 km", |numbers| view.near(&near(numbers, 1000.0, None, None)).len())?;
    measure("near, 50 km", |numbers| view.near(&near(numbers, 50_000.0, None, None)).len())?;
    measure("near, 50 km, free, of one type", |numbers| {
        view.near(&near(numbers, 50_000.0, Some(1), Some(SiteType::CarPark))).len()
    })?;
    measure("near, 50 km, none fits", |numbers| view.near(&near(numbers, 50_000.0, Some(100), None)).len())?;
    measure("a page of the list", |numbers| {
        let after = format!("bench:{:06}", numbers.below(sites as u64));
        view.list(Some("bench"), Some(&after), 100).0.len()
    })?;
    measure("a site changes", |numbers| {
        let at = usize::try_from(numbers.below(sites as u64)).unwrap_or_default();
        if let Ok(change) = change(at, numbers) {
            view.apply(&change);
        }
        1
    })
}
