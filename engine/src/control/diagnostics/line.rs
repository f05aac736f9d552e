//! One event as one line: for people, or as JSON.

use super::TARGET;
use super::event::Event;
use crate::observe::access_log::LineState;
use crate::table::Form;
use std::fmt::{Debug, Write};
use tracing::field::{Field, Visit};
use tracing::{Level, Metadata};

/// What an event says.
#[derive(Debug, Default)]
pub struct Said {
    message: String,
    fields: Vec<(&'static str, Told)>,
}

/// A field's value.
#[derive(Debug)]
enum Told {
    Text(String),
    /// A number or a truth value, as JSON has it.
    Bare(String),
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // `%value` comes here too, as a Debug that writes what Display would.
        match field.name() {
            "message" => drop(write!(self.message, "{value:?}")),
            name => self.fields.push((name, Told::Text(format!("{value:?}")))),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message.push_str(value),
            name => self.fields.push((name, Told::Text(value.to_owned()))),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.fields.push((field.name(), Told::Bare(value.to_string())));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.fields.push((field.name(), Told::Bare(value.to_string())));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.fields.push((field.name(), Told::Bare(value.to_string())));
    }
}

impl Said {
    /// The line of an event, its line feed included. `unix_ms` is when it happened.
    pub fn line(mut self, of: &Metadata<'_>, unix_ms: u64, form: Form) -> String {
        let mut name = of.name();
        if of.target() != TARGET {
            name = Event::Library.name();
            self.fields.push(("target", Told::Text(of.target().to_owned())));
        }
        let mut time = Vec::new();
        LineState::default().put_iso(unix_ms, &mut time);
        let time = String::from_utf8_lossy(&time);
        let level = word(*of.level());
        match form {
            Form::Text => self.text(name, level, &time),
            Form::Json => self.json(name, level, &time),
        }
    }

    /// The message says all that is in the fields, but for those of libraries.
    fn text(self, name: &str, level: &str, time: &str) -> String {
        let mut line = format!("{time} {level} {name}: {}", plain(&self.message));
        if name == Event::Library.name() {
            for (name, Told::Text(value) | Told::Bare(value)) in &self.fields {
                let _ = write!(line, " {name}={}", plain(value));
            }
        }
        line.push('\n');
        line
    }

    fn json(self, name: &str, level: &str, time: &str) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut line = format!(
            r#"{{"time":"{time}","level":"{level}","event":"{name}","message":{}"#,
            quoted(&self.message)
        );
        for (name, value) in &self.fields {
            let value = match value {
                Told::Text(text) => quoted(text),
                Told::Bare(bare) => bare.clone(),
            };
            let _ = write!(line, ",{}:{value}", quoted(name));
        }
        line.push_str("}\n");
        line
    }
}

fn word(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        _ => "debug",
    }
}

/// Names come from files and from the network: none of them begins a line of its own or moves a cursor.
fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        match char.is_control() {
            true => shown.extend(char.escape_default()),
            false => shown.push(char),
        }
    }
    shown
}
