//! Sealing to a key: HPKE (RFC 9180), base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
//!
//! Whoever knows an agency's public key can seal to it; only the agency opens. `info` and `aad` bind a message to what
//! it answers, so that it is of no use anywhere else. The sender is not authenticated by this: whoever needs that has
//! what was sealed compared with the ledger's commitments.

use std::{fmt, sync::Arc};

use curve25519_dalek::montgomery::MontgomeryPoint;
use hpke::{
    Deserializable as _, HpkeError, Kem, OpModeR, OpModeS, Serializable as _, aead::AesGcm256,
    kdf::HkdfSha256, kem::X25519HkdfSha256, single_shot_open, single_shot_seal_with_rng,
};
use zeroize::Zeroizing;

use crate::{Error, PublicKey, random::Stretched};

type Private = <X25519HkdfSha256 as Kem>::PrivateKey;
type Public = <X25519HkdfSha256 as Kem>::PublicKey;
type Encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey;

/// It was not sealed to this key, not for this info and aad, or it was tampered with; which of them nobody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed message does not open with this key for this purpose")]
pub struct Unopened;

/// A private key that opens. Cheap to clone; never shows its secret.
#[derive(Clone)]
pub struct SealingKey {
    private: Arc<Private>,
    public: PublicKey,
}

impl SealingKey {
    /// The key that a seed (an X25519 private key) stands for.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        // Refused for its length only, and the type has settled that.
        #[expect(clippy::expect_used, reason = "a seed of 32 bytes is always accepted")]
        let private = Private::from_bytes(seed).expect("32 bytes");
        let public = PublicKey(MontgomeryPoint::mul_base_clamped(*seed).0);
        Self { private: Arc::new(private), public }
    }

    pub fn public(&self) -> PublicKey {
        self.public
    }

    pub fn key_id(&self) -> String {
        self.public.key_id()
    }

    /// Opens what was sealed to this key for exactly this info and aad.
    pub fn open(
        &self,
        encapsulated: &[u8],
        info: &[u8],
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        let encapsulated = Encapsulated::from_bytes(encapsulated).map_err(|_| Unopened)?;
        let opened = single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &self.private,
            &encapsulated,
            info,
            ciphertext,
            aad,
        );
        opened.map(Zeroizing::new).map_err(|_| Unopened)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingKey").field("public", &self.public).finish_non_exhaustive()
    }
}

/// Seals a message to a public key: the encapsulated key and the ciphertext.
pub fn seal(
    public: &[u8; 32],
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
) -> Result<([u8; 32], Vec<u8>), Error> {
    let public = Public::from_bytes(public).map_err(|_| Error::UnsealableKey)?;
    let mut random = Stretched::from_system()?;
    let sealed = single_shot_seal_with_rng::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &public,
        info,
        plaintext,
        aad,
        &mut random,
    );
    let (encapsulated, ciphertext) = sealed.map_err(|error| match error {
        HpkeError::EncapError => Error::UnsealableKey,
        _ => Error::TooLong,
    })?;
    Ok((encapsulated.to_bytes().into(), ciphertext))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyFile, Purpose};

    const INFO: &[u8] = b"Ode on a Grecian Urn";
    const AAD: &[u8] = b"Count-0";
    const TEXT: &[u8] = b"Beauty is truth, truth beauty";

    fn counting() -> SealingKey {
        SealingKey::from_seed(&std::array::from_fn(|at| at as u8))
    }

    /// Sealed by another implementation of RFC 9180: Python's cryptography 48.0.0 over OpenSSL.
    #[test]
    fn what_another_implementation_sealed_opens() {
        let public = "8f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285f";
        assert_eq!(counting().public().to_string(), public);
        let encapsulated =
            hex::decode("e943ba28c47cf88b73af0255be081a87253ced87ba140c0b04cd4493bcecaf61").unwrap();
        let ciphertext =
            "041b67c79da6d757d2f6a6bade7d44c4c89688be3709c7e6f8b3dfffccf4fa510f2b0c7114fa0292452467391d";
        let ciphertext = hex::decode(ciphertext).unwrap();
        let opened = counting().open(&encapsulated, INFO, AAD, &ciphertext);
        assert_eq!(opened.unwrap()[..], *TEXT);
    }

    #[test]
    fn only_the_key_info_and_aad_it_was_sealed_for_open_it() {
        let key = counting();
        let (encapsulated, ciphertext) = seal(&key.public().0, INFO, AAD, TEXT).unwrap();
        assert_eq!(key.open(&encapsulated, INFO, AAD, &ciphertext).unwrap()[..], *TEXT);
        let other = SealingKey::from_seed(&[9; 32]);
        let mut tampered = ciphertext.clone();
        tampered[3] ^= 1;
        let mut elsewhere = encapsulated;
        elsewhere[3] ^= 1;
        for attempt in [
            other.open(&encapsulated, INFO, AAD, &ciphertext),
            key.open(&encapsulated, b"another info", AAD, &ciphertext),
            key.open(&encapsulated, INFO, b"Count-1", &ciphertext),
            key.open(&encapsulated, INFO, AAD, &tampered),
            key.open(&encapsulated, INFO, AAD, &ciphertext[1..]),
            key.open(&encapsulated, INFO, AAD, &[]),
            key.open(&elsewhere, INFO, AAD, &ciphertext),
            key.open(&encapsulated[1..], INFO, AAD, &ciphertext),
        ] {
            assert_eq!(attempt.unwrap_err(), Unopened);
        }
        // Fresh each time.
        assert_ne!(seal(&key.public().0, INFO, AAD, TEXT).unwrap().0, encapsulated);
    }

    #[test]
    fn nothing_is_sealed_to_a_point_of_small_order() {
        let mut one = [0; 32];
        one[0] = 1;
        for public in [[0; 32], one] {
            assert!(matches!(seal(&public, INFO, AAD, TEXT), Err(Error::UnsealableKey)));
        }
    }

    #[test]
    fn a_key_file_gives_the_key_of_its_public_part() {
        let file = KeyFile::generate("a", Purpose::Sealing).unwrap();
        let key = file.sealing_key().unwrap();
        assert_eq!((key.public(), key.key_id()), (file.public(), file.key_id()));
        let (encapsulated, ciphertext) = seal(&file.public().0, INFO, AAD, TEXT).unwrap();
        assert!(key.open(&encapsulated, INFO, AAD, &ciphertext).is_ok());
        let signing = KeyFile::generate("a", Purpose::Signing).unwrap();
        assert!(matches!(signing.sealing_key(), Err(Error::NotForSealing { .. })));
        assert!(!format!("{key:?}").contains(&hex::encode(file.seed())));
    }
}
