//! Occupancy: who may send it, what is refused, and how its age is shown.

use std::{sync::atomic::Ordering, time::Duration};

use hutong_runtime::auth::Caller;
use serde_json::{Value, json};

use crate::{
    BUREAU, City, Running, build,
    city::{OTHER, ROADS},
    sent, site, three,
};

const PATH: &str = "/parking/v1/realtime";
const AT: &str = "2026-11-20T09:00:00Z";

#[tokio::test]
async fn occupancy_is_shown_with_its_age() {
    let running = Running::over(three());
    let mut update = sent("test:1", AT, 40);
    update["realtime_capacity"] = 90.into();
    update["spots"] = json!([{ "uid": "A1", "realtime_status": "TAKEN" }, { "uid": "A2" }]);
    let (status, answer) = running.post(PATH, json!([update])).await;
    assert_eq!((status, answer), (200, json!({ "accepted": 1, "refused": [] })));
    let shown = running.found("/parking/v1/sites/test:1").await;
    assert_eq!(shown["has_realtime_data"], true);
    assert_eq!(shown["realtime_data_outdated"], false);
    assert_eq!(shown["realtime_data_updated_at"], AT);
    assert_eq!(shown["realtime_opening_status"], "OPEN");
    assert_eq!((&shown["realtime_capacity"], &shown["realtime_free_capacity"]), (&90.into(), &40.into()));
    assert_eq!(
        shown["spots"],
        json!([{ "uid": "A1", "realtime_status": "TAKEN" }, { "uid": "A2", "realtime_status": "UNKNOWN" }])
    );
    running.city.clock.advance(Duration::from_secs(3600));
    assert_eq!(running.found("/parking/v1/sites/test:1").await["realtime_data_outdated"], true);
}

#[tokio::test]
async fn what_is_wrong_is_refused_and_the_rest_is_taken() {
    let running = Running::over(three());
    assert_eq!(running.post(PATH, sent("test:1", AT, 40)).await.0, 200, "one needs no list");
    let updates = json!([
        sent("test:1", "2026-11-20T08:59:59Z", 41),
        sent("test:2", AT, 101),
        sent("test:9", AT, 1),
        sent("test:3", "2026-11-20T10:00:00Z", 1),
        sent("test:2", AT, 7),
        { "source": "test", "source_uid": "3", "realtime_data_updated_at": AT },
        sent("test:2", "2026-11-20T08:00:00Z", 8),
        { "uid": "a b", "realtime_data_updated_at": AT },
    ]);
    let (status, answer) = running.post(PATH, updates).await;
    assert_eq!((status, &answer["accepted"]), (200, &2.into()));
    let told = |each: &Value| (each["index"].as_u64().unwrap(), each["code"].as_str().unwrap().to_owned());
    let refused: Vec<_> = answer["refused"].as_array().unwrap().iter().map(told).collect();
    let expected = [
        (0, "stale_update"),
        (1, "free_above_capacity"),
        (2, "site_unknown"),
        (3, "update_too_far_ahead"),
        (6, "stale_update"),
        (7, "update_invalid"),
    ];
    assert_eq!(refused, expected.map(|(index, code)| (index, code.to_owned())));
    let free = |shown: Value| shown["realtime_free_capacity"].clone();
    assert_eq!(free(running.found("/parking/v1/sites/test:1").await), 40);
    assert_eq!(free(running.found("/parking/v1/sites/test:2").await), 7);
}

#[tokio::test]
async fn if_all_are_refused_the_answer_is_the_problem() {
    let running = Running::over(three());
    let code = async |body: Value| {
        let (status, answer) = running.post(PATH, body).await;
        (status, answer["code"].as_str().unwrap().to_owned())
    };
    assert_eq!(code(sent("test:9", AT, 1)).await, (404, "site_unknown".into()));
    assert_eq!(code(sent("test:1", AT, 101)).await, (422, "free_above_capacity".into()));
    assert_eq!(code(sent("test:1", "soon", 1)).await, (422, "update_invalid".into()));
    assert_eq!(code(json!([])).await, (422, "too_many_items".into()));
    assert_eq!(code(json!(vec![sent("test:1", AT, 1); 1001])).await, (422, "too_many_items".into()));
    assert_eq!(code(json!([{ "uid": "test:1" }])).await, (422, "unexpected_json".into()));
    running.post(PATH, sent("test:1", AT, 1)).await;
    assert_eq!(code(sent("test:1", "2026-11-20T08:00:00Z", 1)).await, (409, "stale_update".into()));
    running.city.away.store(true, Ordering::SeqCst);
    assert_eq!(code(sent("test:1", AT, 2)).await, (503, "unavailable".into()));
}

#[tokio::test]
async fn the_owner_sends_for_all_and_an_operator_s_agency_for_its_own() {
    let city = City::new();
    city.submit(&[BUREAU], build::register_operator("garages", "Garages Ltd", ROADS));
    let mut own = site("1", 480_000_000, 90_000_000);
    own.operator = "garages".into();
    city.submit(&[BUREAU], build::import_sites(vec![own, site("2", 480_000_000, 90_000_000)]));
    let running = Running::over(city);
    let updates = json!([sent("test:1", AT, 1), sent("test:2", AT, 2)]);
    let (status, answer) = running.post_as(Caller::agency(ROADS), PATH, &updates).await;
    assert_eq!((status, &answer["accepted"]), (200, &1.into()));
    assert_eq!(
        (&answer["refused"][0]["index"], &answer["refused"][0]["code"]),
        (&1.into(), &"not_the_owner".into())
    );
    let (status, _) = running.post_as(Caller::agency(OTHER), PATH, &updates).await;
    assert_eq!(status, 403);
    let (status, _) = running.post_as(Caller::Anonymous, PATH, &updates).await;
    assert_eq!(status, 401);
    assert_eq!(running.post(PATH, updates).await.1["accepted"], 2);
}
