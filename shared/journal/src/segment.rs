//! One segment file: its sparse index, and reading records out of its bytes.
//!
//! It knows files and offsets, nothing of locks, groups or the order of syncs.

use std::{fs::File, os::unix::fs::FileExt, path::PathBuf, sync::Arc};

use bytes::Bytes;

use crate::{
    Error, Record,
    format::{FILE_HEADER_BYTES, RECORD_HEADER_BYTES, RecordHeader},
};

/// Records share an index mark while they fit into this many bytes together; one read fetches them all.
const MARK_SPAN_BYTES: u64 = 32 << 10;

/// How much of a file a scan holds in memory, unless one record is larger.
const WINDOW_BYTES: u64 = 1 << 20;

/// Where a record starts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) position: u64,
    pub(crate) offset: u64,
}

/// A segment as the journal knows it; its last part may still be in memory only.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) path: Arc<PathBuf>,
    pub(crate) first: u64,
    pub(crate) salt: u32,
    /// Where the next record goes.
    pub(crate) bytes: u64,
    /// Ascending; `None` for a sealed segment that nobody has read since the journal was opened.
    pub(crate) marks: Option<Vec<Mark>>,
    pub(crate) file: Option<Arc<File>>,
}

impl Segment {
    /// A segment without records.
    pub(crate) fn new(path: PathBuf, first: u64, salt: u32) -> Self {
        let bytes = FILE_HEADER_BYTES as u64;
        Self { path: Arc::new(path), first, salt, bytes, marks: Some(Vec::new()), file: None }
    }

    /// Notes a record that is being appended; `apart` forces a mark of its own.
    pub(crate) fn push(&mut self, position: u64, record_bytes: u64, apart: bool) {
        let offset = self.bytes;
        self.bytes += record_bytes;
        if let Some(marks) = &mut self.marks {
            push_mark(marks, Mark { position, offset }, record_bytes, apart);
        }
    }
}

/// Adds a mark unless the record fits into the span of the last one.
pub(crate) fn push_mark(marks: &mut Vec<Mark>, mark: Mark, record_bytes: u64, apart: bool) {
    let fits = marks.last().is_some_and(|last| mark.offset + record_bytes - last.offset <= MARK_SPAN_BYTES);
    if apart || !fits {
        marks.push(mark);
    }
}

/// Some bytes of a segment that start with a record, and the records in them.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) path: Arc<PathBuf>,
    pub(crate) salt: u32,
    pub(crate) offset: u64,
    /// The position of the next record.
    pub(crate) position: u64,
    pub(crate) bytes: Bytes,
}

impl Span {
    pub(crate) fn next(&mut self) -> Result<Option<Record>, Error> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let header = RecordHeader::decode(&self.bytes, self.salt)
            .ok_or_else(|| self.corrupt("the record's header is damaged"))?;
        if header.position != self.position {
            return Err(self.corrupt("another record is in its place"));
        }
        let end = header.record_bytes() as usize;
        if end > self.bytes.len() {
            return Err(self.corrupt("the record is longer than its place"));
        }
        let record = self.bytes.split_to(end);
        let payload = record.slice(RECORD_HEADER_BYTES..);
        if crc32c::crc32c(&payload) != header.payload_checksum {
            return Err(self.corrupt("the checksum of the payload is wrong"));
        }
        self.offset += end as u64;
        self.position += 1;
        Ok(Some(Record { position: header.position, kind: header.kind, payload }))
    }

    /// Skips to a position and returns its record.
    pub(crate) fn seek(&mut self, position: u64) -> Result<Option<Record>, Error> {
        while let Some(record) = self.next()? {
            if record.position == position {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    fn corrupt(&self, reason: &'static str) -> Error {
        let path = self.path.as_ref().clone();
        Error::Corrupt { path, offset: self.offset, position: self.position, reason }
    }
}

/// Reads a file through a window that moves forward.
pub(crate) struct Window<'a> {
    path: &'a PathBuf,
    file: &'a File,
    pub(crate) file_bytes: u64,
    start: u64,
    buffer: Vec<u8>,
}

impl<'a> Window<'a> {
    pub(crate) fn new(path: &'a PathBuf, file: &'a File) -> Result<Self, Error> {
        let file_bytes = file.metadata().map_err(Error::io("read the size of", path))?.len();
        Ok(Self { path, file, file_bytes, start: 0, buffer: Vec::new() })
    }

    /// Some bytes of the file; `None` if it ends before.
    pub(crate) fn bytes(&mut self, offset: u64, length: u64) -> Result<Option<&[u8]>, Error> {
        if length > self.file_bytes.saturating_sub(offset) {
            return Ok(None);
        }
        let held = self.start + self.buffer.len() as u64;
        if offset < self.start || offset + length > held {
            let load = length.max(WINDOW_BYTES).min(self.file_bytes - offset);
            self.buffer.resize(load as usize, 0);
            self.file.read_exact_at(&mut self.buffer, offset).map_err(Error::io("read", self.path))?;
            self.start = offset;
        }
        let from = (offset - self.start) as usize;
        Ok(Some(&self.buffer[from..from + length as usize]))
    }
}

/// Builds the index of a sealed segment from the headers of its records, which must reach to `next`, the first
/// position of the segment after it.
pub(crate) fn index_sealed(
    path: &PathBuf,
    file: &File,
    salt: u32,
    first: u64,
    next: u64,
) -> Result<Vec<Mark>, Error> {
    let mut window = Window::new(path, file)?;
    let mut marks = Vec::new();
    let mut mark = Mark { position: first, offset: FILE_HEADER_BYTES as u64 };
    let corrupt = |mark: Mark, reason| {
        Err(Error::Corrupt { path: path.clone(), offset: mark.offset, position: mark.position, reason })
    };
    while mark.position < next {
        let Some(bytes) = window.bytes(mark.offset, RECORD_HEADER_BYTES as u64)? else {
            return corrupt(mark, "the segment ends before the next one starts");
        };
        let Some(header) = RecordHeader::decode(bytes, salt) else {
            return corrupt(mark, "the record's header is damaged");
        };
        if header.position != mark.position {
            return corrupt(mark, "another record is in its place");
        }
        push_mark(&mut marks, mark, header.record_bytes(), false);
        mark = Mark { position: mark.position + 1, offset: mark.offset + header.record_bytes() };
    }
    if mark.offset != window.file_bytes {
        return corrupt(mark, "the segment goes on after its last record");
    }
    Ok(marks)
}
