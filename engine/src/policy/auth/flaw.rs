//! What is wrong with a method's configuration or one of its files. `table` makes it a problem with its place.

use crate::config::read::Pointer;
use crate::config::{Problem, Severity};
use std::path::Path;

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Whether it refuses the configuration.
    pub severity: Severity,
    /// Where it is.
    pub at: At,
    /// What is wrong, without anything secret.
    pub message: String,
    /// What to do.
    pub fix: Option<String>,
}

/// Where a flaw is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// At a key of the policy's section, and an item of its list.
    Key(&'static str, Option<usize>),
    /// In a file that the section names under `key`; line and column from 1, or 0 for the whole of it.
    File {
        /// The key that names it.
        key: &'static str,
        /// The file as it is named in problems.
        name: String,
        /// From 1, or 0.
        line: u32,
        /// From 1, in bytes, or 0.
        column: u32,
    },
}

impl Flaw {
    /// An error at `key`.
    pub fn at(key: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Flaw {
        let at = At::Key(key, None);
        Flaw { severity: Severity::Error, at, message: message.into(), fix: Some(fix.into()) }
    }

    /// An error at an item of the list at `key`.
    pub fn at_item(
        key: &'static str,
        item: usize,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Flaw {
        Flaw { at: At::Key(key, Some(item)), ..Flaw::at(key, message, fix) }
    }

    /// An error in the file `path`.
    pub fn in_file(
        key: &'static str,
        path: &Path,
        line: usize,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Flaw {
        let line = u32::try_from(line).unwrap_or(0);
        let at = At::File { key, name: path.display().to_string(), line, column: u32::from(line > 0) };
        Flaw { at, ..Flaw::at(key, message, fix) }
    }

    /// The same flaw at byte `offset` of the file's `text`.
    pub fn offset(mut self, text: &[u8], offset: usize) -> Flaw {
        let before = &text[..offset.min(text.len())];
        let newline = |byte: &&u8| **byte == b'\n';
        let begin = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if let At::File { line, column, .. } = &mut self.at {
            *line = u32::try_from(before.iter().filter(newline).count() + 1).unwrap_or(0);
            *column = u32::try_from(before.len() - begin + 1).unwrap_or(0);
        }
        self
    }

    /// The same flaw as a warning.
    pub fn warning(self) -> Flaw {
        Flaw { severity: Severity::Warning, ..self }
    }

    /// The way to the key that is at fault, from the way to its section.
    pub fn pointer(&self, section: &Pointer) -> Pointer {
        match &self.at {
            At::Key("", _) => section.clone(),
            At::Key(key, None) | At::File { key, .. } => section.key(key),
            At::Key(key, Some(item)) => section.key(key).item(*item),
        }
    }

    /// The problem of a flaw in a file; none for one in the configuration itself, which only its reader can place.
    pub fn file_problem(&self) -> Option<Problem> {
        let At::File { name, line, column, .. } = &self.at else { return None };
        let problem = Problem::of_file(name, self.message.clone(), self.fix.clone());
        let width = u32::from(*line > 0);
        Some(Problem { severity: self.severity, line: *line, column: *column, width, ..problem })
    }
}
