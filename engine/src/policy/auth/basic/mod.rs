//! Name and password (RFC 7617) against a file of password hashes. Deciding is pure and quick; the hash, made to take
//! long, is handed out as [`Work`] for a thread off the shards, and its answer brought back. A name that nobody has
//! costs the same hash, that of a user its keyed hash picks, and comes to nothing. A password that was right is
//! remembered for a while by a keyed hash, so that a client who sends it with each request pays once.

mod htpasswd;
mod remembered;
#[cfg(test)]
mod tests;

pub use htpasswd::{Hash, Users, read_users};
pub use remembered::Remembered;

use super::denial::{Challenge, Denial};
use super::flaw::Flaw;
use super::principal::{Marks, Method, Principal};
use super::registry::{Blind, Registry};
use super::{Outcome, base64url, document::Value, source};
use crate::config::policy::Basic as Given;
use crate::config::read::Source;
use crate::wire::head::Head;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of name and password at most: what is longer is not hashed.
const CREDENTIALS_BYTES_MAX: usize = 1024;

/// A policy that asks for name and password.
#[derive(Debug)]
pub struct Basic {
    users: Arc<Users>,
    file: PathBuf,
    remember_ms: u64,
    challenge: Challenge,
}

/// A password to hash: what takes long. Holds all that it needs, to be sent to another thread.
pub struct Work {
    hash: Arc<Hash>,
    password: Box<[u8]>,
    /// Whether the name is a user's: the hash of another is as good as none.
    is_user: bool,
    /// What to remember if the password is right.
    tag: [u8; 32],
}

/// Never shows the password.
impl std::fmt::Debug for Work {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Work(..)")
    }
}

/// What became of a [`Work`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    tag: [u8; 32],
    is_right: bool,
}

impl Work {
    /// Hashes the password: tens to hundreds of milliseconds of one CPU.
    pub fn run(self) -> Verified {
        let matches = self.hash.matches(&self.password);
        Verified { tag: self.tag, is_right: matches & self.is_user }
    }
}

impl Basic {
    /// Compiles `given`; notes what is wrong with it.
    pub fn compile(
        given: &Given,
        files: &mut dyn Source,
        blind: &Blind,
        flaws: &mut Vec<Flaw>,
    ) -> Option<Basic> {
        let path = &given.users_file.0;
        let bytes = files.read(path).map_err(|why| {
            let message = format!("'{}' cannot be read: {why}", path.display());
            flaws.push(Flaw::at("users_file", message, "give the path of a file that `htpasswd -B` wrote"));
        });
        let users =
            read_users(&bytes.ok()?, blind).map_err(|found| {
                flaws.extend(found.into_iter().map(|flaw| {
                    Flaw::in_file("users_file", path, flaw.line as usize, flaw.message, flaw.fix)
                }));
            });
        Some(Basic {
            users: Arc::new(users.ok()?),
            file: path.clone(),
            remember_ms: u64::try_from(given.remember.0.as_millis()).unwrap_or(u64::MAX),
            challenge: Challenge::basic(&given.realm),
        })
    }

    /// The same policy with other users, as when their file has changed. What was remembered of a user whose hash is
    /// another now no longer counts.
    pub fn with_users(&self, users: Arc<Users>) -> Basic {
        Basic {
            users,
            file: self.file.clone(),
            remember_ms: self.remember_ms,
            challenge: self.challenge.clone(),
        }
    }

