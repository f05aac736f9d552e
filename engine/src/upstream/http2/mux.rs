//! A connection that carries many exchanges at once. One task drives it until it is idle for too long, the origin closes
//! it or answers no longer, or its endpoint has left; those that use it count themselves.

use super::super::attempt::REPLY_LIMITS;
use super::super::lent::Lent;
use super::super::shared::Sends;
use super::super::slots::Held;
use super::keepalive::{Found, Keepalive};
use crate::base::{Line, Tick};
use crate::mem::BULK_BYTES;
use crate::net::body::frames::Piece;
use crate::net::poll::{Polled, Wire};
use crate::net::spawn::{give_way, spawn_guarded};
use crate::net::stream::until;
use crate::net::{Link, clock};
use crate::table::Upstream;
use h2::client::{Builder, Connection, SendRequest};
use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Bytes of a stream that may be on their way to us, unread.
const STREAM_WINDOW_BYTES: u32 = 128 * 1024;
/// The same of all streams of a connection: as many as all of them may have, since credit comes back only for what was passed
/// on. With less, clients that read nothing would keep everybody else from what comes over the connection. An origin is one
/// that the operator chose, so it is trusted with the memory.
const WINDOW_BYTES: u32 = STREAM_WINDOW_BYTES * STREAMS_MAX;
/// What small frames may cost that wait to be read, by which the library ends a connection: 256 bytes less its own for each.
/// Events and tokens come in frames of a few bytes, and whoever reads them slowly is no fault of the origin's nor of the other
/// streams'. Windows bound what is kept.
const SMALL_FRAMES_BYTES: usize = 256 * 1024 * 1024;
/// Streams that were given up a short while ago, for which something may still come. What comes for one that is forgotten is
/// answered with a reset, and those the library counts as misdeeds of the origin unless it is told not to.
const GIVEN_UP_MAX: usize = 1024;
/// Bytes of a request's body that the library keeps until they may be sent.
const SEND_BUFFER_BYTES: usize = 32 * 1024;
/// A reply's head by the library's measure, which is 28 bytes more for each field than ours (RFC 9113 §6.5.2): what it lets pass is
/// held to the limits of all heads when it is laid.
const HEAD_BYTES: u32 = BULK_BYTES as u32 + 28 * REPLY_LIMITS.fields as u32;
/// Exchanges on one connection at once, if the origin allows as many.
const STREAMS_MAX: u32 = 100;
/// How long an origin may read nothing of what is sent to it.
const STALL: Duration = Duration::from_secs(30);

/// A connection to an endpoint.
pub struct Mux {
    send: SendRequest<Piece>,
    wire: Rc<Wire>,
    active: Cell<u32>,
    served: Cell<bool>,
    /// Whether it takes no more exchanges.
    over: Cell<bool>,
    /// Whether the origin has told what it takes.
    settled: Cell<bool>,
    /// The exchange that waits for that.
    settling: RefCell<Option<Waker>>,
    /// Who waits for a part of a connection, once others may have one of this.
    line: OnceCell<Rc<RefCell<Line>>>,
    /// When it told that: it has not answered anything by it.
    greeted: Cell<Tick>,
    /// When something was asked first of what nothing has come for since.
    asked: Cell<Tick>,
    quiet_since: Cell<Tick>,
    idle: Duration,
    age: Option<Duration>,
    /// The silence of the origin's after which it is asked whether it is there.
    ping: Option<Duration>,
    slot: RefCell<Option<Held>>,
}

