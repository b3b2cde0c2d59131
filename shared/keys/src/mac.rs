//! HMAC-SHA256: finding by a name that must not be stored.

use std::fmt;

use ring::hmac;

/// A key under which names become tags. Never shows its secret.
#[derive(Clone)]
pub struct MacKey(hmac::Key);

impl MacKey {
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The tag over the parts, one after the other; a caller whose parts vary in length separates them.
    pub fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        parts.iter().for_each(|part| context.update(part));
        let mut tag = [0; 32];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231 pads keys with zeros as HMAC does, so its test case 2 holds for the padded key too.
    #[test]
    fn the_tag_is_the_published_one() {
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let tag = MacKey::new(&key).tag(&[b"what do ya want ", b"for nothing?"]);
        let published = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex::encode(tag), published);
        assert_ne!(MacKey::new(&[1; 32]).tag(&[b"a"]), MacKey::new(&[2; 32]).tag(&[b"a"]));
    }
}
