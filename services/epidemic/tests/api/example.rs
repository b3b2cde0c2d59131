//! The example of docs/epidemic.md, done as it stands there.

use std::fs;

use axum::{body::Body, http::Request};
use http::header;
use hutong_runtime::auth::Caller;

use crate::{Running, agency, city::City, city::HEALTH};

#[tokio::test]
async fn the_example_of_the_page_works() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/epidemic.md");
    let page = fs::read_to_string(path).unwrap();
    let running = Running::over(City::new());
    let mut done = 0;
    for block in page.split("```http\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let parts: Vec<_> = block.trim().split("\n\n").collect();
        let (first, last) = (parts[0], parts[parts.len() - 1]);
        let (method, url) = first.split_once(' ').unwrap();
        let body = if parts.len() == 3 { parts[1] } else { "" };
        let (status, told) = last.split_once(' ').unwrap_or((last, ""));
        // An analysis is for anyone; the rest is asked with the owner's token.
        let caller = if url.ends_with("/analyse") { Caller::Anonymous } else { agency(HEALTH) };
        let ask = async || {
            let request = Request::builder().method(method).uri(url);
            let request = request.header(header::CONTENT_TYPE, "application/json");
            running.call(caller.clone(), request.body(Body::from(body.to_owned())).unwrap()).await
        };
        if method == "GET" {
            // It shows once the view has read on.
            running.until(first, async |_| ask().await.text.contains(told)).await;
        }
        let answer = ask().await;
        assert_eq!(answer.status.to_string(), status, "{first}: {}", answer.text);
        assert!(answer.text.contains(told), "{first}: {} lacks {told}", answer.text);
        done += 1;
    }
    assert_eq!(done, 6);
}
