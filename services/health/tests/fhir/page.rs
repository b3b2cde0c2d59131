//! The example of docs/health.md, done as it stands there.

use std::fs;

use axum::http::Request;

use crate::City;

#[tokio::test]
async fn the_example_of_the_page_works() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/health.md");
    let page = fs::read_to_string(path).unwrap();
    let city = City::new().await;
    let mut done = 0;
    for block in page.split("```http\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let parts: Vec<_> = block.trim().split("\n\n").collect();
        let (first, last) = (parts[0], parts[parts.len() - 1]);
        let (method, url) = first.split_once(' ').unwrap();
        let body = if parts.len() == 3 { parts[1] } else { "" };
        if url.contains("AuditEvent") {
            // Accesses show once the view has read on.
            city.until(|reply| reply.text.contains("\"total\":2"), url.strip_prefix("/fhir/R4").unwrap())
                .await;
        }
        let request = Request::builder().method(method).uri(url).header("content-type", "application/json");
        let reply = city.send(request, body).await;
        let (status, told) = last.split_once(' ').unwrap_or((last, ""));
        assert_eq!(reply.status.to_string(), status, "{first}: {}", reply.text);
        assert!(reply.text.contains(told), "{first}: {} lacks {told}", reply.text);
        done += 1;
    }
    assert_eq!(done, 7);
}
