//! Takes events from `tracing`, leaves out what nobody asked for, and hands the others over as lines. It is the process's
//! one subscriber; spans are not used, so nothing is kept between events.

use super::TARGET;
use super::event::Event;
use super::line::Said;
use super::outlet::Outlet;
use crate::net::clock;
use crate::table::{Form, Level, Log};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};

/// How long the end waits for whoever reads stderr.
const PATIENCE: Duration = Duration::from_secs(2);

/// The log of the process, from outside.
#[derive(Debug)]
pub struct Diagnostics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    level: AtomicU8,
    is_json: AtomicBool,
    outlet: Outlet,
}

/// The subscriber.
#[derive(Debug)]
struct Teller(Arc<Inner>);

/// Starts the log on stderr. Once a process: a second one would say nothing.
///
/// # Errors
/// When no thread can be made for it.
pub fn start(log: Log) -> io::Result<Diagnostics> {
    let (diagnostics, teller) = made(log, io::stderr())?;
    // It fails only where a program that embeds the library has a subscriber already, which then tells our events.
    let _ = tracing::subscriber::set_global_default(teller);
    Ok(diagnostics)
}

fn made(log: Log, to: impl Write + Send + 'static) -> io::Result<(Diagnostics, Teller)> {
    let inner = Arc::new(Inner {
        level: AtomicU8::new(log.level as u8),
        is_json: AtomicBool::new(log.form == Form::Json),
        outlet: Outlet::start(to)?,
    });
    Ok((Diagnostics(inner.clone()), Teller(inner)))
}

impl Diagnostics {
    /// From now on says this much, in this form.
    pub fn turn_to(&self, log: Log) {
        self.0.is_json.store(log.form == Form::Json, Relaxed);
        if self.0.level.swap(log.level as u8, Relaxed) != log.level as u8 {
            tracing::callsite::rebuild_interest_cache();
        }
    }

    /// Waits, two seconds at most, until all that was told is written.
    pub fn flush(&self) {
        self.0.outlet.flush(PATIENCE);
    }
}

impl Inner {
    fn takes(&self, of: &Metadata<'_>) -> bool {
        let level = self.level.load(Relaxed);
        match of.target() == TARGET {
            true => rank(*of.level()) <= level,
            false => level == Level::Debug as u8 && rank(*of.level()) <= level,
        }
    }

    fn form(&self) -> Form {
        if self.is_json.load(Relaxed) { Form::Json } else { Form::Text }
    }
}

/// [`Level`] as a number; what is finer than `debug` is never told.
fn rank(level: tracing::Level) -> u8 {
    match level {
        tracing::Level::ERROR => Level::Error as u8,
        tracing::Level::WARN => Level::Warn as u8,
        tracing::Level::INFO => Level::Info as u8,
        tracing::Level::DEBUG => Level::Debug as u8,
        _ => u8::MAX,
    }
}

/// Whether an event of ours is in the list, with fields that are in the list.
fn is_listed(of: &Metadata<'_>) -> bool {
    let of_list = Event::ALL.iter().find(|event| event.name() == of.name());
    of.target() != TARGET
        || of_list.is_some_and(|event| {
            of.fields()
                .iter()
                .all(|field| field.name() == "message" || event.fields().contains(&field.name()))
        })
}

impl Subscriber for Teller {
    fn register_callsite(&self, of: &'static Metadata<'static>) -> Interest {
        debug_assert!(is_listed(of), "{of:?} is not in the list of events");
        if self.0.takes(of) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, of: &Metadata<'_>) -> bool {
        self.0.takes(of)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let levels = [LevelFilter::ERROR, LevelFilter::WARN, LevelFilter::INFO, LevelFilter::DEBUG];
        levels.get(usize::from(self.0.level.load(Relaxed))).copied()
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let (form, now) = (self.0.form(), clock::unix_ms());
        let lost = self.0.outlet.lost();
        let mut said = Said::default();
        event.record(&mut said);
        self.0.outlet.put(said.line(event.metadata(), now, form));
        if lost > 0 {
            super::tell!(EventsLost, { lost }, "{lost} events were lost: whoever reads stderr is behind");
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[cfg(test)]
mod tests;
