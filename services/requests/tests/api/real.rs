//! The 500 real requests through the routes, where they are at hand.

use std::{collections::BTreeMap, path::Path};

use hutong_requests::{domain, import};
use serde_json::Value;

use crate::{Running, city::City, items};

const SPAN: &str = "start_date=2024-04-15T00:00:00Z&end_date=2024-04-17T00:00:00Z";

async fn loaded() -> Option<Running> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/requests/nyc311-2024-04-15-a.csv");
    let Ok(file) = std::fs::read(path) else {
        println!("skipped: the real requests are not at hand");
        return None;
    };
    let running = Running::over(City::new());
    let prepared = import::actions(&file).unwrap();
    assert!(prepared.broken_rows.is_empty());
    let desk = running.city.desk(crate::LINE);
    for (_, action) in prepared.actions {
        desk.submit(domain(), action, "load").await.unwrap();
    }
    crate::until(|| async { running.ids(SPAN).await.len() == 500 }).await;
    Some(running)
}

#[tokio::test]
async fn all_500_are_found_in_both_formats() {
    let Some(city) = loaded().await else { return };
    let list = city.found(&format!("/open311/v2/requests.json?{SPAN}")).await;
    let list = list.as_array().unwrap();
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for request in list {
        *names.entry(request["service_name"].as_str().unwrap()).or_default() += 1;
    }
    assert_eq!((names.len(), names["Noise - Residential"], names["HEAT/HOT WATER"]), (50, 110, 32));
    let count = |status: &str| list.iter().filter(|request| request["status"] == status).count();
    assert_eq!((count("closed"), count("open")), (181, 319));
    assert_eq!(city.ids(&format!("{SPAN}&status=closed")).await.len(), 181);
    let code = import::service_code("Street Condition");
    assert_eq!(city.ids(&format!("{SPAN}&service_code={code}")).await.len(), 24);
    let xml = city.get(&format!("/open311/v2/requests.xml?{SPAN}")).await.text;
    let found = items(&xml, "service_requests", "request");
    for (xml, json) in found.iter().zip(list) {
        for (name, text) in xml {
            let told = match &json[name] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(*text, told, "{name} of {json}");
        }
    }
    assert_eq!(city.found("/open311/v2/services.json").await.as_array().unwrap().len(), 50);
    // Years ago: not in the last 90 days.
    assert!(city.ids("").await.is_empty());
}

#[tokio::test]
async fn one_of_them_is_as_the_file_has_it() {
    let Some(city) = loaded().await else { return };
    let one = &city.found("/open311/v2/requests/60879417.json").await[0];
    assert_eq!(one["service_name"], "Street Condition");
    assert_eq!(one["description"], "Pothole");
    assert_eq!(one["agency_responsible"], "DOT");
    assert_eq!(one["address"], "133 AVENUE & 231 STREET");
    assert_eq!(one["zipcode"], "11413");
    assert_eq!(one["requested_datetime"], "2024-04-16T03:03:15Z");
    assert_eq!((one["lat"].as_f64(), one["long"].as_f64()), (Some(40.676_792_8), Some(-73.737_934_2)));
    let edge = "start_date=2024-04-16T03:03:15Z&end_date=2024-04-16T03:03:15Z";
    assert!(city.ids(edge).await.contains(&"60879417".to_owned()));
}
