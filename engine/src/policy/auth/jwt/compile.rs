//! The section `jwt` → a policy, or all that is wrong with it: algorithms that no key serves, keys that are none, ways
//! to claims that lead nowhere. Reads its files through the lent [`Source`], so that it opens nothing itself.

use super::super::denial::Challenge;
use super::super::flaw::Flaw;
use super::super::keys::{
    Algorithm, Algorithms, Key, KeyAddress, KeySet, PemFlaw, Trust, key_set, public_keys,
};
use super::super::principal::ClaimPath;
use super::super::source::Place;
use super::claims::Rules;
use super::{Jwt, Keys};
use crate::config::Severity;
use crate::config::policy::{From as GivenPlace, Jwt as Given};
use crate::config::read::Source;
use crate::config::values::{FilePath, Named};
use crate::wire::field::{Field, FieldSet};
use crate::wire::token::is_token;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What `max_token_bytes` may be: shorter ones hold no token, longer ones pass no head.
const TOKEN_BYTES: std::ops::RangeInclusive<u64> = 128..=64 * 1024;
/// Clocks that differ by more are worth a warning.
const LEEWAY_USUAL: Duration = Duration::from_secs(600);

/// Compiles `given`; notes what is wrong with it. Gives nothing if that refuses it.
pub fn compile(given: &Given, files: &mut dyn Source, flaws: &mut Vec<Flaw>) -> Option<Jwt> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let before = flaws.len();
    let algorithms = algorithms(given, flaws);
    let keys = keys(given, files, flaws);
    if let (Some(algorithms), Some(keys)) = (algorithms, &keys) {
        fit(given, algorithms, keys, flaws);
    }
    let from = places("from", &given.from, flaws);
    let from = if given.from.is_empty() { vec![Place::Bearer] } else { from };
    let bytes_max = given.max_token_bytes.0;
    if !TOKEN_BYTES.contains(&bytes_max) {
        let fix = format!("write {}B to {}KiB", TOKEN_BYTES.start(), TOKEN_BYTES.end() / 1024);
        flaws.push(Flaw::at("max_token_bytes", "no token fits this bound, or no head would", fix));
    }
    let rules = rules(given, flaws);
    let consumer = given.consumer_claim.as_ref().and_then(|text| path("consumer_claim", None, text, flaws));
    let forward = forward(&given.forward, flaws);
    let is_refused = flaws[before..].iter().any(|flaw| flaw.severity == Severity::Error);
    let jwt = Jwt {
        id: NEXT.fetch_add(1, Ordering::Relaxed),
        given: given.clone(),
        from: from.into(),
        algorithms: algorithms?,
        keys: keys?,
        typ: given.typ.as_deref().map(Into::into),
        token_bytes_max: usize::try_from(bytes_max).unwrap_or(usize::MAX),
        rules,
        consumer,
        challenge: Challenge::bearer(&given.realm),
        forward,
    };
    (!is_refused).then_some(jwt)
}

fn algorithms(given: &Given, flaws: &mut Vec<Flaw>) -> Option<Algorithms> {
    let mut set = Algorithms::default();
    let before = flaws.len();
    for (index, name) in given.algorithms.iter().enumerate() {
        match Algorithm::named(name.as_bytes()) {
            Some(algorithm) if set.has(algorithm) => {
                flaws.push(Flaw::at_item(
                    "algorithms",
                    index,
                    format!("'{name}' stands here twice"),
                    "remove one",
                ));
            }
            Some(algorithm) => set = set.or(Algorithms::of(&[algorithm])),
            None if name.eq_ignore_ascii_case("none") => {
                let message = "'none' would let in whoever writes a token";
                flaws.push(Flaw::at_item("algorithms", index, message, "name the algorithm of your key"));
            }
            None => {
                let upper = Algorithm::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name));
                let fix = match upper {
                    Some(meant) => format!("did you mean '{}'?", meant.name()),
                    None => format!("supported: {}", Algorithms::ALL),
                };
                flaws.push(Flaw::at_item(
                    "algorithms",
                    index,
                    format!("there is no algorithm '{name}'"),
                    fix,
                ));
            }
        }
    }
    if given.algorithms.is_empty() {
        let fix = format!("name those of your keys, of {}", Algorithms::ALL);
        flaws.push(Flaw::at("algorithms", "no algorithm is accepted", fix));
    }
    (flaws.len() == before).then_some(set)
}

