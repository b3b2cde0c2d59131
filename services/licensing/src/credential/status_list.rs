//! Token Status Lists (IETF): the standing of many credentials in one list of two bits each, compressed, so that nobody
//! learns of which one the asker asks. Least significant bits first.

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};
use hutong_keys::SigningKey;
use hutong_wire::v1::licensing::Status;
use serde_json::json;

use super::jwt;

/// The type of a list's token, and its media type.
pub const TYPE: &str = "statuslist+jwt";
pub const MEDIA_TYPE: &str = "application/statuslist+jwt";
/// The bits of an entry: it stands, it does not, or it is suspended.
pub const BITS: u8 = 2;
/// The entries of a list: it is always this long, so its length tells nothing either.
pub const ENTRIES: u64 = 131_072;

/// A list of entries of 1, 2, 4 or 8 bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusList {
    bits: u8,
    bytes: Vec<u8>,
}

impl StatusList {
    /// All entries are 0; there are as many as fill the last byte.
    pub fn new(bits: u8, entries: usize) -> Self {
        let bits = if matches!(bits, 1 | 2 | 4 | 8) { bits } else { 8 };
        Self { bits, bytes: vec![0; (entries * usize::from(bits)).div_ceil(8)] }
    }

    /// Sets an entry; one beyond the end is none.
    pub fn set(&mut self, index: usize, value: u8) {
        let (byte, shift, mask) = self.place(index);
        if let Some(byte) = self.bytes.get_mut(byte) {
            *byte = *byte & !(mask << shift) | (value & mask) << shift;
        }
    }

    pub fn get(&self, index: usize) -> Option<u8> {
        let (byte, shift, mask) = self.place(index);
        self.bytes.get(byte).map(|byte| byte >> shift & mask)
    }

    fn place(&self, index: usize) -> (usize, u32, u8) {
        let bit = index * usize::from(self.bits);
        (bit / 8, (bit % 8) as u32, 0xff >> (8 - self.bits))
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Compressed (zlib) and in base64url.
    pub fn compressed(&self) -> std::io::Result<String> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&self.bytes)?;
        Ok(jwt::encode(encoder.finish()?))
    }

    /// The list as a token of its issuer.
    pub fn token(&self, key: &SigningKey, says: &Says<'_>) -> std::io::Result<String> {
        let payload = json!({
            "iss": says.issuer,
            "sub": says.uri,
            "iat": says.issued_s,
            "exp": says.issued_s.saturating_add(says.life_s),
            "ttl": says.ttl_s,
            "status_list": { "bits": self.bits, "lst": self.compressed()? },
        });
        Ok(jwt::sign(key, TYPE, &payload))
    }
}

/// What a token says beside the list.
#[derive(Clone, Copy, Debug)]
pub struct Says<'a> {
    pub issuer: &'a str,
    pub uri: &'a str,
    pub issued_s: u64,
    pub life_s: u64,
    pub ttl_s: u64,
}

/// How the standing of a licence is written in a list.
pub fn entry(status: Status) -> u8 {
    match status {
        Status::Revoked => 1,
        Status::Suspended => 2,
        // A place whose licence is only applied for is on no credential.
        Status::Unspecified | Status::Applied | Status::Issued => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::ZlibDecoder;
    use proptest::prelude::*;

    use super::*;

    fn list(bits: u8, entries: &[u8]) -> StatusList {
        let mut list = StatusList::new(bits, entries.len());
        for (index, value) in entries.iter().enumerate() {
            list.set(index, *value);
        }
        list
    }

    #[test]
    fn the_vectors_of_the_draft() {
        let one = list(1, &[1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]);
        assert_eq!(hex::encode(one.bytes()), "b9a3");
        assert_eq!(one.compressed().unwrap(), "eNrbuRgAAhcBXQ");
        assert_eq!(hex::encode(list(2, &[1, 2, 0, 3]).bytes()), "c9");
    }

    #[test]
    fn nothing_is_beyond_the_end() {
        let mut list = StatusList::new(2, 8);
        list.set(8, 3);
        assert_eq!((list.get(8), list.get(7), list.bytes().len()), (None, Some(0), 2));
    }

    proptest! {
        #[test]
        fn entries_stay_apart(bits in prop::sample::select(vec![1_u8, 2, 4, 8]), entries in prop::collection::vec(any::<u8>(), 0..99)) {
            let mask = 0xff_u8 >> (8 - bits);
            let entries: Vec<u8> = entries.into_iter().map(|value| value & mask).collect();
            let list = list(bits, &entries);
            let read: Vec<u8> = (0..entries.len()).map(|index| list.get(index).unwrap()).collect();
            prop_assert_eq!(read, entries);
            let packed = jwt::decode(&list.compressed().unwrap()).unwrap();
            let mut unpacked = Vec::new();
            ZlibDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
            prop_assert_eq!(&unpacked[..], list.bytes());
        }
    }
}
