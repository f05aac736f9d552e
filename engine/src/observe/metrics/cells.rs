//! What is counted for each listener, route, upstream and endpoint: a struct of plain numbers for each shard, which that
//! shard alone writes. A struct fills whole cache lines, so that shards that count the same thing do not share one.

use super::histogram::{COARSE, FINE, Histogram};
use crate::base::counters::Tally;
use crate::observe::{Counts, Record};

/// How many classes of statuses there are.
const CLASSES: usize = Counts::CLASSES.len();

/// What has cells, and how many series they make.
pub trait Cells: Default + Send + Sync {
    /// Series of one name.
    const SERIES: usize;
    /// Whether a name is listed only while a [`Roll`](super::meters::Roll) that is served has it; else as long as its meter lives.
    const BY_ROLL: bool = false;
}

/// A listener's.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct ListenerCells {
    /// Exchanges by class of the status sent.
    pub requests: [Tally; CLASSES],
    /// First byte of a request to the last of its answer.
    pub duration: Histogram<FINE>,
}

/// A route's.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct RouteCells {
    /// Exchanges by class of the status sent.
    pub requests: [Tally; CLASSES],
    /// First byte of a request to the last of its answer.
    pub duration: Histogram<COARSE>,
}

/// An upstream's.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct UpstreamCells {
    /// Exchanges by class of the status sent to the client.
    pub requests: [Tally; CLASSES],
    /// Request sent to the head of its reply.
    pub first_byte: Histogram<COARSE>,
}

/// An endpoint's.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct EndpointCells {
    /// Exchanges that it answered.
    pub replies: Tally,
    /// Those of them with a status of 500 and above.
    pub errors: Tally,
    /// Tries that brought no reply.
    pub failures: Tally,
    /// Request sent to the head of its reply, summed over `replies`.
    pub first_byte_micros: Tally,
    /// Exchanges that run, as of the shard's last sweep.
    pub active: Tally,
    /// Parked connections, likewise.
    pub idle: Tally,
    /// Whether the shard leaves it alone, likewise.
    pub marked: Tally,
    /// Whether its health checks fail, likewise.
    pub out: Tally,
}

impl EndpointCells {
    /// Shows what a shard has with an endpoint now: exchanges that run, parked connections, whether it leaves it alone,
    /// whether its health checks fail.
    pub fn show(&self, [active, idle, marked, out]: [u64; 4]) {
        self.active.set(active);
        self.idle.set(idle);
        self.marked.set(marked);
        self.out.set(out);
    }
}

/// Series of a histogram: a bucket each, the sum and the count.
const fn series(buckets: usize) -> usize {
    buckets + 2
}

impl Cells for ListenerCells {
    // With the connections and the tunnels open, and their caps.
    const SERIES: usize = CLASSES + series(FINE) + 4;
}

impl Cells for RouteCells {
    const SERIES: usize = CLASSES + series(COARSE);
}

impl Cells for UpstreamCells {
    // With the connections open and their cap.
    const SERIES: usize = CLASSES + series(COARSE) + 2;
}

impl Cells for EndpointCells {
    const SERIES: usize = 8;
    const BY_ROLL: bool = true;
}

/// The cells of everything that one exchange met; none where nobody counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Met<'a> {
    /// Its listener's.
    pub listener: Option<&'a ListenerCells>,
    /// Its route's.
    pub route: Option<&'a RouteCells>,
    /// Its upstream's.
    pub upstream: Option<&'a UpstreamCells>,
    /// Its last endpoint's.
    pub endpoint: Option<&'a EndpointCells>,
}

impl Met<'_> {
    /// Counts one exchange at its end.
    #[inline]
    pub fn count(self, record: &Record<'_>) {
        let class = Counts::class(record.status);
        // A tunnel lasts as long as its users like.
        let took = record.total_us;
        if let Some(cells) = self.listener
            && record.reason.is_of_request()
        {
            cells.requests[class].add(1);
            if !record.tunnel {
                cells.duration.count(took);
            }
        }
        if let Some(cells) = self.route {
            cells.requests[class].add(1);
            if !record.tunnel {
                cells.duration.count(took);
            }
        }
        if let Some(cells) = self.upstream {
            cells.requests[class].add(1);
            if record.replied {
                cells.first_byte.count(record.first_byte_us);
            }
        }
        if let Some(cells) = self.endpoint
            && record.replied
        {
            cells.replies.add(1);
            cells.errors.add(u64::from(record.status >= 500));
            cells.first_byte_micros.add(record.first_byte_us);
        }
    }
}
