//! Canonical bytes: the one encoding of what is hashed, signed and stored by the ledger.
//!
//! Integers are big-endian and of fixed width; byte strings and texts have a u32 length before them; lists a u32
//! count. There is exactly one encoding of a value, and the reader refuses everything else: what is left over,
//! what is too long, what is out of order where an order is asked for.

use bytes::Bytes;

use crate::hash::Hash;

/// Bytes that are not the canonical encoding of what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not canonical: {what} at byte {at}")]
pub struct Malformed {
    pub what: String,
    pub at: usize,
}

/// Builds canonical bytes.
#[derive(Clone, Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    pub fn hash(&mut self, hash: &Hash) -> &mut Self {
        self.raw(&hash.0)
    }

    /// Bytes of a width that the reader knows.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.count(bytes.len()).raw(bytes)
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// A length or count. What is encoded is bounded far below 4 GiB by the limits of its type.
    pub fn count(&mut self, count: usize) -> &mut Self {
        self.u32(u32::try_from(count).unwrap_or(u32::MAX))
    }

    pub fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Self, &T)) -> &mut Self {
        self.count(items.len());
        for item in items {
            each(self, item);
        }
        self
    }

    pub fn option<T: ?Sized>(&mut self, item: Option<&T>, each: impl FnOnce(&mut Self, &T)) -> &mut Self {
        match item {
            None => self.u8(0),
            Some(item) => {
                self.u8(1);
                each(self, item);
                self
            }
        }
    }

    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads canonical bytes back, strictly.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

type Result<T> = std::result::Result<T, Malformed>;

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Decodes one value and insists that nothing is left.
    pub fn all<T>(bytes: &'a [u8], decode: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let mut reader = Self::new(bytes);
        let value = decode(&mut reader)?;
        if reader.at == bytes.len() { Ok(value) } else { Err(reader.bad("bytes left over")) }
    }

    pub fn bad(&self, what: impl Into<String>) -> Malformed {
        Malformed { what: what.into(), at: self.at }
    }

    pub fn raw(&mut self, len: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(len).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.bad(format!("{len} bytes expected")))?;
        let out = &self.bytes[self.at..end];
        self.at = end;
        Ok(out)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.raw(N)?);
        Ok(out)
    }

    pub fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub fn flag(&mut self) -> Result<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.bad(format!("0 or 1 expected, found {other}"))),
        }
    }

    pub fn hash(&mut self) -> Result<Hash> {
        Ok(Hash(self.array()?))
    }

    pub fn bytes(&mut self) -> Result<&'a [u8]> {
        let len = self.u32()? as usize;
        self.raw(len)
    }

    pub fn owned(&mut self) -> Result<Bytes> {
        Ok(Bytes::copy_from_slice(self.bytes()?))
    }

    pub fn text(&mut self) -> Result<&'a str> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).map_err(|_| self.bad("text that is not UTF-8"))
    }

    /// A text that must parse.
    pub fn parsed<T: std::str::FromStr>(&mut self) -> Result<T>
    where
        T::Err: std::fmt::Display,
    {
        let text = self.text()?;
        text.parse().map_err(|error| self.bad(format!("{error}")))
    }

    /// A list of at most `max` items.
    pub fn list<T>(&mut self, max: usize, mut each: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let count = self.u32()? as usize;
        if count > max {
            return Err(self.bad(format!("{count} items where at most {max} are allowed")));
        }
        // An item takes at least a byte: a count that lies cannot make us reserve more than was sent.
        let mut items = Vec::with_capacity(count.min(self.bytes.len() - self.at));
        for _ in 0..count {
            items.push(each(self)?);
        }
        Ok(items)
    }

    pub fn option<T>(&mut self, each: impl FnOnce(&mut Self) -> Result<T>) -> Result<Option<T>> {
        if self.flag()? { each(self).map(Some) } else { Ok(None) }
    }
}

/// Checks that a list is strictly ascending by a key: one order, no repeats.
pub fn ascending<T, K: Ord>(items: &[T], key: impl Fn(&T) -> K) -> bool {
    items.windows(2).all(|pair| key(&pair[0]) < key(&pair[1]))
}
