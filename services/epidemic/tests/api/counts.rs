//! Exact counts for agencies: by any grouping, by onset or report, now and as they were known.

use std::collections::BTreeMap;

use hutong_epidemic::{build, day};
use hutong_wire::v1::epidemic::{self as wire, Origin, Status};
use serde_json::Value;

use crate::{
    Running, agency, case,
    city::{CLINIC, City, HEALTH},
    report, today,
};

const COUNTS: &str = "/epidemic/v1/counts";

/// Counts by what the items have in some members.
fn by(items: &[Value], names: &[&str]) -> BTreeMap<Vec<String>, u64> {
    let mut counts = BTreeMap::new();
    for item in items {
        let key = names.iter().map(|name| item[*name].as_str().unwrap_or("-").to_owned()).collect();
        *counts.entry(key).or_default() += item["count"].as_u64().unwrap();
    }
    counts
}

async fn small_city() -> Running {
    let city = City::new();
    let cases = [
        case("a", |_| {}),
        case("b", |f| f.sex = 2),
        case("c", |f| (f.district, f.age_band) = ("110101".into(), "5-9".into())),
        case("d", |f| (f.onset, f.origin) = (Some(today() - 40), Origin::Imported.into())),
        case("e", |f| f.status = Status::Suspected.into()),
        case("f", |f| (f.district, f.onset) = (String::new(), None)),
        case("g", |f| f.disease = "measles".into()),
        case("h", |f| f.status = Status::Discarded.into()),
    ];
    city.submit(&[HEALTH], build::import(cases.to_vec()));
    let running = Running::over(city);
    running.until_counted(7).await;
    running
}

#[tokio::test]
async fn counts_are_told_apart_as_asked() {
    let running = small_city().await;
    let (onset, early, report) = (day::text(today() - 30), day::text(today() - 40), day::text(today() - 28));
    let items = running.all(agency(CLINIC), &format!("{COUNTS}?limit=1"), "items").await;
    let expected = [(vec![early.clone()], 1), (vec![onset.clone()], 5), (vec![report.clone()], 1)];
    assert_eq!(by(&items, &["date"]), expected.into());
    let items = running.all(agency(CLINIC), &format!("{COUNTS}?by=district,sex&limit=2"), "items").await;
    let key = |district: &str, sex: &str| vec![district.to_owned(), sex.to_owned()];
    let expected = [
        (key("-", "female"), 1),
        (key("110101", "female"), 1),
        (key("110105", "female"), 4),
        (key("110105", "male"), 1),
    ];
    assert_eq!(by(&items, &["district", "sex"]), expected.into());
    let one = async |query: &str| running.get(&format!("{COUNTS}?{query}")).await.body;
    assert_eq!(one("disease=measles").await["total"], 1);
    assert_eq!(one("status=suspected").await["total"], 1);
    assert_eq!(one(&format!("from={onset}&to={onset}")).await["total"], 5);
    let reported = one("date=report&by=disease,age,origin,status").await;
    assert!(
        reported["items"].as_array().unwrap().iter().all(|item| item["date"] == report.as_str()),
        "{reported}"
    );
    assert_eq!((reported["public"].as_bool(), reported["total"].as_u64()), (Some(false), Some(7)));
    assert_eq!(one("from=2020-01-02&to=2020-01-01").await["total"], 0);
    for query in [
        "by=name",
        "by=sex,sex",
        "date=birth",
        "status=discarded",
        "as_of=x",
        "from=x",
        "limit=0",
        "limit=10001",
        "after=x",
        "facility=H",
    ] {
        assert_eq!(
            running.get(&format!("{COUNTS}?{query}")).await.code(),
            (400, "malformed_query"),
            "{query}"
        );
    }
}

#[tokio::test]
async fn counts_follow_each_revision() {
    let running = small_city().await;
    let revise = |id: &str, reason: &str, change: fn(&mut wire::Facts)| {
        let facts = case(id, change).facts;
        build::revise(wire::ReviseCase { id: id.into(), facts, reason: reason.into(), ..Default::default() })
    };
    running.city.submit(&[HEALTH], revise("a", "other illness", |f| f.status = Status::Discarded.into()));
    running.until_counted(6).await;
    running.city.submit(&[HEALTH], revise("h", "found again", |_| {}));
    running.until_counted(7).await;
    running.city.submit(&[HEALTH], revise("b", "", |f| f.district = "110101".into()));
    running
        .until("moved", async |running| {
            let items = running.all(agency(HEALTH), &format!("{COUNTS}?by=district"), "items").await;
            by(&items, &["district"])[&vec!["110101".to_owned()]] == 2
        })
        .await;
    // A second service that reads all from the beginning comes to the same.
    let again = Running::over(running.city.clone());
    again.until_counted(7).await;
    let path = format!("{COUNTS}?by=district,age,sex,origin,status,disease");
    assert_eq!(again.get(&path).await.body, running.get(&path).await.body);
}

