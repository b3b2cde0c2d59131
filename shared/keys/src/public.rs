//! Public keys as bytes, and the check that membership makes before it admits one.

use std::{fmt, str::FromStr};

use curve25519_dalek::{edwards::CompressedEdwardsY, traits::IsIdentity};
use ring::digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An Ed25519 (or, for sealing keys, X25519) public key: 32 bytes, not yet checked. Text form is lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey(pub [u8; 32]);

/// Why a key can't be admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    #[error("the bytes are no point of the curve")]
    NotOnCurve,
    #[error("the bytes are a second spelling of a point; only the canonical one is accepted")]
    NotCanonical,
    #[error("the point has small order: anyone could sign for it")]
    SmallOrder,
    #[error("the point has a small-order component, which no honestly made key has")]
    MixedOrder,
}

impl PublicKey {
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The short name of the key: the first 8 bytes of SHA-256 over it, in hex.
    pub fn key_id(&self) -> String {
        hex::encode(&digest::digest(&digest::SHA256, &self.0).as_ref()[..8])
    }

    /// Whether membership may admit the key for signing: a canonically spelt point of the prime-order group.
    /// Verification does not repeat this; it would make ZIP 215 verdicts depend on it.
    pub fn check(&self) -> Result<(), KeyFault> {
        let point = CompressedEdwardsY(self.0).decompress().ok_or(KeyFault::NotOnCurve)?;
        if point.compress().0 != self.0 {
            Err(KeyFault::NotCanonical)
        } else if point.mul_by_cofactor().is_identity() {
            Err(KeyFault::SmallOrder)
        } else if !point.is_torsion_free() {
            Err(KeyFault::MixedOrder)
        } else {
            Ok(())
        }
    }
}

impl From<[u8; 32]> for PublicKey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for PublicKey {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|_| de::Error::custom("a public key is 32 bytes in hex"))
    }
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::{
        constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION},
        scalar::Scalar,
    };

    use super::*;

    #[test]
    fn an_honest_key_is_admitted() {
        let key = crate::SigningKey::from_seed(&[7; 32]).public();
        assert_eq!(key.check(), Ok(()));
    }

    #[test]
    fn points_of_small_order_are_refused() {
        for point in EIGHT_TORSION {
            assert_eq!(PublicKey(point.compress().0).check(), Err(KeyFault::SmallOrder));
        }
    }

    #[test]
    fn a_torsion_component_is_refused() {
        let point = ED25519_BASEPOINT_POINT * Scalar::from(11u64) + EIGHT_TORSION[1];
        assert_eq!(PublicKey(point.compress().0).check(), Err(KeyFault::MixedOrder));
    }

    #[test]
    fn second_spellings_are_refused() {
        // y = p + 1 spells the identity again; so does y = 1 with the sign bit of x = 0 set.
        let mut above_p = [0xff; 32];
        (above_p[0], above_p[31]) = (0xee, 0x7f);
        let mut negative_zero = [0; 32];
        (negative_zero[0], negative_zero[31]) = (1, 0x80);
        for bytes in [above_p, negative_zero] {
            assert_eq!(PublicKey(bytes).check(), Err(KeyFault::NotCanonical));
        }
    }

    #[test]
    fn bytes_off_the_curve_are_refused() {
        let mut bytes = [0; 32];
        bytes[0] = 2;
        assert_eq!(PublicKey(bytes).check(), Err(KeyFault::NotOnCurve));
    }

    #[test]
    fn text_is_hex_and_nothing_else() {
        let key = PublicKey([0xab; 32]);
        let json = serde_json::to_string(&key).unwrap();
        assert_eq!(json, format!("\"{}\"", "ab".repeat(32)));
        assert_eq!(serde_json::from_str::<PublicKey>(&json).unwrap(), key);
        assert!(serde_json::from_str::<PublicKey>("\"abcd\"").is_err());
        assert!(serde_json::from_str::<PublicKey>(&format!("\"{}\"", "zz".repeat(32))).is_err());
    }
}
