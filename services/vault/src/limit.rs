//! How often an official may look persons up: enough for the work at a counter, too little to try out everybody's id.

use std::num::NonZeroU32;

use hutong_runtime::{SharedClock, limiter::Limiter};

use crate::{Error, error::refused, ports::Agent};

#[derive(Debug)]
pub(crate) struct Limit(Limiter<Agent>);

impl Limit {
    pub(crate) fn new(per_minute: u32, clock: SharedClock) -> Self {
        Self(Limiter::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN), clock))
    }

    /// Counts a look-up, or refuses it.
    pub(crate) fn check(&self, agent: &Agent) -> Result<(), Error> {
        self.0.take(agent).map_err(|wait| {
            let wait_s = wait.as_secs() + 1;
            refused("rate_limited", format!("too many persons were looked up; try again in {wait_s} s"))
        })
    }
}
