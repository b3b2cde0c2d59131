//! `POST /epidemic/v1/analyse`: open to anyone, exact in its form, and no input that is none gets an answer.

use hutong_runtime::auth::Caller;
use serde_json::{Value, json};

use crate::{Answer, Running, city::City};

const PATH: &str = "/epidemic/v1/analyse";
const COUNTS: [u64; 14] = [12, 9, 11, 14, 10, 8, 13, 11, 12, 25, 30, 28, 15, 9];
const FLU: [u64; 32] =
    [1, 1, 0, 2, 5, 3, 3, 3, 6, 2, 5, 9, 13, 12, 13, 11, 12, 6, 6, 6, 3, 1, 0, 2, 0, 0, 0, 0, 2, 0, 2, 0];
const WEIGHTS: [f64; 12] = [0.0, 0.233, 0.359, 0.198, 0.103, 0.053, 0.027, 0.014, 0.007, 0.003, 0.002, 0.001];

async fn ask(body: Value) -> Answer {
    Running::over(City::new()).post_as(Caller::Anonymous, PATH, body.to_string()).await
}

fn near(value: &Value, wanted: f64) -> bool {
    (value.as_f64().unwrap() - wanted).abs() < 1e-6
}

#[tokio::test]
async fn early_warning_has_an_item_for_each_day() {
    let answer = ask(json!({ "counts": COUNTS })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let ears = &answer.body["ears"];
    assert_eq!(answer.body["rt"], json!([]), "without a serial interval there is no reproduction number");
    for (name, first) in [("c1", 7), ("c2", 9), ("c3", 11)] {
        let items = ears[name].as_array().unwrap();
        assert_eq!(items.len(), 14);
        assert!(
            items[..first].iter().all(Value::is_null) && items[first..].iter().all(Value::is_object),
            "{name}"
        );
    }
    let keys = |item: &Value| item.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        (keys(&ears["c1"][9]), keys(&ears["c3"][12])),
        (vec!["alarm".to_owned(), "upper".into()], vec!["alarm".into(), "statistic".into()])
    );
    assert!(near(&ears["c1"][9]["upper"], 17.392_159) && ears["c1"][9]["alarm"] == true);
    assert!(near(&ears["c3"][11]["statistic"], 20.987_184) && ears["c3"][11]["alarm"] == true);
    // Options, and a baseline without spread.
    let zeros = json!({ "counts": [0, 0, 0, 0, 0, 0, 0, 1], "minSigma": 1 });
    let limit = ask(zeros).await.body["ears"]["c1"][7].clone();
    assert!((limit["upper"].as_f64().unwrap() - 3.090_232_306).abs() < 1e-9 && limit["alarm"] == false);
    let short = ask(json!({ "counts": [1, 2, 3, 9], "baseline": 3 })).await;
    assert!(short.body["ears"]["c1"][3].is_object() && short.body["ears"]["c1"][2].is_null());
}

#[tokio::test]
async fn reproduction_numbers_come_by_either_form_of_interval() {
    let answer = ask(json!({ "counts": FLU, "si": { "weights": WEIGHTS } })).await;
    let first = answer.body["rt"][0].clone();
    assert_eq!((first["t_start"].as_u64(), first["t_end"].as_u64()), (Some(2), Some(8)));
    assert!(near(&first["mean"], 1.735_608_909) && near(&first["sd"], 0.409_086_943));
    assert!(near(&first["q025"], 1.028_631_837) && near(&first["q975"], 2.624_495_884));
    assert_eq!(answer.body["rt"].as_array().unwrap().len(), 25);
    let answer = ask(json!({ "counts": FLU, "si": { "mean": 2.6, "sd": 1.5 } })).await;
    assert!(near(&answer.body["rt"][0]["mean"], 1.735_797_663_7));
    let answer = ask(json!({ "local": FLU, "imported": vec![0; 32], "si": { "weights": WEIGHTS } })).await;
    assert!(near(&answer.body["rt"][24]["mean"], 1.004_016_064));
    assert_eq!(answer.body["ears"]["c1"].as_array().unwrap().len(), 32);
}

#[tokio::test]
async fn input_that_is_none_is_refused() {
    let unfit = [
        json!({}),
        json!({ "counts": [] }),
        json!({ "counts": vec![0; 10_001] }),
        json!({ "counts": [1], "local": [1], "imported": [1] }),
        json!({ "local": [1, 2], "imported": [1] }),
        json!({ "local": [1, 2] }),
        json!({ "counts": [1_000_000_001] }),
        json!({ "counts": [1, 2], "baseline": 1 }),
        json!({ "counts": [1, 2], "minSigma": -1 }),
        json!({ "counts": [1, 2], "si": {} }),
        json!({ "counts": [1, 2], "si": { "mean": 2.6 } }),
        json!({ "counts": [1, 2], "si": { "mean": 2.6, "sd": 0 } }),
        json!({ "counts": [1, 2], "si": { "mean": 2.6, "sd": -1.5 } }),
        json!({ "counts": [1, 2], "si": { "mean": 1.0, "sd": 1.5 } }),
        json!({ "counts": [1, 2], "si": { "mean": 2.6, "sd": 1.5, "weights": [0, 1] } }),
        json!({ "counts": [1, 2], "si": { "weights": [] } }),
        json!({ "counts": [1, 2], "si": { "weights": [0.5, 0.5] } }),
        json!({ "counts": [1, 2], "si": { "weights": [0, 0.5] } }),
        json!({ "counts": [1, 2], "si": { "weights": [0, -0.5, 1.5] } }),
    ];
    for body in unfit {
        let answer = ask(body.clone()).await;
        assert_eq!(answer.code(), (422, "analysis_invalid"), "{body}");
        assert!(answer.body["field"].is_string() && answer.body["detail"].is_string());
    }
    for body in [
        json!({ "counts": [1, -2] }),
        json!({ "counts": [1.5] }),
        json!({ "counts": ["1"] }),
        json!({ "counts": [null] }),
        json!({ "counts": 7 }),
        json!({ "counts": [1], "sigma": 1 }),
        json!({ "counts": [1], "si": { "weights": [0, "1"] } }),
        json!([1, 2]),
    ] {
        assert_eq!(ask(body.clone()).await.code(), (422, "unexpected_json"), "{body}");
    }
    let running = Running::over(City::new());
    for text in ["", "{\"counts\": [NaN]}", "{\"counts\": [1, Infinity]}", "[", "{\"counts\": [1e999]}"] {
        let answer = running.post_as(Caller::Anonymous, PATH, text).await;
        assert!(matches!(answer.status, 400 | 422), "{text}: {}", answer.text);
    }
}

#[tokio::test]
async fn the_longest_series_is_answered() {
    let counts: Vec<u64> = (0..10_000_u64).map(|day| day * day % 97).collect();
    let answer = ask(json!({ "counts": counts, "si": { "mean": 7.5, "sd": 3.4 } })).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["rt"].as_array().unwrap().len(), 9_993);
}
