//! The shape of a service: configuration, supervision, health, telemetry, HTTP.
