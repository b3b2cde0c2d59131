//! Signing keys. The seed is used once and wiped; what stays in memory is ring's expanded key.

use std::{fmt, sync::Arc};

use ring::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use crate::{Error, PublicKey, random};

/// An Ed25519 signature: R then s, 64 bytes.
pub type Signature = [u8; 64];

/// A private key that signs. Cheap to clone; never shows its secret.
#[derive(Clone)]
pub struct SigningKey {
    pair: Arc<Ed25519KeyPair>,
    public: PublicKey,
}

impl SigningKey {
    /// The key that a seed (RFC 8032's private key) stands for.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        // ring refuses a seed for its length only, and the type has settled that.
        #[expect(clippy::expect_used, reason = "a seed of 32 bytes is always accepted")]
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("32 bytes");
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        Self { pair: Arc::new(pair), public: PublicKey(public) }
    }

    /// A new key from the operating system's randomness. Its seed is gone at once: use
    /// [`KeyFile::generate`](crate::KeyFile::generate) for a key that must outlive the process.
    pub fn generate() -> Result<Self, Error> {
        let mut seed = Zeroizing::new([0; 32]);
        random::fill(seed.as_mut())?;
        Ok(Self::from_seed(&seed))
    }

    pub fn public(&self) -> PublicKey {
        self.public
    }

    pub fn key_id(&self) -> String {
        self.public.key_id()
    }

    /// Signs the bytes as they are; the caller puts the domain-separation prefix before them.
    pub fn sign(&self, message: &[u8]) -> Signature {
        let signature = self.pair.sign(message);
        let mut bytes = [0; 64];
        bytes.copy_from_slice(signature.as_ref());
        bytes
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("public", &self.public).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify_strict;

    #[test]
    fn signs_as_rfc_8032_test_2_says() {
        let mut seed = [0; 32];
        hex::decode_to_slice("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", &mut seed)
            .unwrap();
        let key = SigningKey::from_seed(&seed);
        assert_eq!(
            key.public().to_string(),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
        );
        assert_eq!(
            hex::encode(key.sign(&[0x72])),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        );
    }

    #[test]
    fn generated_keys_differ_and_verify() {
        let (a, b) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        assert_ne!(a.public(), b.public());
        assert!(verify_strict(&a.public(), b"m", &a.sign(b"m")));
        assert!(!verify_strict(&b.public(), b"m", &a.sign(b"m")));
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = SigningKey::from_seed(&[0x5a; 32]);
        let shown = format!("{key:?} {:?}", key.clone());
        assert!(!shown.contains(&"5a".repeat(8)) && shown.contains(&key.public().to_string()));
    }
}
