//! One request to an upstream, with the safe replays: a request that failed on a reused connection before
//! any reply byte goes once more on a new one, if it is idempotent or nothing of it was sent, and its body can
//! be given again. One that an origin of HTTP/2 says it has not looked at goes again, whatever it asks for.
//! `exchange/onward/call` and `exchange/plan/consult` call it; `attempt` does one try.

use super::attempt::{Failed, attempt, fits, stays_open};
use super::carry::{ReplyBody, Upload};
use super::connect::{Fresh, Leased, connect};
use super::lent::Lent;
use super::station::{Picked, Station};
use crate::base::{Fault, Tick};
use crate::mem::{Buf, Scratch};
use crate::net::body::frames::{FrameReader, FrameSender};
use crate::net::body::{BodyReader, BodySource, Lane, Reading};
use crate::net::{Shortage, clock};
use crate::table::{RouteTimeouts, Upstream};
use crate::wire::edits::Edits;
use crate::wire::head::{Head, Lines};
use crate::wire::http1::encode::Onward;
use crate::wire::http1::framing::Length;
use crate::wire::proxy_protocol::Announce;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// Where a request goes and within which bounds.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    /// The upstream.
    pub upstream: &'a Upstream,
    /// Its connections and balancing on this shard.
    pub station: &'a Station,
    /// The route's timeouts.
    pub timeouts: &'a RouteTimeouts,
    /// When the whole exchange must be over.
    pub total: Tick,
    /// Whether that is what the caller gave, which may be less than any answer takes.
    pub total_is_callers: bool,
    /// What the call notes down for the log.
    pub tried: &'a Tried,
}

/// What a call did, for the record; kept when it fails too.
#[derive(Debug, Default)]
pub struct Tried {
    /// Times the request was sent.
    pub tries: Cell<u8>,
    /// Whether the last try went over a connection that had served before.
    pub reused: Cell<bool>,
    /// The endpoint of the last try.
    pub endpoint: RefCell<Option<Picked>>,
    /// When the last try's request was handed to the socket.
    pub sent: Cell<Tick>,
    /// When a connection was dialled for the last try; told where one was.
    pub dialled: Cell<Tick>,
    /// When the last try's body had been handed to the socket; told where latencies are measured.
    pub uploaded: Cell<Tick>,
}

impl Tried {
    /// The endpoint brought no reply, or no connection: it is counted.
    #[cold]
    pub(super) fn failed(&self, shard: usize) {
        let picked = self.endpoint.borrow();
        if let Some(cells) = picked.as_ref().and_then(|picked| picked.cells(shard)) {
            cells.failures.add(1);
        }
    }
}

/// The request as it goes out.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// The client's head.
    pub head: Head<'a>,
    /// What is changed of it.
    pub edits: &'a Edits,
    /// Target, host and framing.
    pub onward: Onward<'a>,
    /// What a new connection says of the client before the request, to an upstream that is told.
    pub announce: Option<&'a Announce>,
    /// What of it balancing goes by; 0 where that looks at nothing.
    pub key: u64,
}

