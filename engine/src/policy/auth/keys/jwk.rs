//! JWK and JWK sets (RFC 7517, 7518 §6, 8037 §2) → keys. What a key says of itself binds: `alg`, `use`, `key_ops`. A
//! key that cannot be used is left out and told, since others of the set may be meant for other readers (RFC 7517 §5);
//! a set without a usable key is refused. Called at load and by whoever fetches sets; bounded by [`SET_BYTES_MAX`] and
//! [`KEYS_MAX`].

use super::{Algorithm, Algorithms, Key, KeySet};
use crate::policy::auth::base64url;
use crate::policy::auth::document::{Document, Kind, Value};

/// Bytes of a set at most.
pub const SET_BYTES_MAX: usize = 1024 * 1024;
/// Keys of a set at most.
pub const KEYS_MAX: usize = 128;
/// Bytes of a key's id at most.
const ID_BYTES_MAX: usize = 512;

/// Where a set comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// A file of the operator: it may hold secrets.
    File,
    /// An address that others may read as well: a secret there is none.
    Address,
}

/// A key that was left out, or taken with a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Which of the set, from 1.
    pub number: usize,
    /// Its id, where it has one.
    pub id: Option<String>,
    /// Why.
    pub why: String,
    /// Whether it is taken all the same.
    pub is_taken: bool,
}

impl std::fmt::Display for Skipped {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.id {
            Some(id) => write!(out, "key {} ('{id}') {}", self.number, self.why),
            None => write!(out, "key {} {}", self.number, self.why),
        }
    }
}

/// Reads a set, or a single key as a set of one, and gives what was left out of it.
///
/// # Errors
/// What is wrong, and at which byte of the text.
pub fn key_set(text: &[u8], trust: Trust) -> Result<(KeySet, Vec<Skipped>), (usize, String)> {
    if text.len() > SET_BYTES_MAX {
        return Err((0, format!("a key set has {SET_BYTES_MAX} bytes at most, not {}", text.len())));
    }
    let mut document = Document::default();
    document.read(text).map_err(|flaw| (flaw.at, format!("this is no JSON: {}", flaw.what)))?;
    let root = document.root().filter(|root| root.kind() == Kind::Object);
    let root = root.ok_or_else(|| (0, "a key set is an object with a list 'keys'".to_owned()))?;
    let listed: Vec<Value<'_>> = match root.member(b"keys") {
        Some(keys) if keys.kind() == Kind::Array => keys.items().collect(),
        None if root.member(b"kty").is_some() => vec![root],
        _ => return Err((0, "a key set is an object with a list 'keys'".into())),
    };
    if listed.len() > KEYS_MAX {
        return Err((0, format!("a key set has {KEYS_MAX} keys at most, not {}", listed.len())));
    }
    let (mut keys, mut skipped) = (Vec::new(), Vec::new());
    for (index, jwk) in listed.into_iter().enumerate() {
        let id = jwk.member(b"kid").and_then(Value::string);
        let id = id.map(|id| String::from_utf8_lossy(id).chars().filter(|char| !char.is_control()).collect());
        let mut note = |why: String, is_taken| {
            skipped.push(Skipped { number: index + 1, id: id.clone(), why, is_taken });
        };
        match key(jwk, trust) {
            Ok(key) => {
                if jwk.member(b"d").is_some() {
                    note("holds its private half, which nobody who verifies needs".into(), true);
                }
                keys.push(key);
            }
            Err(why) => note(why, false),
        }
    }
    if keys.is_empty() {
        let why: Vec<String> = skipped.iter().map(Skipped::to_string).collect();
        return Err((
            0,
            match why.is_empty() {
                true => "the key set is empty".into(),
                false => format!("no key of this set can be used: {}", why.join("; ")),
            },
        ));
    }
    Ok((KeySet::new(keys), skipped))
}

fn key(jwk: Value<'_>, trust: Trust) -> Result<Key, String> {
    let kind = text(jwk, "kty")?.ok_or("has no 'kty'")?;
    if text(jwk, "use")?.is_some_and(|purpose| purpose != b"sig") {
        return Err("is left out: its 'use' is not 'sig'".into());
    }
    if let Some(operations) = jwk.member(b"key_ops") {
        let is_list = operations.kind() == Kind::Array;
        let mut named =
            operations.strings().filter(|_| is_list).ok_or("has 'key_ops' that are no list of texts")?;
        if !named.any(|operation| operation == b"verify") {
            return Err("is left out: its 'key_ops' do not allow 'verify'".into());
        }
    }
    let key = match kind {
        b"RSA" => Key::rsa(&bytes(jwk, "n")?, &bytes(jwk, "e")?),
        b"EC" => match text(jwk, "crv")?.ok_or("has no 'crv'")? {
            b"P-256" => Key::p256(&point(jwk, 32)?),
            b"P-384" => Key::p384(&point(jwk, 48)?),
            other => Err(format!("is left out: curve '{}' is not supported", other.escape_ascii())),
        },
        b"OKP" => match text(jwk, "crv")?.ok_or("has no 'crv'")? {
            b"Ed25519" => Key::ed25519(&bytes(jwk, "x")?),
            other => Err(format!("is left out: curve '{}' is not supported", other.escape_ascii())),
        },
        b"oct" if trust == Trust::Address => Err("is left out: a secret that was fetched is none".into()),
        b"oct" => Key::secret(&bytes(jwk, "k")?),
        other => Err(format!("is left out: 'kty' {} is not known", other.escape_ascii())),
    }?;
    let key = bound(key, text(jwk, "alg")?)?;
    match text(jwk, "kid")? {
        Some(id) if id.len() > ID_BYTES_MAX => Err(format!("has a 'kid' of more than {ID_BYTES_MAX} bytes")),
        Some(id) => Ok(key.with_id(id)),
        None => Ok(key),
    }
}

/// The key for no algorithm but its `alg`.
fn bound(key: Key, alg: Option<&[u8]>) -> Result<Key, String> {
    let Some(name) = alg else { return Ok(key) };
    match Algorithm::named(name) {
        Some(alg) if key.algorithms().has(alg) => Ok(key.only(Algorithms::of(&[alg]))),
        Some(alg) => {
            Err(format!("is left out: its 'alg' is {}, but it can serve {}", alg.name(), key.algorithms()))
        }
        None => Err(format!("is left out: its 'alg' {} is not supported", name.escape_ascii())),
    }
}

/// A member that is a text, if it is there.
fn text<'d>(jwk: Value<'d>, name: &str) -> Result<Option<&'d [u8]>, String> {
    match jwk.member(name.as_bytes()) {
        None => Ok(None),
        Some(value) => value.string().map(Some).ok_or_else(|| format!("has a '{name}' that is no text")),
    }
}

fn bytes(jwk: Value<'_>, name: &str) -> Result<Vec<u8>, String> {
    let text = text(jwk, name)?.ok_or_else(|| format!("has no '{name}'"))?;
    base64url::decode(text).ok_or_else(|| format!("has a '{name}' that is not base64url"))
}

/// Both coordinates, each of its full length (RFC 7518 §6.2.1.2), as an uncompressed point.
fn point(jwk: Value<'_>, len: usize) -> Result<Vec<u8>, String> {
    let mut point = vec![4];
    for name in ["x", "y"] {
        let coordinate = bytes(jwk, name)?;
        if coordinate.len() != len {
            return Err(format!("has an '{name}' of {} bytes where its curve has {len}", coordinate.len()));
        }
        point.extend(coordinate);
    }
    Ok(point)
}
