//! Consumers and the keys they call with. A key is kept as its SHA-256 and found by a keyed hash of that, whose key is
//! drawn once a process: where a look-up goes, and how long it takes, tells nothing about the keys that exist. Known
//! and unknown keys take the same steps: one bucket of a cache line, one comparison in constant time. Built at load
//! from the configuration and a registry file; never changed, but replaced as a whole.

mod certificates;
mod join;
mod list;
#[cfg(test)]
mod tests;

use certificates::certificates;
pub use join::join;
pub use list::{ListFlaw, read_list};

use super::flaw::Flaw;
use super::principal::{ClaimPath, Marks, Method, Principal};
use crate::base::Certificate;
use crate::config::Consumer as Given;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac};
use std::collections::HashMap;
use subtle::ConstantTimeEq;

/// Consumers of a registry at most.
pub const CONSUMERS_MAX: usize = 1_000_000;
/// Scopes of a consumer at most, and roles.
pub const GRANTS_MAX: usize = 1024;
/// Places of a bucket: with eight bytes each, a cache line.
const PLACES: usize = 8;
/// Keys shorter than this can be guessed.
const KEY_BYTES_USUAL: usize = 16;

/// The key of hashes that are never stored or sent. Drawn once a process.
#[derive(Clone)]
pub struct Blind(hmac::Key);

impl std::fmt::Debug for Blind {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Blind(..)")
    }
}

impl Blind {
    /// A new one; none if the system gives no random numbers.
    pub fn random() -> Option<Blind> {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes).ok()?;
        Some(Blind::of(&bytes))
    }

    /// The one of these bytes, for tests.
    pub fn of(bytes: &[u8; 32]) -> Blind {
        Blind(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The keyed hash of `parts`, each with its length.
    pub fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        context.sign().as_ref().try_into().expect("SHA-256 gives 32 bytes")
    }
}

/// A consumer as it is built.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// Its name, unique.
    pub name: String,
    /// Its tier; empty for none.
    pub tier: String,
    /// Scopes granted.
    pub scopes: Vec<String>,
    /// Roles held.
    pub roles: Vec<String>,
    /// SHA-256 of each of its keys.
    pub keys: Vec<[u8; 32]>,
    /// What its certificates are known by: see [`Certificate::marks`].
    pub certificates: Vec<String>,
}

/// A consumer.
#[derive(Debug)]
pub struct Consumer {
    name: Box<[u8]>,
    tier: Box<[u8]>,
    /// What is said of it when it calls with a key.
    principal: Principal,
    /// What was granted to it, as the end of a JSON object.
    grants: Box<[u8]>,
}

impl Consumer {
    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Its tier; empty for none.
    pub fn tier(&self) -> &[u8] {
        &self.tier
    }

    /// What was granted to it: the members `scope` and `roles`, with a comma before them and the brace that closes their object.
    pub(super) fn grants(&self) -> &[u8] {
        &self.grants
    }

    /// What is said of it.
    pub(super) fn principal(&self) -> &Principal {
        &self.principal
    }
}

/// Consumers, found by key and by name.
#[derive(Debug)]
pub struct Registry {
    blind: Blind,
    consumers: Vec<Consumer>,
    names: HashMap<Box<[u8]>, u32>,
    /// By what certificates are known by.
    certificates: HashMap<Box<str>, u32>,
    /// Index of tags; its number of buckets is a power of two.
    index: Index,
}

impl Registry {
    /// The registry of these entries; of entries of one name the first counts, of equal keys too: `read` and `list`
    /// have told of others.
    pub fn new(entries: &[Entry], blind: &Blind) -> Registry {
        let mut names = HashMap::new();
        let mut certificates = HashMap::new();
        let mut consumers = Vec::new();
        let mut tags = Vec::new();
        for entry in entries.iter().take(CONSUMERS_MAX) {
            let number = consumers.len() as u32;
            let name: Box<[u8]> = entry.name.as_bytes().into();
            if names.contains_key(&name) {
                continue;
            }
            names.insert(name.clone(), number);
            consumers.push(Consumer {
                name,
                tier: entry.tier.as_bytes().into(),
                principal: principal(entry),
                grants: grants(entry).into_bytes().into(),
            });
            for mark in &entry.certificates {
                certificates.entry(mark.as_str().into()).or_insert(number);
            }
            tags.extend(entry.keys.iter().map(|key| (blind.tag(&[key]), number)));
        }
        Registry { blind: blind.clone(), consumers, names, certificates, index: Index::new(tags) }
    }

