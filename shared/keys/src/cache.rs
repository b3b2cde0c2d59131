//! Decompressed public keys: few agencies sign many transactions, and decompressing costs as much as hashing.

use std::{collections::HashMap, fmt};

use ed25519_zebra::VerificationKey;
use parking_lot::RwLock;

use crate::PublicKey;

/// Keeps what is known of each key it saw: its point, or that it is none. Holds at most the given number of
/// keys and forgets all when full, so that bytes from outside can't grow it.
pub struct VerifierCache {
    keys: RwLock<HashMap<PublicKey, Option<VerificationKey>>>,
    capacity: usize,
}

impl VerifierCache {
    pub fn new(capacity: usize) -> Self {
        Self { keys: RwLock::default(), capacity: capacity.max(1) }
    }

    /// The key's point, or nothing if its bytes are no point (then nothing verifies under it).
    pub(crate) fn get(&self, key: &PublicKey) -> Option<VerificationKey> {
        if let Some(known) = self.keys.read().get(key) {
            return *known;
        }
        let parsed = VerificationKey::try_from(key.0).ok();
        let mut keys = self.keys.write();
        if keys.len() >= self.capacity {
            keys.clear();
        }
        keys.insert(*key, parsed);
        parsed
    }
}

impl Default for VerifierCache {
    /// Room for the keys of every agency of a large city.
    fn default() -> Self {
        Self::new(4096)
    }
}

impl fmt::Debug for VerifierCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifierCache")
            .field("keys", &self.keys.read().len())
            .field("capacity", &self.capacity)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_within_its_capacity() {
        let cache = VerifierCache::new(2);
        for seed in 0..5 {
            let key = crate::SigningKey::from_seed(&[seed; 32]).public();
            assert!(cache.get(&key).is_some() && cache.get(&key).is_some());
            assert!(cache.keys.read().len() <= 2);
        }
        let mut off_curve = [0; 32];
        off_curve[0] = 2;
        assert!(cache.get(&PublicKey(off_curve)).is_none());
    }
}
