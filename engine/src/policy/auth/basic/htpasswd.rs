//! The file of users, in the form that `htpasswd -B` and `argon2 -e` write: `NAME:HASH` lines with bcrypt or Argon2.
//! Older hashes are refused with a line each: they can be tried out a billion times a second.

use super::super::registry::{Blind, ListFlaw};
use argon2::{Algorithm, Argon2, Params, Version};
use std::collections::HashMap;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Users of a file at most.
const USERS_MAX: usize = 100_000;
/// Problems told; past it the rest is noise.
const FLAWS_MAX: usize = 50;
/// What a bcrypt hash may cost: past it one request takes more than ten seconds.
const BCRYPT_COST: std::ops::RangeInclusive<u32> = 4..=16;
/// What an Argon2 hash may cost: memory in KiB, passes, lanes.
const ARGON2_MAX: (u32, u32, u32) = (1024 * 1024, 32, 64);

/// A password's hash.
#[derive(Debug, PartialEq, Eq)]
pub enum Hash {
    /// bcrypt, as it stands in the file, its variant written `2b`.
    Bcrypt(String),
    /// Argon2.
    Argon2(Argon),
}

/// An Argon2 hash and what it was made with.
#[derive(Debug, PartialEq, Eq)]
pub struct Argon {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Hash {
    /// Whether it is that of `password`. Takes as long as it was made to take.
    pub fn matches(&self, password: &[u8]) -> bool {
        match self {
            Hash::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
            Hash::Argon2(hash) => {
                let argon = Argon2::new(hash.algorithm, hash.version, hash.params.clone());
                let mut output = vec![0; hash.output.len()];
                let hashed = argon.hash_password_into(password, &hash.salt, &mut output);
                hashed.is_ok() && output.ct_eq(&hash.output).into()
            }
        }
    }
}

/// Users by name.
#[derive(Debug)]
pub struct Users {
    blind: Blind,
    /// Sorted by the keyed hash of the name.
    tags: Vec<[u8; 32]>,
    hashes: Vec<(Arc<Hash>, [u8; 32])>,
}

/// What is found for a name.
#[derive(Debug)]
pub struct Found<'u> {
    /// The user's hash; for a name that nobody has, some user's.
    pub hash: &'u Arc<Hash>,
    /// What tells the hash from the one that the user had before.
    pub stamp: &'u [u8; 32],
    /// Whether the name is a user's.
    pub is_known: bool,
}

impl Users {
    /// What to hash a password of `name` with. Known or not, it takes the same steps.
    pub fn find(&self, name: &[u8]) -> Found<'_> {
        let tag = self.blind.tag(&[b"user", name]);
        // The last that is not greater, in a number of steps that the file alone decides.
        let (mut at, mut size) = (0, self.tags.len());
        while size > 1 {
            let half = size / 2;
            let is_upper = usize::from(self.tags[at + half] <= tag);
            at += half * is_upper;
            size -= half;
        }
        let (hash, stamp) = &self.hashes[at];
        Found { hash, stamp, is_known: self.tags[at].ct_eq(&tag).into() }
    }

    /// The key of keyed hashes.
    pub fn blind(&self) -> &Blind {
        &self.blind
    }

    /// How many users there are: at least one.
    pub fn count(&self) -> usize {
        self.tags.len()
    }
}

/// Reads a file of users.
///
/// # Errors
/// All lines that are at fault.
pub fn read_users(bytes: &[u8], blind: &Blind) -> Result<Users, Vec<ListFlaw>> {
    let mut flaws = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut users = Vec::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let mut refuse =
            |message: String, fix: &str| flaws.push(ListFlaw { line: number, message, fix: fix.into() });
        let Ok(text) = std::str::from_utf8(line) else {
            refuse("this line is not UTF-8".into(), "write it anew");
            continue;
        };
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let Some((name, hash)) = text.split_once(':').filter(|(name, _)| !name.is_empty()) else {
            refuse("this is not a user".into(), "write NAME:HASH, as `htpasswd -B FILE NAME` does");
            continue;
        };
        match parse(hash) {
            Err((message, fix)) => refuse(format!("the hash of '{name}' {message}"), fix),
            Ok(_) if known.contains_key(name) => {
                refuse(format!("'{name}' stands on line {} already", known[name]), "remove one of the lines");
            }
            Ok(hash) => {
                known.insert(name.to_owned(), index + 1);
                let stamp = blind.tag(&[b"hash", text.as_bytes()]);
                users.push((blind.tag(&[b"user", name.as_bytes()]), (Arc::new(hash), stamp)));
            }
        }
        if flaws.len() >= FLAWS_MAX || users.len() > USERS_MAX {
            break;
        }
    }
    let mut whole =
        |message: &str, fix: &str| flaws.push(ListFlaw { line: 0, message: message.into(), fix: fix.into() });
    if users.is_empty() && known.is_empty() {
        whole("there is no user in this file", "add one with `htpasswd -B FILE NAME`");
    } else if users.len() > USERS_MAX {
        whole("there are more than 100000 users", "split the file");
    }
    if !flaws.is_empty() {
        return Err(flaws);
    }
    users.sort_by_key(|(tag, _)| *tag);
    let (tags, hashes) = users.into_iter().unzip();
    Ok(Users { blind: blind.clone(), tags, hashes })
}

