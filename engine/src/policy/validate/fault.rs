//! What is wrong with a policy's configuration, at its place.

use crate::config::read::tree::Place;
use crate::config::read::{Part, Pointer};

/// One finding.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Where.
    pub at: Pointer,
    /// Whether the key or its value is at fault.
    pub part: Part,
    /// Where exactly, if that is known better: a place within a document.
    pub place: Option<Place>,
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
        let (message, fix) = (message.into(), Some(fix.into()));
        self.0.push(Fault { at, part: Part::Value, place: None, message, fix });
    }

    /// Notes what is wrong with the key at `at`.
    pub fn key(&mut self, at: Pointer, message: impl Into<String>, fix: impl Into<String>) {
        let (message, fix) = (message.into(), Some(fix.into()));
        self.0.push(Fault { at, part: Part::Key, place: None, message, fix });
    }

    /// Notes what is wrong at `place` of the document at `at`.
    pub fn within(&mut self, at: Pointer, place: Place, message: impl Into<String>, fix: impl Into<String>) {
        let (message, fix) = (message.into(), Some(fix.into()));
        self.0.push(Fault { at, part: Part::Value, place: Some(place), message, fix });
    }
}
