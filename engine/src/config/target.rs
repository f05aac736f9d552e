//! `to` and `sticky` of a route: which of several upstreams a request goes to.

use super::read::decode::{Decode, Reader};
use super::read::section::section;
use super::read::tree::{Node, Shape};
use super::schema::Defs;
use super::units::Period;
use super::values::Named;
use serde_json::{Value, json};

section! {
    noun "to";
    /// One upstream of several.
    pub struct Target {
        /// Its name.
        pub upstream: String,
        /// Its share of the requests; 0 sends it none. 1 unless given, or 0 where `when` stands.
        pub weight: Option<u32>,
        /// The requests that it takes before the weights are drawn.
        pub when: Option<When>,
    }
}

section! {
    noun "when";
    /// What a request must have; all of it. A value is a text, `regex:…`, or `*` for any; `exact:…` takes a text that
    /// would else be one of these as it is.
    pub struct When {
        /// Fields by name and value.
        pub headers: Named<String> = {},
        /// Cookies by name and value.
        pub cookies: Named<String> = {},
    }
}

/// Where a request goes: one upstream, or several by weight.
#[derive(Debug, Clone, PartialEq)]
pub enum To {
    /// By name.
    One(String),
    /// By weight.
    Several(Vec<Target>),
}

impl Decode for To {
    fn decode(node: &Node, reader: &mut Reader<'_>) -> Option<To> {
        match &node.shape {
            Shape::Scalar(_) => String::decode(node, reader).map(To::One),
            Shape::List(_) => Vec::decode(node, reader).map(To::Several),
            _ => {
                let form = "write an upstream's name, or [{ upstream: NAME, weight: 90 }, ...]";
                reader.refuse(node, "an upstream's name or a list", Some(form.into()));
                None
            }
        }
    }

    fn schema(defs: &mut Defs) -> Value {
        json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": Target::schema(defs) }] })
    }
}

section! {
    noun "sticky";
    /// What keeps a client on one upstream of `to`: a cookie or a field. New weights move only the share that must.
    pub struct Sticky {
        /// A cookie's name; clients without it are issued one.
        pub cookie: Option<String>,
        /// How long clients keep the cookie, 1s or more; to the end of their session unless given.
        pub ttl: Option<Period>,
        /// A field's name; without it the weights are drawn.
        pub header: Option<String>,
    }
}
