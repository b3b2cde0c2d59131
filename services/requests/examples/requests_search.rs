//! Measures searches over 100,000 requests: `cargo run --release -p hutong-requests --example requests_search`.
//!
//! What it prints are facts of the machine that it runs on; nothing is asserted.

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::{sync::Arc, time::Instant};

use hutong_ledger::{contract::Versioned, hash::Hash};
use hutong_requests::view::{Cursor, Near, Query, View};
use hutong_wire::{
    prost::Message,
    v1::requests::{self as wire, Status},
};

const REQUESTS: u64 = 100_000;
const ROUNDS: u64 = 2000;
const HOUR_MS: u64 = 3_600_000;

/// A sequence that looks random and is the same each time.
fn draw(seed: &mut u64, below: u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % below
}

fn request(n: u64, seed: &mut u64) -> wire::Request {
    let status = [Status::Open, Status::Dispatched, Status::Answered, Status::Closed][draw(seed, 4) as usize];
    let point = wire::Point {
        lat_e7: 396_000_000 + draw(seed, 6_000_000) as i32,
        long_e7: 1_160_000_000 + draw(seed, 8_000_000) as i32,
    };
    let requested_ms = 1_700_000_000_000 + n * 60_000;
    wire::Request {
        id: format!("20240101-{n:012x}"),
        service_code: format!("service-{}", draw(seed, 50)),
        status: status.into(),
        agencies: vec![format!("agency-{}", draw(seed, 40))],
        description: "A fountain in the lane, since this morning, and it grows by the hour. ".repeat(4),
        place: Some(wire::Place {
            point: Some(point),
            district: format!("district-{}", draw(seed, 16)),
            ..wire::Place::default()
        }),
        requested_ms,
        updated_ms: requested_ms,
        dispatched_ms: requested_ms,
        expected_ms: requested_ms + 24 * HOUR_MS,
        breached_ms: if draw(seed, 10) == 0 { requested_ms + 25 * HOUR_MS } else { 0 },
        ..wire::Request::default()
    }
}

fn measure(name: &str, mut search: impl FnMut(u64) -> usize) {
    let (mut micros, mut found) = (Vec::new(), 0);
    for round in 0..ROUNDS {
        let began = Instant::now();
        found += search(round);
        micros.push(began.elapsed().as_micros());
    }
    micros.sort_unstable();
    let at = |percent: usize| micros[micros.len() * percent / 100];
    println!("{name:<44} p50 {:>6} µs  p99 {:>6} µs  {:>5} found", at(50), at(99), found / ROUNDS as usize);
}

fn main() {
    let (mut view, mut seed) = (View::default(), 7);
    let began = Instant::now();
    for n in 0..REQUESTS {
        let request = request(n, &mut seed);
        let Ok(record) = format!("request/{}", request.id).parse() else { continue };
        let value = Some(request.encode_to_vec().into());
        view.apply(&Versioned { record, version: 1, value, hash: Hash::ZERO });
    }
    println!("{} requests indexed in {:.1} s", view.len(), began.elapsed().as_secs_f64());

    measure("newest 50", |_| view.search(&Query::newest(50)).0.len());
    measure("newest 1,000", |_| view.search(&Query::newest(1000)).0.len());
    measure("closed of one service, 50", |round| {
        let services = vec![format!("service-{}", round % 50)];
        view.search(&Query { services, closed: Some(true), ..Query::newest(50) }).0.len()
    });
    measure("agency, district, breached, 50", |round| {
        let query = Query {
            agency: Some(format!("agency-{}", round % 40)),
            district: Some(format!("district-{}", round % 16)),
            breached: Some(true),
            ..Query::newest(50)
        };
        view.search(&query).0.len()
    });
    measure("a page in the middle, 50", |round| {
        let requested_ms = 1_700_000_000_000 + round * 60_000 * (REQUESTS / ROUNDS);
        let after = Some(Cursor { requested_ms, id: Arc::from("") });
        view.search(&Query { after, ..Query::newest(50) }).0.len()
    });
    measure("what may be the same, 500 m", |round| {
        let service = format!("service-{}", round % 50);
        let point = wire::Point { lat_e7: 399_000_000, long_e7: 1_164_000_000 };
        let near = Near { service: &service, point, radius_m: 500.0, times: 0..=u64::MAX, limit: 50 };
        view.near(&near).len()
    });
    measure("rates of all agencies, all time", |_| view.tallies(None, 0, u64::MAX).len());
    measure("deadlines that passed, 100", |_| view.late(u64::MAX).take(100).count());
}
