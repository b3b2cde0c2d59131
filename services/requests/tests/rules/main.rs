//! The rules of requests, each broken once; sequences in any order; bytes that are no actions.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test that skips says so")]

mod configuration;
mod course;
mod hostile;
mod imports;
mod opening;
mod real;
mod sealed;
mod sequences;
mod support;
