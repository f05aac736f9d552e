//! Tokens that were verified, with what they say: a look-up and two copies in place of 20 to 60 µs for RSA, ECDSA and
//! Ed25519, and of the reading and hashing of an HMAC token. A shard's own, one a policy.
//! A token is compared in full, is good only within its window, and all of them are forgotten when the key set changes.
//! Bounded by [`TOKENS_MAX`] and [`BYTES_MAX`]; the one not used for longest, or nearly so, makes room.

use super::super::principal::Principal;
use super::claims::Window;
use hashbrown::HashTable;

/// Tokens kept at most.
pub const TOKENS_MAX: usize = 2048;
/// Bytes of tokens and what they say at most.
pub const BYTES_MAX: usize = 8 * 1024 * 1024;

/// Tokens of which it is known that they came before, at most; a power of two.
const SEEN: usize = 4096;

/// Verified tokens.
#[derive(Debug, Default)]
pub struct Cache {
    /// The key set by which all of them were verified.
    version: [u8; 32],
    /// Hash of a token → its index in `kept`.
    index: HashTable<u32>,
    kept: Vec<Kept>,
    bytes: usize,
    /// Where the search for room goes on.
    hand: usize,
    /// Hashes of tokens that were verified and not kept, each in its place; empty before the first.
    seen: Box<[u64]>,
}

#[derive(Debug)]
struct Kept {
    hash: u64,
    token: Box<[u8]>,
    window: Window,
    principal: Principal,
    /// Whether it was used since the hand passed.
    is_used: bool,
}

impl Kept {
    fn bytes(&self) -> usize {
        self.token.len() + self.principal.bytes() + size_of::<Kept>()
    }
}

/// Compares all bytes whatever they are, so that the time tells nothing of where two tokens part.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |parted, (a, b)| parted | (a ^ b)) == 0
}

/// A signature is as good as random, and only verified tokens are put in, so its end serves as the hash: nobody but the
/// issuer could make two that collide.
fn hash(token: &[u8]) -> u64 {
    let tail = token.last_chunk::<16>().copied().unwrap_or_default();
    let (one, other) = tail.split_at(8);
    let word = |half: &[u8]| half.iter().fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
    crate::base::hash::mix(word(one) ^ word(other).rotate_left(32))
}

impl Cache {
    /// Copies who sent `token` into `principal`, if it was verified by the key set of this `version` and is good now.
    #[inline]
    pub fn find(
        &mut self,
        token: &[u8],
        version: &[u8; 32],
        unix_ms: i64,
        principal: &mut Principal,
    ) -> bool {
        if self.kept.is_empty() {
            return false;
        }
        if self.version != *version {
            self.clear();
            return false;
        }
        let hash = hash(token);
        let kept = &self.kept;
        let found = self.index.find(hash, |at| is_same(&kept[*at as usize].token, token)).copied();
        let Some(at) = found else { return false };
        let kept = &mut self.kept[at as usize];
        if !kept.window.holds(unix_ms) {
            self.remove(at as usize);
            return false;
        }
        kept.is_used = true;
        principal.copy_from(&kept.principal);
        true
    }

    /// Whether `token`, which was verified and is not kept, came a while ago already.
    pub fn is_repeated(&mut self, token: &[u8]) -> bool {
        if self.seen.is_empty() {
            self.seen = vec![0; SEEN].into();
        }
        let hash = hash(token);
        let place = &mut self.seen[hash as usize % SEEN];
        std::mem::replace(place, hash) == hash
    }

    /// Keeps who sent `token`.
    pub fn keep(&mut self, token: &[u8], version: &[u8; 32], window: Window, principal: &Principal) {
        if self.version != *version {
            self.clear();
            self.version = *version;
        }
        let hash = hash(token);
        let kept = &self.kept;
        if self.index.find(hash, |at| is_same(&kept[*at as usize].token, token)).is_some() {
            return;
        }
        let mut copy = Principal::default();
        copy.copy_from(principal);
        let new = Kept { hash, token: token.into(), window, principal: copy, is_used: false };
        let bytes = new.bytes();
        while self.kept.len() >= TOKENS_MAX || self.bytes + bytes > BYTES_MAX && !self.kept.is_empty() {
            self.make_room();
        }
        self.bytes += bytes;
        let at = self.kept.len() as u32;
        self.kept.push(new);
        let kept = &self.kept;
        self.index.insert_unique(hash, at, |at| kept[*at as usize].hash);
    }

    /// Removes the first that was not used since the hand passed it; after one round that is any.
    fn make_room(&mut self) {
        loop {
            self.hand = if self.hand < self.kept.len() { self.hand } else { 0 };
            let kept = &mut self.kept[self.hand];
            if !std::mem::take(&mut kept.is_used) {
                break;
            }
            self.hand += 1;
        }
        self.remove(self.hand);
    }

