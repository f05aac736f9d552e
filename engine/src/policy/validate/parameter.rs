//! Values that come as text: parameters of the query, segments of the path, fields. Each is read as its schema's `type`
//! says, then held to the schema.

use super::json::{Number, Tape};
use super::schema::{Library, Schema};
use super::violation::{Violations, step};
use crate::config::policy::Document as Given;
use crate::config::read::Pointer;
use crate::policy::fault::Faults;
use serde_json::Value;
use std::ops::Range;

/// One value, by name.
#[derive(Debug)]
pub struct Parameter {
    /// Its name, decoded.
    pub name: Box<str>,
    schema: Schema,
    form: Form,
    /// The place of it in violations: `query#/page`.
    at: Box<str>,
    /// Its key in the configuration, as rules name it.
    key: Box<str>,
}

/// How a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As one value.
    One(Reading),
    /// Each as an item of a list.
    List(Reading),
}

/// What a text may stand for besides itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Reading {
    number: bool,
    bool: bool,
}

impl Reading {
    fn of(schema: &Value) -> Reading {
        let is = |name: &str| match schema.get("type") {
            Some(Value::String(one)) => one == name,
            Some(Value::Array(several)) => several.iter().any(|one| one == name),
            _ => false,
        };
        Reading { number: is("number") || is("integer"), bool: is("boolean") }
    }

    /// Appends what `text`, at `range` of the tape's text, stands for.
    fn put(self, tape: &mut Tape, text: &str, range: Range<usize>) {
        match &text[range.clone()] {
            "true" if self.bool => return tape.put_bool(true),
            "false" if self.bool => return tape.put_bool(false),
            digits if self.number => {
                if let Some(number) = Number::parse(digits) {
                    return tape.put_number(number);
                }
            }
            _ => {}
        }
        // What is none of these stays a text, and the schema's `type` refuses it.
        tape.put_text(range.start, range.end);
    }
}

impl Parameter {
    /// Compiles `given`, the schema of `name` at `at`; `part` is where such values stand in a request, and `key` in the
    /// configuration.
    pub fn compile(
        (name, given): (&str, &Given),
        (part, key): (&str, &str),
        library: &Library<'_>,
        at: &Pointer,
        faults: &mut Faults,
    ) -> Option<Parameter> {
        let key = format!("{key}.{name}");
        let schema = library.compile(given, &key, at, faults)?;
        let is_list = given.value.get("type").is_some_and(|kind| kind == "array");
        let form = match is_list {
            true => Form::List(given.value.get("items").map(Reading::of).unwrap_or_default()),
            false => Form::One(Reading::of(&given.value)),
        };
        let at = format!("{part}#{}", step(name));
        Some(Parameter { name: name.into(), schema, form, at: at.into(), key: key.into() })
    }

    /// Holds the values at `ranges` of `text` to the schema. Nothing is asked of one that is not there.
    pub fn check(
        &self,
        text: &str,
        ranges: impl Iterator<Item = Range<usize>> + Clone,
        tape: &mut Tape,
        violations: &mut Violations,
    ) {
        let count = ranges.clone().count();
        tape.clear();
        let reading = match self.form {
            _ if count == 0 => return,
            Form::One(_) if count > 1 => {
                // One reader takes the first, another the last.
                return violations.add(&*self.at, &*self.key, "is given more than once");
            }
            Form::One(reading) => reading,
            Form::List(reading) => {
                tape.put_list(count);
                reading
            }
        };
        ranges.for_each(|range| reading.put(tape, text, range));
        self.schema.check(&tape.document(text), &self.at, violations);
    }

    /// Where it stands.
    pub fn at(&self) -> &str {
        &self.at
    }
}
