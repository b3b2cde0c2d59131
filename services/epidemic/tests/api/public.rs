//! What everyone may see: a fixed set of tables, and no answer but these.

use std::time::Duration;

use hutong_epidemic::{build, day};
use hutong_runtime::auth::Caller;
use hutong_wire::v1::epidemic as wire;
use serde_json::{Value, json};

use crate::{
    Running, agency, case,
    city::{CLINIC, City, HEALTH},
    districts, today,
};

const COUNTS: &str = "/epidemic/v1/counts";

/// Cases of one week, in batches of a district, an age band and how many.
fn week(prefix: &str, groups: &[(&str, &str, usize)]) -> Vec<wire::ReportCase> {
    let each = groups.iter().enumerate().flat_map(|(group, (district, age, count))| {
        (0..*count).map(move |n| {
            case(&format!("{prefix}-{group}-{n:03}"), |f| {
                (f.district, f.age_band) = ((*district).into(), (*age).into())
            })
        })
    });
    each.collect()
}

fn import(city: &City, cases: &[wire::ReportCase]) {
    for batch in cases.chunks(100) {
        city.submit(&[HEALTH], build::import(batch.to_vec()));
    }
}

async fn published(running: &Running, query: &str) -> Vec<Value> {
    running.all(Caller::Anonymous, &format!("{COUNTS}?{query}"), "items").await
}

async fn until_published(running: &Running, total: impl Into<Value>) {
    let total = total.into();
    running
        .until("published", async |running| {
            running.be_quiet();
            published(running, "").await.first().is_some_and(|item| item["count"] == total)
        })
        .await;
}

#[tokio::test]
async fn a_closed_week_is_published_and_an_open_one_is_not() {
    let city = City::new();
    city.submit(&[HEALTH], districts(&["110101", "110105"]));
    import(&city, &week("a", &[("110105", "40-44", 40), ("110101", "40-44", 30)]));
    let mut open = week("b", &[("110105", "40-44", 50)]);
    open.iter_mut().for_each(|case| case.facts.as_mut().unwrap().report = Some(today()));
    import(&city, &open);
    let running = Running::over(city);
    running.until_counted(120).await;
    assert_eq!(published(&running, "").await, Vec::<Value>::new(), "nothing before it was looked at");
    until_published(&running, 70).await;
    let monday = day::monday(today() - 28);
    let items = published(&running, "by=district").await;
    let row = |district: Value, count: u64| {
        json!({
            "disease": "dengue", "week": day::week_text(monday), "from": day::text(monday), "to": day::text(monday + 6),
            "district": district, "count": count, "withheld": false,
        })
    };
    assert_eq!(items, [row("110101".into(), 30), row("110105".into(), 40), row(Value::Null, 0)]);
    let ages = published(&running, "by=age&limit=4").await;
    assert_eq!(ages.len(), 16);
    assert_eq!(ages.iter().filter_map(|item| item["count"].as_u64()).sum::<u64>(), 70);
    assert_eq!(published(&running, "by=district,age&limit=7").await.len(), 48);
    assert_eq!(published(&running, "by=origin").await.len(), 2);
    // The open week closes with time alone.
    running.city.clock.advance(Duration::from_millis(21 * day::DAY_MS));
    running
        .until("the next week", async |running| {
            running.be_quiet();
            published(running, "").await.len() == 2
        })
        .await;
    assert_eq!(published(&running, "").await[1]["count"], 50);
    assert_eq!(published(&running, "disease=plague").await.len(), 0);
    assert_eq!(published(&running, &format!("from={}", day::text(monday + 1))).await.len(), 1);
}

#[tokio::test]
async fn small_counts_are_withheld_and_what_gives_them_away() {
    let city = City::new();
    city.submit(&[HEALTH], districts(&["110101", "110105", "110108"]));
    import(
        &city,
        &week(
            "a",
            &[("110105", "40-44", 40), ("110101", "40-44", 2), ("110108", "5-9", 9), ("110105", "5-9", 20)],
        ),
    );
    let running = Running::over(city);
    until_published(&running, 71).await;
    let items = published(&running, "by=district").await;
    let counts: Vec<_> = items.iter().map(|item| item["count"].as_u64()).collect();
    // Two of 71, and the nine beside them: else 71 less the others would tell the two.
    assert_eq!(counts, [None, Some(60), None, Some(0)]);
    assert!(items[0]["withheld"] == true && items[1]["withheld"] == false);
    let exact = running.get(&format!("{COUNTS}?by=district")).await.body;
    assert!(
        exact["items"].as_array().unwrap().iter().any(|item| item["count"] == 2),
        "agencies see it: {exact}"
    );
}

#[tokio::test]
async fn a_week_of_few_cases_is_withheld_whole() {
    let city = City::new();
    city.submit(&[HEALTH], districts(&["110101"]));
    import(&city, &week("a", &[("110101", "40-44", 3)]));
    let running = Running::over(city);
    running
        .until("published", async |running| {
            running.be_quiet();
            !published(running, "").await.is_empty()
        })
        .await;
    let items = published(&running, "by=district,sex").await;
    assert_eq!(items.len(), 6);
    assert!(items.iter().all(|item| item["count"].is_null() && item["withheld"] == true));
}

