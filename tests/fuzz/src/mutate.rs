//! Changes inputs by a seed: the same seed makes the same mutant of the same corpus.

use crate::{Form, fields};

const BYTES_MAX: usize = 1 << 20;
/// Numbers at which code tends to turn over.
const EDGES: [u64; 14] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    1 << 53,
    u64::MAX >> 1,
    u64::MAX,
];
/// Pieces that mean something to some reader of text.
const PIECES: [&str; 40] = [
    "",
    "\0",
    "-1",
    "0",
    "99999999999999999999",
    "1e308",
    "-1e308",
    "1e-999",
    "NaN",
    "Infinity",
    "null",
    "true",
    "{}",
    "[]",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "\u{feff}",
    "\u{202e}",
    "é",
    "e\u{301}",
    "𝄞",
    "\r\n",
    "\n",
    ",",
    ";",
    "~",
    "%00",
    "%ff",
    "../..",
    "'",
    "<",
    "&",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    "2024-02-30",
    "9999-12-31T23:59:60Z",
    "0000-00-00",
    "-0",
    "18446744073709551616",
];

/// Numbers by a seed (SplitMix64), and mutants by them.
#[derive(Clone, Debug)]
pub struct Mutator(u64);

impl Mutator {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end.max(1) as u64) as usize
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    pub fn edge(&mut self) -> u64 {
        *self.pick(&EDGES)
    }

    pub fn piece(&mut self) -> &'static str {
        PIECES[self.below(PIECES.len())]
    }

    /// A mutant of one entry of a corpus; others lend parts.
    pub fn mutant(&mut self, form: Form, corpus: &[(String, Vec<u8>)], number: usize) -> Vec<u8> {
        let mut input = corpus[number].1.clone();
        let lender = self.below(corpus.len());
        if form == Form::Fields
            && !self.one_in(4)
            && let Some(mutant) = fields::mutant(self, &input, &corpus[lender].1)
        {
            return mutant;
        }
        for _ in 0..1 + self.below(4) {
            match (form, self.below(3)) {
                (Form::Text, 0 | 1) => self.text(&mut input),
                _ => self.bytes(&mut input, corpus),
            }
        }
        input.truncate(BYTES_MAX);
        input
    }

    /// Any bytes of a length up to the given one.
    pub fn noise(&mut self, length_max: usize) -> Vec<u8> {
        let length = self.below(length_max + 1);
        (0..length).map(|_| self.number() as u8).collect()
    }

    fn bytes(&mut self, input: &mut Vec<u8>, corpus: &[(String, Vec<u8>)]) {
        let at = self.below(input.len() + 1);
        let end = (at + 1 + self.below(16)).min(input.len());
        match self.below(9) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.number() as u8,
            2 => input.truncate(at),
            3 => drop(input.drain(at..end)),
            4 => {
                let noise = self.noise(16);
                input.splice(at..at, noise);
            }
            5 => {
                let part = input[at..end].to_vec();
                for _ in 0..=self.below(8) {
                    input.splice(at..at, part.iter().copied());
                }
            }
            // A length or count that is written with so many bytes, at its edges.
            6 => {
                let width = *self.pick(&[1, 2, 4, 8]);
                let edge = self.edge().to_be_bytes();
                if at + width <= input.len() {
                    input[at..at + width].copy_from_slice(&edge[8 - width..]);
                }
            }
            7 => {
                let other = &self.pick(corpus).1.clone();
                let from = self.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ if input.len() > 1 => {
                let (a, b) = (self.below(input.len()), self.below(input.len()));
                input.swap(a, b);
            }
            _ => input.push(self.number() as u8),
        }
    }

    /// Puts a piece between, or in the place of, what letters and digits there are.
    fn text(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let start = input[..at].iter().rposition(|byte| !word(byte)).map_or(0, |found| found + 1);
        let end = input[at..].iter().position(|byte| !word(byte)).map_or(input.len(), |found| at + found);
        let piece = if self.one_in(3) { self.edge().to_string() } else { self.piece().to_owned() };
        let place = if self.one_in(3) { at..at } else { start..end };
        input.splice(place, piece.bytes());
    }
}
