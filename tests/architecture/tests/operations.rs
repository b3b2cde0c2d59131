//! Dashboards, alert rules and the page on metrics speak of metrics that exist, and the page of all of them.

use std::{collections::BTreeSet, fs};

use hutong_test_architecture::{root, sources};

const PREFIX: &str = "hutong_";
/// What Prometheus makes of a histogram.
const PARTS: [&str; 3] = ["_bucket", "_sum", "_count"];

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect("a file of this repository")
}

/// The metrics that the services register, by the names in their sources.
fn registered() -> BTreeSet<String> {
    let sources = sources(&["services", "shared/runtime/src"]).expect("the sources are readable");
    let code = sources.iter().filter(|source| !source.path.contains("/tests"));
    let code = code.map(|source| source.text.split("#[cfg(test)]").next().unwrap_or_default());
    let literals = code.flat_map(|text| text.split('"').skip(1));
    literals.filter(|literal| literal.starts_with(PREFIX) && is_name(literal)).map(str::to_owned).collect()
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// The metrics that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with(PREFIX)).map(whole).collect()
}

/// A histogram's name, from that of a part.
fn whole(name: &str) -> String {
    PARTS.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name).to_owned()
}

#[test]
fn the_scan_finds_metrics() {
    let metrics = registered();
    for name in ["hutong_storage_final_height", "hutong_http_seconds", "hutong_invariant_violations_total"] {
        assert!(metrics.contains(name), "{name} was not found: the scan is broken");
    }
}

#[test]
fn what_operators_look_at_exists() {
    let metrics = registered();
    for path in ["ops/grafana/hutong.json", "ops/prometheus/alerts.yml", "docs/operations.md"] {
        let named = named(&read(path));
        assert!(named.len() > 5, "{path}: the scan finds no metrics");
        let unknown: Vec<_> = named.difference(&metrics).collect();
        assert!(unknown.is_empty(), "{path} names metrics that no service has: {unknown:?}");
    }
}

#[test]
fn every_metric_is_told() {
    let told = named(&read("docs/operations.md"));
    let untold: Vec<_> = registered().into_iter().filter(|name| !told.contains(name)).collect();
    assert!(untold.is_empty(), "add to the table of docs/operations.md: {untold:?}");
}

#[test]
fn every_alert_says_what_to_do() {
    let rules = read("ops/prometheus/alerts.yml");
    let alerts: Vec<_> = rules.split("- alert: ").skip(1).collect();
    assert!(!alerts.is_empty());
    for alert in alerts {
        let name = alert.lines().next().unwrap_or_default();
        for part in ["expr: ", "severity: ", "summary: ", "description: "] {
            assert!(alert.contains(part), "{name} has no {part}");
        }
    }
}

#[test]
fn the_dashboard_can_be_imported() {
    let dashboard: serde_json::Value = serde_json::from_str(&read("ops/grafana/hutong.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{}: its id is taken", panel["title"]);
        let targets = panel["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
        assert_eq!(targets.is_empty(), panel["type"] == "row", "{}", panel["title"]);
        for target in targets {
            let expression = target["expr"].as_str().expect("an expression");
            let open = expression.matches(['(', '{', '[']).count();
            assert_eq!(open, expression.matches([')', '}', ']']).count(), "{expression}");
        }
    }
}
