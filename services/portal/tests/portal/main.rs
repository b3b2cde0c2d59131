//! The portal against a city in memory: what a person sees and does, and that nobody sees or does it for another.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod accesses;
mod city;
mod consents;
mod description;
mod erasures;
mod notes;
mod others;
mod pages;
mod proofs;
mod setting;
