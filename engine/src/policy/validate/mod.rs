//! What a request must look like: its fields, the named segments of its path, its query and its body. Pure: compiled
//! when the configuration is loaded, asked with borrowed facts and scratch that a shard lends. What passes is not
//! changed. Of what does not, all that is wrong is noted, up to a bound: the place, the rule and a message.

mod body;
mod decode;
mod headers;
pub mod json;
mod media;
mod message;
mod parameter;
mod query;
mod schema;
pub mod violation;

#[cfg(test)]
mod tests;

use super::fault::Faults;
use super::{Ask, Cause, Facts, Refusal, State, Told, Verdict};
use crate::config::policy::Validate as Given;
use crate::config::read::Pointer;
use crate::wire::field::Field;
use crate::wire::head::Head;
use crate::wire::http1::framing::Length;
use body::{Body, CODED};
use decode::{Plus, decode};
use headers::Headers;
use json::Tape;
use parameter::Parameter;
use query::Query;
use schema::Library;
use std::ops::Range;
use violation::Violations;

/// Parameters of a query that can be accepted.
const PARAMETERS_MAX: usize = 10_000;

/// Bytes that scratch keeps from one request to the next; a large document's are given back.
const KEPT_BYTES_MAX: usize = 256 * 1024;

/// What a request must look like.
#[derive(Debug)]
pub struct Validate {
    headers: Headers,
    path: Vec<Parameter>,
    query: Query,
    body: Body,
    errors: u16,
}

/// What is known of a request.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'r, S> {
    /// Its head.
    pub head: Head<'r>,
    /// How its body ends.
    pub length: Length,
    /// The segment of its canonical path that the route's pattern names so: `Fn(&str) -> Option<&[u8]>`.
    pub segment: S,
}

/// What the head alone decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It may go on.
    Pass,
    /// The whole body is needed, of so many bytes at most, or where that is none whether there is one: see
    /// [`Validate::body`].
    Body(u64),
}

/// Working memory of a shard.
#[derive(Debug, Default)]
pub struct Scratch {
    /// What is wrong with the request that was asked about last.
    pub violations: Violations,
    tape: Tape,
    /// Decoded text.
    text: String,
    bytes: Vec<u8>,
    pairs: Vec<query::Pair>,
    ranges: Vec<Range<usize>>,
}

impl Validate {
    /// Bytes of a body that it holds until it is checked, at most; none where it holds none.
    pub fn held_bytes_max(&self) -> Option<u64> {
        self.body.bytes()
    }

    /// Compiles `given`, which stands at `at`. None when a schema cannot be compiled; what is wrong is noted.
    pub fn compile(given: &Given, at: &Pointer, faults: &mut Faults) -> Option<Validate> {
        if !(1..=100).contains(&given.errors) {
            faults.value(at.key("errors"), format!("'errors' is {}", given.errors), "write 1 to 100");
        }
        let known = schema::known(&given.schemas);
        let schemas = (&given.schemas, &known[..]);
        let library = Library::new(schemas, given.assert_format, &at.key("schemas"), faults)?;
        let path = given.path.0.iter().filter_map(|(name, schema)| {
            Parameter::compile((name, schema), ("path", "path"), &library, &at.key("path").key(name), faults)
        });
        let path = path.collect();
        Some(Validate {
            headers: Headers::compile(&given.headers, &library, &at.key("headers"), faults),
            path,
            query: Query::compile(&given.query, &library, &at.key("query"), faults),
            body: Body::compile(&given.body, &library, &at.key("body"), faults),
            errors: given.errors,
        })
    }

    /// Whether a request looks as it must. The body is asked for only when all else does.
    pub fn decide(&self, facts: &Facts<'_>, state: &mut State<'_>) -> Verdict {
        let scratch = &mut state.shard.input;
        let decided = match state.told {
            Told::Body => self.body(facts.head, Some(state.body), scratch),
            Told::BodyTooLong => self.body(facts.head, None, scratch),
            _ => {
                let length = facts.length;
                let asked = Asked { head: facts.head, length, segment: |name: &str| facts.parameter(name) };
                match self.head(&asked, scratch) {
                    Ok(Next::Body(most)) => return Verdict::Ask(Ask::Body(most)),
                    Ok(Next::Pass) => Ok(()),
                    Err(refusal) => Err(refusal),
                }
            }
        };
        match decided {
            Ok(()) => Verdict::Pass,
            Err(refusal) => {
                scratch.violations.write(&mut state.passage.errors);
                if refusal.detail == CODED {
                    // RFC 9110 §12.5.3: a 415 for a coding says which are accepted.
                    state.passage.refusal.set_own(Field::ACCEPT_ENCODING, b"identity");
                }
                Verdict::Refuse(refusal)
            }
        }
    }

    /// The segments of a path that it asks for. A route whose pattern does not name them is refused by [`Self::head`].
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.path.iter().map(|parameter| &*parameter.name)
    }

    /// Holds all but the body to what is asked. *Cost*: none of it allocates for what passes.
    ///
    /// # Errors
    /// Why the request is refused.
    pub fn head<'r>(
        &self,
        asked: &Asked<'r, impl Fn(&str) -> Option<&'r [u8]>>,
        scratch: &mut Scratch,
    ) -> Result<Next, Refusal> {
        scratch.violations.clear(self.errors);
        let needed = self.body.check_head(asked.head, asked.length, &mut scratch.violations)?;
        self.headers.check(asked.head, scratch);
        self.segments_of(&asked.segment, scratch);
        self.query.check(asked.head.query(), scratch);
        verdict(scratch)?;
        Ok(needed.map_or(Next::Pass, Next::Body))
    }

    fn segments_of<'r>(&self, segment: &impl Fn(&str) -> Option<&'r [u8]>, scratch: &mut Scratch) {
        let Scratch { text, bytes, tape, violations, .. } = scratch;
        for parameter in &self.path {
            text.clear();
            match segment(&parameter.name).map(|segment| decode(segment, Plus::Plus, bytes, text)) {
                Some(Ok(())) => parameter.check(text, std::iter::once(0..text.len()), tape, violations),
                Some(Err(why)) => violations.add(parameter.at(), "path", why.message()),
                None => violations.add(parameter.at(), "path", "is not there"),
            }
        }
    }

    /// Holds the whole body to what is asked; `None` is one that is longer than [`Next::Body`] said.
    ///
    /// # Errors
    /// Why the request is refused.
    pub fn body(&self, head: Head<'_>, body: Option<&[u8]>, scratch: &mut Scratch) -> Result<(), Refusal> {
        scratch.violations.clear(self.errors);
        match body {
            Some(body) => self.body.check(head, body, scratch),
            None => self.body.check_longer(head, &mut scratch.violations)?,
        }
        scratch.tape.shrink(KEPT_BYTES_MAX);
        verdict(scratch)
    }
}

fn verdict(scratch: &Scratch) -> Result<(), Refusal> {
    match scratch.violations.is_empty() {
        true => Ok(()),
        false => Err(Refusal { cause: Cause::Invalid, detail: "input" }),
    }
}
