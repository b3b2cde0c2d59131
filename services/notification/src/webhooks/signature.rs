//! Signatures of deliveries, as Standard Webhooks has them: HMAC-SHA256 over id, time and body, under each secret that
//! holds, so that a receiver may change over to a new one at its leisure.
//!
//! The library of that name brings a hash function of its own, signs under one secret and only text: it reads what is
//! written here in the tests, and `hutong-keys` makes the tags.

use base64::prelude::*;
use http::{HeaderMap, HeaderValue};
use hutong_keys::mac::MacKey;

use crate::{Error, subscriptions::record::Secret};

/// What the text of a secret starts with.
const PREFIX: &str = "whsec_";
/// Secrets that hold at a time: the newest, and those that it follows.
pub(crate) const SECRETS_MAX: usize = 4;

impl Secret {
    pub(crate) fn generate(now_ms: u64) -> Result<Self, Error> {
        let key = hex::encode(hutong_keys::random_bytes::<32>()?);
        Ok(Self { key, created_ms: now_ms, until_ms: None })
    }

    /// As its owner gets it, once.
    pub(crate) fn text(&self) -> Option<String> {
        Some(format!("{PREFIX}{}", BASE64_STANDARD.encode(self.bytes()?)))
    }

    pub(crate) fn holds(&self, now_ms: u64) -> bool {
        self.until_ms.is_none_or(|until_ms| now_ms < until_ms)
    }

    fn bytes(&self) -> Option<[u8; 32]> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(&self.key, &mut bytes).ok()?;
        Some(bytes)
    }
}

/// The headers of a delivery. `id` must hold no dot-separated part that could pass for a time: event ids hold no dots.
pub(crate) fn headers(secrets: &[Secret], id: &str, now_ms: u64, body: &[u8]) -> Option<HeaderMap> {
    let time = (now_ms / 1000).to_string();
    let sign = |secret: &Secret| {
        let tag = MacKey::new(&secret.bytes()?).tag(&[id.as_bytes(), b".", time.as_bytes(), b".", body]);
        Some(format!("v1,{}", BASE64_STANDARD.encode(tag)))
    };
    let signatures: Option<Vec<_>> = secrets.iter().filter(|secret| secret.holds(now_ms)).map(sign).collect();
    let mut headers = HeaderMap::new();
    headers.insert("webhook-id", HeaderValue::from_str(id).ok()?);
    headers.insert("webhook-timestamp", HeaderValue::from_str(&time).ok()?);
    headers.insert("webhook-signature", HeaderValue::from_str(&signatures?.join(" ")).ok()?);
    Some(headers)
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use standardwebhooks::Webhook;

    use super::*;

    #[test]
    fn another_library_reads_what_is_signed() {
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        let new = Secret::generate(now_ms).unwrap();
        let old = Secret { until_ms: Some(now_ms + 1), ..Secret::generate(now_ms).unwrap() };
        let ended = Secret { until_ms: Some(now_ms), ..Secret::generate(now_ms).unwrap() };
        let reader = |secret: &Secret| Webhook::new(&secret.text().unwrap()).unwrap();
        let secrets = [new.clone(), old.clone(), ended.clone()];
        let headers = headers(&secrets, "city-00/property/41/1", now_ms, b"{\"a\":1}").unwrap();
        assert!(reader(&new).verify(b"{\"a\":1}", &headers).is_ok());
        assert!(reader(&old).verify(b"{\"a\":1}", &headers).is_ok());
        assert!(reader(&ended).verify(b"{\"a\":1}", &headers).is_err());
        assert!(reader(&new).verify(b"{\"a\":2}", &headers).is_err());
    }

    /// The example of the specification's own test suites.
    #[test]
    fn the_signature_is_the_published_one() {
        let key = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        // HMAC pads a key with zeros to its block, so a shorter one may be padded here.
        let key = hex::encode([key, vec![0; 8]].concat());
        let secret = Secret { key, created_ms: 0, until_ms: None };
        let body = b"{\"test\": 2432232314}";
        let headers = headers(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330_999, body).unwrap();
        assert_eq!(headers["webhook-timestamp"], "1614265330");
        assert_eq!(headers["webhook-signature"], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