fn keys(given: &Given, files: &mut dyn Source, flaws: &mut Vec<Flaw>) -> Option<Keys> {
    let sources =
        [given.secret.is_some(), given.key_file.is_some(), given.jwks_file.is_some(), given.jwks.is_some()];
    if sources.iter().filter(|given| **given).count() != 1 {
        let message = "a policy of tokens needs exactly one source of keys";
        flaws.push(Flaw::at("", message, "give one of 'secret', 'key_file', 'jwks_file' and 'jwks'"));
        return None;
    }
    if given.jwks_insecure && given.jwks.is_none() {
        let message = "'jwks_insecure' says nothing without 'jwks'";
        flaws.push(Flaw::at("jwks_insecure", message, "remove it").warning());
    }
    if let Some(secret) = &given.secret {
        return from_secret(secret.0.as_bytes(), flaws);
    }
    if let Some(path) = &given.key_file {
        let text = file("key_file", path, files, flaws)?;
        let parsed = public_keys(&text);
        let note = |flaw: PemFlaw| {
            flaws.push(Flaw::in_file("key_file", &path.0, flaw.line, flaw.message, flaw.fix));
        };
        return parsed.map_err(note).ok().map(|keys| Keys::Fixed(Arc::new(KeySet::new(keys))));
    }
    if let Some(path) = &given.jwks_file {
        return from_set(path, files, flaws);
    }
    let text = given.jwks.as_deref().unwrap_or_default();
    let address = match KeyAddress::parse(text) {
        Ok(address) => address,
        Err(why) => {
            let fix = "write https://HOST/PATH; for a file there is 'jwks_file'";
            flaws.push(Flaw::at("jwks", format!("'{text}' {why}"), fix));
            return None;
        }
    };
    if !address.is_https && !address.is_here() && !given.jwks_insecure {
        let message =
            "keys that are fetched without TLS can be replaced on their way, and with them who may sign";
        let fix = "use https://, or say 'jwks_insecure: true' where nobody else is on the way";
        flaws.push(Flaw::at("jwks", message, fix));
    }
    Some(Keys::Fetched(address))
}

fn from_secret(secret: &[u8], flaws: &mut Vec<Flaw>) -> Option<Keys> {
    // Whoever configures this lets in everyone who has the public key (RFC 8725 §2.1).
    if secret.trim_ascii_start().starts_with(b"-----BEGIN") {
        let message = "this secret is a PEM file, which is no secret if it is a public key";
        flaws.push(Flaw::at("secret", message, "name the file as 'key_file'"));
        return None;
    }
    let fix = "make one with `openssl rand -base64 48`";
    let note = |message| flaws.push(Flaw::at("secret", message, fix));
    Key::secret(secret).map_err(note).ok().map(|key| Keys::Fixed(Arc::new(KeySet::new(vec![key]))))
}

fn from_set(path: &FilePath, files: &mut dyn Source, flaws: &mut Vec<Flaw>) -> Option<Keys> {
    let text = file("jwks_file", path, files, flaws)?;
    match key_set(&text, Trust::File) {
        Ok((set, skipped)) => {
            for skipped in skipped {
                let fix = match skipped.is_taken {
                    true => "whoever reads this file can sign tokens; keep the public half only",
                    false => "tokens of that key are refused; remove it to be rid of this warning",
                };
                flaws.push(Flaw::in_file("jwks_file", &path.0, 0, skipped.to_string(), fix).warning());
            }
            Some(Keys::Fixed(Arc::new(set)))
        }
        Err((offset, message)) => {
            let fix = "write { \"keys\": [ { \"kty\": ... } ] } (RFC 7517)";
            flaws.push(Flaw::in_file("jwks_file", &path.0, 1, message, fix).offset(&text, offset));
            None
        }
    }
}