    /// Decides by the name and password of the request. `verified` is what became of the [`Work`] that an earlier call
    /// for the same request handed out. The principal is about nobody unless the outcome is [`Outcome::Known`].
    pub fn decide(
        &self,
        head: Head<'_>,
        unix_ms: u64,
        verified: Option<Verified>,
        registry: &Registry,
        remembered: &mut Remembered,
        principal: &mut Principal,
    ) -> Outcome {
        principal.clear();
        let encoded = match source::credentials(head, b"basic") {
            Ok(Some(encoded)) => encoded,
            Ok(None) => return Outcome::Absent,
            Err(denial) => return Outcome::Denied(denial),
        };
        let mut room = [0; CREDENTIALS_BYTES_MAX];
        let Some((name, password)) = credentials(encoded, &mut room) else {
            return Outcome::Denied(Denial::Malformed);
        };
        let user = self.users.find(name);
        let tag = self.users.blind().tag(&[name, password, user.stamp]);
        let is_right = match verified.filter(|verified| verified.tag == tag) {
            Some(verified) => {
                if verified.is_right {
                    remembered.keep(tag, unix_ms.saturating_add(self.remember_ms));
                }
                verified.is_right
            }
            None if remembered.has(&tag, unix_ms) => true,
            None => {
                let (hash, is_user) = (user.hash.clone(), user.is_known);
                return Outcome::Verify(Work { hash, password: password.into(), is_user, tag });
            }
        };
        if !is_right {
            return Outcome::Denied(Denial::Password);
        }
        admit(name, &tag, registry, principal);
        Outcome::Known
    }

    /// What a caller without name and password is asked for.
    pub fn challenge(&self) -> &Challenge {
        &self.challenge
    }

    /// The file of users.
    pub fn users_file(&self) -> &Path {
        &self.file
    }
}

/// Lets the user in: as the consumer of that name where there is one, else with the name alone.
fn admit(name: &[u8], tag: &[u8; 32], registry: &Registry, principal: &mut Principal) {
    if let Some(consumer) = registry.named(name) {
        principal.copy_from(consumer.principal());
        principal.set_method(Method::Basic);
    } else {
        // The reader needs JSON; the name was UTF-8 without control characters.
        let text = principal.claims_mut().room();
        text.extend_from_slice(b"{\"sub\":\"");
        for byte in name {
            if matches!(byte, b'"' | b'\\') {
                text.push(b'\\');
            }
            text.push(*byte);
        }
        text.extend_from_slice(b"\"}");
        let parsed = principal.claims_mut().parse();
        debug_assert!(parsed.is_ok(), "a name without control characters is a string");
        let subject = principal.claims().member(b"sub").map(Value::place);
        principal.admit(Method::Basic, Marks { subject, ..Marks::default() });
    }
    principal.set_credential(tag);
}

/// Name and password; the name ends at the first colon (RFC 7617 §2). None if they are not UTF-8, too long, or hold
/// control characters, which no file of users can name.
fn credentials<'r>(
    encoded: &[u8],
    room: &'r mut [u8; CREDENTIALS_BYTES_MAX],
) -> Option<(&'r [u8], &'r [u8])> {
    let len = standard_into(encoded, room)?;
    let text = std::str::from_utf8(&room[..len]).ok()?;
    if text.chars().any(char::is_control) {
        return None;
    }
    let (name, password) = text.split_once(':')?;
    Some((name.as_bytes(), password.as_bytes()))
}

/// Decodes standard base64 (RFC 4648 §4). Padding may be left out, as some clients do, but must be right if it is there.
fn standard_into(encoded: &[u8], room: &mut [u8; CREDENTIALS_BYTES_MAX]) -> Option<usize> {
    let bare = encoded.strip_suffix(b"=").map_or(encoded, |rest| rest.strip_suffix(b"=").unwrap_or(rest));
    let is_padded = bare.len() < encoded.len();
    if is_padded && !encoded.len().is_multiple_of(4) || bare.len() > CREDENTIALS_BYTES_MAX {
        return None;
    }
    let mut letters = [0; CREDENTIALS_BYTES_MAX];
    for (letter, byte) in letters.iter_mut().zip(bare) {
        *letter = match byte {
            b'+' => b'-',
            b'/' => b'_',
            b'-' | b'_' => return None,
            other => *other,
        };
    }
    base64url::decode_into(&letters[..bare.len()], room)
}
