//! The rules of licensing: each has a test that breaks it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod businesses;
mod hostile;
mod licences;
mod sequences;
mod support;