    /// The consumer of this name.
    pub fn named(&self, name: &[u8]) -> Option<&Consumer> {
        self.consumers.get(*self.names.get(name)? as usize)
    }

    /// The consumer that has this certificate, by the most exact of what it is known by. It was verified, so that how long this
    /// takes tells nothing that its holder does not know.
    pub fn of_certificate(&self, certificate: &Certificate) -> Option<&Consumer> {
        let number = certificate.marks.iter().find_map(|mark| self.certificates.get(mark))?;
        self.consumers.get(*number as usize)
    }

    /// Names the consumer that the claim at `path` is about. For each request anew, since consumers change while tokens are
    /// remembered.
    pub fn name_by(&self, path: Option<&ClaimPath>, principal: &mut Principal) {
        let claim = path.and_then(|path| principal.claim(path));
        let found = claim.and_then(|claim| self.named(claim.string()?));
        if let Some(consumer) = found {
            principal.set_consumer(consumer.name(), consumer.tier());
        }
    }

    /// How many consumers there are.
    pub fn len(&self) -> usize {
        self.consumers.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.consumers.is_empty()
    }

    /// Fills `principal` with the consumer that has `key`, and says whether there is one. The steps are the same
    /// either way: for a key that nobody has, those of the consumer whose place its hash points at are taken and the
    /// result is made void. No allocation.
    pub fn find(&self, key: &[u8], principal: &mut Principal) -> bool {
        let sha = digest::digest(&digest::SHA256, key);
        let tag = self.blind.tag(&[sha.as_ref()]);
        let (number, is_known) = self.index.find(&tag);
        let Some(consumer) = self.consumers.get(number as usize) else { return false };
        principal.copy_from(&consumer.principal);
        principal.set_credential(&tag);
        principal.keep_if(is_known);
        is_known
    }
}

/// Tags in buckets of one cache line.
#[derive(Debug)]
struct Index {
    buckets: Vec<Bucket>,
    /// Tag and consumer of each place of each bucket, the last for those that nobody has.
    tags: Vec<([u8; 32], u32)>,
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
struct Bucket {
    /// The first eight bytes of a tag; zero is free.
    fronts: [u64; PLACES],
}

fn front(tag: &[u8; 32]) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&tag[..8]);
    // Zero means free; the one tag in 2^64 that begins with it is found by the rest of it all the same.
    u64::from_be_bytes(bytes).max(1)
}

/// Which bucket a tag belongs to, by other bytes than the front.
fn bucket(tag: &[u8; 32], count: usize) -> usize {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&tag[8..16]);
    u64::from_be_bytes(bytes) as usize & (count - 1)
}

impl Index {
    fn new(tags: Vec<([u8; 32], u32)>) -> Index {
        let mut count = (tags.len() / (PLACES / 4)).next_power_of_two().max(1);
        loop {
            match Index::filled(&tags, count) {
                Some(index) => return index,
                // A bucket ran over; tags are random, so that twice as many soon hold them.
                None => count *= 2,
            }
        }
    }

    fn filled(tags: &[([u8; 32], u32)], count: usize) -> Option<Index> {
        let mut buckets = vec![Bucket::default(); count];
        let mut placed = vec![([0; 32], 0); count * PLACES];
        // What a free place holds is taken for a key that nobody has: any consumer's will do, in turn.
        let consumers = tags.iter().map(|(_, consumer)| consumer + 1).max().unwrap_or(1);
        for (at, (_, consumer)) in placed.iter_mut().enumerate() {
            *consumer = at as u32 % consumers;
        }
        for (tag, consumer) in tags {
            let (at, front) = (bucket(tag, count), front(tag));
            let fronts = &mut buckets[at].fronts;
            if fronts.contains(&front) {
                continue;
            }
            let free = fronts.iter().position(|front| *front == 0)?;
            fronts[free] = front;
            placed[at * PLACES + free] = (*tag, *consumer);
        }
        Some(Index { buckets, tags: placed })
    }

