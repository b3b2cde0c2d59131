//! How many appends of 100 KB the embedded bus makes durable in a second.
//!
//! `cargo run --release -p hutong-bus-embedded --example appends -- DIR [APPENDERS]`

use std::{
    env, error,
    io::{Write, stdout},
    path::Path,
    time::{Duration, Instant},
};

use bytes::Bytes;
use hutong_bus::{Batch, Bus, Headers, Outgoing, Stream};
use hutong_bus_embedded::{EmbeddedBus, Options};

const PAYLOAD_BYTES: usize = 100_000;
const DURATION: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn error::Error>> {
    let mut arguments = env::args().skip(1);
    let dir = arguments.next().ok_or("which directory?")?;
    let appenders: usize = arguments.next().map_or(Ok(8), |count| count.parse())?;
    let bus = EmbeddedBus::open(Path::new(&dir), Options::default())?;
    let started = Instant::now();
    let tasks: Vec<_> = (0..appenders)
        .map(|_| {
            let bus = bus.clone();
            tokio::spawn(async move {
                let payload = Bytes::from(vec![7; PAYLOAD_BYTES]);
                let mut count = 0u64;
                while started.elapsed() < DURATION {
                    let message = Outgoing {
                        subject: "tx.property".into(),
                        headers: Headers::default(),
                        payload: payload.clone(),
                        message_id: None,
                    };
                    let batch = Batch { messages: vec![message], expected_last: None };
                    bus.append(Stream::Transactions, batch).await?;
                    count += 1;
                }
                Ok::<_, hutong_bus::AppendError>(count)
            })
        })
        .collect();
    let mut count = 0;
    for task in tasks {
        count += task.await??;
    }
    let per_second = count as f64 / started.elapsed().as_secs_f64();
    let line =
        format!("{appenders} appenders: {per_second:.0} durable appends of {PAYLOAD_BYTES} bytes a second");
    writeln!(stdout(), "{line}")?;
    Ok(())
}
