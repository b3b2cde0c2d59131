//! Reading records, from memory while they are on their way to the disk and from their file after that.

use std::{fs::File, sync::Arc};

use bytes::Bytes;
use std::os::unix::fs::FileExt;

use crate::{
    Error, Record,
    segment::{Span, index_sealed},
    state::{Shared, State},
    writer::close_old_files,
};

/// How much an iterator reads from a file at once.
const READ_AHEAD_BYTES: u64 = 1 << 20;

pub(crate) fn read(shared: &Shared, position: u64) -> Result<Option<Record>, Error> {
    match span(shared, position, 0)? {
        Some(mut span) => span.seek(position),
        None => Ok(None),
    }
}

/// Where the bytes of a span are.
enum Place {
    Memory(Span),
    File {
        span: Span,
        file: Arc<File>,
        length: usize,
    },
    /// The segment has to be opened or indexed first.
    Closed {
        first: u64,
    },
}

/// Bytes that contain the record at a position, and of a file at least `ahead` bytes if it has them.
fn span(shared: &Shared, position: u64, ahead: u64) -> Result<Option<Span>, Error> {
    loop {
        let place = {
            let state = shared.lock();
            state.check()?;
            locate(&state, position, ahead)
        };
        match place {
            None => return Ok(None),
            Some(Place::Memory(span)) => return Ok(Some(span)),
            Some(Place::File { mut span, file, length }) => {
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, span.offset)
                    .map_err(Error::io("read", span.path.as_path()))?;
                span.bytes = Bytes::from(bytes);
                return Ok(Some(span));
            }
            Some(Place::Closed { first }) => reopen(shared, first)?,
        }
    }
}

fn locate(state: &State, position: u64, ahead: u64) -> Option<Place> {
    if position < state.first() || position >= state.next {
        return None;
    }
    let at = state.segments.partition_point(|segment| segment.first <= position).checked_sub(1)?;
    let segment = &state.segments[at];
    let in_flight = state.in_flight.iter().map(|chunk| &**chunk);
    let mut in_memory = in_flight.chain(&state.pending).filter(|chunk| chunk.segment == segment.first);
    let first_in_memory = in_memory.next();
    let marks = match &segment.marks {
        Some(marks) => marks,
        None => return Some(Place::Closed { first: segment.first }),
    };
    let mark_at = marks.partition_point(|mark| mark.position <= position).checked_sub(1)?;
    let mark = marks[mark_at];
    let span = |bytes| Span {
        path: segment.path.clone(),
        salt: segment.salt,
        offset: mark.offset,
        position: mark.position,
        bytes,
    };
    // A chunk starts with a mark of its own, so a span is either in memory or in the file as a whole.
    for chunk in first_in_memory.into_iter().chain(in_memory) {
        let end = chunk.offset + chunk.bytes.len() as u64;
        if (chunk.offset..end).contains(&mark.offset) {
            let next = marks.get(mark_at + 1).map_or(segment.bytes, |next| next.offset).min(end);
            let range = (mark.offset - chunk.offset) as usize..(next - chunk.offset) as usize;
            return Some(Place::Memory(span(Bytes::copy_from_slice(&chunk.bytes[range]))));
        }
    }
    let written = first_in_memory.map_or(segment.bytes, |chunk| chunk.offset);
    let enough = marks[mark_at + 1..].iter().find(|next| next.offset >= mark.offset + ahead);
    let end = enough.map_or(written, |next| next.offset.min(written));
    let Some(file) = segment.file.clone() else { return Some(Place::Closed { first: segment.first }) };
    Some(Place::File { span: span(Bytes::new()), file, length: (end - mark.offset) as usize })
}

/// Opens and indexes a sealed segment.
fn reopen(shared: &Shared, first: u64) -> Result<(), Error> {
    let (path, salt, next, indexed) = {
        let state = shared.lock();
        let at = state.segments.partition_point(|segment| segment.first < first);
        let Some(segment) = state.segments.get(at).filter(|segment| segment.first == first) else {
            return Ok(());
        };
        let next = state.segments.get(at + 1).map_or(state.next, |next| next.first);
        (segment.path.clone(), segment.salt, next, segment.marks.is_some())
    };
    let file = match File::open(path.as_path()) {
        Ok(file) => file,
        // Dropped meanwhile: the next look finds no such position.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && shared.lock().first() > first => {
            return Ok(());
        }
        Err(error) => return Err(Error::io("open", path.as_path())(error)),
    };
    let marks = if indexed { None } else { Some(index_sealed(&path, &file, salt, first, next)?) };
    let mut state = shared.lock();
    if let Some(segment) = state.segments.iter_mut().find(|segment| segment.first == first) {
        segment.file = Some(Arc::new(file));
        if marks.is_some() {
            segment.marks = marks;
        }
    }
    close_old_files(&mut state);
    Ok(())
}

/// Records in order. Made by [`Journal::iter`](crate::Journal::iter).
#[derive(Debug)]
pub struct Iter<'a> {
    shared: &'a Shared,
    next: u64,
    span: Option<Span>,
    failed: bool,
}

impl<'a> Iter<'a> {
    pub(crate) fn new(shared: &'a Shared, from: u64) -> Self {
        Self { shared, next: from.max(1), span: None, failed: false }
    }

    fn advance(&mut self) -> Result<Option<Record>, Error> {
        if let Some(span) = &mut self.span
            && let Some(record) = span.next()?
        {
            return Ok(Some(record));
        }
        self.span = span(self.shared, self.next, READ_AHEAD_BYTES)?;
        match &mut self.span {
            Some(span) => span.seek(self.next),
            None => Ok(None),
        }
    }
}

impl Iterator for Iter<'_> {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let item = self.advance().transpose();
        match &item {
            Some(Ok(record)) => self.next = record.position + 1,
            Some(Err(_)) => self.failed = true,
            None => {}
        }
        item
    }
}
