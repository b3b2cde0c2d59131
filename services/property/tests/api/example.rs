//! The worked example of docs/property.md, step by step: each call is made, and its answer has what the page shows.

use hutong_runtime::auth::Caller;
use serde_json::Value;

use crate::{LAND, MemoryStorage, Running};

const PAGE: &str = include_str!("../../../../docs/property.md");

/// Whether all that the page shows is in the answer.
fn shows(page: &Value, answer: &Value) -> bool {
    match (page, answer) {
        (Value::Object(page), Value::Object(answer)) => {
            page.iter().all(|(name, value)| answer.get(name).is_some_and(|found| shows(value, found)))
        }
        (Value::Array(page), Value::Array(answer)) => {
            page.len() == answer.len() && page.iter().zip(answer).all(|(page, answer)| shows(page, answer))
        }
        _ => page == answer,
    }
}

#[tokio::test]
async fn the_page_s_example_works() {
    let city = Running::over(MemoryStorage::new());
    let example = PAGE.split("\n## ").find(|part| part.starts_with("A worked example")).unwrap();
    let mut answer = None;
    let mut calls = 0;
    for block in example.split("\n```").collect::<Vec<_>>().chunks_exact(2).map(|pair| pair[1]) {
        let (kind, text) = block.split_once('\n').unwrap();
        if kind == "json" {
            let page: Value = serde_json::from_str(text).unwrap();
            let (status, body): (u16, Value) = answer.take().unwrap();
            assert!(
                (200..300).contains(&status) && shows(&page, &body),
                "{page:#}\nis not in {status} {body:#}"
            );
            continue;
        }
        assert_eq!(kind, "http");
        let (line, body) = text.split_once('\n').unwrap_or((text, ""));
        let (method, path) = line.split_once(' ').unwrap();
        calls += 1;
        // The index follows what is final.
        city.until_found("status=current", if calls > 1 { &["1-7"] } else { &[] }).await;
        answer = Some(match method {
            "GET" => city.get_as(Caller::agency(LAND), path).await,
            _ => city.post_as(LAND, path, &serde_json::from_str(body).unwrap()).await,
        });
    }
    assert!(calls >= 5);
}