fn file(
    key: &'static str,
    path: &FilePath,
    files: &mut dyn Source,
    flaws: &mut Vec<Flaw>,
) -> Option<Vec<u8>> {
    let note = |why: String| {
        let message = format!("'{}' cannot be read: {why}", path.0.display());
        flaws.push(Flaw::at(key, message, "give the path of a file that the gateway may read"));
    };
    files.read(&path.0).map_err(note).ok()
}

/// Each algorithm has a key that serves it: one that has none would never let anybody in, and what was meant is
/// probably another key.
fn fit(given: &Given, algorithms: Algorithms, keys: &Keys, flaws: &mut Vec<Flaw>) {
    let served = match keys {
        Keys::Fixed(keys) => keys.algorithms(),
        Keys::Fetched(_) => Algorithms::ALL,
    };
    for (index, name) in given.algorithms.iter().enumerate() {
        let Some(algorithm) = Algorithm::named(name.as_bytes()) else { continue };
        let (message, fix) = match keys {
            Keys::Fetched(_) if algorithm.is_symmetric() => {
                let fix = "use an algorithm with a public key, or 'secret'".to_owned();
                (format!("{name} needs a secret, and one that is fetched is none"), fix)
            }
            _ if served.has(algorithm) => continue,
            _ if algorithm.is_symmetric() && given.secret.is_some() => {
                let bytes = if algorithm == Algorithm::Hs384 { 48 } else { 64 };
                let fix = format!("lengthen it (`openssl rand -base64 {bytes}`), or accept {served}");
                (format!("{name} takes a secret of {bytes} bytes or more (RFC 7518 §3.2)"), fix)
            }
            _ => {
                let fix = format!("the keys given serve {served}");
                (format!("{name} is accepted, but no key serves it"), fix)
            }
        };
        flaws.push(Flaw::at_item("algorithms", index, message, fix));
    }
    debug_assert!(!algorithms.is_empty(), "a list without algorithms was refused");
}

fn rules(given: &Given, flaws: &mut Vec<Flaw>) -> Rules {
    let leeway = given.leeway.0;
    if leeway > LEEWAY_USUAL {
        let message = "tokens are accepted long after their end";
        flaws.push(Flaw::at("leeway", message, "a leeway of 60s makes good for most clocks").warning());
    }
    let texts = |list: &[String]| list.iter().map(|text| text.as_bytes().into()).collect();
    let audiences = given.audience.as_ref().map_or_else(Vec::new, |list| texts(&list.0));
    for (key, list) in [("issuer", &given.issuer), ("audience", &given.audience)] {
        if list.iter().any(|list| list.0.iter().any(String::is_empty)) {
            let message = format!("an empty '{key}' is that of no token");
            flaws.push(Flaw::at(key, message, "write it as the tokens have it, or remove it"));
        }
    }
    if given.any_audience && !audiences.is_empty() {
        let message = "'any_audience' says that the audience does not matter, and 'audience' which it is";
        flaws.push(Flaw::at("any_audience", message, "keep one of them"));
    }
    let mut paths = |key: &'static str, list: &[String], default: &[&str]| -> Vec<ClaimPath> {
        let given = list.iter().map(String::as_str);
        let texts: Vec<&str> = if list.is_empty() { default.to_vec() } else { given.collect() };
        texts.iter().enumerate().filter_map(|(index, text)| path(key, Some(index), text, flaws)).collect()
    };
    Rules {
        issuers: given.issuer.as_ref().map_or_else(Vec::new, |list| texts(&list.0)),
        audiences,
        any_audience: given.any_audience,
        leeway_ms: i64::try_from(leeway.as_millis()).unwrap_or(i64::MAX),
        require_exp: given.require_exp,
        nulls_say_nothing: false,
        required: paths("require_claims", &given.require_claims, &[]),
        scopes: paths("scope_claims", &given.scope_claims, &["scope", "scp"]),
        roles: paths("role_claims", &given.role_claims, &["roles"]),
    }
}

