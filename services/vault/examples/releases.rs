//! How long a release takes, the first and the thousandth: each against an access of its own, durable before it is
//! answered.
//!
//! `cargo run --release -p hutong-vault --example releases -- [RELEASES]`

#[path = "../tests/vault/charts.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod charts;
#[path = "../tests/vault/city.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod city;
#[path = "../tests/vault/house.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod house;

use std::{
    env,
    error::Error,
    io::{Write, stdout},
    time::{Duration, Instant},
};

use hutong_peer::vault::VaultPeer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let count: usize = env::args().nth(1).map_or(Ok(1000), |text| text.parse())?;
    let house = house::House::new().await;
    let person = house.person(house::ZHANG).await;
    house.chart(&person, &[("blood-group", "AB"), ("name", "Zhang San")]).await;
    let mut accesses = Vec::with_capacity(count);
    for _ in 0..count {
        accesses.push(house.access(city::CLINIC, &person, &["name"], house::agreement()).await);
    }
    let mut took = Vec::with_capacity(count);
    let began = Instant::now();
    for access in accesses {
        let one = Instant::now();
        house.vault().release(access).await?;
        took.push(one.elapsed());
    }
    let per_second = count as f64 / began.elapsed().as_secs_f64();
    let mut out = stdout().lock();
    writeln!(out, "{count} releases, {per_second:.0} a second")?;
    for (at, part) in took.chunks(count.div_ceil(10).max(1)).enumerate() {
        let (p50, p99) = (quantile(part, 0.5), quantile(part, 0.99));
        writeln!(out, "tenth {:>2}: p50 {p50:?}, p99 {p99:?}", at + 1)?;
    }
    Ok(())
}

fn quantile(times: &[Duration], at: f64) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[((sorted.len() - 1) as f64 * at) as usize]
}
