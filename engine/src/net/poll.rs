//! A connection of this shard as the polled reader and writer that the HTTP/2 library takes. What the library writes is
//! gathered in one pooled buffer and leaves when its turn is over: it asks for a flush after each frame, and a system
//! call for each would be most of the cost. What it reads is seen by a tap first, which knows floods by their frames.

use super::clock;
use super::link::Link;
use crate::base::Tick;
use crate::mem::{Buf, Class, Pool};
use crate::wire::http2::{Blocks, Breach, Refusal, Refusals, Tap, Window};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are read in one turn: past it other tasks of the shard have theirs.
const TURN_BYTES: usize = 256 * 1024;
/// Credit for a stream: of a client's that it was served, of a server's that it was asked on, since a server may reset any of
/// them, and does where it answers before it has read all (RFC 9113 §8.1).
pub const EARNED_BY_STREAM: u32 = 10;
/// Bytes that wait to leave, past which nobody puts more beside them.
const CROWDED_BYTES: usize = 24 * 1024;

/// What a client may have to be answered to frames that it sent, past which no more are read until that has left: the library
/// keeps an answer to each, a reset of half a KiB, for as long as the client reads nothing.
const OWED_BYTES_MAX: u32 = 512 * 1024;
/// What is owed for a frame: more than a reset is, since it leaves between bodies.
const OWED_BYTES: u32 = 64;

/// The library's end of a connection.
#[derive(Debug)]
pub struct Polled(Rc<Wire>);

/// Our end of it.
#[derive(Debug)]
pub struct Wire {
    link: Rc<Link>,
    pool: Pool,
    /// What was read before the library had the connection.
    first: RefCell<Option<Buf>>,
    out: RefCell<Option<Buf>>,
    tap: RefCell<Tap>,
    blocks: RefCell<Blocks>,
    /// Of a client's connection.
    refusals: RefCell<Option<Refusals>>,
    /// Of a server's connection.
    window: RefCell<Option<Window>>,
    /// What the library has refused and nobody was told of yet.
    refused: RefCell<Vec<Refusal>>,
    /// Frames that were put together and not read yet.
    put: RefCell<Vec<u8>>,
    breach: Cell<Option<Breach>>,
    reads: RefCell<Waits>,
    writes: RefCell<Waits>,
    /// Bytes that may still be read in this turn.
    turn: Cell<usize>,
    /// Whether what was read last may not have been taken in yet.
    fresh: Cell<bool>,
    heard: Cell<Tick>,
    /// What may have to be answered to what came and has not left, at most.
    owed: Cell<u32>,
    /// Whether nothing was read for that.
    held: Cell<bool>,
    /// Whether the socket took no more when it was written to last.
    full: Cell<bool>,
    taken: Cell<Tick>,
    /// Since when something is begun that is not whole.
    begun: Cell<Option<Tick>>,
    crowd: RefCell<Vec<Waker>>,
}

impl Wire {
    /// To a client over `link`, whose first bytes may have been read already. Its frames may have `frame_bytes` of payload.
    pub fn of_client(link: Rc<Link>, pool: Pool, first: Option<Buf>, frame_bytes: usize) -> Rc<Wire> {
        let (tap, blocks) = (Tap::of_client(clock::coarse()), Blocks::of_client(frame_bytes));
        Wire::new((link, pool, first), (tap, blocks), Some(Refusals::default()))
    }

    /// To a server over `link`.
    pub fn of_server(link: Rc<Link>, pool: Pool) -> Rc<Wire> {
        let (tap, blocks) = (Tap::of_server(clock::coarse()), Blocks::of_server());
        Wire::new((link, pool, None), (tap, blocks), None)
    }

