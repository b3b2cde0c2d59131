//! What is left of a disk's calls after a power cut.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::Done;

const SECTOR_BYTES: usize = 512;

/// What a power cut keeps of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    Nothing,
    Everything,
    /// A choice of whole writes, of sectors, or of the first writes with the next one torn, made by this seed.
    Some(u64),
}

/// The files after a power cut.
#[derive(Clone, Debug, Default)]
pub struct Image {
    files: BTreeMap<PathBuf, Vec<u8>>,
    dirs: Vec<PathBuf>,
}

impl Image {
    pub(super) fn after(done: &[Done], kept: Kept) -> Self {
        let mut disk = Model::default();
        done.iter().for_each(|call| disk.apply(call));
        disk.cut(kept)
    }

    pub fn files(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.files.iter().map(|(path, bytes)| (path.as_path(), bytes.as_slice()))
    }

    /// The bytes of a file.
    pub fn file(&self, path: &Path) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// Writes what was under one directory into another.
    pub fn write(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::create_dir_all(to)?;
        for dir in self.dirs.iter().filter_map(|dir| dir.strip_prefix(from).ok()) {
            fs::create_dir_all(to.join(dir))?;
        }
        for (path, bytes) in &self.files {
            if let Ok(inner) = path.strip_prefix(from) {
                let path = to.join(inner);
                fs::create_dir_all(path.parent().unwrap_or(to))?;
                fs::write(path, bytes)?;
            }
        }
        Ok(())
    }
}

/// Names and files as the disk has them, and what is on the way to it.
#[derive(Default)]
struct Model {
    files: Vec<Bytes>,
    /// As a process sees them; none is a directory.
    names: BTreeMap<PathBuf, Option<usize>>,
    kept: BTreeMap<PathBuf, Option<usize>>,
    unsynced: Vec<Naming>,
}

#[derive(Default)]
struct Bytes {
    synced: Vec<u8>,
    unsynced: Vec<Change>,
}

enum Change {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

#[derive(Clone)]
enum Naming {
    Add(PathBuf, Option<usize>),
    Move(PathBuf, PathBuf),
    Drop(PathBuf),
}

impl Naming {
    fn place(&self) -> Option<&Path> {
        let (Self::Add(path, _) | Self::Move(path, _) | Self::Drop(path)) = self;
        path.parent()
    }

    fn apply(self, names: &mut BTreeMap<PathBuf, Option<usize>>) {
        match self {
            Self::Add(path, file) => {
                names.insert(path, file);
            }
            Self::Move(from, to) => {
                if let Some(file) = names.remove(&from) {
                    names.insert(to, file);
                }
            }
            Self::Drop(path) => {
                names.remove(&path);
            }
        }
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>, mut sector: impl FnMut() -> bool) {
        match self {
            Self::SetLen(len) => {
                if sector() {
                    bytes.resize(*len, 0);
                }
            }
            Self::Write(offset, written) => {
                let mut at = 0;
                while at < written.len() {
                    let end = written.len().min(at + SECTOR_BYTES - (offset + at) % SECTOR_BYTES);
                    if sector() {
                        if bytes.len() < offset + end {
                            bytes.resize(offset + end, 0);
                        }
                        bytes[offset + at..offset + end].copy_from_slice(&written[at..end]);
                    }
                    at = end;
                }
            }
        }
    }
}

impl Model {
    fn name(&mut self, naming: Naming) {
        naming.clone().apply(&mut self.names);
        self.unsynced.push(naming);
    }

    /// The file of a name. One that nobody made was there before.
    fn file(&mut self, path: &Path) -> &mut Bytes {
        let number = match self.names.get(path) {
            Some(Some(number)) => *number,
            _ => {
                self.files.push(Bytes::default());
                let number = self.files.len() - 1;
                self.names.insert(path.into(), Some(number));
                self.kept.insert(path.into(), Some(number));
                number
            }
        };
        &mut self.files[number]
    }

    fn apply(&mut self, call: &Done) {
        match call {
            Done::Create(path) => {
                self.files.push(Bytes::default());
                self.name(Naming::Add(path.clone(), Some(self.files.len() - 1)));
            }
            Done::MakeDir(path) => self.name(Naming::Add(path.clone(), None)),
            Done::Rename(from, to) => self.name(Naming::Move(from.clone(), to.clone())),
            Done::Remove(path) => self.name(Naming::Drop(path.clone())),
            Done::Write(path, offset, bytes) => {
                self.file(path).unsynced.push(Change::Write(*offset, bytes.clone()));
            }
            Done::SetLen(path, len) => self.file(path).unsynced.push(Change::SetLen(*len)),
            Done::Sync(path) => {
                let file = self.file(path);
                for change in std::mem::take(&mut file.unsynced) {
                    change.apply(&mut file.synced, || true);
                }
            }
            Done::SyncDir(path) => {
                let (synced, left): (Vec<_>, Vec<_>) = std::mem::take(&mut self.unsynced)
                    .into_iter()
                    .partition(|naming| naming.place() == Some(path));
                self.unsynced = left;
                synced.into_iter().for_each(|naming| naming.apply(&mut self.kept));
            }
        }
    }

    fn cut(self, kept: Kept) -> Image {
        let mut dice = Dice(match kept {
            Kept::Some(seed) => seed,
            _ => 0,
        });
        let style = dice.below(4);
        let mut names = self.kept;
        let namings = match kept {
            Kept::Nothing => 0,
            Kept::Everything => self.unsynced.len(),
            Kept::Some(_) => dice.below(self.unsynced.len() + 1),
        };
        self.unsynced.into_iter().take(namings).for_each(|naming| naming.apply(&mut names));
        let contents: Vec<_> = self.files.into_iter().map(|file| file.cut(kept, style, &mut dice)).collect();
        let mut image = Image::default();
        for (path, file) in &names {
            // Nothing is left below a directory whose own name is lost.
            let made = |above: &Path| self.names.get(above) == Some(&None);
            if path.ancestors().skip(1).any(|above| made(above) && !names.contains_key(above)) {
                continue;
            }
            match file {
                None => image.dirs.push(path.clone()),
                Some(number) => {
                    image.files.insert(path.clone(), contents[*number].clone());
                }
            }
        }
        image
    }
}

impl Bytes {
    fn cut(self, kept: Kept, style: usize, dice: &mut Dice) -> Vec<u8> {
        let mut bytes = self.synced;
        let whole = dice.below(self.unsynced.len() + 1);
        for (number, change) in self.unsynced.iter().enumerate() {
            match (kept, style) {
                (Kept::Nothing, _) => {}
                (Kept::Everything, _) => change.apply(&mut bytes, || true),
                (Kept::Some(_), 0) => {
                    let all = dice.below(2) == 0;
                    change.apply(&mut bytes, || all);
                }
                (Kept::Some(_), 1) => change.apply(&mut bytes, || dice.below(2) == 0),
                // The first writes, and of the next one its first sectors, or its first bytes.
                (Kept::Some(_), _) if number < whole => change.apply(&mut bytes, || true),
                (Kept::Some(_), style) if number == whole => {
                    if let Change::Write(offset, written) = change {
                        let cut = dice.below(written.len() + 1);
                        let end = if style == 2 { cut - cut % SECTOR_BYTES } else { cut };
                        Change::Write(*offset, written[..end].to_vec()).apply(&mut bytes, || true);
                    }
                }
                (Kept::Some(_), _) => {}
            }
        }
        bytes
    }
}

/// Numbers by a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end.max(1) as u64) as usize
    }
}
