//! Tokens, credentials and sealed payloads: strings of strangers that claim something.

use std::sync::{Arc, LazyLock};

use hutong_keys::{SealingKey, SigningKey, seal};
use hutong_licensing::credential::{jwt, sd_jwt};
use hutong_runtime::{
    ManualClock,
    auth::{Authenticator, KeyDirectory},
};

use crate::{Form, Target};

pub(super) fn targets() -> Vec<Target> {
    let text = |name, check| Target { name, check, form: Form::Text };
    vec![
        text("token", token),
        text("jwt", |bytes| {
            if let Ok(text) = std::str::from_utf8(bytes) {
                let key = SigningKey::from_seed(&[1; 32]).public();
                if let Ok(jwt) = jwt::Jwt::read(text) {
                    let _ = jwt.verify(&["JWT", "dc+sd-jwt"], &key);
                }
            }
        }),
        text("jwk", |bytes| {
            if let Ok(value) = serde_json::from_slice(bytes)
                && let Some(key) = jwt::key_of(&value)
            {
                assert_eq!(jwt::key_of(&jwt::jwk(&key)), Some(key));
            }
        }),
        text("sd_jwt", |bytes| {
            if let Ok(text) = std::str::from_utf8(bytes) {
                let key = SigningKey::from_seed(&[1; 32]).public();
                let wanted = sd_jwt::Wanted { audience: Some("https://a.example"), nonce: Some("n") };
                let _ = sd_jwt::read(text, "https://issuer.example", &[key], &wanted, 1_700_000_000);
            }
        }),
        Target { name: "sealed", check: sealed, form: Form::Bytes },
    ]
}

#[derive(Debug)]
struct OneAgency;

impl KeyDirectory for OneAgency {
    fn signing_key(&self, agency: &str, _: &str) -> Option<[u8; 32]> {
        (agency == "land").then(|| SigningKey::from_seed(&[1; 32]).public().0)
    }

    fn is_member(&self, agency: &str) -> bool {
        agency == "land"
    }

    fn chain(&self) -> &str {
        "riverton-0011223344556677"
    }
}

/// No change of a token makes it say something else: it is refused, or its agency is the one that signed.
fn token(bytes: &[u8]) {
    static CHECKER: LazyLock<Authenticator> = LazyLock::new(|| {
        Authenticator::new(Arc::new(OneAgency), Arc::new(ManualClock::at(1_700_000_000_000)))
    });
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(agency) = CHECKER.verify(text) {
        assert_eq!(agency, "land");
    }
}

/// What a vault sends: a byte for the length of the encapsulated key, the key, the ciphertext. Only what was sealed opens.
fn sealed(bytes: &[u8]) {
    static KEY: LazyLock<SealingKey> = LazyLock::new(|| SealingKey::from_seed(&[3; 32]));
    let Some((length, rest)) = bytes.split_first() else { return };
    let (encapsulated, ciphertext) = rest.split_at(usize::from(*length).min(rest.len()));
    assert!(KEY.open(encapsulated, b"info", b"aad", ciphertext).is_err(), "nobody sealed this");
    let (encapsulated, mut ciphertext) = seal(&KEY.public().0, b"info", b"aad", bytes).unwrap();
    assert_eq!(KEY.open(&encapsulated, b"info", b"aad", &ciphertext).unwrap().as_slice(), bytes);
    ciphertext[0] ^= 1;
    assert!(KEY.open(&encapsulated, b"info", b"aad", &ciphertext).is_err());
}
