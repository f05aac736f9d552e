//! An HTTP/2 connection: one task drives it and has a task for each stream. What the library leaves to us is decided here:
//! when a connection is idle, dead, flooded or to leave.

mod head;
mod reply;
mod sink;
mod stream;

use crate::base::Tick;
use crate::exchange::{Context, Home, Lent, Peer, Tells};
use crate::mem::{BULK_BYTES, Buf};
use crate::net::body::frames::Piece;
use crate::net::poll::{Polled, Wire};
use crate::net::spawn::{give_way, spawn_guarded};
use crate::net::stream::until;
use crate::net::{Link, clock};
use crate::observe::Reason;
use crate::table::Listener;
use crate::wire::head::Version;
use crate::wire::http2::{Breach, Refusal};
use h2::server::{Builder, Connection, SendResponse};
use h2::{Ping, PingPong, RecvStream};
use http::Request;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context as Poller, Poll};
use stream::{Active, FAREWELL, Shared};

use super::linger::linger;

/// Bytes that may be on their way to us, unread, of all streams of a connection. Credit comes back only for what was passed on,
/// so that it takes 32 uploads to an origin that reads nothing to hold the others up. Not as much as all streams may have: whoever
/// comes may have it.
const WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// The same of each stream (RFC 9113 §6.9.2).
const STREAM_WINDOW_BYTES: u32 = 128 * 1024;
/// What small frames may cost that wait to be passed on, by which the library ends a connection: 256 bytes less its own for
/// each. Calls that stream upwards send frames of a few bytes, and an origin that reads them slowly is no fault of theirs.
const SMALL_FRAMES_BYTES: usize = 16 * 1024 * 1024;
/// Streams that were ended before their client has sent all, a short while ago. What comes for one that is forgotten is answered with
/// a reset. By itself the library ends a connection for a thousand of those, however long it lives, and whatever ran on it: here
/// they cost credit ([`crate::wire::http2::Refusals`]), which comes back.
const ENDED_EARLY_MAX: usize = 1024;
/// Payload of a frame that everybody takes (RFC 9113 §4.2).
const FRAME_BYTES: u32 = 16 * 1024;
/// Bytes of a stream's reply that the library keeps until they may be sent.
const SEND_BUFFER_BYTES: usize = 32 * 1024;

type Server = Connection<Polled, Piece>;

/// Serves a connection that speaks HTTP/2, `first` of whose bytes were read already.
pub(super) async fn serve(link: Rc<Link>, lent: Rc<Lent>, home: Rc<Home>, peer: Peer, first: Option<Buf>) {
    let now = clock::coarse();
    let frame_bytes = home.look(&lent, frame_bytes) as usize;
    let wire = Wire::of_client(link.clone(), lent.upstream.buffers.clone(), first, frame_bytes);
    let (active, quiet_since) = (Cell::new(0), Cell::new(now));
    let (shared_lent, shared_home) = (lent.clone(), home.clone());
    let shared = Rc::new(Shared {
        wire: wire.clone(),
        lent: shared_lent,
        home: shared_home,
        peer,
        active,
        quiet_since,
        silent: Cell::new(false),
        outlived: Cell::new(false),
        leaves: Cell::new(false),
    });
    link.reading.set(now.after(home.look(&lent, |listener| listener.timeouts.head)));
    let builder = home.look(&lent, builder);
    let mut server = match greeted(&builder, &wire).await {
        Ok(server) => server,
        Err(None) => return,
        Err(Some(reason)) => {
            shared.record(reason, 0);
            linger(&link, &lent).await;
            return;
        }
    };
    let _asleep = lent.sleepers.enter(&link, &home, Tells::Now);
    link.reading.set(shared.quiet_until(clock::coarse()));
    let pings = server.ping_pong();
    let mut driver = Driver { shared: &shared, pings, asked_at: None, told: None };
    loop {
        match poll_fn(|cx| driver.turn(&mut server, cx)).await {
            Step::Stream(request, respond) => {
                let active = Active::begin(&shared, respond.stream_id().as_u32());
                let lent = lent.clone();
                // Written where it stays: most of the future is not filled in until it is polled, and none of that is copied.
                let served = Box::write(Box::new_uninit(), stream::serve(shared.clone(), request, respond));
                spawn_guarded(Pin::from(served), move |ended| {
                    if ended.is_err() {
                        lent.counts.panics.add(1);
                    }
                    drop(active);
                });
            }
            Step::Yield => give_way().await,
            Step::Over => return,
            Step::Ended => {
                drop(server);
                linger(&link, &lent).await;
                return;
            }
            Step::Broken(why) => {
                shared.record(Reason::BadRequest(why), 0);
                drop(server);
                linger(&link, &lent).await;
                return;
            }
        }
    }
}

/// A head that is not too large is one frame, as it comes or put together: see [`crate::wire::http2::Blocks`].
fn frame_bytes(listener: &Listener) -> u32 {
    listener.limits.header_bytes.max(FRAME_BYTES)
}

