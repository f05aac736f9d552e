//! The query of a request: its pairs, decoded strictly, held to what is asked of it.

use super::decode::{Plus, decode};
use super::parameter::Parameter;
use super::schema::Library;
use super::violation::step;
use super::{PARAMETERS_MAX, Scratch};
use crate::config::policy::Query as Given;
use crate::config::read::Pointer;
use crate::policy::fault::Faults;
use std::ops::Range;

/// What is asked of a query.
#[derive(Debug)]
pub struct Query {
    required: Vec<Box<str>>,
    parameters: Vec<Parameter>,
    others: bool,
    bytes: u64,
    count: usize,
}

/// A name and its value, as ranges of the decoded text.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    name: Range<usize>,
    value: Range<usize>,
}

impl Query {
    /// Compiles `given`, which stands at `at`.
    pub fn compile(given: &Given, library: &Library<'_>, at: &Pointer, faults: &mut Faults) -> Query {
        if given.count == 0 || usize::from(given.count) > PARAMETERS_MAX {
            let fix = format!("write 1 to {PARAMETERS_MAX}");
            faults.value(at.key("count"), format!("'count' is {}", given.count), fix);
        }
        let schemas = at.key("parameters");
        let parameters = given.parameters.0.iter().filter_map(|(name, schema)| {
            Parameter::compile(
                (name, schema),
                ("query", "query.parameters"),
                library,
                &schemas.key(name),
                faults,
            )
        });
        Query {
            parameters: parameters.collect(),
            required: given.required.iter().map(|name| name.as_str().into()).collect(),
            others: given.others,
            bytes: given.bytes.0,
            count: usize::from(given.count),
        }
    }

    /// Holds `query` to what is asked; what is wrong is noted.
    pub fn check(&self, query: Option<&[u8]>, scratch: &mut Scratch) {
        let query = query.unwrap_or_default();
        if query.len() as u64 > self.bytes {
            let message = format!("is longer than {} bytes", self.bytes);
            return scratch.violations.add("query#", "query.bytes", message);
        }
        if !self.read(query, scratch) {
            return;
        }
        let Scratch { text, pairs, tape, violations, .. } = scratch;
        for parameter in &self.parameters {
            let values = pairs.iter().filter(|pair| text[pair.name.clone()] == *parameter.name);
            parameter.check(text, values.map(|pair| pair.value.clone()), tape, violations);
        }
        for name in &self.required {
            if !pairs.iter().any(|pair| text[pair.name.clone()] == **name) {
                violations.add(format!("query#{}", step(name)), "query.required", "is not there");
            }
        }
        if !self.others {
            let known = |name: &str| {
                self.parameters.iter().any(|parameter| *parameter.name == *name)
                    || self.required.iter().any(|known| **known == *name)
            };
            for pair in pairs.iter().filter(|pair| !known(&text[pair.name.clone()])) {
                let at = format!("query#{}", step(&text[pair.name.clone()]));
                violations.add(at, "query.others", "is not an accepted parameter");
            }
        }
    }

    /// Decodes the pairs; false when they cannot be, which is noted.
    fn read(&self, query: &[u8], scratch: &mut Scratch) -> bool {
        let Scratch { text, bytes, pairs, violations, .. } = scratch;
        text.clear();
        pairs.clear();
        for pair in query.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            if pairs.len() == self.count {
                violations.add("query#", "query.count", format!("has more than {} parameters", self.count));
                return false;
            }
            let equals = memchr::memchr(b'=', pair).unwrap_or(pair.len());
            let mut part = |encoded: &[u8]| {
                let start = text.len();
                let decoded = decode(encoded, Plus::Space, bytes, text);
                decoded.map(|()| start..text.len())
            };
            let value = pair.get(equals + 1..).unwrap_or_default();
            match part(&pair[..equals]).and_then(|name| Ok(Pair { name, value: part(value)? })) {
                Ok(pair) => pairs.push(pair),
                Err(why) => {
                    violations.add("query#", "query", why.message());
                    return false;
                }
            }
        }
        true
    }
}
