//! The bus's records in the journal, byte by byte.
//!
//! Integers are little-endian. `text` is a u16 length and its bytes.
//!
//! **Batch** (kind 1), entries that stand or fall together: stream u8, first sequence u64, count u16, then for each
//! entry: subject text, message id text (empty: none), count of headers u16, for each name text and value text,
//! length of the payload u32, payload.
//!
//! **State** (kind 2), what the streams were when the record was appended, because the entries that say so may be
//! dropped: for each stream in the order of [`Stream::ALL`]: incarnation u64, last sequence u64, count of subjects
//! u32, for each the subject as text and its last sequence u64.

use bytes::{Buf, Bytes};
use hutong_bus::{Headers, Outgoing, Stream};

pub(crate) const KIND_BATCH: u8 = 1;
pub(crate) const KIND_STATE: u8 = 2;

/// What is wrong with bytes that are no record.
type Reason = &'static str;

/// One stream's part of a state record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StreamState {
    pub(crate) incarnation: u64,
    pub(crate) last: u64,
    pub(crate) subjects: Vec<(String, u64)>,
}

/// Everything of a batch record but the payloads, which are appended from where they are.
pub(crate) struct EncodedBatch<'a> {
    meta: Vec<u8>,
    /// Where the meta bytes of each entry end.
    ends: Vec<usize>,
    messages: &'a [Outgoing],
}

impl<'a> EncodedBatch<'a> {
    pub(crate) fn new(stream: Stream, first_sequence: u64, messages: &'a [Outgoing]) -> Self {
        let mut meta = vec![stream_code(stream)];
        meta.extend(first_sequence.to_le_bytes());
        meta.extend((messages.len() as u16).to_le_bytes());
        let mut ends = Vec::with_capacity(messages.len());
        for message in messages {
            put_text(&mut meta, &message.subject);
            put_text(&mut meta, message.message_id.as_deref().unwrap_or_default());
            meta.extend((message.headers.iter().count() as u16).to_le_bytes());
            for (name, value) in message.headers.iter() {
                put_text(&mut meta, name);
                put_text(&mut meta, value);
            }
            meta.extend((message.payload.len() as u32).to_le_bytes());
            ends.push(meta.len());
        }
        Self { meta, ends, messages }
    }

    /// The record's bytes, in parts.
    pub(crate) fn parts(&self) -> Vec<&[u8]> {
        let mut parts = Vec::with_capacity(self.messages.len() * 2);
        let mut start = 0;
        for (end, message) in self.ends.iter().zip(self.messages) {
            parts.push(&self.meta[start..*end]);
            parts.push(message.payload.as_ref());
            start = *end;
        }
        parts
    }
}

/// The stream and first sequence of a batch record, and its messages.
pub(crate) fn decode_batch(mut bytes: Bytes) -> Result<(Stream, u64, Vec<Outgoing>), Reason> {
    let stream = stream_of(get_u8(&mut bytes)?)?;
    let first_sequence = get_u64(&mut bytes)?;
    let count = get_u16(&mut bytes)?;
    let mut messages = Vec::with_capacity(count.into());
    for _ in 0..count {
        let subject = get_text(&mut bytes)?;
        let message_id = Some(get_text(&mut bytes)?).filter(|id| !id.is_empty());
        let mut headers = Headers::default();
        for _ in 0..get_u16(&mut bytes)? {
            let name = get_text(&mut bytes)?;
            headers.set(name, get_text(&mut bytes)?);
        }
        let length = get_u32(&mut bytes)? as usize;
        let payload = get_bytes(&mut bytes, length)?;
        messages.push(Outgoing { subject, headers, payload, message_id });
    }
    if !bytes.is_empty() {
        return Err("it goes on after its last entry");
    }
    Ok((stream, first_sequence, messages))
}

pub(crate) fn encode_state(streams: &[StreamState]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for stream in streams {
        bytes.extend(stream.incarnation.to_le_bytes());
        bytes.extend(stream.last.to_le_bytes());
        bytes.extend((stream.subjects.len() as u32).to_le_bytes());
        for (subject, sequence) in &stream.subjects {
            put_text(&mut bytes, subject);
            bytes.extend(sequence.to_le_bytes());
        }
    }
    bytes
}

