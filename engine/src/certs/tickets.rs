//! Tickets, by which a client comes back without a whole handshake (RFC 5077, RFC 8446 §4.6.1): sealed with keys from files,
//! so that several gateways take each other's. Whom one lets in is decided in `kin`.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use rustls::pki_types::UnixTime;
use rustls::server::ProducesTickets;
use std::fmt;

/// Bytes of a key's name, which a ticket begins with.
const NAME: usize = 16;
/// Bytes of a key in a file, its name among them: those of nginx and others, for AES-128 and AES-256.
const SIZES: [usize; 2] = [48, 80];
/// Keys at most: each is one that tickets of long ago are opened by.
const KEYS_MAX: usize = 64;
/// Bytes of the moment at which a ticket was made.
const MADE: usize = 8;
/// How long a ticket is good, in seconds, whatever becomes of its key.
const LIFETIME: u32 = 12 * 3600;

/// Keys of tickets: the first seals, all open.
pub struct Keys(Box<[Key]>);

struct Key {
    name: [u8; NAME],
    seals: LessSafeKey,
}

impl fmt::Debug for Keys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Keys({})", self.0.len())
    }
}

impl Keys {
    /// The keys of `files`: one of 48 bytes, or some of 80 one behind the other, as `openssl rand 80` makes one.
    ///
    /// # Errors
    /// Which of the files is none, and why, as the rest of a sentence that begins with it.
    pub fn read(files: &[impl AsRef<[u8]>]) -> Result<Keys, (usize, String)> {
        let mut keys: Vec<Key> = Vec::new();
        for (index, file) in files.iter().map(AsRef::as_ref).enumerate() {
            let size =
                SIZES.into_iter().find(|size| file.len() == *size || (*size == 80 && file.len() % size == 0));
            let Some(size) = size.filter(|_| !file.is_empty()) else {
                let why =
                    format!("is no key of tickets: it has {} bytes, not 48 or a multiple of 80", file.len());
                return Err((index, why));
            };
            for bytes in file.chunks_exact(size) {
                let key = Key::of(bytes).ok_or((index, "holds a key that is not random".to_owned()))?;
                if keys.iter().any(|known| known.name == key.name) {
                    return Err((index, "holds a key for the second time".into()));
                }
                if keys.len() == KEYS_MAX {
                    return Err((index, format!("is too much: {KEYS_MAX} keys at most")));
                }
                keys.push(key);
            }
        }
        if keys.is_empty() { Err((0, "holds no key".into())) } else { Ok(Keys(keys.into())) }
    }

    fn seal(&self, plain: &[u8], now: u64) -> Option<Vec<u8>> {
        let key = self.0.first()?;
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let mut text = Vec::with_capacity(NAME + NONCE_LEN + MADE + plain.len() + AES_256_GCM.tag_len());
        for part in [&key.name[..], &nonce, &now.to_be_bytes(), plain] {
            text.extend_from_slice(part);
        }
        let (front, sealed) = text.split_at_mut(NAME + NONCE_LEN);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = key.seals.seal_in_place_separate_tag(nonce, Aad::from(&front[..NAME]), sealed).ok()?;
        text.extend_from_slice(tag.as_ref());
        Some(text)
    }

    fn open(&self, ticket: &[u8], now: u64) -> Option<Vec<u8>> {
        let (name, rest) = ticket.split_at_checked(NAME)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        // Names are no secret: each ticket shows one.
        let key = self.0.iter().find(|key| key.name == name)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = sealed.to_vec();
        let plain = key.seals.open_in_place(nonce, Aad::from(name), &mut text).ok()?;
        let (made, plain) = plain.split_at_checked(MADE)?;
        let made = u64::from_be_bytes(made.try_into().ok()?);
        (now.saturating_sub(made) < u64::from(LIFETIME)).then(|| plain.to_vec())
    }
}

