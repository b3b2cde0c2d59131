//! Listens to everything that a NATS server carries, as whoever runs it could: its protocol is text, so a connection that
//! subscribes to all subjects is all it takes.

#![allow(clippy::unwrap_used)] // A test's support fails as its tests do.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    thread::{JoinHandle, spawn},
};

#[derive(Debug)]
pub struct Tap {
    connection: TcpStream,
    heard: JoinHandle<Vec<u8>>,
}

impl Tap {
    /// `url` is `nats://host:port`.
    pub fn on(url: &str) -> Self {
        let mut connection = TcpStream::connect(url.strip_prefix("nats://").unwrap()).unwrap();
        connection.write_all(b"CONNECT {\"verbose\":false}\r\nSUB > 1\r\nPING\r\n").unwrap();
        let (mut reading, mut writing) = (connection.try_clone().unwrap(), connection.try_clone().unwrap());
        let heard = spawn(move || {
            let (mut all, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
            while let Ok(count @ 1..) = reading.read(&mut buffer) {
                // Whoever does not answer is sent away after a while.
                if buffer[..count].windows(6).any(|bytes| bytes == b"PING\r\n") {
                    let _ = writing.write_all(b"PONG\r\n");
                }
                all.extend_from_slice(&buffer[..count]);
            }
            all
        });
        Self { connection, heard }
    }

    /// All that was carried since.
    pub fn heard(self) -> Vec<u8> {
        // The server may have gone before.
        let _ = self.connection.shutdown(Shutdown::Both);
        self.heard.join().unwrap()
    }
}