    fn new(
        (link, pool, first): (Rc<Link>, Pool, Option<Buf>),
        (tap, blocks): (Tap, Blocks),
        refusals: Option<Refusals>,
    ) -> Rc<Wire> {
        let (reads, writes) = (Waits::new(&link, Way::Read), Waits::new(&link, Way::Write));
        Rc::new(Wire {
            link,
            pool,
            first: RefCell::new(first),
            out: RefCell::default(),
            tap: RefCell::new(tap),
            window: RefCell::new(refusals.is_none().then(Window::default)),
            refusals: RefCell::new(refusals),
            refused: RefCell::default(),
            blocks: RefCell::new(blocks),
            put: RefCell::default(),
            breach: Cell::new(None),
            reads: RefCell::new(reads),
            writes: RefCell::new(writes),
            turn: Cell::new(TURN_BYTES),
            fresh: Cell::new(false),
            heard: Cell::new(clock::coarse()),
            owed: Cell::new(0),
            held: Cell::new(false),
            full: Cell::new(false),
            taken: Cell::default(),
            begun: Cell::new(None),
            crowd: RefCell::default(),
        })
    }

    /// The library's end.
    pub fn end(self: &Rc<Self>) -> Polled {
        Polled(self.clone())
    }

    /// The connection.
    pub fn link(&self) -> &Rc<Link> {
        &self.link
    }

    /// What the peer did that the library lets pass: nothing more of it is read.
    pub fn breach(&self) -> Option<Breach> {
        self.breach.get()
    }

    /// A stream of the client's is served: how it ends is known without looking.
    pub fn serves(&self, stream: u32) {
        if let Some(refusals) = self.refusals.borrow_mut().as_mut() {
            refusals.serves(stream);
        }
    }

    /// It is served no more.
    pub fn served(&self, stream: u32) {
        if let Some(refusals) = self.refusals.borrow_mut().as_mut() {
            refusals.served(stream);
        }
    }

    /// A request that the library has refused by itself; each is told of once.
    pub fn take_refused(&self) -> Option<Refusal> {
        self.refused.borrow_mut().pop()
    }

    /// Something was done for the peer that it asked for: it may ask for more.
    pub fn earned(&self, credit: u32) {
        self.tap.borrow_mut().earned(credit);
    }

    /// When bytes came last.
    pub fn heard(&self) -> Tick {
        self.heard.get()
    }

    /// When the socket had room again last for what had to wait: the peer has taken something of what came before it.
    pub fn taken(&self) -> Tick {
        self.taken.get()
    }

    /// Since when a head, or another frame that has to be whole, is on its way (see [`Tap::is_within`]).
    pub fn begun(&self) -> Option<Tick> {
        self.begun.get()
    }

    /// A new turn begins; true if the one before ended for reading all that a turn may, or for what was owed and has left.
    pub fn begin_turn(&self) -> bool {
        let was_held = self.held.replace(false) && self.owed.get() <= OWED_BYTES_MAX;
        self.turn.replace(TURN_BYTES) == 0 || was_held
    }

    /// All that has come was taken in: an end behind it may be known. The library forgets at an end what nobody has asked it for.
    pub fn taken_in(&self) {
        self.fresh.set(false);
    }

    /// Whether something waits to leave.
    pub fn owes(&self) -> bool {
        self.out.borrow().is_some()
    }

