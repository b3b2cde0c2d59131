//! C2SP tlog-proof@v1: one text that proves, offline, that a log holds an entry.
//!
//! It carries the entry's index, its inclusion path and the signed checkpoint; not the entry itself, which the
//! reader has. Whether the checkpoint's signatures suffice is for the reader's policy: see
//! [`crate::note::SignedNote::verify`].

use std::{fmt, str::FromStr};

use base64::prelude::*;

use crate::{
    canon::Malformed,
    hash::Hash,
    log::{self, Unproven, proof::PATH_HASHES_MAX},
    note::{Checkpoint, NOTE_BYTES_MAX, SignedNote, checkpoint::Lines},
};

const MAGIC: &str = "c2sp.org/tlog-proof@v1";
/// The note, and room for the path and the extra bytes.
const PROOF_BYTES_MAX: usize = 2 * NOTE_BYTES_MAX;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// Bytes of the application's own; nothing vouches for them.
    pub extra: Option<Vec<u8>>,
    /// The entry's place in the log.
    pub index: u64,
    /// From the leaf's sibling up.
    pub path: Vec<Hash>,
    pub checkpoint: SignedNote,
}

/// Why a proof does not hold for an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the checkpoint cannot be read")]
    Checkpoint(#[source] Malformed),
    #[error("the entry is not in the log")]
    Inclusion(#[source] Unproven),
}

impl TlogProof {
    /// Checks that the checkpoint's log holds this entry at the index, and returns the checkpoint. Who signed it is
    /// not looked at.
    pub fn verify_inclusion(&self, entry: &[u8]) -> Result<Checkpoint, Fault> {
        let checkpoint: Checkpoint = self.checkpoint.text().parse().map_err(Fault::Checkpoint)?;
        let leaf = log::leaf_hash(entry);
        log::verify_inclusion(&checkpoint.root, checkpoint.size, self.index, &leaf, &self.path)
            .map_err(Fault::Inclusion)?;
        Ok(checkpoint)
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{MAGIC}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", BASE64_STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", BASE64_STANDARD.encode(hash.0))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for TlogProof {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let mut lines = Lines { rest: text, at: 0 };
        if text.len() > PROOF_BYTES_MAX {
            return Err(Malformed { what: "a proof that is too long".into(), at: PROOF_BYTES_MAX });
        }
        if !lines.next(MAGIC)?.is_empty() {
            return Err(Malformed { what: format!("{MAGIC} alone on its line expected"), at: 0 });
        }
        let extra = match lines.rest.starts_with("extra ") {
            true => {
                let at = lines.at;
                let extra = BASE64_STANDARD.decode(lines.next("extra ")?);
                Some(extra.map_err(|_| Malformed { what: "base64 expected".into(), at })?)
            }
            false => None,
        };
        let index = lines.number("index ")?;
        let mut path = Vec::new();
        while !lines.rest.starts_with('\n') {
            if path.len() == PATH_HASHES_MAX {
                return Err(lines.bad("a shorter path"));
            }
            path.push(lines.hash("")?);
        }
        lines.next("")?;
        let at = lines.at;
        let checkpoint = lines.rest.parse().map_err(|e: Malformed| Malformed { at: at + e.at, ..e })?;
        Ok(Self { extra, index, path, checkpoint })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        log::{Tree, leaf_hash},
        note::{Algorithm, tests::Signer},
    };

    fn entry(i: u64) -> Vec<u8> {
        format!("entry-{i}").into_bytes()
    }

    /// The proof of one of the published vector's 300 entries, signed by its log and one host.
    fn proof(index: u64) -> TlogProof {
        let tree = Tree::new((0..300).map(|i| leaf_hash(&entry(i))));
        let (origin, root) = ("ledger.test/beijing", tree.root());
        let (block, state) = (Hash([1; 32]), Hash([2; 32]));
        let text = Checkpoint { origin: origin.into(), size: 300, root, height: 9, block, state, view: 0 }
            .to_string();
        let mut checkpoint = SignedNote::new(text.clone()).unwrap();
        checkpoint.add(Signer::new(origin, Algorithm::Ed25519, 0).sign(&text, 0));
        checkpoint.add(
            Signer::new("ledger.test/host/water", Algorithm::CosignatureV1, 1).sign(&text, 1_700_000_000),
        );
        TlogProof { extra: None, index, path: tree.path(index as usize).unwrap(), checkpoint }
    }

    #[test]
    fn a_proof_holds_for_its_entry_alone() {
        for index in [0, 255, 256, 299] {
            let proof: TlogProof = proof(index).to_string().parse().unwrap();
            assert_eq!(proof.verify_inclusion(&entry(index)).unwrap().size, 300);
            assert_eq!(proof.verify_inclusion(&entry(index + 1)), Err(Fault::Inclusion(Unproven::Mismatch)));
        }
        let outside = TlogProof { index: 300, ..proof(299) };
        let fault = Fault::Inclusion(Unproven::Outside { index: 300, size: 300 });
        assert_eq!(outside.verify_inclusion(&entry(299)), Err(fault));
    }

    #[test]
    fn the_text_is_c2sps() {
        let text = TlogProof { extra: Some(b"opening".to_vec()), ..proof(299) }.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..3], ["c2sp.org/tlog-proof@v1", "extra b3BlbmluZw==", "index 299"]);
        let blank = lines.iter().position(|line| line.is_empty()).unwrap();
        assert_eq!(lines[blank + 1..blank + 3], ["ledger.test/beijing", "300"]);
        assert!(lines[3..blank].iter().all(|line| line.len() == 44));
    }

    #[test]
    fn other_spellings_are_refused() {
        let text = proof(5).to_string();
        let hash = text.lines().nth(2).unwrap().to_owned() + "\n";
        let bad = [
            String::new(),
            text.replace("@v1", "@v2"),
            text.replace("@v1", "@v1 "),
            text.replace("index 5", "index 05"),
            text.replace("index 5", "index -5"),
            text.replace("index 5\n", ""),
            text.replace("index 5", "extra !\nindex 5"),
            text.replace("index 5", "extra YQ\nindex 5"),
            text.replace("index 5", "extra YQ==\nextra YQ==\nindex 5"),
            text.replace(&hash, &hash.replace('=', "")),
            text.replace(&hash, &hash.repeat(PATH_HASHES_MAX + 1)),
            text.replacen("\n\n", "\n", 1),
            text.replace('\n', "\r\n"),
            text.trim_end().to_owned(),
        ];
        for text in bad {
            assert!(text.parse::<TlogProof>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn hostile_text_never_panics(text in "(c2sp.org/tlog-proof@v1\n)?(extra YQ==\n)?(index 1\n)?(.|\n){0,60}") {
            if let Ok(proof) = text.parse::<TlogProof>() {
                prop_assert_eq!(proof.to_string(), text);
            }
        }

        #[test]
        fn an_altered_proof_never_passes(index in 0..300_u64, at: prop::sample::Index, bit in 0..8_u32) {
            let original = proof(index);
            let keys = [
                Signer::new("ledger.test/beijing", Algorithm::Ed25519, 0).key,
                Signer::new("ledger.test/host/water", Algorithm::CosignatureV1, 1).key,
            ];
            let mut bytes = original.to_string().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
            let Ok(altered) = text.parse::<TlogProof>() else { return Ok(()) };
            prop_assert_eq!(altered.to_string(), text);
            let holds = altered.verify_inclusion(&entry(index)).is_ok();
            let signed = altered.checkpoint.verify(&keys).is_ok_and(|signed| signed.len() == 2);
            prop_assert!(!(holds && signed));
        }
    }
}
