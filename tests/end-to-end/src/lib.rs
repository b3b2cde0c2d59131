//! What the scenarios share: the program and its processes, and a gate to stop it in the middle of something.

pub mod gate;
pub mod program;
pub mod raw_nats;
pub mod receiver;
pub mod secrets;
pub mod tap;
