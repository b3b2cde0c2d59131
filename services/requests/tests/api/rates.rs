//! The three rates: exact, by lead and period, under the ledger's weights.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    Running, WATER,
    city::{BEGAN_MS, LINE},
};

fn rate(numerator: &str, denominator: &str, percent: &str) -> Value {
    json!({ "numerator": numerator, "denominator": denominator, "percent": percent })
}

#[tokio::test]
async fn rates_are_exact_fractions() {
    let city = Running::equipped().await;
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(city.leak().await);
    }
    // Four are contacted in time, one is answered without contact, two are not answered.
    for (id, contacted) in ids.iter().zip([true, true, true, true, false]) {
        city.act(WATER, id, "answer", json!({ "notes": "Dry.", "contacted": contacted })).await;
    }
    // The first says nobody called; nobody reached the fourth.
    let said = [
        (true, false, true, true),
        (true, true, true, false),
        (true, true, false, false),
        (false, false, false, false),
    ];
    for (id, (valid, contacted, resolved, satisfied)) in ids.iter().zip(said) {
        let body =
            json!({ "valid": valid, "contacted": contacted, "resolved": resolved, "satisfied": satisfied });
        city.act(LINE, id, "callback", body).await;
    }
    city.put("/requests/v1/weights", json!({ "response": 1, "resolution": 4, "satisfaction": 5 })).await;
    let rates = city.agency_get("/requests/v1/rates").await;
    assert_eq!(rates["weights"], json!({ "response": 1, "resolution": 4, "satisfaction": 5 }));
    assert_eq!(
        rates["agencies"],
        json!([{
            "agency": WATER,
            "dispatched": 7, "contacted_in_time": 3, "valid_call_backs": 3, "resolved": 2, "satisfied": 1,
            "response": rate("3", "7", "42.86"),
            "resolution": rate("2", "3", "66.67"),
            "satisfaction": rate("1", "3", "33.33"),
            // (3/7 + 8/3 + 5/3) / 10
            "weighted": rate("10", "21", "47.62"),
        }])
    );
    let of =
        async |query: &str| city.agency_get(&format!("/requests/v1/rates?{query}")).await["agencies"].clone();
    assert_eq!(of("agency=nobody").await, json!([]));
    assert_eq!(of("agency=water-works").await, rates["agencies"]);
    assert_eq!(of(&format!("to={BEGAN_MS}")).await, json!([]));
    assert_eq!(of(&format!("from={BEGAN_MS}")).await, rates["agencies"]);
    let reply = city.send(city.with_token(LINE, "GET", "/requests/v1/rates?from=2&to=1", None)).await;
    assert_eq!(reply.code(), (400, "malformed_query".into()));
}

#[tokio::test]
async fn late_contact_is_none_and_a_rate_of_nothing_is_null() {
    let city = Running::equipped().await;
    let id = city.leak().await;
    city.city.clock.advance(Duration::from_secs(25 * 3600));
    city.act(WATER, &id, "answer", json!({ "notes": "Dry.", "contacted": true })).await;
    let rates = city.agency_get("/requests/v1/rates").await;
    let row = &rates["agencies"][0];
    assert_eq!(
        (&row["response"], &row["resolution"], &row["weighted"]),
        (&rate("0", "1", "0.00"), &Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn duplicates_and_past_requests_count_for_nothing() {
    let city = Running::equipped().await;
    let (first, second) = (city.leak().await, city.leak().await);
    city.act(LINE, &second, "duplicate", json!({ "of": first })).await;
    let rates = city.agency_get("/requests/v1/rates").await;
    assert_eq!(rates["agencies"][0]["dispatched"], 1);
}
