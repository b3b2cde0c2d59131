//! The Rust SDK: build, sign, submit, wait, verify, subscribe.
