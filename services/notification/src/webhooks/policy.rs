//! What follows from an attempt: go on, try again after a pause, lay the event aside, or stop. Pure; the courier does it.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use http::{HeaderMap, StatusCode, header};

use super::sender::{Answer, SendError};
use crate::{
    config::Webhooks,
    subscriptions::record::{Attempts, Retry, Stopped},
};

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Delivered,
    /// 410: the receiver wants no more, ever.
    Gone,
    /// The receiver is well and wants fewer, or later: 429, or 503 with Retry-After.
    Later {
        wait: Option<Duration>,
        status: StatusCode,
    },
    Failed {
        reason: &'static str,
        detail: String,
    },
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Advance,
    Retry { pause: Duration, counts: bool },
    LayAside,
    Stop(Stopped),
}

/// Reads what came back. Redirects are failures: where they lead to, nobody has checked and no one agreed to.
pub(crate) fn outcome(answer: Result<Answer, SendError>, now_ms: u64) -> Outcome {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Outcome::Failed { reason: error.reason(), detail: error.to_string() },
    };
    let status = answer.status;
    match status {
        status if status.is_success() => Outcome::Delivered,
        StatusCode::GONE => Outcome::Gone,
        StatusCode::TOO_MANY_REQUESTS => {
            Outcome::Later { wait: retry_after(&answer.headers, now_ms), status }
        }
        StatusCode::SERVICE_UNAVAILABLE if answer.headers.contains_key(header::RETRY_AFTER) => {
            Outcome::Later { wait: retry_after(&answer.headers, now_ms), status }
        }
        status if status.is_redirection() => Outcome::Failed {
            reason: "redirect",
            detail: format!("the receiver answered {status}; redirects are not followed"),
        },
        status => Outcome::Failed { reason: "status", detail: format!("the receiver answered {status}") },
    }
}

/// What follows for what is to be delivered now.
pub(crate) fn decide(
    outcome: &Outcome,
    attempts: &Attempts,
    retry: &Retry,
    config: &Webhooks,
    jitter: &Jitter,
) -> Decision {
    let failed = attempts.failed.saturating_add(1);
    let (pause, counts) = match outcome {
        Outcome::Delivered => return Decision::Advance,
        Outcome::Gone => return Decision::Stop(Stopped::Gone),
        Outcome::Failed { .. } => (backoff(failed, config, jitter), true),
        Outcome::Later { wait, .. } => {
            let asked = wait.unwrap_or_default().min(Duration::from_millis(config.retry_after_max_ms));
            (backoff(attempts.failed.max(1), config, jitter).max(asked), false)
        }
    };
    let given_up = (counts && failed >= retry.attempts_max)
        || attempts.waited_ms >= retry.give_up_after_s.saturating_mul(1000);
    if given_up { Decision::LayAside } else { Decision::Retry { pause, counts } }
}

/// Doubles from the first pause to the longest; the upper half of it is random, so that those who failed together do
/// not come back together.
pub(crate) fn backoff(failed: u32, config: &Webhooks, jitter: &Jitter) -> Duration {
    let doubled = config.backoff_first_ms.saturating_mul(1 << failed.saturating_sub(1).min(32));
    let pause = doubled.min(config.backoff_max_ms);
    let half = pause / 2;
    Duration::from_millis(half + jitter.next() % (pause - half + 1))
}

/// Seconds or a date, as RFC 9110 has it.
fn retry_after(headers: &HeaderMap, now_ms: u64) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let now = std::time::UNIX_EPOCH + Duration::from_millis(now_ms);
    Some(date.duration_since(now).unwrap_or_default())
}

/// Spreads pauses. It is no secret: SplitMix64 from a seed, so that a test knows what comes.
#[derive(Debug)]
pub struct Jitter(AtomicU64);

impl Jitter {
    pub fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    pub(crate) fn next(&self) -> u64 {
        let mut z =
            self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, retry_after: Option<&str>) -> Outcome {
        let mut headers = HeaderMap::new();
        if let Some(text) = retry_after {
            headers.insert(header::RETRY_AFTER, text.parse().unwrap());
        }
        outcome(Ok(Answer { status: StatusCode::from_u16(status).unwrap(), headers }), 784_111_777_000)
    }