    fn remove(&mut self, at: usize) {
        let last = self.kept.len() - 1;
        for index in [at, last] {
            let hash = self.kept[index].hash;
            if let Ok(entry) = self.index.find_entry(hash, |known| *known as usize == index) {
                entry.remove();
            }
        }
        let gone = self.kept.swap_remove(at);
        self.bytes -= gone.bytes();
        if at < last {
            let kept = &self.kept;
            self.index.insert_unique(kept[at].hash, at as u32, |at| kept[*at as usize].hash);
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.index.clear();
        self.kept.clear();
        self.seen.fill(0);
        (self.bytes, self.hand) = (0, 0);
    }

    /// Tokens kept, and their bytes.
    pub fn size(&self) -> (usize, usize) {
        (self.kept.len(), self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALWAYS: Window = Window { from: 0, until: i64::MAX };
    const ONE: [u8; 32] = [1; 32];

    fn principal(name: &str) -> Principal {
        let mut principal = Principal::default();
        principal.claims_mut().read(format!("{{\"sub\":\"{name}\"}}").as_bytes()).expect("is JSON");
        let subject = principal.claims().member(b"sub").map(|value| value.place());
        let marks = super::super::super::principal::Marks { subject, ..Default::default() };
        principal.admit(super::super::super::principal::Method::Jwt, marks);
        principal
    }

    fn found(cache: &mut Cache, token: &str, version: &[u8; 32], now: i64) -> Option<String> {
        let mut into = Principal::default();
        let is_found = cache.find(token.as_bytes(), version, now, &mut into);
        is_found.then(|| String::from_utf8_lossy(into.subject().expect("has one")).into_owned())
    }

    fn token(number: usize) -> String {
        format!("header.payload.signature-{number:032}")
    }

    #[test]
    fn a_token_is_found_in_full_or_not_at_all() {
        let mut cache = Cache::default();
        cache.keep(token(1).as_bytes(), &ONE, ALWAYS, &principal("ann"));
        assert_eq!(found(&mut cache, &token(1), &ONE, 5).as_deref(), Some("ann"));
        assert_eq!(found(&mut cache, &token(2), &ONE, 5), None);
        // The same end, another front: the hash is the same.
        let forged = token(1).replace("payload", "paYload");
        assert_eq!(hash(forged.as_bytes()), hash(token(1).as_bytes()));
        assert_eq!(found(&mut cache, &forged, &ONE, 5), None);
        assert_eq!(found(&mut cache, "", &ONE, 5), None);
    }

    #[test]
    fn a_token_is_repeated_from_its_second_use_on() {
        let mut cache = Cache::default();
        let mut uses = |number| cache.is_repeated(token(number).as_bytes());
        assert_eq!([uses(1), uses(2), uses(1), uses(1), uses(2)], [false, false, true, true, true]);
        cache.clear();
        assert!(!cache.is_repeated(token(1).as_bytes()));
    }

    #[test]
    fn it_is_dropped_at_its_end_and_with_its_keys() {
        let mut cache = Cache::default();
        let window = Window { from: 10, until: 20 };
        cache.keep(token(1).as_bytes(), &ONE, window, &principal("ann"));
        cache.keep(token(2).as_bytes(), &ONE, ALWAYS, &principal("bob"));
        assert!(found(&mut cache, &token(1), &ONE, 19).is_some());
        assert!(found(&mut cache, &token(1), &ONE, 20).is_none());
        assert_eq!(cache.size().0, 1);
        assert_eq!(found(&mut cache, &token(2), &ONE, 20).as_deref(), Some("bob"));
        assert!(found(&mut cache, &token(2), &[2; 32], 20).is_none());
        assert_eq!(cache.size(), (0, 0));
    }

    #[test]
    fn it_stays_within_its_bounds_and_keeps_what_is_used() {
        let mut cache = Cache::default();
        for number in 0..TOKENS_MAX * 3 {
            cache.keep(token(number).as_bytes(), &ONE, ALWAYS, &principal(&number.to_string()));
            assert!(found(&mut cache, &token(0), &ONE, 1).is_some(), "{number}");
        }
        assert_eq!(cache.size().0, TOKENS_MAX);
        let left = (0..TOKENS_MAX * 3).filter(|at| found(&mut cache, &token(*at), &ONE, 1).is_some()).count();
        assert_eq!(left, TOKENS_MAX);
        let long = principal(&"x".repeat(12 * 1024));
        for number in 0..2000 {
            let token = format!("{}{}", "y".repeat(16 * 1024), token(number));
            cache.keep(token.as_bytes(), &ONE, ALWAYS, &long);
            assert!(cache.size().1 <= BYTES_MAX);
        }
        let sum: usize = cache.kept.iter().map(Kept::bytes).sum();
        assert_eq!(cache.size().1, sum);
        assert_eq!(cache.index.len(), cache.kept.len());
    }
}
