//! The header of a token (RFC 7515 §4): which algorithm, which key. It is the sender's word, so nothing in it is followed
//! but the choice among the keys that are here: `jku`, `jwk`, `x5u` and `x5c` mean nothing (RFC 8725 §3.10).
//! Tokens of one issuer share their header; the last one that belonged to a good token is remembered and compared as it
//! was written, which saves its parse.

use super::super::base64url;
use super::super::denial::Denial;
use super::super::document::{Document, Kind, Value};
use super::super::keys::Algorithm;

/// Bytes of a header at most, as written; with a chain of certificates in it, it may be long.
const HEADER_BYTES_MAX: usize = 8 * 1024;
/// Headers longer than this are not remembered.
const REMEMBERED_BYTES_MAX: usize = 512;

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'h> {
    /// Its algorithm, which is one that is accepted somewhere, not necessarily here.
    pub algorithm: Algorithm,
    /// The key that it names.
    pub key: Option<&'h [u8]>,
}

/// A shard's memory of headers, and the room to parse one.
#[derive(Debug, Default)]
pub struct Headers {
    document: Document,
    /// As written, of a token that was good.
    remembered: Vec<u8>,
    algorithm: Option<Algorithm>,
    has_key: bool,
    key: Vec<u8>,
}

impl Headers {
    /// What the header `text` says, of a token whose `typ` must be `typ`.
    ///
    /// # Errors
    /// It is not one that is understood and wanted.
    #[inline]
    pub fn read(&mut self, text: &[u8], typ: Option<&str>) -> Result<Header<'_>, Denial> {
        match self.algorithm {
            Some(algorithm) if self.remembered == text => {
                Ok(Header { algorithm, key: self.has_key.then_some(&self.key[..]) })
            }
            _ => parse(&mut self.document, text, typ),
        }
    }

    /// Remembers `text`, which [`Headers::read`] has read and which belonged to a good token: a bad one could
    /// otherwise push the good one out.
    #[inline]
    pub fn remember(&mut self, text: &[u8]) {
        if self.remembered != text && text.len() <= REMEMBERED_BYTES_MAX {
            self.learn(text);
        }
    }

    fn learn(&mut self, text: &[u8]) {
        let algorithm = self.document.member(b"alg").and_then(Value::string).and_then(Algorithm::named);
        let key = self.document.member(b"kid").and_then(Value::string);
        self.has_key = key.is_some();
        self.key.clear();
        self.key.extend_from_slice(key.unwrap_or_default());
        self.remembered.clear();
        self.remembered.extend_from_slice(text);
        self.algorithm = algorithm;
    }

    /// Forgets what it remembers.
    pub fn clear(&mut self) {
        self.algorithm = None;
        self.remembered.clear();
    }
}

fn parse<'d>(document: &'d mut Document, text: &[u8], typ: Option<&str>) -> Result<Header<'d>, Denial> {
    if text.len() > HEADER_BYTES_MAX {
        return Err(Denial::TooLong);
    }
    base64url::decode_onto(text, document.room()).ok_or(Denial::Encoding)?;
    document.parse().map_err(|_| Denial::Header)?;
    let root = document.root().filter(|root| root.kind() == Kind::Object).ok_or(Denial::Header)?;
    let text = |name: &str| match root.member(name.as_bytes()) {
        None => Ok(None),
        Some(value) => value.string().map(Some).ok_or(Denial::Header),
    };
    if root.member(b"enc").is_some() {
        return Err(Denial::Encrypted);
    }
    // None of its extensions is understood here, and a `b64` that is not marked as one is as bad (RFC 7797 §6).
    if root.member(b"crit").is_some() || root.member(b"b64").is_some() {
        return Err(Denial::Critical);
    }
    let algorithm = text("alg")?.ok_or(Denial::Header)?;
    let algorithm = Algorithm::named(algorithm).ok_or(Denial::Algorithm)?;
    if !is_type(text("typ")?, typ) {
        return Err(Denial::Type);
    }
    Ok(Header { algorithm, key: text("kid")? })
}