#[tokio::test]
async fn the_public_asks_for_tables_and_nothing_else() {
    let running = Running::over(City::new());
    for query in [
        "date=onset",
        "date=report",
        "status=confirmed",
        "as_of=2023-11-01",
        "by=disease",
        "by=status",
        "by=age,sex",
        "by=district,age,origin",
        "by=district,district",
    ] {
        assert_eq!(running.public(&format!("{COUNTS}?{query}")).await.code(), (403, "not_public"), "{query}");
    }
    for query in [
        "by=name",
        "from=x",
        "to=x",
        "limit=0",
        "limit=10001",
        "after=x",
        "after=a/b/c",
        "after=a/2023-01-02/-1",
        "sex=male",
    ] {
        assert_eq!(
            running.public(&format!("{COUNTS}?{query}")).await.code(),
            (400, "malformed_query"),
            "{query}"
        );
    }
    assert_eq!(running.public(COUNTS).await.body["items"], json!([]));
}

#[tokio::test]
async fn a_small_correction_is_not_published_and_a_large_one_is() {
    let city = City::new();
    city.submit(&[HEALTH], districts(&["110105"]));
    import(&city, &week("a", &[("110105", "40-44", 40)]));
    let running = Running::over(city);
    until_published(&running, 40).await;
    let total = async || published(&running, "").await[0]["count"].clone();
    import(&running.city, &week("b", &[("110105", "40-44", 3)]));
    running.until_counted(43).await;
    // The service looks, and says nothing: the next thing that it does say is the larger change.
    running.be_quiet();
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(total().await, 40);
    import(&running.city, &week("c", &[("110105", "40-44", 4)]));
    running.until_counted(47).await;
    until_published(&running, 47).await;
    // A service that begins anew publishes nothing a second time.
    let before = running.city.height();
    let again = Running::over(running.city.clone());
    again.until_counted(47).await;
    again.be_quiet();
    until_published(&again, 47).await;
    assert_eq!(again.city.height(), before);
}

#[tokio::test]
async fn districts_are_listed_for_everyone() {
    let city = City::new();
    city.submit(&[HEALTH], districts(&["110101", "110105", "110108"]));
    let running = Running::over(city);
    running
        .until("listed", async |running| {
            running.all(Caller::Anonymous, "/epidemic/v1/districts?limit=2", "districts").await.len() == 3
        })
        .await;
    let all = running.all(Caller::Anonymous, "/epidemic/v1/districts?limit=1", "districts").await;
    assert_eq!(all[0], json!({ "code": "110101", "name": "District <110101>" }));
    assert_eq!(running.public("/epidemic/v1/districts?limit=0").await.code(), (400, "malformed_query"));
}

#[tokio::test]
async fn alerts_are_raised_once_and_shown_to_agencies() {
    let city = City::new();
    city.submit(&[HEALTH], districts(&["110105"]));
    let mut cases = Vec::new();
    for (n, count) in [3, 2, 4, 3, 3, 2, 4, 3, 3, 20, 3].into_iter().enumerate() {
        for k in 0..count {
            let report = today() - 60 + i32::try_from(n).unwrap();
            cases.push(case(&format!("c-{n:02}-{k:02}"), |f| (f.onset, f.report) = (None, Some(report))));
        }
    }
    import(&city, &cases);
    let running = Running::over(city);
    running.until_counted(cases.len() as u64).await;
    let path = "/epidemic/v1/alerts";
    running
        .until("raised", async |running| {
            running.be_quiet();
            running.all(agency(CLINIC), path, "alerts").await.len() >= 4
        })
        .await;
    let alerts = running.all(agency(CLINIC), &format!("{path}?limit=1"), "alerts").await;
    let day = day::text(today() - 51);
    let found: Vec<_> = alerts
        .iter()
        .map(|a| (a["district"].as_str(), a["date"].as_str().unwrap(), a["method"].as_str().unwrap()))
        .collect();
    for district in [Some("110105"), None] {
        for method in ["c1", "c2"] {
            assert!(found.contains(&(district, day.as_str(), method)), "{found:?}");
        }
    }
    assert!(
        alerts
            .iter()
            .all(|alert| alert["disease"] == "dengue" && alert["statistic"].as_str().unwrap().contains('.'))
    );
    let some =
        running.all(agency(CLINIC), &format!("{path}?disease=dengue&district=city&limit=1"), "alerts").await;
    assert_eq!(some.len(), alerts.iter().filter(|alert| alert["district"].is_null()).count());
    assert_eq!(running.all(agency(CLINIC), &format!("{path}?disease=den"), "alerts").await.len(), 0);
    // A service that begins anew raises nothing a second time.
    let before = running.city.height();
    let again = Running::over(running.city.clone());
    again.until_counted(cases.len() as u64).await;
    again.be_quiet();
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(again.city.height(), before);
    assert_eq!(running.public(path).await.code(), (401, "authentication_required"));
    assert_eq!(running.get(&format!("{path}?district=city")).await.code(), (400, "malformed_query"));
    assert_eq!(running.get(&format!("{path}?limit=0")).await.code(), (400, "malformed_query"));
}
