//! One HTTP call: with a token, tried again while what stands in the way may pass, answered with a document or the
//! city's problem.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use parking_lot::Mutex;
use reqwest::{RequestBuilder, Response, StatusCode, header};

use crate::{Client, Error, Refusal, Signer};

/// How long a token lives, and how long before its end another one is made.
const TOKEN_TTL_S: u64 = 300;
const TOKEN_MARGIN_S: u64 = 30;
/// The pauses between attempts: doubling from the first to the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LONGEST: Duration = Duration::from_secs(3);

/// An agency's token, made anew before it ends.
#[derive(Debug, Default)]
pub(crate) struct Token(Mutex<Option<(String, u64)>>);

/// A token from elsewhere. It is never shown.
pub(crate) struct Bearer(pub(crate) String);

impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a token")
    }
}

impl Token {
    fn get(&self, signer: &Signer, chain: &str, now_s: u64) -> Result<String, Error> {
        let mut held = self.0.lock();
        if let Some((token, renew_s)) = &*held
            && now_s < *renew_s
        {
            return Ok(token.clone());
        }
        let agency = signer.agency.as_str();
        let token = hutong_keys::mint_token(signer.key(), agency, chain, now_s, TOKEN_TTL_S)?;
        *held = Some((token.clone(), now_s + TOKEN_TTL_S - TOKEN_MARGIN_S));
        Ok(token)
    }
}

/// Unix milliseconds. An SDK runs where its application does, so the machine's clock is the one that counts.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn pause(attempt: u32) -> Duration {
    PAUSE_FIRST.saturating_mul(1 << attempt.min(10)).min(PAUSE_LONGEST)
}

impl Client {
    /// The `Authorization` for a call now.
    pub(crate) fn authorize(&self, request: RequestBuilder) -> Result<RequestBuilder, Error> {
        if let Some(bearer) = &self.bearer {
            return Ok(request.bearer_auth(&bearer.0));
        }
        match &self.signer {
            Some(signer) => {
                Ok(request.bearer_auth(self.token.get(signer, self.chain.as_str(), now_ms() / 1000)?))
            }
            None => Ok(request),
        }
    }

    /// The token that this client would send now, for use with another tool.
    pub fn token(&self) -> Result<String, Error> {
        self.token.get(self.signer()?, self.chain.as_str(), now_ms() / 1000)
    }

    /// Calls until there is an answer that trying again would not change, or the attempts are used up.
    pub(crate) async fn call(
        &self,
        path: &str,
        build: impl Fn(String) -> RequestBuilder,
    ) -> Result<(StatusCode, Bytes), Error> {
        let url = format!("{}{path}", self.url);
        let mut attempt = 0;
        loop {
            let (error, wait) = match self.once(&url, build(url.clone())).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            if !error.is_passing() || attempt >= self.attempts_max {
                return Err(error);
            }
            tracing::debug!(url, attempt, %error, "trying again");
            tokio::time::sleep(wait.unwrap_or_else(|| pause(attempt))).await;
            attempt += 1;
        }
    }

    async fn once(
        &self,
        url: &str,
        request: RequestBuilder,
    ) -> Result<(StatusCode, Bytes), (Error, Option<Duration>)> {
        let unreachable = |source| (Error::Unreachable { url: url.to_owned(), source }, None);
        let request = self.authorize(request).map_err(|error| (error, None))?;
        let response = request.send().await.map_err(unreachable)?;
        let (status, wait) = (response.status(), retry_after(&response));
        let body = response.bytes().await.map_err(unreachable)?;
        if status.is_success() { Ok((status, body)) } else { Err((refused(url, status, &body), wait)) }
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(PAUSE_LONGEST))
}

/// A failure as an error: a problem document, or whatever else stood before the city.
pub(crate) fn refused(url: &str, status: StatusCode, body: &[u8]) -> Error {
    match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(document) if document.is_object() => Refusal::of(status.as_u16(), document).into(),
        _ => {
            let shown: String = String::from_utf8_lossy(body).chars().take(200).collect();
            Error::Answer { url: url.to_owned(), reason: format!("{status}: {shown}") }
        }
    }
}