    /// Sends what was written. Whoever calls it has had the library write all that it has to say.
    ///
    /// # Errors
    /// The socket's own.
    pub fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut out = self.out.borrow_mut();
        let Some(buf) = out.as_mut() else {
            self.owed.set(0);
            return Poll::Ready(Ok(()));
        };
        while !buf.is_empty() {
            if self.send(buf)? {
                continue;
            }
            if ready!(self.writes.borrow_mut().poll(cx)).is_err() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
        }
        *out = None;
        self.owed.set(0);
        Poll::Ready(Ok(()))
    }

    /// Waits until little waits to leave. Whoever has much to write asks first, or a peer that does not read would have
    /// a buffer filled for each of its streams.
    pub fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        if self.out.borrow().as_ref().is_none_or(|out| out.len() < CROWDED_BYTES) {
            return Poll::Ready(());
        }
        wait_among(&mut self.crowd.borrow_mut(), cx.waker());
        Poll::Pending
    }

    /// Whether the peer has told its settings; the library takes them in when it is polled.
    pub fn is_settled(&self) -> bool {
        self.tap.borrow().is_settled()
    }

    /// Whether a server has taken nothing of anybody's body for a while, and would take nothing of another's.
    pub fn is_stuck(&self) -> bool {
        self.window.borrow().as_ref().is_some_and(|window| window.is_stuck(clock::coarse()))
    }

    /// Sends once; false when the socket takes nothing.
    fn send(&self, buf: &mut Buf) -> io::Result<bool> {
        match self.link.stream.try_write(buf.filled()) {
            Ok(sent) => {
                buf.consume(sent);
                self.owed.set(self.owed.get().saturating_sub(sent as u32));
                if self.full.replace(false) {
                    self.taken.set(clock::coarse());
                }
                // The peer reads: it is as alive as one that writes.
                self.link.writing.clear();
                if buf.len() < CROWDED_BYTES {
                    self.crowd.borrow_mut().drain(..).for_each(Waker::wake);
                }
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.full.set(true);
                Ok(false)
            }
            Err(error) => {
                self.link.broken(&error);
                Err(error)
            }
        }
    }

    /// Reads once: what was read before the library had the connection, then from the socket.
    fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        let mut first = self.first.borrow_mut();
        let Some(held) = first.as_mut() else { return self.link.stream.try_read(room) };
        let len = held.len().min(room.len());
        room[..len].copy_from_slice(&held.filled()[..len]);
        held.consume(len);
        if held.is_empty() {
            *first = None;
        }
        Ok(len)
    }

    /// How many of `bytes`, which came, the library reads as they are. What does not pass comes later, put together.
    fn passes(&self, bytes: &[u8]) -> usize {
        let mut blocks = self.blocks.borrow_mut();
        let passes = blocks.passes(bytes);
        if passes < bytes.len() {
            blocks.put(&bytes[passes..], &mut self.put.borrow_mut());
        }
        passes
    }

    /// Gives what was put together, as far as there is room for it; false if there is nothing.
    fn take_put(&self, buf: &mut ReadBuf<'_>) -> bool {
        let mut put = self.put.borrow_mut();
        let len = put.len().min(buf.remaining());
        if len > 0 {
            buf.put_slice(&put[..len]);
            put.drain(..len);
            if put.is_empty() {
                *put = Vec::new();
            }
        }
        len > 0
    }

    /// Has the tap see what came; false if the library must not. A flood is told of behind what came with it, but
    /// nothing is done for a peer that did not begin as it has to.
    fn seen(&self, bytes: &[u8]) -> bool {
        let now = clock::coarse();
        self.heard.set(now);
        let mut tap = self.tap.borrow_mut();
        let seen = tap.see(bytes, now);
        self.owed.set(self.owed.get().saturating_add(tap.take_frames() * OWED_BYTES));
        self.begun.set(if tap.is_within() { self.begun.get().or(Some(now)) } else { None });
        if let Some(window) = self.window.borrow_mut().as_mut() {
            window.came(bytes);
        }
        if let Err(breach) = seen {
            self.breach.set(Some(breach));
        }
        seen != Err(Breach::Preface)
    }
}

/// Has `waker` woken with those that wait, once however often it is polled.
fn wait_among(waiting: &mut Vec<Waker>, waker: &Waker) {
    if !waiting.iter().any(|known| known.will_wake(waker)) {
        waiting.push(waker.clone());
    }
}

