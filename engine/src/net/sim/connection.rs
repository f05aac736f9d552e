//! A connection in memory: two ends, and what is on its way to each. The rules are those of TCP on Linux as far
//! as the two programs can tell.
//!
//! End:  connecting ─▶ open ─▶ (ended: a FIN came) ─▶ closed (its socket was dropped)
//!       connecting ─▶ dead (refused)    open, ended ─▶ dead (a reset came)

use super::world::World;
use crate::base::Tick;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::task::{Context, Waker};

/// What travels.
#[derive(Debug)]
pub enum Parcel {
    /// Bytes of the stream.
    Bytes(Vec<u8>),
    /// The end of the stream.
    Fin,
    /// The end of the connection.
    Reset,
}

/// As a trace shows it: the first bytes stand for all.
impl fmt::Display for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Parcel::Bytes(bytes) => {
                write!(f, "{} bytes {}", bytes.len(), bytes[..bytes.len().min(60)].escape_ascii())
            }
            Parcel::Fin => f.write_str("its end"),
            Parcel::Reset => f.write_str("a reset"),
        }
    }
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    /// The dialling end, then the accepting one.
    pub ends: [End; 2],
    /// Bytes one direction takes before writes block.
    pub room: usize,
    /// Which connection of the run it is.
    pub number: u64,
}

/// One end.
#[derive(Debug, Default)]
pub struct End {
    /// Bytes to be read.
    pub arrived: VecDeque<u8>,
    /// On its way here, in the order sent, which is that of arrival.
    flying: VecDeque<(Tick, Parcel)>,
    flying_bytes: usize,
    /// The handshake is not over yet.
    pub connecting: bool,
    /// A FIN came.
    pub ended: bool,
    /// A FIN was sent.
    pub finished: bool,
    /// A reset came, or none can be connected to.
    pub dead: bool,
    /// Its socket was dropped.
    pub closed: bool,
    /// Bytes sent from it.
    pub sent: u64,
    /// The error that the next call gives, once.
    pub error: Option<ErrorKind>,
    /// Closing it resets.
    pub resets: bool,
    readers: Vec<Waker>,
    writers: Vec<Waker>,
}

/// A connection as its two sockets and its coming events hold it.
pub type Shared = Rc<RefCell<Connection>>;

impl End {
    /// Whether a read would not block.
    pub fn readable(&self) -> bool {
        !self.arrived.is_empty() || self.ended || self.dead || self.error.is_some()
    }

    /// Bytes that its peer has sent and its program has not read.
    pub fn unread(&self) -> usize {
        self.arrived.len() + self.flying_bytes
    }

    /// Wakes the task of `cx` when a read may no longer block.
    pub fn await_reading(&mut self, cx: &Context<'_>) {
        await_on(&mut self.readers, cx);
    }

    /// Wakes the task of `cx` when a write may no longer block.
    pub fn await_writing(&mut self, cx: &Context<'_>) {
        await_on(&mut self.writers, cx);
    }

    /// Wakes whoever waits to write.
    pub fn wake_writers(&mut self) {
        self.writers.drain(..).for_each(Waker::wake);
    }

    /// Wakes whoever waits.
    pub fn wake(&mut self) {
        self.readers.drain(..).for_each(Waker::wake);
        self.wake_writers();
    }

    /// Takes what has arrived by `now`; gives whether a reset must be sent back.
    fn arrive(&mut self, now: Tick, discards: bool) -> bool {
        let mut unwanted = false;
        while self.flying.front().is_some_and(|(at, _)| *at <= now) {
            let Some((_, parcel)) = self.flying.pop_front() else { break };
            if let Parcel::Bytes(bytes) = &parcel {
                self.flying_bytes -= bytes.len();
            }
            match parcel {
                Parcel::Bytes(_) if self.closed => unwanted = true,
                _ if self.closed || self.dead => {}
                Parcel::Bytes(bytes) => self.arrived.extend(bytes),
                Parcel::Fin => self.ended = true,
                Parcel::Reset => {
                    self.error =
                        Some(if self.ended { ErrorKind::BrokenPipe } else { ErrorKind::ConnectionReset });
                    self.dead = true;
                    if discards {
                        self.arrived.clear();
                    }
                }
            }
        }
        self.wake();
        unwanted
    }
}

fn await_on(waiting: &mut Vec<Waker>, cx: &Context<'_>) {
    if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
        waiting.push(cx.waker().clone());
    }
}

/// Sends `parcel` to `end`, behind all that was sent there before.
pub fn send(world: &Rc<World>, shared: &Shared, end: usize, parcel: Parcel) {
    let mut connection = shared.borrow_mut();
    world.tell(|| format!("{}:{} sends {parcel}", connection.number, 1 - end));
    if let Parcel::Bytes(bytes) = &parcel {
        connection.ends[1 - end].sent += bytes.len() as u64;
    }
    let to = &mut connection.ends[end];
    let at = to.flying.back().map_or(Tick::default(), |(at, _)| *at).max(world.arrival());
    if let Parcel::Bytes(bytes) = &parcel {
        to.flying_bytes += bytes.len();
    }
    to.flying.push_back((at, parcel));
    drop(connection);
    let (arriving, of) = (world.clone(), shared.clone());
    world.at(at, move || arrive(&arriving, &of, end));
}

/// Sends a reset to `end`. Where resets discard, what is still on its way there may be lost too, from some point on.
pub fn send_reset(world: &Rc<World>, shared: &Shared, end: usize) {
    {
        let mut connection = shared.borrow_mut();
        let to = &mut connection.ends[end];
        if to.dead || to.closed || to.flying.iter().any(|(_, parcel)| matches!(parcel, Parcel::Reset)) {
            return;
        }
        if world.random.chance(world.weather.discards) {
            let kept = world.random.below(to.flying.len() as u64 + 1) as usize;
            to.flying.truncate(kept);
        }
        let len =
            |(_, parcel): &(Tick, Parcel)| if let Parcel::Bytes(bytes) = parcel { bytes.len() } else { 0 };
        to.flying_bytes = to.flying.iter().map(len).sum();
    }
    send(world, shared, end, Parcel::Reset);
}

fn arrive(world: &Rc<World>, shared: &Shared, end: usize) {
    let discards = world.random.chance(world.weather.discards);
    let unwanted = shared.borrow_mut().ends[end].arrive(world.now.get(), discards);
    if unwanted {
        send_reset(world, shared, 1 - end);
    }
}

impl Connection {
    /// A connection whose handshake has just begun.
    pub fn new(number: u64, room: usize) -> Connection {
        Connection { ends: [End { connecting: true, ..End::default() }, End::default()], room, number }
    }

    /// The pending error of `end`, once.
    pub fn take_error(&mut self, end: usize) -> io::Result<()> {
        self.ends[end].error.take().map_or(Ok(()), |kind| Err(kind.into()))
    }

    /// Bytes that `end` may send now.
    pub fn room_of(&self, end: usize) -> usize {
        self.room.saturating_sub(self.ends[1 - end].unread())
    }

    /// Whether a write at `end` would not block.
    pub fn writable(&self, end: usize) -> bool {
        let own = &self.ends[end];
        own.dead || own.finished || own.error.is_some() || (!own.connecting && self.room_of(end) > 0)
    }
}
