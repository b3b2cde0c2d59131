//! Real documents: the examples of the specification, and generated transactions.

use std::{fs, path::PathBuf};

use fhirkit::Json;

use crate::{City, list, text};

/// Files of the project's data, if it is there.
fn files(folder: &str, prefix: &str) -> Vec<(PathBuf, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(folder);
    let Ok(entries) = fs::read_dir(&folder) else {
        eprintln!("skipped: {} is not there", folder.display());
        return Vec::new();
    };
    let mut paths: Vec<_> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    paths.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with(prefix));
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

fn without_meta(mut json: Json) -> Json {
    if let Json::Object(members) = &mut json {
        for (name, value) in members.iter_mut() {
            if let (true, Json::Object(meta)) = (name == "meta", value) {
                meta.retain(|(name, _)| name != "versionId" && name != "lastUpdated");
            }
        }
        members.retain(|(name, value)| name != "meta" || *value != Json::Object(Vec::new()));
    }
    json
}

#[tokio::test]
async fn all_examples_of_the_specification_come_back_as_they_were() {
    let city = City::new().await;
    for (path, sent) in files("health/hl7-r4-examples", "") {
        let json = Json::parse(&sent).unwrap();
        let at = format!("/{}/{}", text(&json, "resourceType"), text(&json, "id"));
        let made = city.put(&at, &sent).await;
        assert_eq!(made.status, 201, "{}: {}", path.display(), made.text);
        let read = city.get(&at).await.is(200).json();
        assert!(without_meta(read).same_as(&without_meta(json.clone())), "{}", path.display());
        let found =
            city.get(&format!("/{}?_id={}", text(&json, "resourceType"), text(&json, "id"))).await.json();
        let found = list(&found, "entry")[0].get("resource").unwrap().clone();
        assert!(without_meta(found).same_as(&without_meta(json)), "{}", path.display());
    }
}

#[tokio::test]
async fn generated_transactions_are_taken() {
    let city = City::new().await;
    for (path, sent) in files("health", "type2_diabetes") {
        let load = hutong_health::import::import(sent.as_bytes()).unwrap();
        assert!(load.refused.is_empty() && load.loads.len() == 1);
        let done = city.post("", &load.loads[0].bundle).await;
        assert_eq!(done.status, 200, "{}: {}", path.display(), done.text);
        let answers = done.json();
        assert_eq!(list(&answers, "entry").len(), load.loads[0].resources);
        for (entry, sent) in list(&answers, "entry").iter().zip(list(&Json::parse(&sent).unwrap(), "entry")) {
            assert!(text(entry, "response.status").starts_with("201"));
            let location = text(entry, "response.location");
            let read = city.get(&format!("/{}", location.split("/_history").next().unwrap())).await.is(200);
            for number in numbers(sent.get("resource").unwrap()) {
                assert!(read.text.contains(&number), "{number} of {location}");
            }
            assert!(!read.text.contains("urn:uuid:") || sent.to_compact().matches("urn:uuid:").count() > 1);
        }
    }
}

/// Every number, as it is written.
fn numbers(json: &Json) -> Vec<String> {
    match json {
        Json::Number(text) => vec![text.clone()],
        Json::Array(items) => items.iter().flat_map(numbers).collect(),
        Json::Object(members) => members.iter().flat_map(|(_, value)| numbers(value)).collect(),
        _ => Vec::new(),
    }
}
