//! What a rule asks of a request besides its host, path and method, as it is written: a field, a cookie or a parameter
//! of the query by name, and the value it must have.

use crate::route::automaton::{Regex, Unread};
use crate::route::value::{Told, Wish};
use std::fmt;

/// One thing that must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Where it looks.
    pub part: Part,
    /// The name it looks for: of a field without case, else as it stands.
    pub name: String,
    /// What it wants there.
    pub value: Value,
    /// How much of it is told.
    pub told: Told,
}

/// A part of a request that conditions look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The fields of the head as the client sent them. Of one that repeats the values are joined by `, ` in order
    /// (RFC 9110 §5.3), so that no line of it is overlooked.
    Header,
    /// The cookies (RFC 6265 §4.2.1), as they stand. Of one that repeats, the first.
    Cookie,
    /// The parameters of the query: `name=value` between `&`, escapes decoded once, `+` kept. Of one that repeats,
    /// the first. One without `=` has an empty value.
    Query,
}

/// What a value must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// There.
    Present,
    /// This.
    Exact(String),
    /// Matched as a whole.
    Matching(Regex),
}

impl Value {
    /// Reads `*` (present), `regex:EXPRESSION`, `exact:TEXT`, or a text for itself.
    ///
    /// # Errors
    /// What is wrong with the expression, and where.
    pub fn parse(text: &str) -> Result<Value, Unread> {
        match Wish::read(text) {
            Wish::Present => Ok(Value::Present),
            Wish::Exact(exact) => Ok(Value::Exact(exact.to_owned())),
            Wish::Matching(expression) => {
                let at = text.len() - expression.len();
                let parsed = Regex::parse(expression);
                parsed.map(Value::Matching).map_err(|unread| Unread { at: at + unread.at, ..unread })
            }
        }
    }
}

impl Condition {
    /// The expression it wants matched, if it wants that.
    pub(in crate::route) fn regex(&self) -> Option<&Regex> {
        if let Value::Matching(expression) = &self.value { Some(expression) } else { None }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self.part {
            Part::Header => "header",
            Part::Cookie => "cookie",
            Part::Query => "query",
        };
        let wish = match &self.value {
            Value::Present => Wish::Present,
            Value::Exact(text) => Wish::Exact(text),
            Value::Matching(expression) => Wish::Matching(expression.text()),
        };
        out.write_str(&self.told.sentence(part, &self.name, wish))
    }
}
