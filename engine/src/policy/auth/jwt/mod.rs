//! Signed tokens (RFC 7519, with the advice of RFC 8725): find, verify, hold the claims to the policy. The signature is
//! verified before anything of the claims is read, by a key and an algorithm that both were chosen here. Encrypted
//! and nested tokens, `none`, extensions and whatever is ambiguous are refused.
//!
//! Cost: a token is decoded, verified and parsed into the lent [`Principal`] once, then remembered by `cache` for as long
//! as it is good: from then on it is one look-up, one comparison in full and two copies. One signed by HMAC is remembered
//! when it comes again, so that tokens used once cost no memory. Bounds: `max_token_bytes`, those of
//! `document`, [`TRIES_MAX`](super::keys::TRIES_MAX) keys a token.

mod cache;
mod claims;
mod compile;
mod date;
mod header;
mod mint;

pub(super) use cache::Cache;
pub(super) use claims::{Rules, Window};
pub use compile::compile;
pub(super) use compile::{forward as claims_forward, path as claim_path, place, places};
pub use mint::mint;

use super::base64url;
use super::denial::{Challenge, Denial};
use super::keys::{Algorithms, Fetched, KeyAddress, KeySet};
use super::principal::{ClaimPath, Method, Principal};
use super::registry::Registry;
use super::source::{self, Place};
use super::{Outcome, keys::Algorithm};
use crate::config::policy::Jwt as Given;
use crate::wire::head::Head;
use header::Headers;
use std::sync::Arc;

/// Bytes of a signature at most: that of an RSA key of 8192 bits.
const SIGNATURE_BYTES_MAX: usize = 1024;

/// A policy that asks for a token.
#[derive(Debug)]
pub struct Jwt {
    /// No other policy of this process has the same, but those that are equal: a shard's memory belongs to one. See [`Jwt::succeed`].
    id: u64,
    given: Given,
    from: Box<[Place]>,
    algorithms: Algorithms,
    keys: Keys,
    typ: Option<Box<str>>,
    token_bytes_max: usize,
    rules: Rules,
    /// The claim that names the consumer.
    consumer: Option<ClaimPath>,
    challenge: Challenge,
    forward: Box<[(ClaimPath, Box<str>)]>,
}

/// Where the keys come from.
#[derive(Debug)]
enum Keys {
    /// They stand in the configuration or its files.
    Fixed(Arc<KeySet>),
    /// They are fetched, and lent by the shard.
    Fetched(KeyAddress),
}

/// What a shard remembers for one policy. Belongs to the compiled policy it was first used with: used with another, it
/// forgets all.
#[derive(Debug, Default)]
pub struct Memory {
    owner: u64,
    /// Which state of the fetched sets `keys` is of, as its owner saw it.
    seen: (u64, u64),
    /// The key set fetched last; none before the first, and where keys are not fetched.
    pub keys: Option<Arc<KeySet>>,
    headers: Headers,
    cache: Cache,
}

impl Memory {
    /// Tokens kept, and their bytes.
    pub fn cached(&self) -> (usize, usize) {
        self.cache.size()
    }

    /// Takes the set that was fetched last for `policy`. *Cost*: one comparison where none was fetched since.
    pub fn follow(&mut self, policy: &Jwt, fetched: &Fetched) {
        if let Keys::Fetched(address) = &policy.keys
            && self.seen != (policy.id, fetched.stamp())
        {
            self.seen = (policy.id, fetched.stamp());
            self.keys = fetched.keys(&address.text).cloned();
        }
    }

    fn belong_to(&mut self, policy: u64) {
        if self.owner != policy {
            self.owner = policy;
            self.headers.clear();
            self.cache.clear();
        }
    }
}

/// Why a token lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Denied(Denial),
    MissingKey,
}

impl From<Denial> for Fault {
    fn from(denial: Denial) -> Fault {
        Fault::Denied(denial)
    }
}

impl Jwt {
    /// Decides by the token of the request, which comes once, in one of the places.
    /// `unix_ms` is now, in milliseconds since 1970. The principal is about nobody unless the outcome is
    /// [`Outcome::Known`].
    pub fn decide(
        &self,
        head: Head<'_>,
        unix_ms: u64,
        registry: &Registry,
        memory: &mut Memory,
        principal: &mut Principal,
    ) -> Outcome {
        match source::find_in(&self.from, head) {
            Ok(Some((_, token))) => self.verify(token, unix_ms, registry, memory, principal),
            Ok(None) => {
                principal.clear();
                Outcome::Absent
            }
            Err(denial) => {
                principal.clear();
                Outcome::Denied(denial)
            }
        }
    }

    /// Decides by `token`, wherever it was found.
    pub fn verify(
        &self,
        token: &[u8],
        unix_ms: u64,
        registry: &Registry,
        memory: &mut Memory,
        principal: &mut Principal,
    ) -> Outcome {
        memory.belong_to(self.id);
        principal.clear();
        let now = i64::try_from(unix_ms).unwrap_or(i64::MAX);
        match self.check(token, now, memory, principal) {
            Ok(()) => {
                registry.name_by(self.consumer.as_ref(), principal);
                Outcome::Known
            }
            Err(fault) => {
                principal.clear();
                match fault {
                    Fault::Denied(denial) => Outcome::Denied(denial),
                    Fault::MissingKey => Outcome::MissingKey,
                }
            }
        }
    }