impl Key {
    /// None if nobody has drawn it: all bytes are the same.
    fn of(bytes: &[u8]) -> Option<Key> {
        let (name, secret) = bytes.split_at_checked(NAME)?;
        if bytes.iter().all(|byte| byte == &bytes[0]) {
            return None;
        }
        // Others make two keys of it, for other ciphers: what is derived is like none of them.
        let derived = Salt::new(HKDF_SHA256, b"ringgate tickets").extract(secret);
        let key = derived.expand(&[b"aes-256-gcm"], &AES_256_GCM).ok()?;
        Some(Key { name: name.try_into().ok()?, seals: LessSafeKey::new(UnboundKey::from(key)) })
    }
}

fn now() -> u64 {
    UnixTime::now().as_secs()
}

impl ProducesTickets for Keys {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        LIFETIME
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.seal(plain, now())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.open(cipher, now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn key(seed: u8, size: usize) -> Vec<u8> {
        (0..size).map(|at| (at as u8).wrapping_mul(7).wrapping_add(seed)).collect()
    }

    fn keys(files: &[Vec<u8>]) -> Keys {
        Keys::read(files).expect("are keys")
    }

    #[test]
    fn who_has_the_key_opens_what_another_one_sealed_and_nobody_else_does() {
        let (a, b) = (key(1, 80), key(2, 80));
        let ticket = keys(std::slice::from_ref(&a)).seal(b"who it was", NOW).expect("is sealed");
        let opens = |files: &[Vec<u8>]| keys(files).open(&ticket, NOW + 1);
        // Alone, behind a newer one in a file of its own, and behind one in the same file.
        for files in [vec![a.clone()], vec![b.clone(), a.clone()], vec![[&b[..], &a].concat()]] {
            assert_eq!(opens(&files).as_deref(), Some(&b"who it was"[..]));
        }
        assert_eq!(opens(&[b]), None);
        // The same name with another secret.
        assert_eq!(opens(&[[&a[..NAME], &key(3, 64)].concat()]), None);
        assert_ne!(keys(std::slice::from_ref(&a)).seal(b"who it was", NOW), Some(ticket));
        let small = [key(4, 48)];
        let ticket = keys(&small).seal(b"", NOW).expect("is sealed");
        assert_eq!(keys(&small).open(&ticket, NOW).as_deref(), Some(&b""[..]));
    }

    #[test]
    fn a_ticket_that_was_altered_cut_or_made_up_opens_nothing() {
        let keys = keys(&[key(1, 80)]);
        let ticket = keys.seal(b"who", NOW).expect("is sealed");
        for at in 0..ticket.len() {
            let mut other = ticket.clone();
            other[at] ^= 1;
            assert_eq!(keys.open(&other, NOW), None, "byte {at}");
            assert_eq!(keys.open(&ticket[..at], NOW), None, "cut at {at}");
        }
        assert_eq!(keys.open(&[&ticket[..], b"x"].concat(), NOW), None);
    }

    #[test]
    fn a_ticket_is_good_for_half_a_day() {
        let keys = keys(&[key(1, 80)]);
        let ticket = keys.seal(b"who", NOW).expect("is sealed");
        let last = NOW + u64::from(LIFETIME) - 1;
        assert!(keys.open(&ticket, last).is_some() && keys.open(&ticket, last + 1).is_none());
        // The clock of who made it is ahead.
        assert!(keys.open(&ticket, NOW - 60).is_some());
    }

    #[test]
    fn a_file_that_holds_no_keys_is_refused_and_named() {
        let good = key(1, 80);
        for (files, at, expected) in [
            (vec![good.clone(), Vec::new()], 1, "has 0 bytes"),
            (vec![key(2, 79)], 0, "has 79 bytes"),
            (vec![key(2, 96)], 0, "has 96 bytes"),
            (vec![good.clone(), vec![0; 80]], 1, "not random"),
            (vec![good.clone(), good.clone()], 1, "second time"),
            (vec![(0..=KEYS_MAX).flat_map(|seed| key(seed as u8, 80)).collect()], 0, "64 keys at most"),
            (vec![], 0, "holds no key"),
        ] {
            let (index, why) = Keys::read(&files).expect_err(expected);
            assert!(index == at && why.contains(expected), "{index}: {why}");
        }
    }
}
