//! How long a search takes over 100,000 parcels: by party, place, number, box and point, and how long a change takes.
//!
//! `cargo run --release -p hutong-property --example property_search [parcels]`

use std::{
    io::Write,
    time::{Duration, Instant},
};

use hutong_ledger::contract::{Change, Versioned};
use hutong_property::{
    domain,
    geometry::{Bounds, Point},
    view::{Query, View},
};
use hutong_wire::{
    prost::Message,
    v1::property::{self as wire, Status},
};

const SEARCHES: usize = 2000;
/// Parcels are squares of 25 m, so many to a row.
const ROW: i64 = 320;
const SIDE: i64 = 25_000;

type Failed = Box<dyn std::error::Error>;

/// Numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap_or_default()
    }
}

fn corner(at: usize) -> (i64, i64) {
    let at = i64::try_from(at).unwrap_or_default();
    (at % ROW * SIDE, at / ROW * SIDE)
}

fn number(at: usize) -> String {
    format!("110108{:03}{:03}GB{:05}W00000000", at / 1000 % 1000, at % 1000, 1 + at % 99_999)
}

fn handle(at: usize) -> [u8; 16] {
    (at as u128).to_be_bytes()
}

fn change(at: usize, version: u64) -> Result<Versioned, Failed> {
    let (x, y) = corner(at);
    let ring = vec![x, y, x + SIDE, y, x + SIDE, y + SIDE, x, y + SIDE];
    // Every third person has three parcels.
    let party = wire::Party { handle: handle(at / 3).to_vec().into(), agent: "land".into() };
    let parcel = wire::Parcel {
        id: format!("{at:06}"),
        status: Status::Current.into(),
        unit: Some(wire::Unit {
            place: format!("Street {}", at % 500),
            number: number(at),
            geometry: Some(wire::Geometry { rings: vec![wire::Ring { coordinates: ring }] }),
            ..wire::Unit::default()
        }),
        rights: vec![wire::Right { party: Some(party), ..wire::Right::default() }],
        ..wire::Parcel::default()
    };
    let record = format!("{at:06}").parse()?;
    Ok(Versioned::new(domain(), &[0; 16], Change::put(record, parcel.encode_to_vec()), version))
}

fn measure(what: &str, mut work: impl FnMut(&mut Numbers) -> usize) -> Result<(), Failed> {
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
    writeln!(std::io::stdout(), "{what:<28} p50 {median:>10.1?}  p99 {p99:>10.1?}  found {each} each")?;
    Ok(())
}

fn main() -> Result<(), Failed> {
    let parcels = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse::<usize>())?;
    let changes: Vec<_> = (0..parcels).map(|at| change(at, 1)).collect::<Result<_, _>>()?;
    let mut view = View::default();
    let start = Instant::now();
    changes.iter().for_each(|change| view.apply(change));
    writeln!(std::io::stdout(), "{parcels} parcels indexed in {:.1?}", start.elapsed())?;

    let page = Query::new(50);
    let around = |at: usize, side: i64| {
        let (x, y) = corner(at);
        Some(Bounds { min: Point { x, y }, max: Point { x: x + side, y: y + side } })
    };
    let run = |query: &Query| view.search(query).0.len();
    measure("by party", |n| run(&Query { party: Some(handle(n.below(parcels) / 3)), ..page.clone() }))?;
    measure("by place", |n| run(&Query { place: Some(format!("Street {}", n.below(500))), ..page.clone() }))?;
    measure("by number", |n| run(&Query { number: Some(number(n.below(parcels))), ..page.clone() }))?;
    measure("by point", |n| {
        let (x, y) = corner(n.below(parcels));
        run(&Query { point: Some(Point { x: x + 1, y: y + 1 }), ..page.clone() })
    })?;
    measure("by box, 200 m", |n| run(&Query { bounds: around(n.below(parcels), 200_000), ..page.clone() }))?;
    measure("by box, the whole city", |_| run(&Query { bounds: around(0, 1_000_000_000), ..page.clone() }))?;
    measure("by status, any page", |n| {
        let after = format!("{:06}", n.below(parcels)).parse().ok();
        run(&Query { after, ..page.clone() })
    })?;
    let again: Vec<_> = (0..SEARCHES).map(|_| change(parcels / 2, 2)).collect::<Result<_, _>>()?;
    let mut again = again.iter();
    measure("a change", |_| again.next().map(|change| view.apply(change)).map_or(0, |()| 1))
}