/// Whether a token that says it is of type `found` is wanted. Unless one is asked for, it is a plain token or an access
/// token (RFC 9068 §2.1): other types are kinds of tokens that are not meant to let anybody in (RFC 8725 §3.11).
fn is_type(found: Option<&[u8]>, wanted: Option<&str>) -> bool {
    // `application/` may be left out (RFC 7515 §4.1.9); media types have no case.
    let bare = |name: &'_ [u8]| -> usize {
        let prefix = b"application/";
        let has = name.get(..prefix.len()).is_some_and(|front| front.eq_ignore_ascii_case(prefix));
        if has { prefix.len() } else { 0 }
    };
    let is = |found: &[u8], wanted: &[u8]| found[bare(found)..].eq_ignore_ascii_case(&wanted[bare(wanted)..]);
    match (found, wanted) {
        (None, wanted) => wanted.is_none(),
        (Some(found), Some(wanted)) => is(found, wanted.as_bytes()),
        (Some(found), None) => is(found, b"JWT") || is(found, b"at+jwt"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(json: &str) -> Vec<u8> {
        let mut text = Vec::new();
        base64url::encode_onto(json.as_bytes(), &mut text);
        text
    }

    fn check(json: &str, typ: Option<&str>, expected: Result<(Algorithm, Option<&str>), Denial>) {
        let mut headers = Headers::default();
        let text = encoded(json);
        let expected = expected.map(|(algorithm, key)| Header { algorithm, key: key.map(str::as_bytes) });
        assert_eq!(headers.read(&text, typ), expected, "{json}");
        // A remembered header says the same.
        if expected.is_ok() {
            headers.remember(&text);
            assert_eq!(headers.read(&text, typ), expected, "{json}");
        }
    }

    #[test]
    fn a_header_names_algorithm_and_key() {
        check(r#"{"alg":"HS256"}"#, None, Ok((Algorithm::Hs256, None)));
        check(
            r#"{"typ":"JWT","alg":"EdDSA","kid":"a","x5c":["x"]}"#,
            None,
            Ok((Algorithm::EdDsa, Some("a"))),
        );
        check(r#"{"alg":"RS256","kid":""}"#, None, Ok((Algorithm::Rs256, Some(""))));
        check(r#"{"\u0061lg":"RS256"}"#, None, Ok((Algorithm::Rs256, None)));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (json, denial) in [
            (r#"{"alg":"none"}"#, Denial::Algorithm),
            (r#"{"alg":"hs256"}"#, Denial::Algorithm),
            (r#"{"alg":["HS256"]}"#, Denial::Header),
            (r#"{"alg":"HS256","alg":"none"}"#, Denial::Header),
            (r#"{"typ":"JWT"}"#, Denial::Header),
            (r#"["HS256"]"#, Denial::Header),
            (r#"{"alg":"HS256","kid":7}"#, Denial::Header),
            (r#"{"alg":"HS256","typ":null}"#, Denial::Header),
            (r#"{"alg":"HS256","crit":["exp"]}"#, Denial::Critical),
            (r#"{"alg":"HS256","crit":[]}"#, Denial::Critical),
            (r#"{"alg":"HS256","b64":false}"#, Denial::Critical),
            (r#"{"alg":"dir","enc":"A256GCM"}"#, Denial::Encrypted),
            ("", Denial::Header),
            ("x", Denial::Header),
        ] {
            check(json, None, Err(denial));
        }
        assert_eq!(Headers::default().read(b"e30=", None), Err(Denial::Encoding));
        assert_eq!(Headers::default().read(&[b'A'; HEADER_BYTES_MAX + 1], None), Err(Denial::TooLong));
    }

    #[test]
    fn the_type_is_the_one_asked_for() {
        let header = |typ: &str| format!(r#"{{"alg":"HS256","typ":"{typ}"}}"#);
        let good = Ok((Algorithm::Hs256, None));
        for (typ, wanted, expected) in [
            ("jwt", None, good),
            ("application/JWT", None, good),
            ("at+jwt", None, good),
            ("dpop+jwt", None, Err(Denial::Type)),
            ("", None, Err(Denial::Type)),
            ("AT+JWT", Some("application/at+jwt"), good),
            ("JWT", Some("at+jwt"), Err(Denial::Type)),
        ] {
            check(&header(typ), wanted, expected);
        }
        check(r#"{"alg":"HS256"}"#, Some("JWT"), Err(Denial::Type));
    }

    #[test]
    fn only_the_same_bytes_are_remembered() {
        let mut headers = Headers::default();
        let (one, other) = (encoded(r#"{"alg":"HS256","kid":"a"}"#), encoded(r#"{"alg":"HS256","kid":"b"}"#));
        headers.read(&one, None).expect("is good");
        headers.remember(&one);
        assert_eq!(headers.read(&other, None).map(|header| header.key), Ok(Some(&b"b"[..])));
        assert_eq!(headers.read(&one, None).map(|header| header.key), Ok(Some(&b"a"[..])));
        headers.clear();
        assert_eq!(headers.read(b"", None), Err(Denial::Header));
    }
}
