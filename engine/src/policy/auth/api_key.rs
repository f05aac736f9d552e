//! Keys of consumers, from a field, a cookie or a query parameter. What a key is and how it is found without telling
//! about others stands in `registry`.

use super::Outcome;
use super::denial::{Challenge, Denial};
use super::flaw::Flaw;
use super::jwt::place;
use super::principal::Principal;
use super::registry::{Entry, Registry, read_list};
use super::source::{Place, percent_decoded};
use crate::config::policy::ApiKey as Given;
use crate::config::read::Source;
use crate::wire::head::Head;

/// Bytes of a key at most: longer ones are not hashed.
const KEY_BYTES_MAX: usize = 1024;

/// A policy that asks for a key.
#[derive(Debug)]
pub struct ApiKey {
    place: Place,
    challenge: Challenge,
}

impl ApiKey {
    /// Compiles `given`; notes what is wrong with it. The entries are those of its registry file.
    pub fn compile(
        given: &Given,
        files: &mut dyn Source,
        flaws: &mut Vec<Flaw>,
    ) -> Option<(ApiKey, Vec<Entry>)> {
        let before = flaws.len();
        let place = place(given.header.as_deref(), given.cookie.as_deref(), given.query.as_deref());
        let place = place.map_err(|(message, fix)| flaws.push(Flaw::at("", message, fix))).ok();
        let mut entries = Vec::new();
        if let Some(path) = &given.registry {
            match files.read(&path.0).map(|bytes| read_list(&bytes)) {
                Err(why) => {
                    let message = format!("'{}' cannot be read: {why}", path.0.display());
                    flaws.push(Flaw::at("registry", message, "give the path of a registry file"));
                }
                Ok(Err(found)) => flaws.extend(found.into_iter().map(|flaw| {
                    Flaw::in_file("registry", &path.0, flaw.line as usize, flaw.message, flaw.fix)
                })),
                Ok(Ok(found)) => entries = found,
            }
        }
        let place = place.filter(|_| flaws.len() == before)?;
        let (kind, name) = place.told();
        let challenge = Challenge::api_key(&given.realm, kind, &String::from_utf8_lossy(name));
        Some((ApiKey { place, challenge }, entries))
    }

    /// Decides by the key of the request. The principal is about nobody unless the outcome is [`Outcome::Known`].
    pub fn decide(&self, head: Head<'_>, registry: &Registry, principal: &mut Principal) -> Outcome {
        principal.clear();
        let key = match self.place.find(head) {
            Ok(Some(key)) => key,
            Ok(None) => return Outcome::Absent,
            Err(denial) => return Outcome::Denied(denial),
        };
        let mut room = [0; KEY_BYTES_MAX];
        let Some(key) = self.plain(key, &mut room) else { return Outcome::Denied(Denial::Malformed) };
        // Both outcomes are made before either is chosen, and by a place, not by a branch that would be guessed.
        let mut outcomes = [Outcome::Denied(Denial::ApiKey), Outcome::Known];
        let chosen = usize::from(registry.find(key, principal));
        std::mem::replace(&mut outcomes[chosen], Outcome::Absent)
    }

    /// The key as it was handed out: of a query parameter, percent-decoded. None if it is none.
    fn plain<'k>(&self, key: &'k [u8], room: &'k mut [u8; KEY_BYTES_MAX]) -> Option<&'k [u8]> {
        if key.len() > KEY_BYTES_MAX {
            return None;
        }
        match self.place {
            Place::Query(_) if key.contains(&b'%') => percent_decoded(key, room),
            // A key is a text of its own here, not a token of RFC 6750.
            _ => Some(key),
        }
    }

    /// Where the key is looked for.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What a caller without a key is asked for.
    pub fn challenge(&self) -> &Challenge {
        &self.challenge
    }
}
