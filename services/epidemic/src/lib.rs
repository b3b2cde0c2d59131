//! The city domain epidemic: case line lists, alerts and published tables.