/// What the library takes of a head, by a measure of its own (RFC 9113 §6.5.2): more than is served, so that a head which is too
/// large is refused where what it asks for and of whom is known.
fn list_bytes(listener: &Listener) -> u32 {
    (listener.limits.header_bytes * 2).min(BULK_BYTES as u32)
}

fn builder(listener: &Listener) -> Builder {
    let mut builder = Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_concurrent_streams(listener.limits.streams)
        .max_frame_size(frame_bytes(listener))
        .max_header_list_size(list_bytes(listener))
        .data_frame_budget(SMALL_FRAMES_BYTES)
        .max_send_buffer_size(SEND_BUFFER_BYTES)
        .max_concurrent_reset_streams(ENDED_EARLY_MAX)
        .max_local_error_reset_streams(None)
        // WebSocket (RFC 8441).
        .enable_connect_protocol();
    builder
}

/// Waits for the client's preface and sends ours, within the time of a head.
///
/// # Errors
/// What the client did in its place; none of one that went, or said nothing at all.
async fn greeted(builder: &Builder, wire: &Rc<Wire>) -> Result<Server, Option<Reason>> {
    let mut handshake = pin!(builder.handshake::<_, Piece>(wire.end()));
    poll_fn(|cx| {
        wire.begin_turn();
        let done = handshake.as_mut().poll(cx);
        if let Poll::Ready(Err(_)) = wire.poll_sent(cx) {
            return Poll::Ready(Err(None));
        }
        match done {
            Poll::Ready(Err(error)) if error.is_io() => Poll::Ready(Err(None)),
            Poll::Ready(done) => Poll::Ready(done.map_err(|_| Some(Reason::BadRequest("http2")))),
            Poll::Pending => {
                let late = |()| Err(wire.begun().map(|_| Reason::HeadTimeout));
                wire.link().reading.poll_passed(cx).map(late)
            }
        }
    })
    .await
}

/// What a turn of a connection came to.
#[expect(clippy::large_enum_variant, reason = "it is looked at where it is made")]
enum Step {
    /// A request.
    Stream(Request<RecvStream>, SendResponse<Piece>),
    /// Others first: there is more to read.
    Yield,
    /// The connection is over.
    Over,
    /// The same, and all that was to be said has been.
    Ended,
    /// The client broke the protocol, in this way, and was told so.
    Broken(&'static str),
}

struct Driver<'a> {
    shared: &'a Rc<Shared>,
    pings: Option<PingPong>,
    /// When the client was asked whether it is still there.
    asked_at: Option<Tick>,
    /// What it was told that it did wrong, of what the library lets pass.
    told: Option<Breach>,
}