impl fmt::Debug for Mux {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Mux")
            .field("active", &self.active)
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

impl Mux {
    /// Speaks HTTP/2 with one of the endpoints of `upstream` on `link`, which holds `slot`.
    ///
    /// # Errors
    /// The connection broke at once.
    pub async fn open(
        lent: &Lent,
        link: Rc<Link>,
        slot: Held,
        upstream: &Upstream,
    ) -> Result<Rc<Mux>, h2::Error> {
        let now = clock::coarse();
        let wire = Wire::of_server(link, lent.buffers.clone());
        let mut builder = Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .data_frame_budget(SMALL_FRAMES_BYTES)
            .max_concurrent_reset_streams(GIVEN_UP_MAX)
            .max_local_error_reset_streams(None)
            .max_send_buffer_size(SEND_BUFFER_BYTES)
            .max_header_list_size(HEAD_BYTES);
        // It sends what a client begins with and waits for nothing.
        let (send, mut connection) = builder.handshake::<_, Piece>(wire.end()).await?;
        let keepalive = Keepalive::new(connection.ping_pong(), upstream.ping);
        let mux = Rc::new(Mux {
            send,
            wire,
            active: Cell::new(0),
            served: Cell::new(false),
            over: Cell::new(false),
            settled: Cell::new(false),
            settling: RefCell::default(),
            line: OnceCell::new(),
            greeted: Cell::default(),
            asked: Cell::new(now),
            quiet_since: Cell::new(now),
            idle: upstream.idle,
            age: upstream.age,
            ping: upstream.ping,
            slot: RefCell::new(Some(slot)),
        });
        let counts = lent.counts.clone();
        let driven = mux.clone();
        spawn_guarded(drive(mux.clone(), connection, keepalive), move |ended| {
            if ended.is_err() {
                counts.panics.add(1);
            }
            driven.end();
            driven.slot.borrow_mut().take();
        });
        Ok(mux)
    }

    /// Whether it takes another exchange now that `sends` this. Only one until the origin has told how many it takes: it may refuse
    /// the others. A body would wait behind those that the origin does not read.
    pub fn has_room(&self, sends: Sends) -> bool {
        let most = match self.settled.get() {
            true => (STREAMS_MAX as usize).min(self.send.current_max_send_streams()),
            false => 1,
        };
        let is_held_up = sends == Sends::Body && self.wire.is_stuck();
        !self.over.get() && (self.active.get() as usize) < most && !is_held_up
    }

    /// Whether it takes another exchange now, or when one of its own has ended.
    pub fn takes_more(&self) -> bool {
        !self.over.get()
    }

    /// Whether the origin has not told yet how many exchanges it takes.
    pub fn is_new(&self) -> bool {
        !self.settled.get() && !self.over.get()
    }

    /// The first in `line` is called when it is not new any more: there may be room.
    pub fn calls(&self, line: Rc<RefCell<Line>>) {
        let is_first = self.line.set(line).is_ok();
        debug_assert!(is_first, "a connection belongs to one endpoint");
    }

    /// The origin has told what it takes.
    fn settle(&self) {
        self.settled.set(true);
        self.greeted.set(self.wire.heard());
        self.call();
    }

    /// It takes no more exchanges.
    fn end(&self) {
        if !self.over.replace(true) {
            self.call();
        }
    }

    /// Whoever waits for what has changed looks again.
    fn call(&self) {
        if let Some(waker) = self.settling.take() {
            waker.wake();
        }
        if let Some(line) = self.line.get() {
            line.borrow_mut().call();
        }
    }

    /// Whether it is of no more use to anybody.
    pub fn is_gone(&self) -> bool {
        self.over.get() && self.active.get() == 0
    }

    /// It takes no more exchanges, and is closed when the last one has ended.
    pub fn leave(&self) {
        self.end();
        self.wire.link().reading.set(clock::coarse());
    }

    /// When it has become as old as its upstream lets one.
    pub fn old_at(&self) -> Tick {
        self.age.map_or(Tick::NEVER, |age| self.wire.link().old_at(age))
    }

    /// Exchanges on it now.
    pub fn active(&self) -> u32 {
        self.active.get()
    }

    /// A time has passed: whether it is over, or when to look again.
    fn look(&self, keepalive: &mut Keepalive) -> Found {
        let now = clock::coarse();
        if self.active.get() > 0 {
            // The last exchange sets the time again.
            return keepalive.look(now, self.wire.heard());
        }
        match self.quiet_since.get().after(self.idle) {
            until if self.over.get() || until <= now => Found::Gone,
            until => Found::There(until.min(self.ping.map_or(Tick::NEVER, |ping| now.after(ping)))),
        }
    }