const FIX: &str = "hash the password anew with `htpasswd -B`";

/// Reads a hash; else the rest of a sentence and what to do.
fn parse(text: &str) -> Result<Hash, (String, &'static str)> {
    if ["$2a$", "$2b$", "$2x$", "$2y$"].iter().any(|front| text.starts_with(front)) {
        return bcrypt_hash(text);
    }
    if text.starts_with("$argon2") {
        return argon2_hash(text).ok_or_else(|| ("is not one of Argon2".into(), FIX)).and_then(within);
    }
    let kind = match text {
        _ if text.starts_with("$apr1$") || text.starts_with("$1$") => "is one of MD5",
        _ if text.starts_with("{SHA}") => "is one of SHA-1",
        _ if text.starts_with("$5$") || text.starts_with("$6$") => "is one of crypt",
        _ => "is not one that is supported, or the password itself",
    };
    Err((format!("{kind}, which is not accepted"), FIX))
}

/// All variants but `2x` differ only in name; `2x` marks hashes of a broken program.
fn bcrypt_hash(text: &str) -> Result<Hash, (String, &'static str)> {
    let cost: Option<u32> = text.get(4..6).and_then(|digits| digits.parse().ok());
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/');
    let is_whole = text.len() == 60 && text.as_bytes()[6] == b'$' && text.bytes().skip(7).all(alphabet);
    match cost {
        Some(cost) if is_whole && !text.starts_with("$2x$") => match BCRYPT_COST.contains(&cost) {
            true => Ok(Hash::Bcrypt(format!("$2b${}", &text[4..]))),
            false => Err((format!("costs {cost}, which is not within 4 to 16"), FIX)),
        },
        _ => Err(("is not one of bcrypt".into(), FIX)),
    }
}

/// `$argon2id$v=19$m=65536,t=3,p=4$SALT$HASH`; without `v` it is version 16.
fn argon2_hash(text: &str) -> Option<Argon> {
    let mut parts = text.split('$').skip(1).peekable();
    let algorithm = Algorithm::new(parts.next()?).ok()?;
    let version = match parts.peek()?.strip_prefix("v=") {
        Some(version) => {
            parts.next();
            Version::try_from(version.parse::<u32>().ok()?).ok()?
        }
        None => Version::V0x10,
    };
    let mut costs = parts.next()?.split(',');
    let mut cost = |name: &str| costs.next()?.strip_prefix(name)?.parse::<u32>().ok();
    let (memory, passes, lanes) = (cost("m=")?, cost("t=")?, cost("p=")?);
    let mut bytes = || {
        let text = parts.next()?.trim_end_matches('=').replace('+', "-").replace('/', "_");
        super::base64url::decode(text.as_bytes()).filter(|bytes| !bytes.is_empty())
    };
    let (salt, output) = (bytes()?, bytes()?);
    let params = Params::new(memory, passes, lanes, Some(output.len())).ok()?;
    (costs.next().is_none() && parts.next().is_none() && salt.len() >= 8).then_some(Argon {
        algorithm,
        version,
        params,
        salt,
        output,
    })
}

fn within(hash: Argon) -> Result<Hash, (String, &'static str)> {
    let (memory, passes, lanes) = ARGON2_MAX;
    let params = &hash.params;
    match params.m_cost() <= memory && params.t_cost() <= passes && params.p_cost() <= lanes {
        true => Ok(Hash::Argon2(hash)),
        false => Err((format!("costs more than m={memory},t={passes},p={lanes}"), "hash it anew with less")),
    }
}
