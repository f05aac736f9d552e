//! `log`: what the process says of itself on stderr. Exchanges have a log of their own (`access_log`).

use super::read::section::{section, words};

section! {
    noun "log";
    /// What the process says of itself, on stderr.
    pub struct Log {
        /// The least that is said: each level includes those before it.
        pub level: Level = "info",
        /// How it is said.
        pub format: LogFormat = "text",
    }
}

words! {
    /// The least that is said.
    pub enum Level {
        /// What does not work and needs somebody.
        Error = "error",
        /// What works otherwise than was meant.
        Warn = "warn",
        /// Starts, changes and ends.
        Info = "info",
        /// What helps to find a fault, events of the libraries too.
        Debug = "debug",
    }
}

words! {
    /// How an event is said.
    pub enum LogFormat {
        /// A line for people: time, level, event, message.
        Text = "text",
        /// A JSON object a line, with the event's fields.
        Json = "json",
    }
}
