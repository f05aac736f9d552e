//! `redirect_https` and `hsts` of a listener: what keeps its clients on https.

use super::read::decode::{Decode, Reader, Scalar};
use super::read::section::section;
use super::read::tree::{Node, Shape};
use super::schema::Defs;
use super::units::Period;
use serde_json::{Value, json};

/// Whether clients that came by http are sent to https, and to which port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedirectHttps(pub Option<u16>);

impl Scalar for RedirectHttps {
    const EXPECTS: &'static str = "true, false or a port";
    const FORM: &'static str = "write true for port 443, or the port, such as 8443";

    fn parse(text: &str) -> Result<RedirectHttps, Option<String>> {
        if let Ok(is_on) = bool::parse(text) {
            return Ok(RedirectHttps(is_on.then_some(443)));
        }
        match u16::parse(text) {
            Ok(port @ 1..) => Ok(RedirectHttps(Some(port))),
            _ => Err(bool::parse(text).err().flatten()),
        }
    }

    fn schema() -> Value {
        json!({ "anyOf": [{ "type": "boolean" }, { "type": "integer", "minimum": 1, "maximum": 65535 }] })
    }
}

section! {
    noun "hsts";
    /// For how long clients that were here by https come by nothing else (HTTP Strict Transport Security, RFC 6797).
    pub struct Strict {
        /// For how long, such as `365d`; `0s` has clients forget it.
        pub max_age: Period,
        /// Whether it holds for all hosts below the client's too.
        pub include_subdomains: bool = "false",
        /// Whether browsers may build it in. They ask for a year at least, and for `include_subdomains`.
        pub preload: bool = "false",
    }
}

/// A time, or the whole section.
#[derive(Debug, Clone, PartialEq)]
pub struct Hsts(pub Strict);

impl Decode for Hsts {
    fn decode(node: &Node, reader: &mut Reader<'_>) -> Option<Hsts> {
        if let Shape::Map(_) = node.shape {
            return Strict::decode(node, reader).map(Hsts);
        }
        let max_age = <Period as Decode>::decode(node, reader)?;
        Some(Hsts(Strict { max_age, include_subdomains: false, preload: false }))
    }

    fn schema(defs: &mut Defs) -> Value {
        json!({ "anyOf": [<Period as Decode>::schema(defs), Strict::schema(defs)] })
    }
}
