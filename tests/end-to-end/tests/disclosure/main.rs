//! Personal data from the counter to the certificate of erasure, in whole cities.

#![allow(clippy::unwrap_used, clippy::panic)] // A test's helpers fail as its tests do.

mod accesses;
mod backups;
mod bus;
mod city;
mod erasures;
mod everything;
mod folders;
mod guesses;
mod joins;
mod measured;
mod people;
mod reading;
mod readme;
