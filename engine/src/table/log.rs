//! What the process says of itself: from which level on, and in which form. Shards never read it; control does.

use crate::config;

/// What is said, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// The least that is said.
    pub level: Level,
    /// How it is said.
    pub form: Form,
}

/// How bad an event is, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It does not work and needs somebody.
    Error,
    /// It works otherwise than was meant.
    Warn,
    /// A start, a change, an end.
    Info,
    /// What helps to find a fault.
    Debug,
}

/// How an event is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A line for people.
    Text,
    /// A JSON object a line.
    Json,
}

impl Log {
    pub(super) fn of(given: &config::Log) -> Log {
        use config::log::{Level as Given, LogFormat};
        Log {
            level: match given.level {
                Given::Error => Level::Error,
                Given::Warn => Level::Warn,
                Given::Info => Level::Info,
                Given::Debug => Level::Debug,
            },
            form: match given.format {
                LogFormat::Text => Form::Text,
                LogFormat::Json => Form::Json,
            },
        }
    }
}

/// As where nothing is configured.
impl Default for Log {
    fn default() -> Log {
        Log { level: Level::Info, form: Form::Text }
    }
}
