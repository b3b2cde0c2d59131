//! How often something may be done by each of many: so much a second, and a burst above it, by the injected clock.

use std::{fmt, hash::Hash, num::NonZeroU32, time::Duration};

use governor::{
    Quota, RateLimiter, clock::Clock, middleware::NoOpMiddleware, state::keyed::HashMapStateStore,
};
use parking_lot::Mutex;

use crate::SharedClock;

/// Keys remembered before those that have been quiet are forgotten.
const KEYS_MAX: usize = 10_000;
/// The shortest time between two clearings: they walk all keys, and a flood of new ones must not make each call pay for it.
const CLEARING_PAUSE: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Ticks(SharedClock);

impl Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.monotonic()
    }
}

/// Counts what each key does.
pub struct Limiter<K: Eq + Hash + Clone> {
    clock: Ticks,
    keys: RateLimiter<K, HashMapStateStore<K>, Ticks, NoOpMiddleware<Duration>>,
    cleared: Mutex<Duration>,
}

impl<K: Eq + Hash + Clone> fmt::Debug for Limiter<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

impl<K: Eq + Hash + Clone> Limiter<K> {
    /// So many a second for each key, and so many at once.
    pub fn per_second(rate: NonZeroU32, burst: NonZeroU32, clock: SharedClock) -> Self {
        Self::of(Quota::per_second(rate).allow_burst(burst), clock)
    }

    /// So many a minute for each key, be it at once.
    pub fn per_minute(rate: NonZeroU32, clock: SharedClock) -> Self {
        Self::of(Quota::per_minute(rate), clock)
    }

    fn of(quota: Quota, clock: SharedClock) -> Self {
        let cleared = Mutex::new(clock.monotonic());
        let clock = Ticks(clock);
        Self { keys: RateLimiter::hashmap_with_clock(quota, clock.clone()), clock, cleared }
    }

    /// Counts one, or says how long to wait until there may be another.
    pub fn take(&self, key: &K) -> Result<(), Duration> {
        self.forget_quiet();
        self.keys.check_key(key).map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }

    /// A key that could do all that its burst allows is like one never seen.
    fn forget_quiet(&self) {
        if self.keys.len() <= KEYS_MAX {
            return;
        }
        let now = self.clock.now();
        if let Some(mut cleared) = self.cleared.try_lock()
            && now.saturating_sub(*cleared) >= CLEARING_PAUSE
        {
            *cleared = now;
            self.keys.retain_recent();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ManualClock;

    fn count(n: u32) -> NonZeroU32 {
        NonZeroU32::new(n).unwrap()
    }

    #[test]
    fn each_key_has_its_burst_and_then_its_rate() {
        let clock = ManualClock::at(0);
        let limiter = Limiter::per_second(count(10), count(3), Arc::new(clock.clone()));
        for _ in 0..3 {
            limiter.take(&"land").unwrap();
        }
        let wait = limiter.take(&"land").unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_millis(100), "{wait:?}");
        limiter.take(&"health").unwrap();
        clock.advance(wait);
        limiter.take(&"land").unwrap();
        limiter.take(&"land").unwrap_err();
    }

    #[test]
    fn the_quiet_are_forgotten() {
        let clock = ManualClock::at(0);
        let limiter = Limiter::per_second(count(1), count(1), Arc::new(clock.clone()));
        for key in 0..=KEYS_MAX {
            limiter.take(&key).unwrap();
        }
        clock.advance(Duration::from_secs(5));
        limiter.take(&0).unwrap();
        assert_eq!(limiter.keys.len(), 1);
    }
}
