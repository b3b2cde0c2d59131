//! The real line list of dengue through everything: counted, alarmed, published, and nobody given away.

use std::collections::BTreeMap;

use hutong_epidemic::import;
use hutong_runtime::auth::Caller;
use serde_json::Value;

use crate::{
    Running, agency,
    city::{CLINIC, City, HEALTH},
};

const COUNTS: &str = "/epidemic/v1/counts";

#[tokio::test]
async fn the_outbreak_of_2002_is_counted_alarmed_and_published() {
    let file =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/epidemic/dengue-taiwan-2002.csv"))
            .unwrap();
    let city = City::new();
    for (_, action) in import::actions(&file).unwrap().actions {
        city.submit(&[HEALTH], action);
    }
    let running = Running::over(city);
    running.until_counted(5373).await;
    let total =
        async |query: &str| running.get(&format!("{COUNTS}?{query}")).await.body["total"].as_u64().unwrap();
    assert_eq!(total("from=2002-08-19&to=2002-08-19").await, 61);
    let origins = running.all(agency(CLINIC), &format!("{COUNTS}?by=origin"), "items").await;
    let imported: u64 =
        origins.iter().filter(|i| i["origin"] == "imported").map(|i| i["count"].as_u64().unwrap()).sum();
    assert!((52..=53).contains(&imported));
    running
        .until("published", async |running| {
            running.be_quiet();
            running.all(Caller::Anonymous, &format!("{COUNTS}?limit=200"), "items").await.len() >= 45
        })
        .await;
    let alerts = running
        .all(agency(CLINIC), "/epidemic/v1/alerts?disease=dengue&district=city&limit=200", "alerts")
        .await;
    assert!(alerts.len() > 20, "{} alerts of the city", alerts.len());
    nobody_is_given_away(&running).await;
}

/// What anyone can do with all tables of all weeks: add, and subtract.
async fn nobody_is_given_away(running: &Running) {
    let all = async |by: &str| {
        running.all(Caller::Anonymous, &format!("{COUNTS}?by={by}&limit=10000"), "items").await
    };
    let totals: BTreeMap<String, Option<u64>> =
        all("").await.iter().map(|item| (item["week"].to_string(), item["count"].as_u64())).collect();
    let mut shown = 0;
    for by in ["district", "age", "sex", "origin"] {
        let mut weeks: BTreeMap<String, Vec<Option<u64>>> = BTreeMap::new();
        for item in all(by).await {
            weeks.entry(item["week"].to_string()).or_default().push(item["count"].as_u64());
        }
        assert_eq!(weeks.len(), totals.len());
        for (week, cells) in weeks {
            judge(&cells, totals[&week], &format!("{week} by {by}"));
            shown += cells.iter().flatten().filter(|count| **count > 0).count();
        }
    }
    assert!(shown > 300, "{shown} counts are left to see");
    for dimension in ["age", "sex", "origin"] {
        let mut lines: BTreeMap<(String, &str, String), Vec<Option<u64>>> = BTreeMap::new();
        for item in all(&format!("district,{dimension}")).await {
            let week = item["week"].to_string();
            for side in ["district", dimension] {
                lines
                    .entry((week.clone(), side, item[side].to_string()))
                    .or_default()
                    .push(item["count"].as_u64());
            }
        }
        let sides = BTreeMap::from([
            ("district", sums(&all("district").await, "district")),
            (dimension, sums(&all(dimension).await, dimension)),
        ]);
        for ((week, side, name), cells) in lines {
            let total = sides[side][&(week.clone(), name.clone())];
            judge(&cells, total, &format!("{week}, {side} {name} by {dimension}"));
        }
    }
}

fn sums(items: &[Value], side: &str) -> BTreeMap<(String, String), Option<u64>> {
    items
        .iter()
        .map(|item| ((item["week"].to_string(), item[side].to_string()), item["count"].as_u64()))
        .collect()
}

/// No small count is shown, and of a line with a total no cell alone is missing, nor so little that it tells.
fn judge(cells: &[Option<u64>], total: Option<u64>, line: &str) {
    assert!(
        cells.iter().flatten().chain(&total).all(|count| *count == 0 || *count >= 5),
        "{line}: {cells:?}"
    );
    let missing = cells.iter().filter(|cell| cell.is_none()).count();
    if let Some(total) = total {
        assert_ne!(missing, 1, "{line}: {cells:?} of {total}");
        let rest = total - cells.iter().flatten().sum::<u64>();
        assert!(missing == 0 && rest == 0 || missing > 1, "{line}: {cells:?} of {total}");
    }
}