    fn config() -> Webhooks {
        Webhooks {
            backoff_first_ms: 1000,
            backoff_max_ms: 60_000,
            retry_after_max_ms: 100_000,
            ..Webhooks::default()
        }
    }

    const RETRY: Retry = Retry { attempts_max: 3, give_up_after_s: 100 };

    #[test]
    fn answers_mean_what_they_say() {
        for status in [200, 201, 202, 204] {
            assert_eq!(answered(status, None), Outcome::Delivered);
        }
        assert_eq!(answered(410, None), Outcome::Gone);
        let later = |status, seconds: Option<u64>| Outcome::Later {
            wait: seconds.map(Duration::from_secs),
            status: StatusCode::from_u16(status).unwrap(),
        };
        assert_eq!(answered(429, None), later(429, None));
        assert_eq!(answered(429, Some("7")), later(429, Some(7)));
        assert_eq!(answered(503, Some("Sun, 06 Nov 1994 08:50:37 GMT")), later(503, Some(60)));
        assert_eq!(answered(503, Some("Sun, 06 Nov 1994 08:00:00 GMT")), later(503, Some(0)));
        assert_eq!(answered(429, Some("soon")), later(429, None));
        for (status, reason) in
            [(301, "redirect"), (307, "redirect"), (503, "status"), (500, "status"), (404, "status")]
        {
            assert!(matches!(answered(status, None), Outcome::Failed { reason: r, .. } if r == reason));
        }
    }

    #[test]
    fn an_event_is_given_up_after_attempts_or_time() {
        let (config, jitter) = (config(), Jitter::seeded(1));
        let failed = Outcome::Failed { reason: "status", detail: String::new() };
        let later = Outcome::Later {
            wait: Some(Duration::from_secs(1_000_000)),
            status: StatusCode::TOO_MANY_REQUESTS,
        };
        let decide = |outcome: &Outcome, failed, waited_ms| {
            super::decide(outcome, &Attempts { failed, waited_ms, last: None }, &RETRY, &config, &jitter)
        };
        assert!(matches!(decide(&failed, 0, 0), Decision::Retry { counts: true, .. }));
        assert!(matches!(decide(&failed, 1, 99_999), Decision::Retry { .. }));
        assert_eq!(decide(&failed, 2, 0), Decision::LayAside);
        assert_eq!(decide(&failed, 0, 100_000), Decision::LayAside);
        // Who is asked to come later has not failed; but not for ever.
        let pause = Duration::from_millis(config.retry_after_max_ms);
        assert_eq!(decide(&later, 2, 0), Decision::Retry { pause, counts: false });
        assert_eq!(decide(&later, 0, 100_000), Decision::LayAside);
        assert_eq!(decide(&Outcome::Gone, 2, 100_000), Decision::Stop(Stopped::Gone));
        assert_eq!(decide(&Outcome::Delivered, 2, 100_000), Decision::Advance);
    }

    #[test]
    fn pauses_double_and_differ() {
        let (config, jitter) = (config(), Jitter::seeded(7));
        for (failed, pause_ms) in
            [(1, 1000), (2, 2000), (3, 4000), (6, 32_000), (7, 60_000), (u32::MAX, 60_000)]
        {
            let pauses: std::collections::BTreeSet<_> =
                (0..50).map(|_| backoff(failed, &config, &jitter)).collect();
            assert!(pauses.len() > 10, "{pauses:?}");
            let (low, high) = (Duration::from_millis(pause_ms / 2), Duration::from_millis(pause_ms));
            assert!(pauses.iter().all(|pause| (low..=high).contains(pause)), "{failed}: {pauses:?}");
        }
        let (one, two) = (Jitter::seeded(3), Jitter::seeded(3));
        assert!((0..9).all(|_| one.next() == two.next()));
    }
}