impl AsyncRead for Polled {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let wire = &self.0;
        if wire.breach.get().is_some() {
            // Whoever drives the connection says so and ends it.
            return Poll::Pending;
        }
        loop {
            if wire.take_put(buf) {
                return Poll::Ready(Ok(()));
            }
            // Of a client: an origin may be one that reads nothing while it writes.
            if wire.owed.get() > OWED_BYTES_MAX && wire.refusals.borrow().is_some() {
                wire.held.set(true);
                return Poll::Pending;
            }
            let most = wire.turn.get().min(buf.remaining());
            if most == 0 {
                return Poll::Pending;
            }
            // The library reads whenever it is polled, for each stream that begins and each that writes: while nothing has come,
            // that is a look at the wait and no system call.
            if wire.reads.borrow().is_asked() {
                ready!(wire.reads.borrow_mut().poll(cx))?;
            }
            let room = &mut buf.initialize_unfilled()[..most];
            match wire.read(room) {
                // It comes again in the next turn.
                Ok(0) if wire.fresh.get() => {
                    wire.turn.set(0);
                    return Poll::Pending;
                }
                Ok(0) => return Poll::Ready(Ok(())),
                Ok(read) => {
                    wire.fresh.set(wire.refusals.borrow().is_some());
                    wire.turn.set(wire.turn.get() - read);
                    if !wire.seen(&room[..read]) {
                        return Poll::Pending;
                    }
                    let passes = wire.passes(&room[..read]);
                    buf.advance(passes);
                    // To have read nothing would be the end.
                    if passes > 0 {
                        return Poll::Ready(Ok(()));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(wire.reads.borrow_mut().poll(cx))?;
                }
                Err(error) => {
                    wire.link.broken(&error);
                    return Poll::Ready(Err(error));
                }
            }
        }
    }
}

impl AsyncWrite for Polled {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wire = &self.0;
        let mut out = wire.out.borrow_mut();
        let buf = out.get_or_insert_with(|| wire.pool.take(Class::Bulk));
        while buf.room() == 0 {
            if buf.len() < buf.capacity() {
                buf.pull();
            } else if !wire.send(buf)? {
                ready!(wire.writes.borrow_mut().poll(cx))?;
            }
        }
        let len = bytes.len().min(buf.room());
        let fits = buf.put(&bytes[..len]);
        debug_assert!(fits, "no more than there is room for");
        if let Some(refusals) = wire.refusals.borrow_mut().as_mut() {
            let price = refusals.see(&bytes[..len], |refusal| wire.refused.borrow_mut().push(refusal));
            if price > 0 && wire.tap.borrow_mut().spend(price, clock::coarse()).is_err() {
                wire.breach.set(Some(Breach::Flood));
            }
        }
        if let Some(window) = wire.window.borrow_mut().as_mut() {
            window.sent(&bytes[..len], clock::coarse());
        }
        Poll::Ready(Ok(len))
    }

    /// Nothing: see [`Wire::poll_sent`].
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.0.poll_sent(cx))?;
        self.0.link.stream.shutdown_write();
        Poll::Ready(Ok(()))
    }
}

/// A direction that is waited for.
#[derive(Debug, Clone, Copy)]
enum Way {
    Read,
    Write,
}

/// Where a wait stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Asked,
    Done,
    Failed,
}

/// One wait after another: a future for all of them, made once, since each may be left unfinished between two polls.
struct Waits {
    state: Rc<Cell<State>>,
    turns: Pin<Box<dyn Future<Output = Infallible>>>,
}

impl std::fmt::Debug for Waits {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.state.get().fmt(out)
    }
}

impl Waits {
    fn new(link: &Rc<Link>, way: Way) -> Waits {
        let state = Rc::new(Cell::new(State::Idle));
        Waits { turns: Box::pin(turns(link.clone(), way, state.clone())), state }
    }

    /// Whether it is under way.
    fn is_asked(&self) -> bool {
        self.state.get() == State::Asked
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.state.get() == State::Idle {
            self.state.set(State::Asked);
        }
        // It never ends.
        let _ = self.turns.as_mut().poll(cx);
        let done = match self.state.get() {
            State::Idle | State::Asked => return Poll::Pending,
            State::Done => Ok(()),
            State::Failed => Err(io::ErrorKind::Other.into()),
        };
        self.state.set(State::Idle);
        Poll::Ready(done)
    }
}

async fn turns(link: Rc<Link>, way: Way, state: Rc<Cell<State>>) -> Infallible {
    loop {
        poll_fn(|_| if state.get() == State::Asked { Poll::Ready(()) } else { Poll::Pending }).await;
        let ready = match way {
            Way::Read => link.stream.readable().await,
            Way::Write => link.stream.writable().await,
        };
        state.set(if ready.is_ok() { State::Done } else { State::Failed });
    }
}
