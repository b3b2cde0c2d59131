//! The vault in a city of memory: what it gives, what it refuses, and what it forgets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod charts;
mod city;
mod erasure;
mod house;
mod http;
mod persons;
mod releases;
mod restore;
mod secrets;
mod values;
