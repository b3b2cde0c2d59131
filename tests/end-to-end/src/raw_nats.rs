//! A client of NATS that is not the program's: the protocol by hand, over TLS, so that a test can try what no client
//! library would, and sees the server's own words.

#![allow(clippy::unwrap_used, clippy::panic)] // A test's support fails as its tests do.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use serde_json::{Value, json};

/// For a loaded machine; nothing waits this long unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection as one user.
#[derive(Debug)]
pub struct RawNats {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
    subscriptions: u64,
}

impl RawNats {
    /// Connects with the seed of an nkey; the server's refusal, if it refuses.
    pub fn connect(port: u16, authority: &Path, seed: Option<&str>) -> Result<Self, String> {
        let mut tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        let info: Value = serde_json::from_str(plain_line(&mut tcp).strip_prefix("INFO ").unwrap()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = BufReader::new(StreamOwned::new(tls, tcp));
        let mut options = json!({ "verbose": false, "pedantic": false, "headers": true, "lang": "raw",
            "version": "0", "protocol": 1, "tls_required": true });
        if let Some(seed) = seed {
            let pair = nkeys::KeyPair::from_seed(seed).unwrap();
            let signature = pair.sign(info["nonce"].as_str().unwrap().as_bytes()).unwrap();
            options["nkey"] = pair.public_key().into();
            options["sig"] = URL_SAFE_NO_PAD.encode(signature).into();
        }
        let mut client = Self { stream, subscriptions: 0 };
        client.send(&format!("CONNECT {options}\r\n"));
        match client.settle().into_iter().next() {
            None => Ok(client),
            Some(refusal) => Err(refusal),
        }
    }

    /// With the seed in a file.
    pub fn of(port: u16, folder: &Path) -> Self {
        let seed = fs::read_to_string(folder.join("broker.nk")).unwrap();
        Self::connect(port, &folder.join("ca.pem"), Some(seed.trim())).unwrap()
    }

    /// Publishes; what the server says against it.
    pub fn publish(&mut self, subject: &str, payload: &str) -> Vec<String> {
        self.send(&format!("PUB {subject} {}\r\n{payload}\r\n", payload.len()));
        self.settle()
    }

    /// Listens, and stops again; what the server says against it.
    pub fn subscribe(&mut self, subject: &str) -> Vec<String> {
        self.subscriptions += 1;
        let id = self.subscriptions;
        self.send(&format!("SUB {subject} {id}\r\n"));
        let refusals = self.settle();
        self.send(&format!("UNSUB {id}\r\n"));
        refusals
    }

    /// Asks, with the answer to a subject below `inbox`; the answer.
    pub fn request(&mut self, inbox: &str, subject: &str, payload: &Value) -> Value {
        self.subscriptions += 1;
        let (id, payload) = (self.subscriptions, payload.to_string());
        let reply = format!("{inbox}.{id}");
        self.send(&format!("SUB {reply} {id}\r\nPUB {subject} {reply} {}\r\n{payload}\r\n", payload.len()));
        loop {
            let line = self.line();
            assert!(!line.starts_with("-ERR"), "{subject}: {line}");
            if line.starts_with("MSG ") || line.starts_with("HMSG ") {
                let body = self.body(&line);
                self.send(&format!("UNSUB {id}\r\n"));
                return serde_json::from_slice(&body).unwrap_or(Value::Null);
            }
            self.pong(&line);
        }
    }

    /// Asks, and has the answer sent to a subject of its choice.
    pub fn answered_at(&mut self, subject: &str, reply: &str) {
        self.send(&format!("PUB {subject} {reply} 0\r\n\r\n"));
        self.settle();
    }

    /// Waits until the server has seen all that was sent; its errors.
    fn settle(&mut self) -> Vec<String> {
        self.send("PING\r\n");
        let mut refusals = Vec::new();
        loop {
            let line = self.line();
            if line.is_empty() || line == "PONG" {
                return refusals;
            }
            if line.starts_with("MSG ") || line.starts_with("HMSG ") {
                self.body(&line);
            } else if let Some(refusal) = line.strip_prefix("-ERR ") {
                refusals.push(refusal.to_owned());
            }
            self.pong(&line);
        }
    }

    fn pong(&mut self, line: &str) {
        if line == "PING" {
            self.send("PONG\r\n");
        }
    }

    fn send(&mut self, text: &str) {
        // A server that has refused may be gone; what it said is read all the same.
        let stream = self.stream.get_mut();
        let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
    }

    /// The next line; empty when the server is gone.
    fn line(&mut self) -> String {
        let mut line = String::new();
        let _ = self.stream.read_line(&mut line);
        line.trim_end().to_owned()
    }

    /// The body that a line announces, without its headers' length.
    fn body(&mut self, line: &str) -> Vec<u8> {
        let length: usize = line.rsplit(' ').next().unwrap().parse().unwrap();
        let mut body = vec![0; length + 2];
        self.stream.read_exact(&mut body).unwrap();
        body.truncate(length);
        body
    }
}

/// A line before TLS, byte by byte: what follows it is not for this reader.
fn plain_line(stream: &mut TcpStream) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\r\n") {
        stream.read_exact(&mut byte).unwrap();
        line.push(byte[0]);
    }
    String::from_utf8(line).unwrap().trim().to_owned()
}