impl Driver<'_> {
    /// Reads and writes what can be, without waiting.
    fn turn(&mut self, server: &mut Server, cx: &mut Poller<'_>) -> Poll<Step> {
        let Shared { wire, lent, home, outlived, .. } = &**self.shared;
        wire.begin_turn();
        if !self.shared.leaves.get() && (outlived.get() || home.lets_go(lent, wire.link())) {
            self.leave(server);
        }
        self.hear_pong(cx);
        let accepted = server.poll_accept(cx);
        while let Some(refusal) = wire.take_refused() {
            self.refused(refusal);
        }
        let step = match accepted {
            Poll::Ready(Some(Ok((request, respond)))) => {
                wire.serves(respond.stream_id().as_u32());
                return Poll::Ready(Step::Stream(request, respond));
            }
            Poll::Ready(Some(Err(error))) if error.is_io() => Some(Step::Over),
            Poll::Ready(Some(Err(_)) | None) if self.told == Some(Breach::Flood) => {
                Some(Step::Broken("flood"))
            }
            Poll::Ready(Some(Err(_))) => Some(Step::Broken("http2")),
            Poll::Ready(None) if self.told.is_some() => Some(Step::Broken("http2")),
            Poll::Ready(None) => Some(Step::Ended),
            Poll::Pending => None,
        };
        if let Some(breach) = wire.breach()
            && self.told.is_none()
            && step.is_none()
        {
            self.told = Some(breach);
            server.abrupt_shutdown(match breach {
                Breach::Flood => h2::Reason::ENHANCE_YOUR_CALM,
                Breach::Preface => h2::Reason::PROTOCOL_ERROR,
            });
            return self.turn(server, cx);
        }
        if self.is_unread(cx) {
            return Poll::Ready(Step::Over);
        }
        if let Some(step) = step {
            return Poll::Ready(step);
        }
        wire.taken_in();
        if wire.begin_turn() {
            return Poll::Ready(Step::Yield);
        }
        if let Some(begun) = wire.begun()
            && !self.shared.leaves.get()
        {
            wire.link().reading.set(begun.after(home.look(lent, |listener| listener.timeouts.head)));
        }
        if wire.link().reading.poll_passed(cx).is_ready() {
            if self.is_over(server) {
                return Poll::Ready(Step::Over);
            }
            // What was decided is told now, and not with the next frame that comes; the next deadline is set.
            return self.turn(server, cx);
        }
        Poll::Pending
    }

    /// Sends what is to be sent; whether the client takes none of it any more.
    fn is_unread(&self, cx: &mut Poller<'_>) -> bool {
        let Shared { wire, lent, home, active, .. } = &**self.shared;
        match wire.poll_sent(cx) {
            Poll::Ready(sent) => sent.is_err(),
            Poll::Pending => {
                // A client that reads nothing holds what is written for it, so not for ever. At the end of
                // the gateway streams that do not last are cut by waits of their own.
                let silence = home.look(lent, |listener| listener.timeouts.body);
                wire.link().writing.begin(until(silence));
                wire.link().writing.poll_passed_sparing(active.get() > 0, cx).is_ready()
            }
        }
    }

    /// Has the client take its next requests elsewhere (RFC 9113 §6.8); those that it has asked are answered.
    fn leave(&mut self, server: &mut Server) {
        self.shared.leaves.set(true);
        server.graceful_shutdown();
        self.shared.wire.link().reading.set(until(FAREWELL));
    }

    /// The time of the connection has passed: whether it is over, or how long it may go on.
    fn is_over(&mut self, server: &mut Server) -> bool {
        let Shared { wire, lent, home, active, quiet_since, silent, .. } = &**self.shared;
        let (now, heard) = (clock::coarse(), wire.heard());
        let head = home.look(lent, |listener| listener.timeouts.head);
        if wire.begun().is_some_and(|begun| begun.after(head) <= now) {
            self.shared.record(Reason::HeadTimeout, 0);
            return true;
        }
        let next = if active.get() == 0 {
            let silent_until = self.shared.quiet_until(heard.max(quiet_since.get()));
            if self.shared.leaves.get() {
                // What is left of replies leaves first, as long as they are read.
                let owes = wire.owes() || server.has_streams();
                let by =
                    heard.max(quiet_since.get()).after(home.look(lent, |listener| listener.timeouts.body));
                if !owes || by <= now {
                    return true;
                }
                wire.link().reading.set(by);
                return false;
            }
            if silent_until > now {
                silent_until
            } else {
                self.shared.leaves.set(true);
                server.graceful_shutdown();
                now.after(FAREWELL)
            }
        } else {
            let idle = home.look(lent, |listener| listener.timeouts.idle);
            // Whoever reads is there too: its answer comes behind all that waits to be read.
            let seen = heard.max(wire.taken());
            match self.asked_at {
                // Whoever is there answers.
                Some(asked_at) if seen <= asked_at && now >= asked_at.after(head) => {
                    silent.set(true);
                    return true;
                }
                Some(asked_at) if seen <= asked_at => asked_at.after(head),
                _ if seen.after(idle) > now => {
                    self.asked_at = None;
                    seen.after(idle)
                }
                _ => {
                    if let Some(pings) = &mut self.pings {
                        // Refused while one is under way, which will do.
                        let _ = pings.send_ping(Ping::opaque());
                    }
                    self.asked_at = Some(now);
                    now.after(head)
                }
            }
        };
        let old = if self.shared.leaves.get() { Tick::NEVER } else { home.old_at(lent, wire.link()) };
        wire.link().reading.set(if old > now { next.min(old) } else { next });
        false
    }

    fn hear_pong(&mut self, cx: &mut Poller<'_>) {
        if self.asked_at.is_some()
            && let Some(pings) = &mut self.pings
            && let Poll::Ready(Ok(_)) = pings.poll_pong(cx)
        {
            self.asked_at = None;
        }
    }

    /// The library has refused a request by itself.
    #[cold]
    fn refused(&self, refusal: Refusal) {
        match refusal {
            Refusal::Malformed => self.shared.record(Reason::BadRequest("http2_request"), 0),
            Refusal::Streams => self.shared.record(Reason::BadRequest("too_many_streams"), 0),
            Refusal::Head => self.shared.record(Reason::HeadTooLarge, 431),
        }
    }
}

impl Shared {
    /// When the connection is to be left on which nothing has been asked since `since`, or sooner, when it is old.
    fn quiet_until(&self, since: Tick) -> Tick {
        let Shared { wire, lent, home, .. } = self;
        home.silent_until(lent, since).min(home.old_at(lent, wire.link()))
    }

    /// What the client did wrong, for the log, and the status that it was told, if it was told one: there is no request to
    /// tell it with.
    fn record(&self, reason: Reason, status: u16) {
        let Shared { lent, home, peer, .. } = self;
        let (table, at) = home.now(lent);
        let ctx = Context::new(lent, &table, peer.on(&table, at), None, clock::now());
        ctx.version.set(Version::Http2);
        ctx.reason.set(reason);
        ctx.status.set(status);
    }
}
