//! The example of docs/requests.md, done as it stands there.

use std::fs;

use axum::{body::Body, http::Request};
use http::header;

use crate::{
    Running,
    city::{City, LINE},
};

#[tokio::test]
async fn the_example_of_the_page_works() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/requests.md")).unwrap();
    let city = Running::over(City::new());
    let (mut id, mut done) = (String::new(), 0);
    for block in page.split("```http\n").skip(1) {
        let block = block.split("```").next().unwrap().replace("{id}", &id);
        let parts: Vec<_> = block.trim().split("\n\n").collect();
        let (first, last) = (parts[0], parts[parts.len() - 1]);
        let (method, url) = first.split_once(' ').unwrap();
        let body = if parts.len() == 3 { parts[1].to_owned() } else { String::new() };
        let media_type =
            if body.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" };
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header(header::CONTENT_TYPE, media_type)
            .header(header::AUTHORIZATION, format!("Bearer {}", city.token(LINE)));
        let reply = city.send(request.body(Body::from(body)).unwrap()).await;
        let (status, told) = last.split_once(' ').unwrap();
        assert_eq!(reply.status.to_string(), status, "{first}: {}", reply.text);
        assert!(reply.text.contains(told), "{first}: {} lacks {told}", reply.text);
        if url == "/open311/v2/requests.json" {
            id = reply.json()[0]["service_request_id"].as_str().unwrap().to_owned();
        }
        done += 1;
    }
    assert_eq!(done, 8);
    assert!(!city.city.has_seen("13800000000"));
}
