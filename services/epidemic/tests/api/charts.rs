//! Charts: exact for agencies, published for everyone, and markup of nobody's making.

use hutong_epidemic::build;

use crate::{
    Running, agency, case,
    city::{CLINIC, City, HEALTH},
    districts,
};

#[tokio::test]
async fn a_series_is_drawn_as_the_caller_may_see_it() {
    let city = City::new();
    city.submit(&[HEALTH], districts(&["110101", "110105"]));
    let cases: Vec<_> = (0..50).map(|n| case(&format!("c-{n:02}"), |f| f.onset = None)).collect();
    let few: Vec<_> = (0..3).map(|n| case(&format!("d-{n}"), |f| f.district = "110101".into())).collect();
    city.submit(&[HEALTH], build::import(cases));
    city.submit(&[HEALTH], build::import(few));
    let running = Running::over(city);
    running.until_counted(53).await;
    let chart = "/epidemic/v1/series/110105.svg";
    let exact = running.get_as(agency(CLINIC), chart).await;
    assert_eq!((exact.status, exact.headers["content-type"].to_str().unwrap()), (200, "image/svg+xml"));
    assert!(exact.text.starts_with("<svg") && exact.text.contains(": 50<"), "{}", exact.text);
    assert!(exact.text.contains("District &lt;110105&gt;") && !exact.text.contains("District <"));
    assert_eq!(running.public(chart).await.code(), (404, "series_unknown"), "nothing is published yet");
    running
        .until("published", async |running| {
            running.be_quiet();
            running.public(chart).await.status == 200
        })
        .await;
    let few = running.public("/epidemic/v1/series/110101.svg").await.text;
    assert!(few.contains(": withheld<") && !few.contains(": 3<"), "{few}");
    assert!(running.get("/epidemic/v1/series/110101.svg").await.text.contains(": 3<"));
    // Everything of the week is withheld where the whole would tell the three.
    assert!(!running.public("/epidemic/v1/series/110105.svg").await.text.contains(": 50<"));
    assert!(running.public("/epidemic/v1/series/city.svg").await.text.contains(": 53<"));
}

#[tokio::test]
async fn there_are_charts_of_what_there_is() {
    let city = City::new();
    city.submit(&[HEALTH], districts(&["110105"]));
    city.submit(&[HEALTH], build::report(case("a", |_| {})));
    city.submit(&[HEALTH], build::report(case("b", |f| f.disease = "measles".into())));
    let running = Running::over(city);
    running.until_counted(2).await;
    for name in ["110199.svg", "city.png", "city", ".svg", "city.svg?disease=plague"] {
        assert_eq!(
            running.get(&format!("/epidemic/v1/series/{name}")).await.code(),
            (404, "series_unknown"),
            "{name}"
        );
    }
    for query in [
        "",
        "?disease=dengue&from=1900-01-01",
        "?disease=dengue&from=x",
        "?disease=dengue&from=2030-01-01",
        "?colour=red",
    ] {
        let answer = running.get(&format!("/epidemic/v1/series/city.svg{query}")).await;
        assert_eq!(answer.code(), (400, "malformed_query"), "{query}");
    }
    let path = "/epidemic/v1/series/city.svg?disease=measles&from=2023-10-01&to=2023-11-01";
    assert_eq!(running.get(path).await.status, 200);
}