/// Why no reply head came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFault {
    /// The upstream has no endpoint now.
    NoEndpoint,
    /// No connection could be made, to the last endpoint tried in this way.
    Connect(&'static str),
    /// This process has no socket left to make one with, for want of this.
    NoSocket(Shortage),
    /// No connection within `timeouts.connect`.
    ConnectTimeout,
    /// The last endpoint tried showed a certificate that breaks this rule.
    Certificate(&'static str),
    /// It refused the handshake or broke TLS, before it or in it, in this way.
    Tls(&'static str),
    /// Connected, but no handshake within `timeouts.connect`.
    TlsTimeout,
    /// The upstream's connections are all busy.
    PoolFull,
    /// The connection ended before a reply head.
    Reset,
    /// The request cannot be put as the upstream has to be told of it, through no fault of the upstream.
    Request(&'static str),
    /// The reply breaks the protocol.
    Malformed(&'static str),
    /// No reply head within `timeouts.first_byte`.
    FirstByte,
    /// The exchange's total time is over.
    Total,
    /// The request's body broke off, came too slowly or is too long.
    Body(Fault),
    /// An interim reply could not be passed to the client.
    Client(Fault),
    /// The request's head, with all that is told to the upstream, is larger than what is sent: nothing of it was.
    HeadTooLarge,
}

/// A reply whose head has come. What was read behind the head lies in the same buffer.
pub struct Reply<'a> {
    pub(super) leased: Leased<'a>,
    pub(super) buf: Buf,
    pub(super) lines: Scratch<Lines>,
    pub(super) length: Length,
    pub(super) source: Source,
}

/// Where the body of a reply comes from.
pub(super) enum Source {
    /// The connection, behind the head.
    Http1(Lane),
    /// A stream; none once the body was taken.
    Http2(RefCell<Option<Box<FrameReader>>>),
    /// Nowhere: the stream is a tunnel.
    Switched(Box<Switched>),
}

/// A stream that has become a tunnel, and the connection that carries it.
pub(super) struct Switched {
    pub(super) lane: Lane,
    pub(super) stream: TunnelStream,
}

/// The upstream's end of a tunnel.
pub enum TunnelEnd {
    /// A connection, all of it.
    Connection(Lane),
    /// A stream of HTTP/2.
    Stream(Box<TunnelStream>),
}

/// Both ways of a stream.
pub struct TunnelStream {
    /// From the upstream.
    pub from: FrameReader,
    /// To the upstream.
    pub to: FrameSender,
}

impl TunnelEnd {
    /// Ends it so that the upstream sees it was cut.
    pub fn reset(&self) {
        match self {
            TunnelEnd::Connection(lane) => lane.link.stream.reset_on_close(),
            TunnelEnd::Stream(stream) => stream.to.cancel(),
        }
    }
}

impl<'a> Reply<'a> {
    /// The head.
    pub fn head(&self) -> Head<'_> {
        Head::new(self.buf.filled(), &self.lines)
    }

    /// The framing of its body.
    pub fn length(&self) -> Length {
        self.length
    }

    /// Its body. Whatever of it came with the head is read first.
    pub fn body(&self) -> ReplyBody<'_> {
        let lane = match &self.source {
            Source::Http1(lane) => lane.clone(),
            Source::Http2(body) => {
                return ReplyBody::Http2(body.take().expect("a reply's body is taken once"));
            }
            // It has none, and nothing is read for it.
            Source::Switched(switched) => switched.lane.clone(),
        };
        let head = self.head();
        let first = &self.buf.filled()[head.head_len()..];
        ReplyBody::Http1(BodyReader::new(Reading { lane, limit: None }, self.length, first).drop_named(head))
    }

    /// Ends the exchange. `whole` says that the body was read to its end and nothing lay behind it; the
    /// connection is then parked if both sides want it, else closed. One that named its client is never another's.
    pub fn finish(mut self, whole: bool) {
        let named = self.leased.plan().upstream.proxy_protocol.is_some();
        if !whole || named {
            return;
        }
        if let Some(keep) = stays_open(self.head()) {
            if let Some(conn) = &mut self.leased.conn {
                conn.keep = keep;
            }
            self.leased.park();
        }
    }

    /// Gives the connection, or the stream, up for a tunnel, with the bytes that came behind the head. None of a stream that
    /// was not asked to switch.
    pub fn into_tunnel(mut self) -> Option<(TunnelEnd, Buf, Leased<'a>)> {
        let len = self.head().head_len();
        self.buf.consume(len);
        match self.source {
            Source::Http1(lane) => Some((TunnelEnd::Connection(lane), self.buf, self.leased)),
            Source::Switched(switched) => {
                Some((TunnelEnd::Stream(Box::new(switched.stream)), self.buf, self.leased))
            }
            Source::Http2(_) => None,
        }
    }
}

/// How often a request is sent again that its origin did not look at (RFC 9113 §8.7).
const REFUSALS_MAX: u8 = 3;
/// What a failure costs an endpoint at least, where latencies are measured.
const FAILED: Duration = Duration::from_secs(1);

/// Sends `request` and waits for its reply's head. `interim` is given each 1xx reply before it. Where the upstream
/// answers before the request is complete, its sending side is left in `upload`.
///
/// # Errors
/// See [`CallFault`].
pub async fn call<'a, B: BodySource>(
    lent: &'a Lent,
    plan: &Plan<'a>,
    request: &Outgoing<'_>,
    body: &mut B,
    upload: &mut Option<Upload>,
    interim: &mut impl AsyncFnMut(Head<'_>) -> Result<(), Fault>,
) -> Result<Reply<'a>, CallFault> {
    if !fits(lent, *plan, request) {
        return Err(CallFault::HeadTooLarge);
    }
    let mut fresh = Fresh::Any;
    let (mut replayed, mut refusals) = (false, 0);
    let mut slot = None;
    loop {
        let leased = connect(lent, *plan, request, fresh, slot.take()).await?;
        let reused = leased.reused();
        plan.tried.tries.set(plan.tried.tries.get().saturating_add(1));
        plan.tried.reused.set(reused);
        plan.tried.sent.set(clock::now());
        let Failed { fault, nothing_sent, refused, answered, slot: left } =
            match attempt(lent, leased, request, body, upload, interim).await {
                Ok(reply) => {
                    if plan.station.balance(|state| state.has_cuts()) {
                        replied(plan);
                    }
                    if plan.upstream.balance.algorithm.is_measured() && upload.is_none() {
                        measure(plan, Duration::ZERO);
                    }
                    return Ok(reply);
                }
                Err(failed) => failed,
            };
        let cut = fault == CallFault::Reset && !answered;
        let stale = reused && cut;
        if is_of_upstream(fault, plan) {
            plan.tried.failed(lent.shard);
            if !stale {
                // Whoever fails at once is not the fastest.
                measure(plan, FAILED);
            }
        }
        if cut && !reused && !plan.upstream.http2 && matches!(request.onward.length, Length::None) {
            told_of_cut(plan);
        }
        let safe = nothing_sent || request.head.method().is_idempotent();
        if refused && cut && refusals < REFUSALS_MAX {
            refusals += 1;
            // Where there is room, since one that is of no more use is not joined.
            fresh = Fresh::Any;
        } else if stale && safe && !refused && !replayed {
            // Once: a shared connection may be another one that others use too.
            replayed = true;
            lent.counts.reuse_races.add(1);
            fresh = Fresh::New;
            // It had its turn: who waits comes after it.
            slot = left;
        } else {
            return Err(fault);
        }
        if !body.rewind() {
            return Err(fault);
        }
        // The socket of what failed is closed before another is opened.
        *upload = None;
    }
}

