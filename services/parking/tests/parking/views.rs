//! Other agencies' nodes: they hear of occupancy over the bus, from the domain's owner alone.

use std::sync::Arc;

use hutong_bus::{Headers, Message};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    BUREAU, Running, bus,
    city::{OTHER, ROADS},
    sent, three,
};

const AT: &str = "2026-11-20T09:00:00Z";

#[tokio::test]
async fn occupancy_reaches_every_view_and_becomes_no_transaction() {
    let (city, bus) = (three(), bus());
    let folder = || Arc::new(TempDir::new().unwrap());
    let owner = Running::at(city.clone(), BUREAU, folder(), bus.clone());
    let other = Running::at(city.clone(), ROADS, folder(), bus.clone());
    let height = city.clock_ms();
    let free = async |uid: &str| {
        other.found(&format!("/parking/v1/sites/{uid}")).await["realtime_free_capacity"].clone()
    };
    // The other may not listen yet: what it misses, the next update mends.
    let count = std::cell::Cell::new(0);
    other
        .until(|| async {
            count.set(count.get() % 100 + 1);
            owner.post("/parking/v1/realtime", sent("test:1", AT, count.get())).await;
            tokio::task::yield_now().await;
            free("test:1").await.is_number()
        })
        .await;
    assert_eq!(city.clock_ms(), height, "each block would have taken a millisecond");
    // Someone else says otherwise, and the owner nonsense.
    let say = async |from: &str, payload: String| {
        let subject = format!("telemetry.parking.{from}");
        let message = Message { subject, headers: Headers::default(), payload: payload.into() };
        bus.publish(message).await.unwrap();
    };
    say(OTHER, json!([sent("test:2", AT, 66)]).to_string()).await;
    say(BUREAU, "nonsense".into()).await;
    say(BUREAU, json!([sent("test:2", AT, 101), sent("test:9", AT, 1), sent("test:3", AT, 33)]).to_string())
        .await;
    other.until(|| async { free("test:3").await == 33 }).await;
    assert!(free("test:2").await.is_null());
}
