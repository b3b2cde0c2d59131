//! The typed calls between services: one trait per callee, in process or over the bus.
