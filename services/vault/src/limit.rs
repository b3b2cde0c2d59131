//! How often an official may look persons up: enough for the work at a counter, too little to try out everybody's id.

use std::{fmt, num::NonZeroU32, time::Duration};

use governor::{
    Quota, RateLimiter, clock::Clock, middleware::NoOpMiddleware, state::keyed::HashMapStateStore,
};
use hutong_runtime::SharedClock;

use crate::{Error, error::refused, ports::Agent};

/// Officials remembered at a time; those who have not called for a while are forgotten first.
const OFFICIALS_MAX: usize = 10_000;

#[derive(Clone)]
struct Ticks(SharedClock);

impl Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.monotonic()
    }
}

pub(crate) struct Limit {
    clock: Ticks,
    officials: RateLimiter<Agent, HashMapStateStore<Agent>, Ticks, NoOpMiddleware<Duration>>,
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit").field("officials", &self.officials.len()).finish_non_exhaustive()
    }
}

impl Limit {
    pub(crate) fn new(per_minute: u32, clock: SharedClock) -> Self {
        let quota = Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN));
        let clock = Ticks(clock);
        Self { officials: RateLimiter::hashmap_with_clock(quota, clock.clone()), clock }
    }

    /// Counts a look-up, or refuses it.
    pub(crate) fn check(&self, agent: &Agent) -> Result<(), Error> {
        if self.officials.len() > OFFICIALS_MAX {
            self.officials.retain_recent();
        }
        self.officials.check_key(agent).map_err(|not_until| {
            let wait_s = not_until.wait_time_from(self.clock.now()).as_secs() + 1;
            refused("rate_limited", format!("too many persons were looked up; try again in {wait_s} s"))
        })
    }
}
