//! The log of the process itself, on stderr: starts, changes, ends, and what needs somebody. Each event is one of a closed
//! list (`event`) and is told by [`tell!`]; `teller` puts it into a line, a thread of its own writes it, so that nobody in
//! control waits for whoever reads stderr. Shards tell nothing: they have counters, and reports to control.

pub mod advice;
pub mod event;
mod line;
mod outlet;
mod teller;

pub use event::Event;

use crate::config::{Problem, Severity};
use crate::table::Log;
use std::io;
use std::sync::OnceLock;
use teller::Diagnostics;

/// The target of our own events.
pub const TARGET: &str = "ringgate";

/// Tells an event: `tell!(Listening, { listener = name, address = %addr }, "listener {name} on {addr}")`. Fields are those
/// that the list gives it.
macro_rules! tell {
    ($event:ident, { $($fields:tt)* }, $($message:tt)+) => {
        ::tracing::event!(
            name: $crate::control::diagnostics::Event::$event.name(),
            target: $crate::control::diagnostics::TARGET,
            $crate::control::diagnostics::Event::$event.level(),
            { $($fields)* },
            $($message)+
        )
    };
}
pub(crate) use tell;

/// The process's log, once it has begun.
static BEGUN: OnceLock<Diagnostics> = OnceLock::new();

/// Begins the log of the process on stderr; a second call turns it to `log`.
///
/// # Errors
/// When no thread can be made for it.
pub fn start(log: Log) -> io::Result<()> {
    match BEGUN.get() {
        Some(_) => turn_to(log),
        None => drop(BEGUN.set(teller::start(log)?)),
    }
    Ok(())
}

/// From now on says this much, in this form.
pub fn turn_to(log: Log) {
    if let Some(diagnostics) = BEGUN.get() {
        diagnostics.turn_to(log);
    }
}

/// Waits, two seconds at most, until all that was told is written. To be called before the process exits.
pub fn flush() {
    if let Some(diagnostics) = BEGUN.get() {
        diagnostics.flush();
    }
}

/// Tells why the gateway does not run; false where no log has begun.
pub fn refused(why: &str) -> bool {
    tell!(Refused, {}, "{}", why.trim_end());
    BEGUN.get().is_some()
}

/// Tells what was found in a configuration, errors and warnings.
pub fn found(problems: &[Problem]) {
    for Problem { file, line, column, message, fix, severity, .. } in problems {
        let (place, help) = (Place(file, *line, *column), fix.as_deref().unwrap_or(""));
        let shown = Helped(message, help);
        match severity {
            Severity::Warning => tell!(ConfigWarning, { file, line, column, help }, "{place}{shown}"),
            Severity::Error => tell!(ConfigError, { file, line, column, help }, "{place}{shown}"),
        }
    }
}

/// Tells that a file of endpoints is not taken.
pub fn endpoints_refused(problem: &Problem) {
    let Problem { file, line, message, fix, .. } = problem;
    let (place, help) = (Place(file, *line, 0), fix.as_deref().unwrap_or(""));
    let shown = Helped(message, help);
    tell!(EndpointsFileRefused, { file, line, help }, "{place}{shown}; the last good list stays");
}

/// Tells that a shard can open no socket, for want of what it `lacks`.
pub fn sockets_exhausted(lacks: &str) {
    let help = if lacks == "memory" { "the machine has no memory for another socket" } else { advice::LIMIT };
    tell!(SocketsExhausted, { lacks, help }, "connections cannot be taken or made: no {} left: {help}", lacks.replace('_', " "));
}

/// `file:line:column: `, as far as it is known.
struct Place<'p>(&'p str, u32, u32);

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Place(file, line, column) = self;
        if !file.is_empty() {
            write!(f, "{file}:")?;
        }
        for number in [line, column].into_iter().filter(|number| **number > 0) {
            write!(f, "{number}:")?;
        }
        f.write_str(if file.is_empty() { "" } else { " " })
    }
}

/// A message with its help.
struct Helped<'p>(&'p str, &'p str);

impl std::fmt::Display for Helped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Helped(message, help) = self;
        f.write_str(message)?;
        if help.is_empty() { Ok(()) } else { write!(f, " ({help})") }
    }
}
