//! The names and the content of C2SP tlog-tiles: `tile/<L>/<N>[.p/<W>]` holds up to 256 hashes of level 8·L,
//! `tile/entries/<N>[.p/<W>]` up to 256 log entries, each behind its u16 length.
//!
//! A tile only ever grows at its end, so one stored row per tile serves every width. Names are parsed here and not by
//! the tlog_tiles crate: its paths carry a height that C2SP dropped, and it panics on some that a stranger may send.

use std::{fmt, str::FromStr};

use crate::canon::Malformed;

/// Levels of the tree that a tile spans.
pub const HEIGHT: u8 = 8;
/// Hashes or entries in a full tile.
pub const WIDTH: usize = 1 << HEIGHT;
/// With 64-bit sizes there is nothing above this tile level.
pub const LEVEL_MAX: u8 = 7;
/// An entry must fit its u16 length.
pub const ENTRY_BYTES_MAX: usize = u16::MAX as usize;

const INDEX_MAX: u64 = u64::MAX >> HEIGHT;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TileKind {
    /// Hashes of this tile level; those of level 0 are leaf hashes.
    Hashes(u8),
    /// The log's entries themselves.
    Entries,
}

/// Names a tile, or the first `width` items of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TilePath {
    kind: TileKind,
    index: u64,
    width: u16,
}

impl TilePath {
    /// None where no such tile can exist.
    pub fn new(kind: TileKind, index: u64, width: u16) -> Option<Self> {
        let level = match kind {
            TileKind::Hashes(level) => level,
            TileKind::Entries => 0,
        };
        let exists = level <= LEVEL_MAX && index <= INDEX_MAX && (1..=WIDTH).contains(&usize::from(width));
        exists.then_some(Self { kind, index, width })
    }

