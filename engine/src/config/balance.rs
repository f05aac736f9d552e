//! `balance`: how an endpoint is picked. A word, or a map with one key where it depends on the request.

use super::read::decode::{Decode, Reader, Scalar};
use super::read::section::section;
use super::read::suggest::nearest;
use super::read::tree::{Node, Shape};
use super::schema::Defs;
use super::units::Period;
use super::values::Secret;
use serde_json::{Value, json};

/// How an endpoint is picked.
#[derive(Debug, Clone, PartialEq)]
pub enum Balance {
    /// In turn, by weight.
    RoundRobin,
    /// The one with the fewest requests for its weight.
    LeastConnections,
    /// Of two drawn by weight, the one with the lower latency times requests.
    PeakEwma,
    /// The same key to the same endpoint.
    ConsistentHash(HashKey),
    /// The endpoint that a cookie names.
    StickyCookie(StickyCookie),
}

/// Those that are a word, each with its description.
const WORDS: [(&str, &[&str], Balance); 3] = [
    ("round_robin", &["In turn, by weight."], Balance::RoundRobin),
    ("least_connections", &["The one with the fewest requests for its weight."], Balance::LeastConnections),
    (
        "peak_ewma",
        &["Of two drawn by weight, the one with the lower latency times requests."],
        Balance::PeakEwma,
    ),
];

/// A [`Balance`] written as a word.
struct Word(Balance);

impl Scalar for Word {
    const EXPECTS: &'static str = "a way to balance";
    const FORM: &'static str = "write round_robin, least_connections, peak_ewma, \
        { consistent_hash: KEY } or { sticky_cookie: { name: NAME } }";

    fn parse(text: &str) -> Result<Word, Option<String>> {
        if let Some((_, _, word)) = WORDS.into_iter().find(|(known, ..)| *known == text) {
            return Ok(Word(word));
        }
        if matches!(text, "ip_hash" | "source" | "source_ip") {
            return Err(Some("write { consistent_hash: client.ip }".into()));
        }
        let maps = ["consistent_hash", "sticky_cookie"];
        Err(match nearest(text, WORDS.iter().map(|(word, ..)| *word).chain(maps)) {
            Some("consistent_hash") => Some("write { consistent_hash: header.NAME }".into()),
            Some("sticky_cookie") => Some("write { sticky_cookie: { name: NAME } }".into()),
            Some(meant) => Some(format!("did you mean '{meant}'?")),
            None => None,
        })
    }

    fn schema() -> Value {
        super::schema::words(&WORDS.map(|(word, doc, _)| (word, doc)))
    }
}

section! {
    noun "";
    /// How an endpoint is picked where that depends on the request. Exactly one key stands in it.
    pub struct ByRequest {
        /// The same key to the same endpoint, by weight: `header.NAME`, `cookie.NAME`, `path` or `client.ip`. A request without
        /// it goes by `client.ip`. One endpoint more or less moves little more than that one's share of the keys.
        pub consistent_hash: Option<HashKey>,
        /// The endpoint that the client's cookie names; in turn where there is none, and a cookie is issued.
        pub sticky_cookie: Option<StickyCookie>,
    }
}

section! {
    noun "sticky_cookie";
    /// A cookie that names an endpoint by an opaque id. It is issued with HttpOnly, Path=/ and SameSite=Lax.
    pub struct StickyCookie {
        /// Its name.
        pub name: String,
        /// How long the client keeps it; until it is closed unless given.
        pub ttl: Option<Period>,
        /// Makes the ids, so that nobody can tell an address by trying: 16 characters or more, the same on all gateways. Ids are
        /// made by a key that everybody knows unless given.
        pub key: Option<Secret>,
    }
}

/// What of a request is hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashKey {
    /// A field.
    Header(String),
    /// A cookie.
    Cookie(String),
    /// The canonical path, without the query.
    Path,
    /// The client's address.
    ClientIp,
}

impl Scalar for HashKey {
    const EXPECTS: &'static str = "a part of a request";
    const FORM: &'static str = "write header.NAME, cookie.NAME, path or client.ip";

    fn parse(text: &str) -> Result<HashKey, Option<String>> {
        match text.split_once('.') {
            None if text == "path" => Ok(HashKey::Path),
            Some(("client", "ip")) => Ok(HashKey::ClientIp),
            Some(("header", name)) if !name.is_empty() => Ok(HashKey::Header(name.to_owned())),
            Some(("cookie", name)) if !name.is_empty() => Ok(HashKey::Cookie(name.to_owned())),
            _ => Err(None),
        }
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^(header\\..+|cookie\\..+|path|client\\.ip)$" })
    }
}

impl Decode for Balance {
    fn decode(node: &Node, reader: &mut Reader<'_>) -> Option<Balance> {
        if !matches!(node.shape, Shape::Map(_)) {
            return Word::decode(node, reader).map(|Word(balance)| balance);
        }
        let by = ByRequest::decode(node, reader)?;
        match (by.consistent_hash, by.sticky_cookie) {
            (Some(key), None) => Some(Balance::ConsistentHash(key)),
            (None, Some(cookie)) => Some(Balance::StickyCookie(cookie)),
            _ => {
                let fix = "write { consistent_hash: KEY } or { sticky_cookie: { name: NAME } }";
                reader.fault(node, format!("{} holds not exactly one key", reader.spot()), Some(fix.into()));
                None
            }
        }
    }

    fn schema(defs: &mut Defs) -> Value {
        let mut by_request = ByRequest::schema(defs);
        by_request["minProperties"] = json!(1);
        by_request["maxProperties"] = json!(1);
        json!({ "anyOf": [<Word as Scalar>::schema(), by_request] })
    }
}
