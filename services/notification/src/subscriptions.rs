//! Subscriptions for webhooks: what an agency asks for, and what is kept of it.
//!
//! `api` is how agencies make and steer them, `record` the rows, `shelf` the tables, `hook` one that runs, `hooks` all
//! of them. It delivers nothing: that is `crate::webhooks`. Only its own agency sees a subscription, and membership
//! decides, again and again, what it may see through it.

mod api;
mod forms;
pub(crate) mod hook;
pub(crate) mod hooks;
pub(crate) mod record;
pub(crate) mod shelf;
pub(crate) mod standing;

pub(crate) use api::{openapi, routes};
