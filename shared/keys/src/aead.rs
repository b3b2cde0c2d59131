//! AES-256-GCM with a random nonce before the ciphertext: for what rests on a disk under a key of one's own.
//!
//! Nonces are 96 random bits, so one key encrypts at most 2^32 messages; callers use a key per record, or replace it
//! long before that.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::{Error, Unopened, random::random_bytes};

/// The bytes of a key.
pub const KEY_BYTES: usize = 32;

/// A key that encrypts and opens. Never shows its secret.
pub struct AeadKey(LessSafeKey);

impl AeadKey {
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        // ring refuses a key for its length only, and the type has settled that.
        #[expect(clippy::expect_used, reason = "a key of 32 bytes is always accepted")]
        let key = UnboundKey::new(&AES_256_GCM, key).expect("32 bytes");
        Self(LessSafeKey::new(key))
    }

    /// The nonce, then the ciphertext with its tag.
    pub fn seal(&self, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, Error> {
        let nonce: [u8; NONCE_LEN] = random_bytes()?;
        let mut out = Vec::with_capacity(NONCE_LEN + plaintext.len() + AES_256_GCM.tag_len());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(plaintext);
        let sealed = self.0.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(aad),
            &mut out[NONCE_LEN..],
        );
        out.extend_from_slice(sealed.map_err(|_| Error::TooLong)?.as_ref());
        Ok(out)
    }

    /// What was sealed under this key with exactly this aad.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        let (nonce, ciphertext) = sealed.split_at_checked(NONCE_LEN).ok_or(Unopened)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unopened)?;
        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        let opened = self.0.open_in_place(nonce, Aad::from(aad), &mut buffer).map_err(|_| Unopened)?;
        let bytes = opened.len();
        buffer.truncate(bytes);
        Ok(buffer)
    }
}

impl fmt::Debug for AeadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AeadKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_with_the_same_key_and_aad_alone() {
        let key = AeadKey::new(&[7; 32]);
        let sealed = key.seal(b"field", b"value").unwrap();
        assert_eq!(key.open(b"field", &sealed).unwrap()[..], *b"value");
        assert_ne!(key.seal(b"field", b"value").unwrap(), sealed);
        assert!(key.open(b"other", &sealed).is_err());
        assert!(AeadKey::new(&[8; 32]).open(b"field", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut tampered = sealed.clone();
            tampered[at] ^= 1;
            assert!(key.open(b"field", &tampered).is_err(), "byte {at}");
            assert!(key.open(b"field", &sealed[..at]).is_err(), "cut at {at}");
        }
        assert_eq!(key.open(b"", &key.seal(b"", b"").unwrap()).unwrap()[..], *b"");
    }

    /// The Galois/Counter Mode of Operation (McGrew, Viega), test case 14.
    #[test]
    fn the_cipher_is_the_published_one() {
        let published =
            hex::decode("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919").unwrap();
        let sealed = [[0; NONCE_LEN].as_slice(), &published].concat();
        assert_eq!(AeadKey::new(&[0; 32]).open(b"", &sealed).unwrap()[..], [0; 16]);
    }
}
