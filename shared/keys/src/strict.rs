//! Strict verification (RFC 8032, by ring) for headers, votes and notes.

use ring::signature::{ED25519, UnparsedPublicKey};

use crate::PublicKey;

/// Whether the signature is the key's over exactly these bytes. Takes any length, so that bytes from outside
/// need no check before.
///
/// Not for transactions: those follow ZIP 215 ([`crate::verify_batch`]), which decides some crafted signatures
/// otherwise.
#[must_use]
pub fn verify_strict(key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, key.as_bytes()).verify(message, signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SigningKey;

    #[test]
    fn any_change_is_noticed() {
        let key = SigningKey::from_seed(&[1; 32]);
        let signature = key.sign(b"header");
        assert!(verify_strict(&key.public(), b"header", &signature));
        assert!(!verify_strict(&key.public(), b"headers", &signature));
        assert!(!verify_strict(&key.public(), b"header", &signature[..63]));
        assert!(!verify_strict(&key.public(), b"header", &[]));
        for bit in 0..512 {
            let mut forged = signature;
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(!verify_strict(&key.public(), b"header", &forged), "bit {bit}");
        }
    }
}
