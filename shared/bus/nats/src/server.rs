//! Whether the servers are fit: version, JetStream, message size, and syncing before they acknowledge.

use std::time::Duration;

use async_nats::{Client, ServerInfo};
use futures::StreamExt;
use hutong_bus::{Error, HEADERS_BYTES_MAX, PAYLOAD_BYTES_MAX};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::Options;

/// The first version with atomic batches.
const VERSION_MIN: (u64, u64) = (2, 12);

/// A message is a payload, the port's headers and the adapter's own.
const MESSAGE_BYTES: usize = PAYLOAD_BYTES_MAX + HEADERS_BYTES_MAX + (4 << 10);

/// How long to wait for (more) servers to tell about themselves.
const SILENCE: Duration = Duration::from_millis(500);

/// An answer of the monitoring endpoint is not larger.
const MONITOR_BYTES_MAX: u64 = 1 << 20;

pub(crate) fn unfit(reason: impl Into<String>) -> Error {
    Error::Unfit { reason: reason.into() }
}

/// What the server says when one connects.
pub(crate) fn check(info: &ServerInfo) -> Result<(), Error> {
    let mut numbers = info.version.split(['.', '-']).map(|number| number.parse::<u64>().ok());
    let version = (numbers.next().flatten().unwrap_or(0), numbers.next().flatten().unwrap_or(0));
    if version < VERSION_MIN {
        let (major, minor) = VERSION_MIN;
        let found = &info.version;
        return Err(unfit(format!("the server is version {found}; install {major}.{minor} or later")));
    }
    if !info.jetstream {
        return Err(unfit("JetStream is off; add a `jetstream { … }` block to the server's configuration"));
    }
    if info.max_payload < MESSAGE_BYTES {
        let found = info.max_payload;
        return Err(unfit(format!(
            "max_payload is {found}, and a message takes up to {MESSAGE_BYTES} bytes; set `max_payload: 2MB` in the \
             server's configuration"
        )));
    }
    Ok(())
}

/// Refuses servers that acknowledge before they sync. Where nobody tells, it warns and goes on.
pub(crate) async fn check_sync(client: &Client, options: &Options) -> Result<(), Error> {
    let mut known = false;
    for monitor in &options.monitors {
        let (host, _) = monitor.rsplit_once(':').unwrap_or((monitor, ""));
        let config = ask_monitor(monitor, host).await.map_err(|source| {
            Error::transport(format!("cannot ask the broker's monitoring at {monitor}"), source)
        })?;
        known |= sync_always(&config, monitor)?;
    }
    if !known && !options.make_streams {
        // Such a user may not ask the servers, and whoever keeps the streams has asked.
        tracing::info!(
            "whether the broker syncs before it acknowledges is for the keeper of its streams to see"
        );
        return Ok(());
    }
    for config in ask_system(client).await {
        known |= sync_always(&config, config["server"]["name"].as_str().unwrap_or("a server"))?;
    }
    if !known {
        tracing::warn!(
            "cannot see whether the broker syncs before it acknowledges; make sure that its configuration has \
             `jetstream {{ sync_interval: always }}`, or name its monitoring endpoint"
        );
    }
    Ok(())
}

/// Whether the answer says how it syncs; an error if it says that it doesn't.
fn sync_always(answer: &Value, server: &str) -> Result<bool, Error> {
    let config = if answer["data"].is_object() { &answer["data"]["config"] } else { &answer["config"] };
    match (config["sync_always"].as_bool(), config["sync_interval"].is_null()) {
        (Some(true), _) => Ok(true),
        // The field is left out when it is false.
        (Some(false), _) | (None, false) => Err(unfit(format!(
            "{server} acknowledges before it syncs; set `sync_interval: always` in the `jetstream` block of its \
             configuration"
        ))),
        (None, true) => Ok(false),
    }
}

/// What the servers tell over the system account, if this client belongs to it.
async fn ask_system(client: &Client) -> Vec<Value> {
    let mut answers = Vec::new();
    let inbox = client.new_inbox();
    let Ok(mut replies) = client.subscribe(inbox.clone()).await else { return answers };
    let asked =
        client.publish_with_reply("$SYS.REQ.SERVER.PING.JSZ", inbox, "{\"config\":true}".into()).await;
    if asked.is_err() {
        return answers;
    }
    while let Ok(Some(reply)) = tokio::time::timeout(SILENCE, replies.next()).await {
        if reply.status.is_some_and(|status| status != async_nats::StatusCode::OK) {
            break;
        }
        answers.extend(serde_json::from_slice::<Value>(&reply.payload));
    }
    answers
}

async fn ask_monitor(monitor: &str, host: &str) -> std::io::Result<Value> {
    let exchange = async {
        let mut connection = TcpStream::connect(monitor).await?;
        let request = format!("GET /jsz?config=true HTTP/1.0\r\nHost: {host}\r\n\r\n");
        connection.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        connection.take(MONITOR_BYTES_MAX).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = tokio::time::timeout(SILENCE * 10, exchange).await??;
    let invalid =
        || std::io::Error::new(std::io::ErrorKind::InvalidData, "the answer is not what /jsz gives");
    let body = answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or_else(invalid)?;
    serde_json::from_slice(&answer[body + 4..]).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(version: &str, jetstream: bool, max_payload: usize) -> ServerInfo {
        ServerInfo { version: version.into(), jetstream, max_payload, ..ServerInfo::default() }
    }

    #[test]
    fn an_unfit_server_is_told_what_to_change() {
        assert!(check(&info("2.12.0", true, 2 << 20)).is_ok());
        assert!(check(&info("2.15.1-beta.2", true, 2 << 20)).is_ok());
        for (info, word) in [
            (info("2.11.9", true, 2 << 20), "2.12"),
            (info("", true, 2 << 20), "2.12"),
            (info("2.15.1", false, 2 << 20), "jetstream"),
            (info("2.15.1", true, 1 << 20), "max_payload: 2MB"),
        ] {
            assert!(check(&info).unwrap_err().to_string().contains(word), "{word}");
        }
    }

    #[test]
    fn syncing_is_read_from_either_answer() {
        let json = |text| serde_json::from_str::<Value>(text).unwrap();
        assert!(sync_always(&json(r#"{"config":{"sync_interval":1,"sync_always":true}}"#), "s").unwrap());
        assert!(sync_always(&json(r#"{"data":{"config":{"sync_always":true}}}"#), "s").unwrap());
        assert!(sync_always(&json(r#"{"config":{"sync_interval":120000000000}}"#), "s").is_err());
        assert!(!sync_always(&json("{}"), "s").unwrap());
    }
}
