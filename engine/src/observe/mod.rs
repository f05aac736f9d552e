//! Layer 3, what is seen of an exchange: its record, the reason it ended as it did, its log line and its counts.
//! The exchange and the connection fill a [`Record`] and call [`record()`] once on every exit, refused requests
//! too. Pure: time is an argument, lines leave through a sink that the shard lends.

pub mod access_log;
pub mod counts;
pub mod lines;
pub mod metrics;
pub mod reason;
pub mod record;
pub mod timing;

pub use access_log::Format;
pub use counts::Counts;
pub use lines::{Lines, Sink};
pub use metrics::{Met, Meters};
pub use reason::Reason;
pub use record::Record;
pub use timing::{Phase, Timing};

/// Counts an exchange and writes its log line: the one door to the log and the counters, called once for each
/// exchange on every exit. `format` is `None` with `access_log: off`. Never blocks; a line that finds no room
/// is dropped and counted. `met` are the cells of what the exchange met. *Cost*: no allocation once the batches are warm.
pub fn record(
    record: &Record<'_>,
    counts: &Counts,
    met: Met<'_>,
    lines: &mut Lines,
    format: Option<&Format>,
) {
    counts.exchange(record);
    met.count(record);
    if let Some(format) = format {
        lines.push(|state, out| format.write(record, state, out));
    }
}
