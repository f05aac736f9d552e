//! The shard's side of the log: lines are gathered into a batch, and a batch is handed to the log thread when
//! it is full or when the shard flushes (about every 100 ms, and at its end). Nothing here waits or locks: a
//! batch that the bounded ring refuses is dropped and its lines are counted.

use super::Counts;
use super::access_log::LineState;
use std::fmt;
use std::sync::Arc;

/// Bytes at which a batch is handed over.
///
/// At 70,000 lines a second that is 400 batches. With a quarter of it a gateway that shares one CPU with its log thread took a
/// fifth more CPU for a request with a line.
pub const BATCH_BYTES: usize = 64 * 1024;

/// Hands a batch on: `Ok` with an empty buffer for the next one, or `Err` with the batch when there is no room.
/// The shard lends one that sends into its ring.
pub type Sink = Box<dyn FnMut(Vec<u8>) -> Result<Vec<u8>, Vec<u8>>>;

/// A shard's lines on their way to the log thread.
pub struct Lines {
    batch: Vec<u8>,
    /// Lines in `batch`.
    count: u64,
    state: LineState,
    sink: Sink,
    counts: Arc<Counts>,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lines({} in {} bytes)", self.count, self.batch.len())
    }
}

impl Lines {
    /// Lines that go to `sink`; those it refuses are added to `counts.log_drops`. Allocates nothing before the
    /// first line.
    pub fn new(sink: Sink, counts: Arc<Counts>) -> Lines {
        Lines { batch: Vec::new(), count: 0, state: LineState::default(), sink, counts }
    }

    /// Appends the one line that `write` puts out, its line feed included, and hands the batch over if it is
    /// full. The buffer given to `write` holds earlier lines: it appends, it never clears.
    pub fn push(&mut self, write: impl FnOnce(&mut LineState, &mut Vec<u8>)) {
        write(&mut self.state, &mut self.batch);
        debug_assert_eq!(self.batch.last(), Some(&b'\n'), "a line ends with a line feed");
        self.count += 1;
        if self.batch.len() >= BATCH_BYTES {
            self.flush();
        }
    }

    /// Hands over what there is; nothing happens when there is nothing.
    pub fn flush(&mut self) {
        if self.count == 0 {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        self.batch = (self.sink)(batch).unwrap_or_else(|mut refused| {
            self.counts.log_drops.add(self.count);
            refused.clear();
            refused
        });
        debug_assert!(self.batch.is_empty(), "a sink gives an empty buffer back");
        self.count = 0;
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests;
