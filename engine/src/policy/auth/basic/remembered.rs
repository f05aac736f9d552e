//! Passwords that were right, as keyed hashes of name, password and the user's hash; a shard's own. Bounded by
//! [`REMEMBERED_MAX`]: past it all of them go, since hashing a password anew harms nobody.

use hashbrown::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Passwords remembered at most.
pub const REMEMBERED_MAX: usize = 4096;

/// Passwords that were right.
#[derive(Debug, Default)]
pub struct Remembered {
    /// Until when, in milliseconds since 1970.
    until: HashMap<[u8; 32], u64, BuildHasherDefault<Front>>,
}

/// A keyed hash is as good as random: its front serves as the hash.
#[derive(Debug, Default)]
struct Front(u64);

impl Hasher for Front {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(front) = bytes.first_chunk() {
            self.0 ^= u64::from_ne_bytes(*front);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Remembered {
    /// Whether `tag` is remembered now.
    pub fn has(&self, tag: &[u8; 32], unix_ms: u64) -> bool {
        self.until.get(tag).is_some_and(|until| unix_ms < *until)
    }

    /// Remembers `tag` up to `until`.
    pub fn keep(&mut self, tag: [u8; 32], until: u64) {
        if self.until.len() >= REMEMBERED_MAX && !self.until.contains_key(&tag) {
            self.until.clear();
        }
        self.until.insert(tag, until);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.until.clear();
    }

    /// How many are remembered.
    pub fn count(&self) -> usize {
        self.until.len()
    }
}
