//! A connection with its two deadlines: reading and writing go on at the same time and are bounded apart.

use super::clock;
use super::stream::{Stream, Wait, until};
use super::timer::{Deadline, Wheel};
use crate::base::{Fault, Kind, Side, Tick};
use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// A connection of this shard. Readers and writers of its messages share it.
#[derive(Debug)]
pub struct Link {
    /// The socket.
    pub stream: Stream,
    /// The deadline of whoever reads.
    pub reading: Deadline,
    /// The deadline of whoever writes.
    pub writing: Deadline,
    /// Whose connection it is: who is at fault when it breaks.
    pub side: Side,
    /// Since when it is open.
    pub born: Tick,
    /// Whether one direction was told of a reset.
    reset: Cell<bool>,
}

impl Link {
    /// A link over `stream`, with no deadline set.
    pub fn new(stream: Stream, wheel: &Wheel, side: Side) -> Rc<Link> {
        let (reading, writing) = (wheel.deadline(), wheel.deadline());
        Rc::new(Link { stream, reading, writing, side, born: clock::coarse(), reset: Cell::new(false) })
    }

    /// When a connection is as old as those may become that live for `age`; see [`Tick::old_at`].
    pub fn old_at(&self, age: Duration) -> Tick {
        self.born.old_at(age, self.born.0.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// Waits until a read would not block, `silence` at most and not past `total`.
    ///
    /// # Errors
    /// A timeout or a cut of this link's side.
    pub async fn readable(&self, silence: Duration, total: Tick) -> Result<(), Fault> {
        self.reading.set(until(silence).min(total));
        let ready = self.stream.readable_by(&self.reading).await;
        self.reading.clear();
        ready.map_err(|wait| self.fault(&wait))
    }

    /// Waits until a write would not block, `silence` at most and not past `total`.
    ///
    /// # Errors
    /// A timeout or a cut of this link's side.
    pub async fn writable(&self, silence: Duration, total: Tick) -> Result<(), Fault> {
        self.writing.set(until(silence).min(total));
        let ready = self.stream.writable_by(&self.writing).await;
        self.writing.clear();
        ready.map_err(|wait| self.fault(&wait))
    }

    /// What the end of a wait means for the exchange.
    pub fn fault(&self, wait: &Wait) -> Fault {
        match wait {
            Wait::Expired => Fault::new(self.side, Kind::Timeout),
            Wait::Io(error) => self.broken(error),
        }
    }

    /// The fault of a read or write that failed. A socket tells of a reset once, to whichever direction asks first,
    /// and from then on shows the other one an end like any other: so it is remembered here.
    pub fn broken(&self, error: &io::Error) -> Fault {
        if error.kind() == io::ErrorKind::ConnectionReset {
            self.reset.set(true);
        }
        self.cut()
    }

    /// Whether a reset was seen, so that an end that is read is not the peer's own.
    pub fn was_reset(&self) -> bool {
        self.reset.get()
    }

    /// The fault of a peer that reset or closed in mid-message.
    pub fn cut(&self) -> Fault {
        Fault::new(self.side, Kind::Cut)
    }
}
