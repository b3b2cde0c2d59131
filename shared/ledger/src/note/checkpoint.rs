//! A checkpoint: what a log's note says, a C2SP tlog-checkpoint with four extension lines of ours.
//!
//! ```text
//! <chain>/<domain>
//! <size>
//! <root, base64>
//! height <height>
//! block <header hash, base64>
//! state <state root, base64>
//! view <view>
//! ```
//!
//! A host's cosignature on it says that it executed the block of that hash at that height, that log and state came out
//! so, and that it held the block's certificate of that view. The view is signed because cosignatures of different
//! views must not add up to a quorum (docs/adr/0010). There is one text for a checkpoint, and only that one is read back.

use std::{fmt, str::FromStr};

use base64::prelude::*;

use crate::{canon::Malformed, hash::Hash};

use super::key::is_name;

/// What hosts agree on for one domain at one height.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name; see [`super::origin`].
    pub origin: String,
    pub size: u64,
    pub root: Hash,
    pub height: u64,
    pub block: Hash,
    pub state: Hash,
    pub view: u32,
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base64 = |hash: &Hash| BASE64_STANDARD.encode(hash.0);
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, base64(&self.root))?;
        writeln!(f, "height {}\nblock {}", self.height, base64(&self.block))?;
        writeln!(f, "state {}\nview {}", base64(&self.state), self.view)
    }
}

impl FromStr for Checkpoint {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let mut lines = Lines { rest: text, at: 0 };
        let origin = lines.next("")?;
        if !is_name(origin) {
            return Err(Malformed { what: "an origin that is empty or has spaces or pluses".into(), at: 0 });
        }
        let checkpoint = Self {
            origin: origin.to_owned(),
            size: lines.number("")?,
            root: lines.hash("")?,
            height: lines.number("height ")?,
            block: lines.hash("block ")?,
            state: lines.hash("state ")?,
            view: lines.number("view ")?,
        };
        if lines.rest.is_empty() { Ok(checkpoint) } else { Err(lines.bad("nothing more")) }
    }
}

/// The lines of a text that must be exactly so; used for proofs as well.
pub(crate) struct Lines<'a> {
    pub(crate) rest: &'a str,
    pub(crate) at: usize,
}

impl<'a> Lines<'a> {
    pub(crate) fn bad(&self, wanted: &str) -> Malformed {
        Malformed { what: format!("{wanted} expected"), at: self.at }
    }

    /// The rest of the next line, which begins with `label` and is ended.
    pub(crate) fn next(&mut self, label: &str) -> Result<&'a str, Malformed> {
        let (line, rest) = self.rest.split_once('\n').ok_or_else(|| self.bad("a line"))?;
        let value = line.strip_prefix(label).ok_or_else(|| self.bad(label))?;
        self.at += line.len() + 1;
        self.rest = rest;
        Ok(value)
    }

    /// A decimal number without leading zeros or a sign.
    pub(crate) fn number<T: FromStr + fmt::Display>(&mut self, label: &str) -> Result<T, Malformed> {
        let at = self.at;
        let digits = self.next(label)?;
        let number = digits.parse::<T>().ok().filter(|number| number.to_string() == digits);
        number.ok_or_else(|| Malformed { what: "a decimal number expected".into(), at })
    }

    pub(crate) fn hash(&mut self, label: &str) -> Result<Hash, Malformed> {
        let at = self.at;
        let hash = BASE64_STANDARD.decode(self.next(label)?).ok().and_then(|bytes| bytes.try_into().ok());
        hash.map(Hash).ok_or_else(|| Malformed { what: "a hash in base64 expected".into(), at })
    }
}