#[tokio::test]
async fn counts_are_known_as_of_a_day() {
    let city = City::new();
    city.submit(&[HEALTH], report("old", |f| (f.onset, f.report) = (Some(today() - 9), Some(today() - 9))));
    city.submit(&[HEALTH], report("late", |f| (f.onset, f.report) = (Some(today() - 9), Some(today() - 2))));
    city.clock.advance(std::time::Duration::from_millis(3 * day::DAY_MS));
    let facts = case("old", |f| {
        (f.onset, f.report, f.status) = (Some(today() - 9), Some(today() - 9), Status::Discarded.into())
    })
    .facts;
    city.submit(
        &[HEALTH],
        build::revise(wire::ReviseCase {
            id: "old".into(),
            facts,
            reason: "no".into(),
            ..Default::default()
        }),
    );
    let running = Running::over(city);
    running.until_counted(1).await;
    let known = async |days: i32| {
        let path = format!("{COUNTS}?as_of={}", day::text(today() + days));
        running.get(&path).await.body["total"].as_u64().unwrap()
    };
    assert_eq!(
        [known(-10).await, known(-9).await, known(-3).await, known(-2).await, known(2).await, known(3).await],
        [0, 1, 1, 2, 2, 1]
    );
}

/// Delays as they were in a real outbreak, where the file is at hand.
#[tokio::test]
async fn an_outbreak_is_known_as_it_was_reported() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/epidemic/husO104Hosp.csv");
    let Ok(text) = std::fs::read_to_string(path) else { return skip("husO104Hosp.csv") };
    let days = |line: &str| {
        let mut fields = line.split(',').map(|field| day::parse(field.trim_matches('"')));
        Some((fields.next()??, fields.next()??))
    };
    let rows: Vec<_> =
        text.lines().skip(1).filter_map(days).filter(|(hospital, report)| hospital <= report).collect();
    assert!(rows.len() > 600, "{} rows", rows.len());
    let city = City::new();
    let cases: Vec<_> = rows
        .iter()
        .enumerate()
        .map(|(n, (hospital, report))| {
            case(&format!("hus-{n:04}"), |f| {
                (f.disease, f.onset, f.report) = ("hus".into(), Some(*hospital), Some(*report))
            })
        })
        .collect();
    for batch in cases.chunks(100) {
        city.submit(&[HEALTH], build::import(batch.to_vec()));
    }
    let running = Running::over(city);
    running.until_counted(rows.len() as u64).await;
    for as_of in ["2011-05-20", "2011-05-30", "2011-06-15", "2011-07-30"] {
        let on = day::parse(as_of).unwrap();
        let mut expected = BTreeMap::new();
        for (hospital, _) in rows.iter().filter(|(_, report)| *report <= on) {
            *expected.entry(vec![day::text(*hospital)]).or_insert(0) += 1;
        }
        let items = running
            .all(agency(HEALTH), &format!("{COUNTS}?from=2011-01-01&to=2011-12-31&as_of={as_of}"), "items")
            .await;
        assert_eq!(by(&items, &["date"]), expected, "{as_of}");
    }
}

/// The measles of Hagelloch, 1861: days before 1970 count like any others.
#[tokio::test]
async fn an_old_outbreak_counts_like_any_other() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/epidemic/hagelloch.csv");
    let Ok(text) = std::fs::read_to_string(path) else { return skip("hagelloch.csv") };
    let mut cases = Vec::new();
    for (n, line) in text.lines().skip(1).enumerate() {
        let field = |place: usize| line.split(',').nth(place).unwrap().trim_matches('"');
        let (Some(prodrome), Some(rash)) = (day::parse(field(6)), day::parse(field(7))) else { continue };
        cases.push(case(&format!("measles-{n:03}"), |f| {
            (f.disease, f.onset, f.report) = ("measles".into(), Some(prodrome), Some(prodrome.max(rash)));
        }));
    }
    assert_eq!(cases.len(), 188);
    let city = City::new();
    for batch in cases.chunks(100) {
        city.submit(&[HEALTH], build::import(batch.to_vec()));
    }
    let running = Running::over(city);
    running.until_counted(188).await;
    let first = running.get(&format!("{COUNTS}?limit=1")).await.body["items"][0]["date"].clone();
    assert!(first.as_str().unwrap().starts_with("1861-1"), "{first}");
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skip(file: &str) {
    eprintln!("skipped: {file} is not here");
}
