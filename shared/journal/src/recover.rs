//! Opening a directory: finds the segments, reads the last one through, and cuts what a crash tore.
//!
//! Only a tail that nothing proves to have been durable is cut. Anything else that does not read back as it was
//! written is an error: a journal must never forget what it acknowledged.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    Error, Recovery, Torn,
    disk::Disk,
    format::{FILE_HEADER_BYTES, FileHeader, RECORD_HEADER_BYTES, RecordHeader, first_of_name, segment_path},
    segment::{Mark, Segment, Window, push_mark},
    state::random,
};

/// What a directory holds.
pub(crate) struct Opened {
    pub(crate) segments: Vec<Segment>,
    pub(crate) next: u64,
    pub(crate) recovery: Recovery,
    pub(crate) lock: File,
}

pub(crate) fn open(dir: &Path, disk: &Disk) -> Result<Opened, Error> {
    disk.make_dir(dir)?;
    let lock = lock(dir)?;
    let mut segments = Vec::new();
    for first in list(dir, disk)? {
        segments.push(open_segment(segment_path(dir, first), first)?);
    }
    let mut torn = None;
    let next = match segments.last_mut() {
        None => {
            let header = FileHeader { first: 1, salt: random() };
            let mut segment = Segment::new(segment_path(dir, header.first), header.first, header.salt);
            segment.file = Some(Arc::new(create_file(disk, dir, &segment.path, header)?));
            segments.push(segment);
            header.first
        }
        Some(last) => {
            let (next, cut) = read_through(last, disk)?;
            torn = cut;
            next
        }
    };
    let first = segments.first().map_or(next, |segment| segment.first);
    Ok(Opened {
        segments,
        next,
        recovery: Recovery { first_position: first, last_position: next - 1, torn },
        lock,
    })
}

/// Makes the file of a new segment. It gets its name only when its header is durable, so a segment that can be
/// seen always has one.
pub(crate) fn create_file(disk: &Disk, dir: &Path, path: &Path, header: FileHeader) -> Result<File, Error> {
    let draft = path.with_extension("tmp");
    let file = disk.create(&draft)?;
    disk.write(&file, &draft, 0, &header.encode())?;
    disk.sync(&file, &draft)?;
    disk.rename(&draft, path)?;
    disk.sync_dir(dir)?;
    Ok(file)
}

fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(Error::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { path: dir.into() }),
        Err(TryLockError::Error(source)) => Err(Error::io("lock", &path)(source)),
    }
}

/// The first positions of the segments, ascending. Drafts of segments that never got their name go.
fn list(dir: &Path, disk: &Disk) -> Result<Vec<u64>, Error> {
    let mut firsts = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let entry = entry.map_err(Error::io("list", dir))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if let Some(first) = first_of_name(name) {
            firsts.push(first);
        } else if name.ends_with(".tmp") {
            disk.remove(&entry.path())?;
        }
    }
    firsts.sort_unstable();
    Ok(firsts)
}

fn open_segment(path: PathBuf, first: u64) -> Result<Segment, Error> {
    let file = OpenOptions::new().read(true).write(true).open(&path).map_err(Error::io("open", &path))?;
    let mut bytes = [0; FILE_HEADER_BYTES];
    let file_bytes = file.metadata().map_err(Error::io("read the size of", &path))?.len();
    if file_bytes < FILE_HEADER_BYTES as u64 {
        return Err(Error::Format { path, reason: "it is shorter than a segment header".into() });
    }
    file.read_exact_at(&mut bytes, 0).map_err(Error::io("read", &path))?;
    let header = FileHeader::decode(&bytes, &path)?;
    if header.first != first {
        return Err(Error::Format { path, reason: format!("its header says it starts at {}", header.first) });
    }
    let mut segment = Segment::new(path, first, header.salt);
    segment.bytes = file_bytes;
    segment.marks = None;
    Ok(segment)
}

/// Reads the last segment to its end, cuts a torn tail and makes the rest durable. Returns the next position.
fn read_through(segment: &mut Segment, disk: &Disk) -> Result<(u64, Option<Torn>), Error> {
    let path = segment.path.as_ref();
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(Error::io("open", path))?;
    let mut window = Window::new(path, &file)?;
    let mut marks = Vec::new();
    let mut mark = Mark { position: segment.first, offset: FILE_HEADER_BYTES as u64 };
    let mut damage = "the file ends inside the record";
    while let Some(bytes) = window.bytes(mark.offset, RECORD_HEADER_BYTES as u64)? {
        let Some(header) =
            RecordHeader::decode(bytes, segment.salt).filter(|header| header.position == mark.position)
        else {
            damage = "the record's header is damaged";
            break;
        };
        let payload_offset = mark.offset + RECORD_HEADER_BYTES as u64;
        let Some(payload) = window.bytes(payload_offset, u64::from(header.length))? else { break };
        if crc32c::crc32c(payload) != header.payload_checksum {
            damage = "the checksum of the payload is wrong";
            break;
        }
        push_mark(&mut marks, mark, header.record_bytes(), false);
        mark = Mark { position: mark.position + 1, offset: mark.offset + header.record_bytes() };
    }
    let mut torn = None;
    if mark.offset < window.file_bytes {
        if was_durable(&mut window, segment.salt, mark)? {
            let Mark { position, offset } = mark;
            return Err(Error::Corrupt { path: path.clone(), offset, position, reason: damage });
        }
        let cut_bytes = window.file_bytes - mark.offset;
        tracing::warn!(path = %path.display(), offset = mark.offset, cut_bytes, "cutting a torn tail");
        disk.set_len(&file, path, mark.offset)?;
        torn = Some(Torn { path: path.clone(), offset: mark.offset, cut_bytes });
    }
    disk.sync(&file, path)?;
    segment.bytes = mark.offset;
    segment.marks = Some(marks);
    segment.file = Some(Arc::new(file));
    Ok((mark.position, torn))
}

/// Whether a later record proves that the one at this place was durable once. The pages of one unsynced group
/// reach the disk in any order, so an intact record after a damaged one proves nothing by itself; one that was
/// appended when the damaged one was already durable does.
fn was_durable(window: &mut Window<'_>, salt: u32, damaged: Mark) -> Result<bool, Error> {
    let mut offset = damaged.offset + 1;
    while let Some(bytes) = window.bytes(offset, RECORD_HEADER_BYTES as u64)? {
        let proof = RecordHeader::decode(bytes, salt)
            .is_some_and(|header| header.position > damaged.position && header.durable >= damaged.position);
        if proof {
            return Ok(true);
        }
        offset += 1;
    }
    Ok(false)
}