/// Whether a call without a reply is held against its endpoint. Not where the caller gave up: anybody may give no time at all.
fn is_of_upstream(fault: CallFault, plan: &Plan<'_>) -> bool {
    match fault {
        CallFault::Reset | CallFault::Malformed(_) | CallFault::Tls(_) | CallFault::FirstByte => true,
        CallFault::Total => !plan.total_is_callers,
        _ => false,
    }
}

/// Tells the balancer how long the endpoint took, or was waited for in vain, from the end of the request's body; `least` at
/// least. Not told of a reply that came while the body was still on its way: the time is the client's.
fn measure(plan: &Plan<'_>, least: Duration) {
    let picked = plan.tried.endpoint.borrow();
    let Some(picked) = picked.as_ref() else { return };
    let now = clock::now();
    let took = now.since(plan.tried.sent.get().max(plan.tried.uploaded.get())).max(least);
    plan.station.staying(picked, |state, at| state.measured(at, took, now));
}

/// The endpoint took a connection and closed it.
#[cold]
fn told_of_cut(plan: &Plan<'_>) {
    if let Some(picked) = &*plan.tried.endpoint.borrow() {
        plan.station.staying(picked, |state, at| state.cut(at, clock::coarse()));
    }
}

/// The endpoint that had closed connections replies.
#[cold]
fn replied(plan: &Plan<'_>) {
    if let Some(picked) = &*plan.tried.endpoint.borrow() {
        plan.station.staying(picked, |state, at| state.replied(at));
    }
}

/// The lane of a reply on `leased`.
pub(super) fn lane(lent: &Lent, plan: Plan<'_>, link: &Rc<crate::net::Link>) -> Lane {
    let pool = lent.buffers.clone();
    Lane { link: link.clone(), silence: plan.timeouts.between_bytes, total: plan.total, pool }
}