    /// Begins an exchange.
    pub fn begin(self: &Rc<Self>) -> Stream {
        self.active.set(self.active.get() + 1);
        if self.wire.heard() >= self.asked.get() {
            self.asked.set(clock::coarse());
        }
        Stream { reused: self.served.replace(true), mux: self.clone() }
    }
}

/// An exchange's part of a connection, until it is dropped.
pub struct Stream {
    /// Whether the connection had carried an exchange before.
    pub reused: bool,
    mux: Rc<Mux>,
}

impl Stream {
    /// For one request.
    pub(super) fn sender(&self) -> SendRequest<Piece> {
        self.mux.send.clone()
    }

    /// The connection.
    pub(super) fn wire(&self) -> &Rc<Wire> {
        &self.mux.wire
    }

    /// Whether the origin takes no exchange at all (RFC 9113 §5.1.2).
    pub(super) fn takes_none(&self) -> bool {
        self.mux.send.current_max_send_streams() == 0
    }

    /// The connection takes no more exchanges.
    pub(super) fn spoiled(&self) {
        self.mux.end();
    }

    /// Waits until the origin has told its settings, or the connection has ended.
    pub(super) fn poll_settled(&self, cx: &Context<'_>) -> Poll<()> {
        if !self.mux.is_new() {
            return Poll::Ready(());
        }
        // Nobody else is on it until then.
        self.mux.settling.replace(Some(cx.waker().clone()));
        Poll::Pending
    }

    /// Whether nothing has come since then but what every origin begins with.
    pub(super) fn is_silent(&self, since: Tick) -> bool {
        let heard = self.mux.wire.heard();
        heard < since || heard <= self.mux.greeted.get()
    }

    /// Whether nothing has come for as long as `time` since something was asked.
    pub(super) fn is_silent_for(&self, time: Duration) -> bool {
        let asked = self.mux.asked.get();
        self.is_silent(asked) && asked.after(time) <= clock::coarse()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let Mux { active, quiet_since, wire, idle, ping, over, .. } = &*self.mux;
        active.set(active.get() - 1);
        if active.get() == 0 {
            quiet_since.set(clock::coarse());
            let left = if over.get() { Duration::ZERO } else { *idle };
            // Exchanges may come before that time: their origin's silence is looked at in time, too.
            wire.link().reading.set(until(ping.map_or(left, |ping| ping.min(left))));
        }
    }
}

/// What a turn came to.
enum Step {
    Yield,
    Over,
}

async fn drive(mux: Rc<Mux>, mut connection: Connection<Polled, Piece>, mut keepalive: Keepalive) {
    mux.wire.link().reading.set(until(mux.ping.map_or(mux.idle, |ping| ping.min(mux.idle))));
    while let Step::Yield = poll_fn(|cx| turn(&mux, &mut connection, &mut keepalive, cx)).await {
        give_way().await;
    }
    mux.end();
    mux.wire.link().stream.shutdown_write();
}

fn turn(
    mux: &Mux,
    connection: &mut Connection<Polled, Piece>,
    keepalive: &mut Keepalive,
    cx: &mut Context<'_>,
) -> Poll<Step> {
    let wire = &mux.wire;
    wire.begin_turn();
    let ended = Pin::new(&mut *connection).poll(cx).is_ready();
    if !mux.settled.get() && wire.is_settled() {
        mux.settle();
    }
    keepalive.hear(cx);
    match wire.poll_sent(cx) {
        Poll::Ready(Ok(())) => {}
        Poll::Ready(Err(_)) => return Poll::Ready(Step::Over),
        Poll::Pending => {
            wire.link().writing.begin(until(STALL));
            // What does not last is cut by waits of its own.
            let serves = mux.active.get() > 0;
            if wire.link().writing.poll_passed_sparing(serves, cx).is_ready() {
                return Poll::Ready(Step::Over);
            }
        }
    }
    if ended || wire.breach().is_some() {
        return Poll::Ready(Step::Over);
    }
    if wire.begin_turn() {
        return Poll::Ready(Step::Yield);
    }
    while wire.link().reading.poll_passed(cx).is_ready() {
        match mux.look(keepalive) {
            Found::There(until) => wire.link().reading.set(until),
            Found::Asked(until) => {
                wire.link().reading.set(until);
                // What is asked leaves now.
                return turn(mux, connection, keepalive, cx);
            }
            Found::Gone => return Poll::Ready(Step::Over),
        }
    }
    Poll::Pending
}
