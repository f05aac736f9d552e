//! `ringgate token`: a signed token for trying things out, from a secret and claims as they are typed.

mod arguments;

pub use arguments::{command, made};

use crate::config::read::decode::Scalar;
use crate::config::units::Period;
use crate::policy::auth::jwt::mint;
use crate::policy::auth::keys::Algorithm;
use serde_json::{Map, Value};
use std::path::Path;

/// Where the secret is.
#[derive(Debug)]
pub enum Secret<'a> {
    /// Here.
    Text(&'a str),
    /// In a file; as with `${file:PATH}` one line end at its end is dropped.
    File(&'a Path),
    /// In an environment variable.
    Env(&'a str),
}

/// What the token shall say.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// Its algorithm.
    pub algorithm: &'a str,
    /// The id of its key.
    pub key_id: Option<&'a str>,
    /// Whom it is about.
    pub subject: Option<&'a str>,
    /// Claims, each `NAME=VALUE`; the value is JSON, or else a text.
    pub claims: Vec<&'a str>,
    /// How long it is good: a duration, or `never`.
    pub expires: &'a str,
}

/// The token, signed at `unix_s`, in seconds since 1970.
///
/// # Errors
/// What is wrong, as a sentence without its end.
pub fn token(secret: &Secret<'_>, wanted: &Wanted<'_>, unix_s: u64) -> Result<String, String> {
    let secret = match secret {
        Secret::Text(text) => text.as_bytes().to_vec(),
        Secret::File(path) => {
            let bytes = std::fs::read(path).map_err(|error| format!("'{}': {error}", path.display()))?;
            let bare = bytes.strip_suffix(b"\n").map(|bytes| bytes.strip_suffix(b"\r").unwrap_or(bytes));
            bare.unwrap_or(&bytes).to_vec()
        }
        Secret::Env(name) => match std::env::var_os(name) {
            Some(value) => std::os::unix::ffi::OsStringExt::into_vec(value),
            None => return Err(format!("the environment has no '{name}'")),
        },
    };
    let algorithm = Algorithm::named(wanted.algorithm.as_bytes())
        .ok_or_else(|| format!("'{}' is not HS256, HS384 or HS512", wanted.algorithm))?;
    mint(&secret, algorithm, wanted.key_id, &Value::Object(claims(wanted, unix_s)?).to_string())
}

fn claims(wanted: &Wanted<'_>, unix_s: u64) -> Result<Map<String, Value>, String> {
    let mut claims = Map::new();
    claims.extend(wanted.subject.map(|subject| ("sub".to_owned(), subject.into())));
    claims.insert("iat".into(), unix_s.into());
    if wanted.expires != "never" {
        let period = Period::parse(wanted.expires)
            .map_err(|_| format!("'{}' is not a duration: {}, or never", wanted.expires, Period::FORM))?;
        claims.insert("exp".into(), unix_s.saturating_add(period.0.as_secs()).into());
    }
    for claim in &wanted.claims {
        let Some((name, value)) = claim.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(format!("'{claim}' is not NAME=VALUE"));
        };
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        claims.insert(name.to_owned(), value);
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::auth::base64url;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn wanted<'a>(claims: &[&'a str], expires: &'a str) -> Wanted<'a> {
        Wanted { algorithm: "HS256", key_id: None, subject: Some("ann"), claims: claims.to_vec(), expires }
    }

    fn payload(token: &str) -> Value {
        let payload = token.split('.').nth(1).expect("has three parts");
        let bytes = base64url::decode(payload.as_bytes()).expect("is base64url");
        serde_json::from_slice(&bytes).expect("is JSON")
    }

    #[test]
    fn claims_are_json_or_texts_and_the_token_expires() {
        let given = ["scope=a b", "n=7", r#"roles=["x"]"#, "iat=5", "iss=https://id/?a=b"];
        let token = token(&Secret::Text(SECRET), &wanted(&given, "90m"), 1000).expect("is minted");
        let expected = serde_json::json!({
            "sub": "ann", "iat": 5, "exp": 6400, "scope": "a b", "n": 7, "roles": ["x"], "iss": "https://id/?a=b",
        });
        assert_eq!(payload(&token), expected);
        let never = super::token(&Secret::Text(SECRET), &wanted(&[], "never"), 1000).expect("is minted");
        assert_eq!(payload(&never), serde_json::json!({ "sub": "ann", "iat": 1000 }));
    }

    #[test]
    fn what_cannot_be_signed_is_told() {
        let text = Secret::Text(SECRET);
        for (secret, wanted, part) in [
            (&text, wanted(&["x"], "1h"), "'x' is not NAME=VALUE"),
            (&text, wanted(&[], "1"), "not a duration"),
            (&text, Wanted { algorithm: "RS256", ..wanted(&[], "1h") }, "private key"),
            (&text, Wanted { algorithm: "none", ..wanted(&[], "1h") }, "'none' is not"),
            (&text, Wanted { algorithm: "HS512", ..wanted(&[], "1h") }, "64 bytes"),
            (&Secret::Text("short"), wanted(&[], "1h"), "too short"),
            (&Secret::Env("RINGGATE_NO_SUCH_VARIABLE"), wanted(&[], "1h"), "has no"),
            (&Secret::File(Path::new("no/such/file")), wanted(&[], "1h"), "no/such/file"),
        ] {
            let why = token(secret, &wanted, 1000).expect_err(part);
            assert!(why.contains(part) && !why.contains(SECRET), "{why}");
        }
    }
}
