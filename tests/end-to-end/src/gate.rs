//! A gate between a client and its city: it passes so many bytes towards the city and then holds the rest, so that a test
//! can do something in the middle of a load however fast the machine is.

#![allow(clippy::unwrap_used)] // A test's support fails as its tests do.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
        mpsc,
    },
    thread,
};

#[derive(Debug)]
pub struct Gate {
    pub url: String,
    shut: mpsc::Receiver<()>,
}

impl Gate {
    /// A gate before the city at `url`. Once shut it never opens: its connections end when the city's do.
    pub fn before(url: &str, bytes: i64) -> Self {
        let city: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (left, (notice, shut)) = (Arc::new(AtomicI64::new(bytes)), mpsc::channel());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(city) = TcpStream::connect(city) else { continue };
                let (answers, asker) = (city.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn(move || pass(answers, asker, |_| true));
                let (left, notice) = (left.clone(), notice.clone());
                thread::spawn(move || {
                    pass(client, city, |count| {
                        let open = left.fetch_sub(count, Ordering::SeqCst) > count;
                        if !open {
                            // The test may have stopped listening: it needs to be told once.
                            let _ = notice.send(());
                        }
                        open
                    });
                });
            }
        });
        Self { url, shut }
    }

    /// Waits until the gate is shut, with bytes before it that the city never gets.
    pub fn wait_until_shut(&self) {
        self.shut.recv_timeout(crate::program::PATIENCE).expect("the gate is never reached");
    }
}

/// Passes bytes on while it may; whoever still waits for an answer is told of the end when the city's connection ends.
fn pass(mut from: TcpStream, mut to: TcpStream, may: impl Fn(i64) -> bool) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if !may(count as i64) {
            return;
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
