//! Live changes: server-sent events that go on where they ended, and slow no one.

use axum::{Extension, body::BodyDataStream, http::Request};
use futures::StreamExt;
use http::header;
use hutong_runtime::auth::Caller;
use tower::ServiceExt;

use crate::{Body, Running, sent, three};

/// One subscriber.
struct Stream {
    body: BodyDataStream,
    text: String,
}

impl Stream {
    async fn open(running: &Running, query: &str, last: Option<&str>) -> Result<Self, u16> {
        let mut request = Request::get(format!("/parking/v1/live{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let routes = running.routes.clone().layer(Extension(Caller::Anonymous));
        let response = routes.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        if response.status() != 200 {
            return Err(response.status().as_u16());
        }
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        let mut stream = Self { body: response.into_body().into_data_stream(), text: String::new() };
        assert!(stream.block().await.unwrap().contains(": connected"));
        Ok(stream)
    }

    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return Some(block);
            }
            self.text.push_str(std::str::from_utf8(&self.body.next().await?.unwrap()).unwrap());
        }
    }

    /// Event, id, and the site of the next event.
    async fn event(&mut self) -> (String, String, String) {
        loop {
            let block = self.block().await.unwrap();
            let field = |name: &str| {
                let line = block.lines().find_map(|line| line.strip_prefix(name));
                line.unwrap_or_default().trim().to_owned()
            };
            let data = field("data:");
            if !data.is_empty() {
                let data: serde_json::Value = serde_json::from_str(&data).unwrap();
                return (field("event:"), field("id:"), data["uid"].as_str().unwrap_or_default().to_owned());
            }
        }
    }
}

async fn send(running: &Running, uid: &str, minute: u32) {
    let at = format!("2026-11-20T09:{minute:02}:00Z");
    assert_eq!(running.post("/parking/v1/realtime", sent(uid, &at, minute)).await.0, 200);
}

#[tokio::test]
async fn a_subscriber_goes_on_where_it_was() {
    let running = Running::over(three());
    running.until_known("test:3").await;
    let mut stream = Stream::open(&running, "?source=test", None).await.unwrap();
    send(&running, "test:1", 1).await;
    send(&running, "test:2", 2).await;
    let (event, first, site) = stream.event().await;
    assert_eq!((event.as_str(), site.as_str()), ("", "test:1"));
    drop(stream);
    send(&running, "test:3", 3).await;
    let mut again = Stream::open(&running, "", Some(&first)).await.unwrap();
    assert_eq!(again.event().await.2, "test:2");
    assert_eq!(again.event().await.2, "test:3");
    // The ring holds four.
    for minute in 4..9 {
        send(&running, "test:1", minute).await;
    }
    drop(again);
    let mut late = Stream::open(&running, &format!("?after={first}"), None).await.unwrap();
    let (event, id, _) = late.event().await;
    assert_eq!((event.as_str(), id.rsplit('-').next()), ("missed", Some("4")));
    assert_eq!(late.event().await.2, "test:1");
    drop(late);
    let mut other_life = Stream::open(&running, "?after=1-1", None).await.unwrap();
    assert_eq!(other_life.event().await.0, "missed");
}

#[tokio::test]
async fn a_subscriber_gets_what_it_asks_for() {
    let running = Running::over(three());
    running.until_known("test:3").await;
    let mut by_uid = Stream::open(&running, "?uid=test:9,test:3", None).await.unwrap();
    let mut around = Stream::open(&running, "?lat=48.01&lon=9&radius=100", None).await.unwrap();
    assert_eq!(Stream::open(&running, "", None).await.err(), Some(503), "two places are there");
    for (uid, minute) in [("test:1", 1), ("test:2", 2), ("test:3", 3)] {
        send(&running, uid, minute).await;
    }
    assert_eq!(by_uid.event().await.2, "test:3");
    assert_eq!(around.event().await.2, "test:2");
    drop((by_uid, around));
    for bad in ["?lat=1", "?lat=48&lon=9&radius=50001", "?lat=NaN&lon=9&radius=1", "?after=x", "?what=1"] {
        assert_eq!(Stream::open(&running, bad, None).await.err(), Some(400), "{bad}");
    }
    assert_eq!(Stream::open(&running, "", Some("nonsense")).await.err(), Some(400));
    assert!(Stream::open(&running, "?source=nobody", None).await.is_ok(), "the places were given back");
}

#[tokio::test]
async fn streams_end_when_the_service_stops() {
    let running = Running::over(three());
    running.until_known("test:3").await;
    let mut stream = Stream::open(&running, "", None).await.unwrap();
    running.stop.cancel();
    assert_eq!(stream.block().await, None);
}
