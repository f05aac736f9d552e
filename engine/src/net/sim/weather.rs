//! How rough a run's network is.

use std::ops::Range;

/// How rough a run's network is. Times are nanoseconds, likelihoods percent.
#[derive(Debug, Clone)]
pub struct Weather {
    /// What sent bytes, ends and handshakes take to arrive.
    pub delay: Range<u64>,
    /// Bytes that a connection takes in one direction before writes block.
    pub room: Range<u64>,
    /// Reads that give less than has arrived.
    pub short_reads: u8,
    /// Writes that take less than there is room for.
    pub short_writes: u8,
    /// Sends that arrive in two pieces.
    pub torn: u8,
    /// Waits that end with nothing there.
    pub spurious: u8,
    /// Resets that take bytes with them: those unread, and those on their way.
    pub discards: u8,
    /// What one poll of a task takes.
    pub poll: Range<u64>,
}

impl Weather {
    /// Nothing is torn, short or slow.
    pub fn calm() -> Weather {
        Weather {
            delay: 50_000..100_000,
            room: 256 * 1024..256 * 1024 + 1,
            short_reads: 0,
            short_writes: 0,
            torn: 0,
            spurious: 0,
            discards: 0,
            poll: 0..1,
        }
    }
}
