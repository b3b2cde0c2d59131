//! Which public keys every verifier treats alike. Pure; membership takes no other, since two that disagreed on a signature
//! would disagree on the ledger.

use hutong_keys::PublicKey;
use hutong_ledger::epoch::{Key, Purpose};

pub(crate) fn usable(key: &Key) -> Result<(), String> {
    match key.purpose {
        Purpose::Sealing => sealing_usable(&key.public),
        _ => PublicKey(key.public).check().map_err(|fault| fault.to_string()),
    }
}

/// The u-coordinates of small order on Curve25519, in their canonical spelling: with any of them everyone gets the same
/// secret.
const SEALING_SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda,
        0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04,
        0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
    {
        let mut minus_one = P_25519;
        minus_one[0] -= 1;
        minus_one
    },
];

/// 2^255 − 19, little-endian.
const P_25519: [u8; 32] = {
    let mut p = [0xff; 32];
    p[0] = 0xed;
    p[31] = 0x7f;
    p
};

/// X25519 takes any bytes; a ledger that names keys by their bytes wants one spelling of each.
fn sealing_usable(public: &[u8; 32]) -> Result<(), String> {
    if !public.iter().rev().lt(P_25519.iter().rev()) {
        Err("the bytes are a second spelling of a point; only the canonical one is accepted".into())
    } else if SEALING_SMALL_ORDER.contains(public) {
        Err("the point has small order: everyone gets the same secret".into())
    } else {
        Ok(())
    }
}
