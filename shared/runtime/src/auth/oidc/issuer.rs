//! One identity provider: where its keys are, and which it has now.
//!
//! Keys are kept as long as the provider says, within bounds. A token with an unknown key makes them be fetched again,
//! at most once in a while: a rotation is noticed at once, and a stranger with made-up tokens causes no flood. Where
//! the provider does not answer, keys go on until their time is over; then nobody can be told apart, and that is said.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, header};
use jsonwebtoken::Algorithm;
use parking_lot::RwLock;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{
    config::{IssuerConfig, endpoint, is_loopback},
    fetch::{FetchError, Fetcher},
    keys::{Document, Key, Keys},
};
use crate::{SharedClock, auth::TokenFault};

/// The least time between two fetches.
const REFETCH_AFTER: Duration = Duration::from_secs(10);
/// The pause after a fetch that failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long keys are kept: as the provider says, within these; the default where it says nothing.
const KEPT_LEAST: Duration = Duration::from_secs(60);
const KEPT_DEFAULT: Duration = Duration::from_secs(600);
const KEPT_MOST: Duration = Duration::from_secs(3600);

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// The keys as they came, and until when they count.
#[derive(Clone)]
struct Known {
    keys: Arc<Keys>,
    until: Duration,
}

/// A provider with what is known of it.
pub(super) struct Issuer {
    pub(super) config: IssuerConfig,
    clock: SharedClock,
    fetcher: Fetcher,
    known: RwLock<Option<Known>>,
    /// Whoever asks holds it, so that only one does.
    pace: Mutex<Pace>,
}

/// When the provider may be asked again, and whether it failed to answer last time.
#[derive(Clone, Copy, Default)]
struct Pace {
    next: Duration,
    failed: bool,
}

impl Issuer {
    pub(super) fn new(config: IssuerConfig, clock: SharedClock, fetcher: Fetcher) -> Self {
        Self { config, clock, fetcher, known: RwLock::default(), pace: Mutex::default() }
    }

    /// The key that a token names.
    pub(super) async fn key(&self, id: Option<&str>, algorithm: Algorithm) -> Result<Key, TokenFault> {
        let known = self.keys().await?;
        if let Some(key) = known.find(id, algorithm) {
            return Ok(key.clone());
        }
        // Keys may have been rotated since. Where that can't be found out, nobody knows whether the token is good.
        let fresh = self.fetch(Some(&known)).await?;
        fresh.find(id, algorithm).cloned().ok_or(TokenFault::Key)
    }

    /// Whether the provider still has a key.
    pub(super) async fn has(&self, fingerprint: &[u8; 32]) -> Result<bool, TokenFault> {
        Ok(self.keys().await?.has(fingerprint))
    }

    /// The keys that count now.
    async fn keys(&self) -> Result<Arc<Keys>, TokenFault> {
        match self.current() {
            Some(keys) => Ok(keys),
            None => self.fetch(None).await,
        }
    }

    fn current(&self) -> Option<Arc<Keys>> {
        let known = self.known.read();
        known.as_ref().filter(|known| self.clock.monotonic() < known.until).map(|known| known.keys.clone())
    }

    /// Fetches the keys, unless others did since `stale` was current, or it is too soon.
    async fn fetch(&self, stale: Option<&Arc<Keys>>) -> Result<Arc<Keys>, TokenFault> {
        let mut pace = self.pace.lock().await;
        if let Some(keys) = self.current()
            && stale.is_none_or(|stale| !Arc::ptr_eq(stale, &keys))
        {
            return Ok(keys);
        }
        let now = self.clock.monotonic();
        if now < pace.next {
            return self.current().filter(|_| !pace.failed).ok_or(TokenFault::Unavailable);
        }
        // Set before the wait: a caller who gives up in the middle does not make the next one ask at once.
        *pace = Pace { next: now + RETRY_AFTER, failed: true };
        match self.discover().await {
            Ok((keys, kept)) => {
                let keys = Arc::new(keys);
                let now = self.clock.monotonic();
                *self.known.write() = Some(Known { keys: keys.clone(), until: now + kept });
                *pace = Pace { next: now + REFETCH_AFTER, failed: false };
                Ok(keys)
            }
            Err(error) => {
                tracing::warn!(issuer = self.config.issuer, %error, "the keys of an identity provider were not had");
                Err(TokenFault::Unavailable)
            }
        }
    }

    async fn discover(&self) -> Result<(Keys, Duration), FetchError> {
        let issuer = self.config.issuer.as_str();
        let own = endpoint(issuer, true).map_err(FetchError::KeysAddress)?;
        let local = own.scheme_str() == Some("http") && own.host().is_some_and(is_loopback);
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let address = endpoint(&address, local).map_err(FetchError::KeysAddress)?;
        let (discovery, _): (Discovery, _) = self.fetcher.json(address).await?;
        if discovery.issuer != issuer {
            return Err(FetchError::OtherIssuer);
        }
        let address = endpoint(&discovery.jwks_uri, local).map_err(FetchError::KeysAddress)?;
        let (document, headers): (Document, _) = self.fetcher.json(address).await?;
        Ok((Keys::of(document), kept(&headers)))
    }
}

/// How long keys that came with these headers are kept.
fn kept(headers: &HeaderMap) -> Duration {
    let values = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut told = None;
    for directive in values.flat_map(|value| value.split(',')).map(str::trim) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => return KEPT_LEAST,
            "max-age" => told = value.trim_matches('"').parse().ok().map(Duration::from_secs),
            _ => {}
        }
    }
    told.unwrap_or(KEPT_DEFAULT).clamp(KEPT_LEAST, KEPT_MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_kept_as_told_within_bounds() {
        let kept_by = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CACHE_CONTROL, value.parse().unwrap());
            kept(&headers).as_secs()
        };
        assert_eq!(kept(&HeaderMap::new()), KEPT_DEFAULT);
        for (value, seconds) in [
            ("max-age=900", 900),
            ("public, MAX-AGE=\"900\"", 900),
            ("max-age=1", 60),
            ("max-age=99999999", 3600),
            ("max-age=900, no-store", 60),
            ("max-age=-1", 600),
            ("public", 600),
        ] {
            assert_eq!(kept_by(value), seconds, "{value}");
        }
    }
}
