//! Time as a port. Rules that depend on time take a [`Clock`]; only [`SystemClock`] reads the machine's.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use tokio::sync::watch;

/// A clock shared by the parts of a process.
pub type SharedClock = Arc<dyn Clock>;

/// The time of day, which may jump, and time that only goes on.
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Milliseconds since 1970. May be wrong and may jump; never measure with it.
    fn unix_ms(&self) -> u64;

    /// Time since the clock was made; never goes back.
    fn monotonic(&self) -> Duration;

    /// Returns when so much monotonic time has passed.
    async fn sleep(&self, duration: Duration);
}

/// The machine's clock.
#[derive(Clone, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }

    pub fn shared() -> SharedClock {
        Arc::new(Self::new())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn unix_ms(&self) -> u64 {
        // Before 1970 there was no city to run.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A clock that stands still until told to move: for tests and simulation.
#[derive(Clone, Debug)]
pub struct ManualClock {
    now: watch::Sender<Now>,
}

#[derive(Clone, Copy, Debug)]
struct Now {
    unix_ms: u64,
    monotonic: Duration,
}

impl ManualClock {
    pub fn at(unix_ms: u64) -> Self {
        Self { now: watch::Sender::new(Now { unix_ms, monotonic: Duration::ZERO }) }
    }

    /// Lets time pass; wakes who slept long enough.
    pub fn advance(&self, duration: Duration) {
        self.now.send_modify(|now| {
            now.monotonic += duration;
            now.unix_ms = now.unix_ms.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
        });
    }

    /// Sets the time of day alone, as an operator or a bad time server would.
    pub fn set_unix_ms(&self, unix_ms: u64) {
        self.now.send_modify(|now| now.unix_ms = unix_ms);
    }

    /// How many sleep on this clock now: a test waits for them to arrive before it moves the time.
    pub fn sleepers(&self) -> usize {
        self.now.receiver_count()
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn unix_ms(&self) -> u64 {
        self.now.borrow().unix_ms
    }

    fn monotonic(&self) -> Duration {
        self.now.borrow().monotonic
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.monotonic() + duration;
        // The sender is in `self`, so it outlives the wait.
        let _ = self.now.subscribe().wait_for(|now| now.monotonic >= until).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_its_time_has_come_and_not_before() {
        let clock = ManualClock::at(1_000);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_millis(100)).await }
        });
        while clock.sleepers() == 0 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_millis(99));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_millis(1));
        sleeper.await.unwrap();
        assert_eq!(clock.unix_ms(), 1_100);
        assert_eq!(clock.sleepers(), 0);
    }

    #[test]
    fn the_time_of_day_jumps_alone() {
        let clock = ManualClock::at(1_000);
        clock.set_unix_ms(5);
        assert_eq!((clock.unix_ms(), clock.monotonic()), (5, Duration::ZERO));
    }

    #[tokio::test]
    async fn the_system_clock_goes_on() {
        let clock = SystemClock::new();
        let before = clock.monotonic();
        clock.sleep(Duration::from_millis(2)).await;
        assert!(clock.monotonic() >= before + Duration::from_millis(2));
        assert!(clock.unix_ms() > 1_600_000_000_000);
    }
}