    /// The consumer to go on with, and whether the tag is its own.
    fn find(&self, tag: &[u8; 32]) -> (u32, bool) {
        let (at, front) = (bucket(tag, self.buckets.len()), front(tag));
        // Without a branch: each place is looked at, and one that does not match leaves the place as it was, at first
        // one that the tag picks.
        let mut place = front as usize % PLACES;
        for (index, known) in self.buckets[at].fronts.iter().enumerate() {
            let mask = 0_usize.wrapping_sub(usize::from(*known == front));
            place = (place & !mask) | (index & mask);
        }
        let (known, consumer) = &self.tags[at * PLACES + place];
        (*consumer, known.ct_eq(tag).into())
    }
}

/// See [`Consumer::grants`].
fn grants(entry: &Entry) -> String {
    let list = |texts: &[String]| serde_json::Value::from(texts[..texts.len().min(GRANTS_MAX)].to_vec());
    format!(r#","scope":{},"roles":{}}}"#, list(&entry.scopes), list(&entry.roles))
}

/// What is said of a consumer that calls with a key or a password.
fn principal(entry: &Entry) -> Principal {
    let name = serde_json::Value::from(entry.name.as_str());
    let json = format!(r#"{{"sub":{name}{}"#, grants(entry));
    let mut principal = Principal::default();
    principal.claims_mut().read(json.as_bytes()).expect("names and lists within their bounds are JSON");
    let place = |name: &[u8]| principal.claims().member(name).map(super::document::Value::place);
    let marks = Marks { subject: place(b"sub"), scopes: place(b"scope"), roles: place(b"roles") };
    principal.admit(Method::ApiKey, marks);
    principal.set_consumer(entry.name.as_bytes(), entry.tier.as_bytes());
    principal
}

/// The entries of the section `consumers`; notes what is wrong with them, at `api_keys` of the consumer with that index.
pub fn entries(given: &[Given], mut note: impl FnMut(usize, Flaw)) -> Vec<Entry> {
    let mut known: HashMap<[u8; 32], usize> = HashMap::new();
    let mut entries = Vec::new();
    let mut shown = HashMap::new();
    for (index, consumer) in given.iter().enumerate() {
        let certificates = certificates(given, index, &mut shown, |flaw| note(index, flaw));
        let mut keys = Vec::new();
        for (item, key) in consumer.api_keys.iter().enumerate() {
            let hash = match key.0.strip_prefix("sha256:") {
                Some(hex) => hex_hash(hex),
                None => Some(sha256(key.0.as_bytes())),
            };
            let Some(hash) = hash else {
                let fix = "write sha256: and 64 hexadecimal digits, or the key itself";
                note(index, Flaw::at_item("api_keys", item, "this is not a hash of a key", fix));
                continue;
            };
            if !key.0.starts_with("sha256:") && key.0.len() < KEY_BYTES_USUAL {
                let fix = "make one with `openssl rand -hex 24`";
                note(
                    index,
                    Flaw::at_item("api_keys", item, "a key this short can be guessed", fix).warning(),
                );
            }
            match known.insert(hash, index) {
                None => keys.push(hash),
                Some(other) => {
                    let message = format!("consumer '{}' has the same key", given[other].name);
                    note(
                        index,
                        Flaw::at_item("api_keys", item, message, "give each key to one consumer, once"),
                    );
                }
            }
        }
        for (key, list) in [("scopes", &consumer.scopes), ("roles", &consumer.roles)] {
            if list.len() > GRANTS_MAX {
                let message = format!("a consumer has {GRANTS_MAX} {key} at most, not {}", list.len());
                note(index, Flaw::at(key, message, "grant one that stands for several"));
            }
        }
        let Given { name, scopes, roles, .. } = consumer.clone();
        let tier = consumer.tier.clone().unwrap_or_default();
        entries.push(Entry { name, tier, scopes, roles, keys, certificates });
    }
    entries
}

/// SHA-256 of a key.
pub fn sha256(key: &[u8]) -> [u8; 32] {
    digest::digest(&digest::SHA256, key).as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

/// The 32 bytes of 64 hexadecimal digits.
fn hex_hash(hex: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}
