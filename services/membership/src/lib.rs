//! The platform domain membership: epochs, agencies, keys, hosts. Every validating agency hosts it.
//!
//! The one record `membership/epoch` says who may do what; each version of it is an epoch. The contract decides how it
//! changes; nothing else may. What it refuses, by code:
//!
//! | code | meaning |
//! | --- | --- |
//! | `epoch_changed_in_block` | another change came first in this block: submit again |
//! | `epoch_number` | the proposed epoch does not follow the one in force |
//! | `epoch_invalid` | it is not well formed |
//! | `quorum_missing` | too few validating agencies signed |
//! | `hosts_too_few`, `host_not_ready` | a domain would be dropped or have too few hosts, or one that has not caught up would count |
//! | `malformed_action` | it does not decode, or a rotation is empty or not well formed |
//! | `key_unusable`, `key_unknown`, `last_signing_key` | a key breaks the rules, does not exist, or is the last one |
//! | `agency_unknown`, `not_a_host`, `already_ready` | the submitting agency is not what the action needs |
//!
//! Parts: `contract` is the rules, `usable` those of keys; [`proposal`] makes what is to be signed, [`joint`] counts who signed it, `changes` says in
//! words what it does; [`readiness`] is a newcomer's word that it has caught up; `api` answers who is in the city.

mod api;
mod changes;
mod contract;
pub mod joint;
pub mod proposal;
pub mod readiness;
mod usable;

pub use api::{document, routes};
pub use changes::{Difference, differences};
pub use contract::{HOSTS_MIN, Membership, next_epoch};
