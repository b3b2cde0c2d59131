//! Ingest as those see it who submit to it, on the embedded bus and a storage that makes final what it is told to.

#![allow(clippy::unwrap_used, clippy::panic)] // A helper of a test fails as the test does.

mod accept;
mod http;
mod keep;
mod support;
