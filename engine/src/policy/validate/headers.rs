//! The fields of a request, held to what is asked of them.

use super::Scratch;
use super::parameter::Parameter;
use super::schema::Library;
use super::violation::step;
use crate::config::policy::InputHeaders as Given;
use crate::config::read::Pointer;
use crate::policy::fault::Faults;
use crate::wire::head::Head;
use crate::wire::http1::encode;
use crate::wire::token::is_token;

/// What is asked of fields. Names are in lower case.
#[derive(Debug)]
pub struct Headers {
    required: Vec<Box<str>>,
    fields: Vec<Parameter>,
    value_bytes: u64,
}

impl Headers {
    /// Compiles `given`, which stands at `at`.
    pub fn compile(given: &Given, library: &Library<'_>, at: &Pointer, faults: &mut Faults) -> Headers {
        let name = |name: &str, at: Pointer, faults: &mut Faults| {
            if !is_token(name.as_bytes()) {
                let fix = "use letters, digits and '-'";
                faults.key(at, format!("'{name}' is not a field's name"), fix);
            }
            name.to_ascii_lowercase()
        };
        let required = given.required.iter().enumerate();
        let required: Vec<Box<str>> =
            required.map(|(index, text)| name(text, at.key("required").item(index), faults).into()).collect();
        let mut fields = Vec::new();
        for (text, schema) in &given.fields.0 {
            let at = at.key("fields").key(text);
            let name = name(text, at.clone(), faults);
            fields.extend(Parameter::compile(
                (&name, schema),
                ("headers", "headers.fields"),
                library,
                &at,
                faults,
            ));
        }
        Headers { required, fields, value_bytes: given.value_bytes.0 }
    }

    /// Holds the fields of `head` to what is asked; what is wrong is noted. One that the client named in Connection is not
    /// there for the origin, and not here.
    pub fn check(&self, head: Head<'_>, scratch: &mut Scratch) {
        for (_, name, value) in head.lines() {
            if value.len() as u64 > self.value_bytes {
                let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                let message = format!("is longer than {} bytes", self.value_bytes);
                scratch.violations.add(format!("headers#{}", step(&name)), "headers.value_bytes", message);
            }
        }
        for name in &self.required {
            if head.named(name.as_bytes()).is_none() || encode::is_nominated(head, name.as_bytes()) {
                scratch.violations.add(format!("headers#{}", step(name)), "headers.required", "is not there");
            }
        }
        let Scratch { text, ranges, tape, violations, .. } = scratch;
        for field in &self.fields {
            text.clear();
            ranges.clear();
            let mut readable = true;
            let is_there = !encode::is_nominated(head, field.name.as_bytes());
            for value in head.all_named(field.name.as_bytes()).filter(|_| is_there) {
                match std::str::from_utf8(value) {
                    Ok(value) => {
                        ranges.push(text.len()..text.len() + value.len());
                        text.push_str(value);
                    }
                    Err(_) => {
                        readable = false;
                        violations.add(field.at(), "headers.fields", "is not UTF-8");
                    }
                }
            }
            if readable {
                field.check(text, ranges.iter().cloned(), tape, violations);
            }
        }
    }
}