pub(crate) fn decode_state(mut bytes: Bytes) -> Result<Vec<StreamState>, Reason> {
    let mut streams = Vec::new();
    for _ in Stream::ALL {
        let incarnation = get_u64(&mut bytes)?;
        let last = get_u64(&mut bytes)?;
        let mut subjects = Vec::new();
        for _ in 0..get_u32(&mut bytes)? {
            subjects.push((get_text(&mut bytes)?, get_u64(&mut bytes)?));
        }
        streams.push(StreamState { incarnation, last, subjects });
    }
    if bytes.is_empty() { Ok(streams) } else { Err("it goes on after its last stream") }
}

fn stream_code(stream: Stream) -> u8 {
    match stream {
        Stream::Transactions => 1,
        Stream::Blocks => 2,
        Stream::Events => 3,
    }
}

fn stream_of(code: u8) -> Result<Stream, Reason> {
    Stream::ALL.into_iter().find(|stream| stream_code(*stream) == code).ok_or("it names an unknown stream")
}

const SHORT: Reason = "it ends too early";

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
}

fn get_text(bytes: &mut Bytes) -> Result<String, Reason> {
    let length = get_u16(bytes)?.into();
    let text = get_bytes(bytes, length)?;
    std::str::from_utf8(&text).map(Into::into).map_err(|_| "it has text that is not UTF-8")
}

fn get_bytes(bytes: &mut Bytes, length: usize) -> Result<Bytes, Reason> {
    if length <= bytes.len() { Ok(bytes.split_to(length)) } else { Err(SHORT) }
}

fn get_u8(bytes: &mut Bytes) -> Result<u8, Reason> {
    bytes.try_get_u8().map_err(|_| SHORT)
}

fn get_u16(bytes: &mut Bytes) -> Result<u16, Reason> {
    bytes.try_get_u16_le().map_err(|_| SHORT)
}

fn get_u32(bytes: &mut Bytes) -> Result<u32, Reason> {
    bytes.try_get_u32_le().map_err(|_| SHORT)
}

fn get_u64(bytes: &mut Bytes) -> Result<u64, Reason> {
    bytes.try_get_u64_le().map_err(|_| SHORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_keeps_its_bytes() {
        let mut headers = Headers::default();
        headers.set("a", "b");
        let messages = [
            Outgoing {
                subject: "tx.x".into(),
                headers,
                payload: Bytes::from_static(b"PAY"),
                message_id: Some("i".into()),
            },
            Outgoing {
                subject: "tx.y".into(),
                headers: Headers::default(),
                payload: Bytes::new(),
                message_id: None,
            },
        ];
        let bytes = EncodedBatch::new(Stream::Transactions, 7, &messages).parts().concat();
        assert_eq!(
            bytes,
            b"\x01\x07\0\0\0\0\0\0\0\x02\0\x04\0tx.x\x01\0i\x01\0\x01\0a\x01\0b\x03\0\0\0PAY\x04\0tx.y\0\0\0\0\0\0\0\0"
        );
        let (stream, first, decoded) = decode_batch(bytes.clone().into()).unwrap();
        assert_eq!((stream, first), (Stream::Transactions, 7));
        assert_eq!(format!("{decoded:?}"), format!("{:?}", messages.to_vec()));
        for length in 0..bytes.len() {
            assert!(decode_batch(bytes[..length].to_vec().into()).is_err(), "{length} bytes");
        }
        assert!(decode_batch([&bytes[..], b"x"].concat().into()).is_err());
    }

    #[test]
    fn a_state_survives_encoding_and_nothing_less_is_one() {
        let stream = |last| StreamState { incarnation: 9, last, subjects: vec![("tx.x".into(), last)] };
        let streams = vec![stream(3), stream(4), stream(5)];
        let bytes = encode_state(&streams);
        assert_eq!(decode_state(bytes.clone().into()).unwrap(), streams);
        for length in 0..bytes.len() {
            assert!(decode_state(bytes[..length].to_vec().into()).is_err(), "{length} bytes");
        }
    }
}