    pub fn kind(&self) -> TileKind {
        self.kind
    }

    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes or entries are asked for, 1 to 256.
    pub fn width(&self) -> usize {
        usize::from(self.width)
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        let mut scale = 1000_u64.pow(self.index.max(1).ilog(1000));
        while scale >= 1000 {
            write!(f, "x{:03}/", self.index / scale % 1000)?;
            scale /= 1000;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if self.width() < WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for TilePath {
    type Err = Malformed;

    /// Takes exactly what `Display` writes: each tile has one name.
    fn from_str(path: &str) -> Result<Self, Malformed> {
        let bad =
            || Malformed { what: "a tile path, tile/<level or entries>/<number>[.p/<width>]".into(), at: 0 };
        let number = |digits: &str| match digits.bytes().all(|b| b.is_ascii_digit()) {
            true => digits.parse::<u64>().map_err(|_| bad()),
            false => Err(bad()),
        };
        let rest = path.strip_prefix("tile/").ok_or_else(bad)?;
        let (kind, rest) = rest.split_once('/').ok_or_else(bad)?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => TileKind::Hashes(u8::try_from(number(level)?).map_err(|_| bad())?),
        };
        let (groups, width) = match rest.split_once(".p/") {
            Some((groups, width)) => (groups, u16::try_from(number(width)?).map_err(|_| bad())?),
            None => (rest, WIDTH as u16),
        };
        let mut index = 0_u64;
        for group in groups.split('/') {
            let group = number(group.strip_prefix('x').unwrap_or(group))?;
            index = index.checked_mul(1000).and_then(|index| index.checked_add(group)).ok_or_else(bad)?;
        }
        let tile = Self::new(kind, index, width).ok_or_else(bad)?;
        if tile.to_string() == path { Ok(tile) } else { Err(bad()) }
    }
}

/// The tiles that a log of `new` entries has and one of `old` entries has not, in the widths that `new` gives them:
/// what a mirror that holds the old ones has to fetch.
pub fn tiles_between(old: u64, new: u64) -> Vec<TilePath> {
    let kinds = std::iter::once(TileKind::Entries).chain((0..=LEVEL_MAX).map(TileKind::Hashes));
    let mut tiles = Vec::new();
    for kind in kinds {
        let shift = match kind {
            TileKind::Hashes(level) => u32::from(level * HEIGHT),
            TileKind::Entries => 0,
        };
        let (old, new) = (old >> shift, new >> shift);
        let width = WIDTH as u64;
        let changed = if old < new { old / width..new.div_ceil(width) } else { 0..0 };
        tiles.extend(changed.filter_map(|index| {
            let held = (new - index * width).min(width);
            TilePath::new(kind, index, held as u16)
        }));
    }
    tiles
}

/// Appends an entry to the bytes of an entries tile.
pub fn push_entry(tile: &mut Vec<u8>, entry: &[u8]) -> Result<(), Malformed> {
    let len = u16::try_from(entry.len());
    let len =
        len.map_err(|_| Malformed { what: "a log entry of at most 65535 bytes".into(), at: tile.len() })?;
    tile.extend_from_slice(&len.to_be_bytes());
    tile.extend_from_slice(entry);
    Ok(())
}

/// The entries of an entries tile, at most 256.
pub fn entries(tile: &[u8]) -> Result<Vec<&[u8]>, Malformed> {
    let mut entries = Vec::new();
    let mut at = 0;
    while at < tile.len() {
        let bad = |what: &str| Malformed { what: what.into(), at };
        if entries.len() == WIDTH {
            return Err(bad("more than 256 entries in a tile"));
        }
        let end = entry_end(tile, at).ok_or_else(|| bad("an entry that is cut off"))?;
        entries.push(&tile[at + 2..end]);
        at = end;
    }
    Ok(entries)
}

/// The bytes of the first `width` entries of an entries tile: what a partial tile of that width is.
pub fn first_entries(tile: &[u8], width: usize) -> Option<&[u8]> {
    let end = (0..width).try_fold(0, |at, _| entry_end(tile, at))?;
    Some(&tile[..end])
}

/// Where the entry that begins at `at` ends, if it is there in full.
fn entry_end(tile: &[u8], at: usize) -> Option<usize> {
    let len = tile.get(at..at + 2)?;
    let end = at + 2 + usize::from(u16::from_be_bytes([len[0], len[1]]));
    (end <= tile.len()).then_some(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_written_as_c2sp_has_them() {
        let tile = |kind, index, width| TilePath::new(kind, index, width).unwrap();
        let examples = [
            (tile(TileKind::Hashes(0), 0, 256), "tile/0/000"),
            (tile(TileKind::Hashes(3), 1_234_067, 256), "tile/3/x001/x234/067"),
            (tile(TileKind::Hashes(1), 1_000, 1), "tile/1/x001/000.p/1"),
            (tile(TileKind::Entries, 999, 255), "tile/entries/999.p/255"),
            (tile(TileKind::Entries, INDEX_MAX, 256), "tile/entries/x072/x057/x594/x037/x927/935"),
        ];
        for (tile, path) in examples {
            assert_eq!(tile.to_string(), path);
            assert_eq!(path.parse(), Ok(tile));
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        let bad = [
            "",
            "tile",
            "tile/",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/0/00",
            "tile/0/0000",
            "tile/00/000",
            "/tile/0/000",
            "tile/8/000",
            "tile/200/000",
            "tile/-1/000",
            "tile/+1/000",
            "tile/0/x000/000",
            "tile/0/001/000",
            "tile/0/x001",
            "tile/0/x1/000",
            "tile/0/000.p",
            "tile/0/000.p/",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/1/",
            "tile/0/000/",
            "tile/0/000.p/+1",
            "tile/data/000",
            "tile/8/0/000",
            "tile/0/xx001/000",
            "tile/entries/x072/x057/x594/x037/x927/936",
            "tile/entries/x018/x446/x744/x073/x709/x551/616",
            "tile/0/٠٠٠",
        ];
        for path in bad {
            assert!(path.parse::<TilePath>().is_err(), "{path}");
        }
    }

    #[test]
    fn tiles_between_two_sizes_are_those_that_grew() {
        let names = |old, new| tiles_between(old, new).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(0, 0), [""; 0]);
        assert_eq!(names(5, 5), [""; 0]);
        assert_eq!(names(0, 1), ["tile/entries/000.p/1", "tile/0/000.p/1"]);
        let grown =
            ["tile/entries/000", "tile/entries/001.p/44", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"];
        assert_eq!(names(3, 300), grown);
        assert_eq!(names(256, 300), ["tile/entries/001.p/44", "tile/0/001.p/44"]);
    }

    #[test]
    fn entries_over_the_limit_are_refused() {
        let mut tile = Vec::new();
        assert!(push_entry(&mut tile, &vec![0; ENTRY_BYTES_MAX + 1]).is_err());
        assert!(tile.is_empty());
        for _ in 0..WIDTH {
            push_entry(&mut tile, b"").unwrap();
        }
        assert_eq!(entries(&tile).unwrap().len(), WIDTH);
        push_entry(&mut tile, b"").unwrap();
        assert!(entries(&tile).is_err());
    }

    proptest! {
        #[test]
        fn paths_round_trip(level in 0..=LEVEL_MAX, entries: bool, index in 0..=INDEX_MAX, cut in 0..64_u32, width in 1..=256_u16) {
            let kind = if entries { TileKind::Entries } else { TileKind::Hashes(level) };
            let tile = TilePath::new(kind, index >> cut.min(63), width).unwrap();
            prop_assert_eq!(tile.to_string().parse(), Ok(tile));
        }

        #[test]
        fn hostile_paths_never_panic(path in "(tile/)?[0-9a-zx./p-]{0,40}") {
            if let Ok(tile) = path.parse::<TilePath>() {
                prop_assert_eq!(tile.to_string(), path);
            }
        }

        #[test]
        fn entries_round_trip(list in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..90), 0..40)) {
            let mut tile = Vec::new();
            let mut ends = vec![0];
            for entry in &list {
                push_entry(&mut tile, entry).unwrap();
                ends.push(tile.len());
            }
            prop_assert_eq!(entries(&tile).unwrap(), list.iter().map(Vec::as_slice).collect::<Vec<_>>());
            for (width, end) in ends.iter().enumerate() {
                prop_assert_eq!(first_entries(&tile, width), Some(&tile[..*end]));
            }
            prop_assert_eq!(first_entries(&tile, list.len() + 1), None);
        }

        #[test]
        fn hostile_entry_tiles_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), width in 0..300_usize) {
            if let Ok(entries) = entries(&bytes) {
                let mut again = Vec::new();
                for entry in entries {
                    push_entry(&mut again, entry).unwrap();
                }
                prop_assert_eq!(&again, &bytes);
            }
            first_entries(&bytes, width);
        }
    }
}