    fn check(
        &self,
        token: &[u8],
        now: i64,
        memory: &mut Memory,
        principal: &mut Principal,
    ) -> Result<(), Fault> {
        if token.len() > self.token_bytes_max {
            return Err(Denial::TooLong.into());
        }
        let keys = match &self.keys {
            Keys::Fixed(keys) => keys,
            Keys::Fetched(_) => memory.keys.as_ref().ok_or(Fault::MissingKey)?,
        };
        if memory.cache.find(token, keys.version(), now, principal) {
            return Ok(());
        }
        let parts = Parts::of(token)?;
        let header = memory.headers.read(parts.header, self.typ.as_deref())?;
        if !self.algorithms.has(header.algorithm) {
            return Err(Denial::Algorithm.into());
        }
        let (algorithm, key) = (header.algorithm, header.key);
        if key.is_some_and(|key| !keys.knows(algorithm, key)) {
            return Err(self.missing(Denial::UnknownKey));
        }
        let is_good = match algorithm.is_symmetric() {
            true => parts.is_signed::<64>(keys, algorithm, key),
            false => parts.is_signed::<SIGNATURE_BYTES_MAX>(keys, algorithm, key),
        };
        if !is_good? {
            // Keys without an id may be meant by any, but none of them was: the one that was named may be new.
            let is_named = key.is_none_or(|key| keys.names(key));
            return Err(if is_named { Denial::Signature.into() } else { self.missing(Denial::Signature) });
        }
        memory.headers.remember(parts.header);
        let claims = principal.claims_mut();
        base64url::decode_onto(parts.payload, claims.room()).ok_or(Denial::Encoding)?;
        claims.parse().map_err(|_| Denial::Claims)?;
        let (marks, window) = self.rules.check(claims, now)?;
        principal.admit(Method::Jwt, marks);
        let is_worth_it = !algorithm.is_symmetric() || memory.cache.is_repeated(token);
        if is_worth_it {
            memory.cache.keep(token, keys.version(), window, principal);
        }
        Ok(())
    }

    /// Why a token lets nobody in whose key the set does not have: `denial`, unless a set fetched anew may have it.
    fn missing(&self, denial: Denial) -> Fault {
        match self.keys {
            Keys::Fixed(_) => denial.into(),
            Keys::Fetched(_) => Fault::MissingKey,
        }
    }

    /// What a caller without a token is asked for.
    pub fn challenge(&self) -> &Challenge {
        &self.challenge
    }

    /// The accepted algorithms.
    pub fn algorithms(&self) -> Algorithms {
        self.algorithms
    }

    /// The address of the key set, if it is fetched.
    pub fn keys_address(&self) -> Option<&KeyAddress> {
        match &self.keys {
            Keys::Fixed(_) => None,
            Keys::Fetched(address) => Some(address),
        }
    }

    /// Shows nothing of that address.
    pub fn hide_address(&mut self) {
        if let Keys::Fetched(address) = &mut self.keys {
            address.hide();
        }
    }

    /// Goes on with what was remembered for `before`, where nothing differs by which a token would be another's.
    pub fn succeed(&mut self, before: &Jwt) {
        let is_same = match (&self.keys, &before.keys) {
            (Keys::Fixed(keys), Keys::Fixed(known)) => keys.version() == known.version(),
            (Keys::Fetched(address), Keys::Fetched(known)) => address.text == known.text,
            _ => false,
        };
        if is_same && self.given == before.given {
            self.id = before.id;
        }
    }

    /// Where a token is looked for.
    pub fn places(&self) -> &[Place] {
        &self.from
    }

    /// Whether a claim says which consumer calls.
    pub fn names_consumers(&self) -> bool {
        self.consumer.is_some()
    }

    /// Claims that are sent on, each in a field of the upstream's request.
    pub fn forward(&self) -> &[(ClaimPath, Box<str>)] {
        &self.forward
    }
}

/// The three parts of a token in compact form (RFC 7515 §7.1).
struct Parts<'t> {
    header: &'t [u8],
    payload: &'t [u8],
    signature: &'t [u8],
    /// Header and payload with the dot between: what is signed.
    signed: &'t [u8],
}

impl<'t> Parts<'t> {
    fn of(token: &'t [u8]) -> Result<Parts<'t>, Denial> {
        if token.is_empty() {
            return Err(Denial::Malformed);
        }
        let mut dots = memchr::memchr_iter(b'.', token);
        let (Some(first), Some(second)) = (dots.next(), dots.next()) else { return Err(Denial::Segments) };
        if dots.next().is_some() {
            return Err(if dots.count() == 1 { Denial::Encrypted } else { Denial::Segments });
        }
        let (signed, signature) = (&token[..second], &token[second + 1..]);
        Ok(Parts { header: &signed[..first], payload: &signed[first + 1..], signature, signed })
    }

    /// Whether its signature, of `N` bytes at most, is that of a key in the set.
    fn is_signed<const N: usize>(
        &self,
        keys: &KeySet,
        algorithm: Algorithm,
        key: Option<&[u8]>,
    ) -> Result<bool, Denial> {
        let mut bytes = [0; N];
        if base64url::decoded_len(self.signature.len()).is_some_and(|len| len > N) {
            return Ok(false);
        }
        let len = base64url::decode_into(self.signature, &mut bytes).ok_or(Denial::Encoding)?;
        Ok(keys.verifies(algorithm, key, self.signed, &bytes[..len]))
    }
}
