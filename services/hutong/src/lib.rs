//! The one program: `hutong up` runs a whole city in a process, `hutong run` one of its services, and the other
//! commands are the tools of those who use, run and audit it.
//!
//! Only this crate chooses a deployment: which bus, which folders, which services together. It holds no rules.

pub mod bench;
pub mod broker;
pub mod city;
pub mod cli;
pub mod commands;
pub mod deploy;
pub mod load;
pub mod output;
pub mod proxy;
pub mod status;
