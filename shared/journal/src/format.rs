//! The bytes of a segment file: its header and the header of each record. Encoding only, no IO.
//!
//! The layout is specified in the documentation of the crate; a change of it needs a new [`FORMAT_VERSION`].

use std::path::{Path, PathBuf};

use crate::Error;

pub(crate) const FORMAT_VERSION: u32 = 1;
pub(crate) const FILE_HEADER_BYTES: usize = 32;
pub(crate) const RECORD_HEADER_BYTES: usize = 32;

const MAGIC: [u8; 8] = *b"HUTONGJ\n";
const SUFFIX: &str = ".journal";

/// The header of a segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileHeader {
    pub(crate) first: u64,
    pub(crate) salt: u32,
}

impl FileHeader {
    pub(crate) fn encode(self) -> [u8; FILE_HEADER_BYTES] {
        let mut bytes = [0; FILE_HEADER_BYTES];
        bytes[0..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.salt.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..28]);
        bytes[28..32].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let refuse = |reason: &str| Error::Format { path: path.into(), reason: reason.into() };
        if bytes.len() < FILE_HEADER_BYTES || bytes[0..8] != MAGIC {
            return Err(refuse("it does not start with a segment header"));
        }
        let version = u32_at(bytes, 8);
        if version != FORMAT_VERSION {
            return Err(refuse(&format!(
                "it has format {version}; this program reads format {FORMAT_VERSION}"
            )));
        }
        if u32_at(bytes, 28) != crc32c::crc32c(&bytes[..28]) {
            return Err(refuse("the checksum of its header is wrong"));
        }
        Ok(Self { first: u64_at(bytes, 16), salt: u32_at(bytes, 12) })
    }
}

/// The header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    pub(crate) length: u32,
    pub(crate) kind: u8,
    pub(crate) position: u64,
    /// The last position that was durable when this record was appended: what a later look at a damaged file
    /// takes as proof that an earlier record was more than a torn write.
    pub(crate) durable: u64,
    pub(crate) payload_checksum: u32,
}

impl RecordHeader {
    pub(crate) fn encode(self, salt: u32) -> [u8; RECORD_HEADER_BYTES] {
        let mut bytes = [0; RECORD_HEADER_BYTES];
        bytes[0..4].copy_from_slice(&self.length.to_le_bytes());
        bytes[4] = self.kind;
        bytes[8..16].copy_from_slice(&self.position.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.durable.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.payload_checksum.to_le_bytes());
        let checksum = crc32c::crc32c_append(salt, &bytes[..28]);
        bytes[28..32].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The header, if these bytes are one.
    pub(crate) fn decode(bytes: &[u8], salt: u32) -> Option<Self> {
        if bytes.len() < RECORD_HEADER_BYTES || bytes[5..8] != [0; 3] {
            return None;
        }
        if u32_at(bytes, 28) != crc32c::crc32c_append(salt, &bytes[..28]) {
            return None;
        }
        Some(Self {
            length: u32_at(bytes, 0),
            kind: bytes[4],
            position: u64_at(bytes, 8),
            durable: u64_at(bytes, 16),
            payload_checksum: u32_at(bytes, 24),
        })
    }

    /// What the whole record occupies in the file.
    pub(crate) fn record_bytes(&self) -> u64 {
        RECORD_HEADER_BYTES as u64 + u64::from(self.length)
    }
}

/// The path of the segment that starts with a position.
pub(crate) fn segment_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}{SUFFIX}"))
}

/// The first position that a file's name announces, if it is a segment's name.
pub(crate) fn first_of_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    if digits.len() != 20 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(field)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_keep_their_bytes() {
        let file = FileHeader { first: 0x0102_0304, salt: 0xa0b0_c0d0 };
        assert_eq!(
            file.encode()[..28],
            *b"HUTONGJ\n\x01\0\0\0\xd0\xc0\xb0\xa0\x04\x03\x02\x01\0\0\0\0\0\0\0\0"
        );
        assert_eq!(FileHeader::decode(&file.encode(), Path::new("x")).unwrap(), file);

        let record =
            RecordHeader { length: 5, kind: 7, position: 9, durable: 8, payload_checksum: 0x1122_3344 };
        let bytes = record.encode(1);
        assert_eq!(bytes[..28], *b"\x05\0\0\0\x07\0\0\0\x09\0\0\0\0\0\0\0\x08\0\0\0\0\0\0\0\x44\x33\x22\x11");
        assert_eq!(RecordHeader::decode(&bytes, 1), Some(record));
        assert_eq!(RecordHeader::decode(&bytes, 2), None);
        for at in 0..RECORD_HEADER_BYTES {
            let mut damaged = bytes;
            damaged[at] ^= 0x10;
            assert_eq!(RecordHeader::decode(&damaged, 1), None, "byte {at}");
        }
    }

    #[test]
    fn names_are_exact() {
        assert_eq!(first_of_name("00000000000000000012.journal"), Some(12));
        for name in ["12.journal", "00000000000000000012.journal.tmp", "0000000000000000001x.journal", "lock"]
        {
            assert_eq!(first_of_name(name), None, "{name}");
        }
    }
}