pub(in super::super) fn path(
    key: &'static str,
    item: Option<usize>,
    text: &str,
    flaws: &mut Vec<Flaw>,
) -> Option<ClaimPath> {
    let note = |why| {
        let message = format!("'{text}' {why}");
        let fix = "write the names of claims with dots between, such as realm_access.roles";
        flaws.push(match item {
            Some(item) => Flaw::at_item(key, item, message, fix),
            None => Flaw::at(key, message, fix),
        });
    };
    ClaimPath::new(text).map_err(note).ok()
}

/// Places of a request, each given by one key.
pub(in super::super) fn places(key: &'static str, given: &[GivenPlace], flaws: &mut Vec<Flaw>) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for (index, from) in given.iter().enumerate() {
        let place = match place(from.header.as_deref(), from.cookie.as_deref(), from.query.as_deref()) {
            Ok(place) => place,
            Err((message, fix)) => {
                flaws.push(Flaw::at_item(key, index, message, fix));
                continue;
            }
        };
        if places.contains(&place) {
            flaws.push(Flaw::at_item(key, index, "this place stands here twice", "remove one"));
        }
        places.push(place);
    }
    places
}

/// Fields in which no client can send what it is known by: those of the connection and of the framing, and the list of cookies.
const OF_THE_MESSAGE: FieldSet = FieldSet::HOP_BY_HOP
    .with(Field::HOST)
    .with(Field::CONTENT_LENGTH)
    .with(Field::EXPECT)
    .with(Field::COOKIE);

/// The place that one of three keys gives.
pub(in super::super) fn place(
    header: Option<&str>,
    cookie: Option<&str>,
    query: Option<&str>,
) -> Result<Place, (String, &'static str)> {
    let fix = "give one of 'header', 'cookie' and 'query'";
    let (name, place) = match (header, cookie, query) {
        (Some(name), None, None) => (name, Place::field(name)),
        (None, Some(name), None) => (name, Place::Cookie(name.as_bytes().into())),
        (None, None, Some(name)) => (name, Place::Query(name.as_bytes().into())),
        (None, None, None) => return Err(("no place of the request is named".into(), fix)),
        _ => return Err(("more than one place of the request is named".into(), fix)),
    };
    if !is_token(name.as_bytes()) || query.is_some() && name.contains(['%', '&', '+', '#']) {
        return Err((format!("'{name}' is not a name"), "use letters, digits, '-' and '_'"));
    }
    if header.is_some() && OF_THE_MESSAGE.contains(Field::of(name.as_bytes())) {
        let message = format!("'{name}' says how a request comes, and holds no credentials");
        return Err((message, "name a field of its own, such as X-API-Key"));
    }
    Ok(place)
}

pub(in super::super) fn forward(
    given: &Named<String>,
    flaws: &mut Vec<Flaw>,
) -> Box<[(ClaimPath, Box<str>)]> {
    let mut forward: Vec<(ClaimPath, Box<str>)> = Vec::new();
    for (claim, field) in &given.0 {
        if !is_token(field.as_bytes()) {
            let message = format!("'{field}' is not a field's name");
            flaws.push(Flaw::at("forward", message, "use letters, digits and '-', such as X-User-Id"));
        }
        if forward.iter().any(|(_, known)| known.eq_ignore_ascii_case(field)) {
            let message = format!("two claims would be sent as '{field}'");
            flaws.push(Flaw::at("forward", message, "give each a field of its own"));
        }
        if let Some(path) = path("forward", None, claim, flaws) {
            forward.push((path, field.as_str().into()));
        }
    }
    forward.into()
}
