//! Randomness: from the operating system, and stretched for the blinding factors of a batch.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use ring::{
    digest,
    rand::{SecureRandom as _, SystemRandom},
};

use crate::Error;

pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    SystemRandom::new().fill(bytes).map_err(|_| Error::Random)
}

/// Fresh random bytes: salts, handles, keys.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// SHA-512 of a secret seed and a counter. A batch needs 16 fresh bytes per signature that its signers can't
/// foresee; one system call per batch and a hash per four signatures give them without a failure half-way.
pub(crate) struct Stretched {
    seed: [u8; 32],
    counter: u64,
    block: [u8; 64],
    used: usize,
}

impl Stretched {
    pub(crate) fn from_system() -> Result<Self, Error> {
        let mut seed = [0; 32];
        fill(&mut seed)?;
        Ok(Self { seed, counter: 0, block: [0; 64], used: 64 })
    }

    fn next(&mut self) -> u8 {
        if self.used == self.block.len() {
            let mut context = digest::Context::new(&digest::SHA512);
            context.update(&self.seed);
            context.update(&self.counter.to_be_bytes());
            self.block.copy_from_slice(context.finish().as_ref());
            self.counter += 1;
            self.used = 0;
        }
        self.used += 1;
        self.block[self.used - 1]
    }
}

impl TryRng for Stretched {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(std::array::from_fn(|_| self.next())))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(std::array::from_fn(|_| self.next())))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.iter_mut().for_each(|byte| *byte = self.next());
        Ok(())
    }
}

impl TryCryptoRng for Stretched {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_repeats_and_depends_on_the_seed() {
        let mut one = Stretched { seed: [1; 32], counter: 0, block: [0; 64], used: 64 };
        let mut two = Stretched::from_system().unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..1000 {
            let mut bytes = [0; 16];
            one.try_fill_bytes(&mut bytes).unwrap();
            assert!(seen.insert(bytes));
            two.try_fill_bytes(&mut bytes).unwrap();
            assert!(seen.insert(bytes));
        }
    }
}
