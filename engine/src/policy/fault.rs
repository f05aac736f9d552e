//! What is wrong with a policy's configuration, at its place. `table` tells it as a problem.

use super::auth;
use crate::config::read::tree::Place;
use crate::config::read::{Part, Pointer};
use crate::config::{Problem, Severity};
use crate::wire::edits;
use crate::wire::field::{Field, FieldSet};
use crate::wire::token;

/// One finding.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Whether it refuses the configuration.
    pub severity: Severity,
    /// The problem, where it lies in a file of its own.
    pub in_file: Option<Problem>,
    /// Where exactly, if that is known better than by `at`: a place within a document.
    pub place: Option<Place>,
    /// Where.
    pub at: Pointer,
    /// Whether the key or its value is at fault.
    pub part: Part,
    /// What is wrong.
    pub message: String,
    /// What is accepted.
    pub fix: Option<String>,
}

/// The findings of one policy, so that all are told at once.
#[derive(Debug, Default)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// Notes what is wrong with the value at `at`.
    pub fn value(&mut self, at: Pointer, message: impl Into<String>, fix: impl Into<String>) {
        self.add(at, Part::Value, message.into(), fix.into());
    }

    /// Notes what is wrong with the key at `at`.
    pub fn key(&mut self, at: Pointer, message: impl Into<String>, fix: impl Into<String>) {
        self.add(at, Part::Key, message.into(), fix.into());
    }

    /// Notes an error.
    pub fn add(&mut self, at: Pointer, part: Part, message: String, fix: String) {
        self.push(None, at, part, message, fix);
    }

    /// Notes what is probably not meant with the value at `at`.
    pub fn doubt(&mut self, at: Pointer, message: impl Into<String>, fix: impl Into<String>) {
        let (severity, message, fix) = (Severity::Warning, message.into(), Some(fix.into()));
        self.0.push(Fault { severity, in_file: None, place: None, at, part: Part::Value, message, fix });
    }

    /// Notes what is wrong at `place` of the document at `at`.
    pub fn within(&mut self, at: Pointer, place: Place, message: impl Into<String>, fix: impl Into<String>) {
        self.push(Some(place), at, Part::Value, message.into(), fix.into());
    }

    fn push(&mut self, place: Option<Place>, at: Pointer, part: Part, message: String, fix: String) {
        let (severity, fix) = (Severity::Error, Some(fix));
        self.0.push(Fault { severity, in_file: None, place, at, part, message, fix });
    }

    /// Notes what a method of authentication found in its section at `at`.
    pub fn flaws(&mut self, at: &Pointer, flaws: Vec<auth::Flaw>) {
        for flaw in flaws {
            let (in_file, pointer) = (flaw.file_problem(), flaw.pointer(at));
            let part = if pointer == *at { Part::Key } else { Part::Value };
            let auth::Flaw { severity, message, fix, .. } = flaw;
            self.0.push(Fault { severity, in_file, place: None, at: pointer, part, message, fix });
        }
    }

    /// A field's name that a policy may write. Notes what is wrong with it, at a value or at a key.
    pub fn field(&mut self, at: Pointer, part: Part, name: &str) -> Option<FieldName> {
        let field = Field::of(name.as_bytes());
        let (message, fix) = if !token::is_token(name.as_bytes()) {
            (format!("'{name}' is not a field's name"), "use letters, digits and '-'")
        } else if OURS.contains(field) {
            let fix = "remove it: what frames a message or belongs to one connection is the gateway's to say";
            (format!("field '{name}' cannot be changed"), fix)
        } else {
            return Some(FieldName { field, text: name.as_bytes().into() });
        };
        self.add(at, part, message, fix.into());
        None
    }
}

/// Fields that no policy may touch: two lengths or hosts would have two readings.
const OURS: FieldSet = FieldSet::HOP_BY_HOP
    .with(Field::HOST)
    .with(Field::CONTENT_LENGTH)
    .with(Field::EXPECT)
    .with(Field::TRAILER)
    .with(Field::DATE);

/// A field's name, looked up once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldName {
    /// If it is well known.
    pub field: Field,
    /// As it is written.
    pub text: Box<[u8]>,
}

impl FieldName {
    /// As edits take it.
    pub fn name(&self) -> edits::Name<'_> {
        match self.field {
            Field::OTHER => edits::Name::Other(&self.text),
            field => edits::Name::Known(field),
        }
    }
}
