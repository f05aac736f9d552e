//! Balancing: what a request is looked at for, checked and compiled.

use super::super::balance::{Balance, Key, Sticky};
use super::{Check, Pointer, Upstream, config};
use crate::balance::{Algorithm, IdKey};
use crate::wire::token::is_token;
use config::balance::{Balance as Given, HashKey, StickyCookie};
use std::time::Duration;

/// Characters of a sticky cookie's key at least.
const KEY_CHARS_MIN: usize = 16;

pub(super) fn build(check: &mut Check<'_>, at: &Pointer, given: &Given) -> Balance {
    let plain = |algorithm| Balance { algorithm, key: None };
    match given {
        Given::RoundRobin => plain(Algorithm::RoundRobin),
        Given::LeastConnections => plain(Algorithm::LeastConnections),
        Given::PeakEwma => plain(Algorithm::PeakEwma),
        Given::ConsistentHash(key) => {
            let key = hash_key(check, &at.key("consistent_hash"), key);
            Balance { algorithm: Algorithm::ConsistentHash, key: Some(key) }
        }
        Given::StickyCookie(cookie) => sticky(check, &at.key("sticky_cookie"), cookie),
    }
}

fn hash_key(check: &mut Check<'_>, at: &Pointer, given: &HashKey) -> Key {
    let mut name = |what: &str, name: &str| {
        if !is_token(name.as_bytes()) {
            let message = format!("'{name}' is not the name of a {what}");
            check.error(at, message, Some("use letters, digits, '-' and '_'".into()));
        }
        name.as_bytes().into()
    };
    match given {
        HashKey::Header(field) => Key::Header(name("field", field)),
        HashKey::Cookie(cookie) => Key::Cookie(name("cookie", cookie)),
        HashKey::Path => Key::Path,
        HashKey::ClientIp => Key::ClientIp,
    }
}

fn sticky(check: &mut Check<'_>, at: &Pointer, given: &StickyCookie) -> Balance {
    if !is_token(given.name.as_bytes()) {
        let message = format!("'{}' is not the name of a cookie", given.name);
        check.error(&at.key("name"), message, Some("use letters, digits, '-' and '_'".into()));
    }
    let mut attributes = "; Path=/; HttpOnly; SameSite=Lax".to_owned();
    if let Some(ttl) = given.ttl {
        if ttl.0 < Duration::from_secs(1) {
            let fix = "a cookie's time is counted in seconds; write 1s or more";
            check.error(&at.key("ttl"), "'ttl' is under a second".into(), Some(fix.into()));
        }
        attributes += &format!("; Max-Age={}", ttl.0.as_secs());
    }
    let secret = given.key.as_ref().map(|secret| secret.0.as_str());
    if secret.is_some_and(|secret| secret.chars().count() < KEY_CHARS_MIN) {
        let message = format!("'key' has fewer than {KEY_CHARS_MIN} characters");
        check.error(&at.key("key"), message, Some("write what 'openssl rand -hex 16' prints".into()));
    }
    let id_key = secret.map_or(IdKey::ZERO, |secret| IdKey::of(secret.as_bytes()));
    let cookie = Sticky { name: given.name.as_bytes().into(), attributes: attributes.into_bytes().into() };
    Balance { algorithm: Algorithm::StickyCookie(id_key), key: Some(Key::Sticky(cookie)) }
}

/// Warns of cookies that two upstreams have: a client of both would lose its endpoint at each change.
pub(super) fn cookies_of_two(check: &mut Check<'_>, upstreams: &[Upstream]) {
    let cookie = |upstream: &Upstream| match &upstream.balance.key {
        Some(Key::Sticky(sticky)) => Some(sticky.name.clone()),
        _ => None,
    };
    for (index, upstream) in upstreams.iter().enumerate() {
        let Some(name) = cookie(upstream) else { continue };
        let other = upstreams[..index].iter().find(|other| cookie(other).as_ref() == Some(&name));
        if let Some(other) = other {
            let at = Pointer::default().key("upstreams").key(&upstream.name);
            let at = at.key("balance").key("sticky_cookie").key("name");
            let name = String::from_utf8_lossy(&name);
            let message = format!("upstream '{}' has the cookie '{name}' too", other.name);
            check.warn(&at, message, Some("give each upstream a cookie of its own".into()));
        }
    }
}
