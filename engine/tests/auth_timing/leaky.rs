//! What must be found: the same look-up as that of API keys up to its last step, which compares byte by byte and ends
//! at the first difference.

use ringgate::policy::auth::registry::sha256;
use ringgate::policy::auth::{Blind, base64url};

/// Keyed hashes of keys; a hash is compared with the one it would be next to.
pub struct Registry {
    blind: Blind,
    tags: Vec<[u8; 32]>,
}

impl Registry {
    /// The registry of these keys.
    pub fn new(keys: impl Iterator<Item = String>) -> Registry {
        let blind = Blind::of(&[5; 32]);
        let mut tags: Vec<[u8; 32]> = keys.map(|key| blind.tag(&[&sha256(key.as_bytes())])).collect();
        tags.sort_unstable();
        Registry { blind, tags }
    }

    /// Whether a key is one of them.
    pub fn find(&self, key: &[u8]) -> bool {
        let tag = self.blind.tag(&[&sha256(key)]);
        let front = |tag: &[u8; 32]| u64::from_be_bytes(*tag.first_chunk().expect("a tag has 32 bytes"));
        let (mut at, mut size) = (0, self.tags.len());
        while size > 1 {
            let half = size / 2;
            at += half * usize::from(front(&self.tags[at + half]) <= front(&tag));
            size -= half;
        }
        self.tags[at].iter().zip(&tag).all(|(known, given)| std::hint::black_box(known == given))
    }
}

/// The field of a name and a password.
pub fn basic(name: &str, password: &str) -> String {
    let mut encoded = Vec::new();
    base64url::encode_onto(format!("{name}:{password}").as_bytes(), &mut encoded);
    let text = String::from_utf8(encoded).expect("is text");
    format!("Authorization: Basic {}", text.replace('-', "+").replace('_', "/"))
}
