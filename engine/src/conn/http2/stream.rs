//! One stream: a request, served as any other is, and its reply. A client that resets it, or goes, ends it where it stands.

use super::head;
use super::reply::Http2Replies;
use super::sink::Sender;
use crate::base::{Fault, Kind, Side, Tick};
use crate::conn::misdirected::{certificate, misdirected};
use crate::conn::upgrade;
use crate::exchange::answer::{Answer, Close, of_body, of_framing, of_head};
use crate::exchange::{Context, Downstream, Home, Lent, Outcome, Peer, Tunnel, refuse, run};
use crate::mem::{Buf, Pool};
use crate::net::body::BodySource;
use crate::net::body::frames::{Bounds, FrameReader, Piece};
use crate::net::clock;
use crate::net::poll::Wire;
use crate::net::spawn::{Either, race};
use crate::observe::Reason;
use crate::table::{Limits, ListenerTimeouts};
use crate::wire::head::{Head, Lines, Version};
use crate::wire::http1::framing::{self, Length};
use crate::wire::http1::{Parsed, request};
use crate::wire::method::Method;
use crate::wire::websocket;
use h2::RecvStream;
use h2::ext::Protocol;
use h2::server::SendResponse;
use http::Request;
use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

/// What a connection that has nothing left to do is given to leave by itself.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);

/// What the streams of a connection share.
pub(super) struct Shared {
    pub(super) wire: Rc<Wire>,
    pub(super) lent: Rc<Lent>,
    pub(super) home: Rc<Home>,
    pub(super) peer: Peer,
    /// Streams that are served now.
    pub(super) active: Cell<u32>,
    /// Whether its client was told to take its next requests elsewhere.
    pub(super) leaves: Cell<bool>,
    /// When the last one ended.
    pub(super) quiet_since: Cell<Tick>,
    /// Whether the connection ends because its client answered nothing.
    pub(super) silent: Cell<bool>,
    /// Whether its client has to make another one, since it would not be let in any more as it was.
    pub(super) outlived: Cell<bool>,
}

/// A stream that is counted until it ends, however it ends.
pub(super) struct Active {
    shared: Rc<Shared>,
    stream: u32,
}

impl Active {
    pub(super) fn begin(shared: &Rc<Shared>, stream: u32) -> Active {
        shared.active.set(shared.active.get() + 1);
        Active { shared: shared.clone(), stream }
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        let Active { shared, stream } = self;
        shared.wire.served(*stream);
        shared.active.set(shared.active.get() - 1);
        shared.quiet_since.set(clock::coarse());
        if shared.active.get() == 0 {
            let now = clock::coarse();
            // What its client sent before it was told to leave may be on its way.
            let by = if shared.leaves.get() { now.after(FAREWELL) } else { shared.quiet_until(now) };
            shared.wire.link().reading.set(by);
        }
    }
}

/// Serves a stream to its end.
pub(super) async fn serve(shared: Rc<Shared>, request: Request<RecvStream>, respond: SendResponse<Piece>) {
    let began = clock::now();
    let Shared { wire, lent, home, .. } = &*shared;
    lent.activity.beat();
    let (table, at) = home.now(lent);
    let peer = shared.peer.on(&table, at);
    let listener = &table.listeners[at.index()];
    let pool = &lent.upstream.buffers;
    let wheel = &lent.upstream.wheel;
    let silence = listener.timeouts.body;
    let to = Sender::new((wire.clone(), wheel.clone()), respond, silence);
    let (parts, body) = request.into_parts();
    let mut lines = lent.upstream.lines.take();
    let is_tunnel = parts.extensions.get::<Protocol>().is_some();
    let random = || lent.upstream.random();
    let key = is_tunnel.then(|| websocket::key([random(), random()]));
    let key = key.as_ref().map_or(&b""[..], |key| &key[..]);
    let (held, is_whole) = laid(&parts, (pool, &mut *lines), &listener.limits, key);
    drop(parts);
    let head = held.as_ref().map(|held| Head::new(held.filled(), &lines));
    let mut ctx = Context::new(lent, &table, peer, head, began);
    ctx.version.set(Version::Http2);
    ctx.certificate = certificate(&wire.link().stream, listener);
    let framed = match is_whole {
        Err(reason) => Err(reason),
        // What follows the head of one is of the tunnel, if it is opened.
        Ok(()) if is_tunnel => Ok(Length::None),
        Ok(()) => head.map_or(Ok(Length::None), |head| length(head, &body)),
    };
    let length = framed.unwrap_or(Length::None);
    let limit = if matches!(length, Length::Chunked) { listener.limits.body_bytes } else { None };
    let bounds = Bounds { limit, silence, total: Tick::NEVER, side: Side::Client };
    let body = FrameReader::new(body, bounds, wheel);
    let mut down = Http2 { body, reply: Http2Replies { to: &to, pool } };
    let elsewhere = head.and_then(|head| misdirected(&wire.link().stream, listener, head));
    if elsewhere.and_then(Answer::of).is_some_and(|answer| answer.close == Close::Always) {
        shared.outlived.set(true);
    }
    let ended = {
        // Pinned where it stands: it is large, and would be copied by each that takes it.
        let served = pin!(async {
            match (framed, elsewhere) {
                (Err(reason), _) => refuse(&ctx, &mut down, reason).await,
                _ if listener.limits.refuse(length) => refuse(&ctx, &mut down, Reason::BodyTooLarge).await,
                (_, Some(reason)) => refuse(&ctx, &mut down, reason).await,
                _ => run(&ctx, length, &mut down).await,
            }
        });
        race(served, poll_fn(|cx| to.poll_reset(cx))).await
    };
    match ended {
        Either::First(Outcome::Reuse | Outcome::Close | Outcome::Reset) => {}
        Either::First(Outcome::Tunnel(open)) => {
            let client = (&mut down.body, &to, pool);
            let carried = Box::pin(carried(&ctx, *open, client, &listener.timeouts));
            if let Either::Second(()) = race(carried, poll_fn(|cx| to.poll_reset(cx))).await {
                let why = if shared.silent.get() { Reason::ClientSilent } else { Reason::ClientGone };
                ctx.reason.set(why);
            }
        }
        Either::Second(()) => {
            let (status, sent) = to.told();
            ctx.status.set(status);
            ctx.bytes_out.set(sent);
            ctx.bytes_in.set(down.body.count());
            ctx.reason.set(shared.why(&mut down.body));
        }
    }
    to.reset_unless_ended();
}

impl Shared {
    /// Why a stream is over that was not served to its end, with this body: its client has reset it, or has gone; or it has sent
    /// what is no request, and the library has reset it.
    fn why(&self, body: &mut FrameReader) -> Reason {
        match body.broke() {
            Some(fault @ Fault { kind: Kind::Malformed, .. }) => of_body(fault),
            _ if self.silent.get() => Reason::ClientSilent,
            _ => Reason::ClientGone,
        }
    }
}

/// Carries a tunnel to its end; how that came is in the record.
async fn carried(
    ctx: &Context<'_>,
    open: Tunnel<'_>,
    (body, to, pool): (&mut FrameReader, &Sender, &Pool),
    timeouts: &ListenerTimeouts,
) {
    // Whoever opened it has begun a reply.
    let Some(sender) = to.body() else { return };
    // However it ends from here on, it is no fault of the gateway's (RFC 8441 §5).
    to.opened();
    let (from, to) = (upgrade::Source::Frames(body), upgrade::Sink::Frames(sender, pool));
    let client = upgrade::Client { from, to, first: b"" };
    // A stream that was not ended is reset.
    let _ = upgrade::tunnel(ctx, open, client, timeouts).await;
}

/// The head, in the buffer that is given, and where its parts are. Of one that is refused what it asks for and of whom, for the
/// record, where that can be told. `key` is the one that an origin is shown.
fn laid(
    parts: &http::request::Parts,
    (pool, lines): (&Pool, &mut Lines),
    limits: &Limits,
    key: &[u8],
) -> (Option<Buf>, Result<(), Reason>) {
    let parsed = |held: &Buf, lines: &mut Lines| match request::parse(held.filled(), lines, &limits.head()) {
        Ok(Parsed::Complete { .. }) => {
            lines.came_by_http2();
            Ok(())
        }
        // What was laid ends with an empty line.
        Ok(Parsed::Partial) => Err(Reason::BadRequest("no_head")),
        Err(fault) => Err(of_head(fault)),
    };
    let refused = match head::lay(parts, pool, key) {
        Ok(held) => match parsed(&held, lines) {
            Ok(()) => return (Some(held), Ok(())),
            Err(reason) => reason,
        },
        Err(reason) => reason,
    };
    let outline = head::outline(parts, pool, limits.target_bytes).filter(|held| parsed(held, lines).is_ok());
    (outline, Err(refused))
}

/// The length of a request's body: frames end it, whatever is said of it, and the library holds it to what is said.
fn length(head: Head<'_>, body: &RecvStream) -> Result<Length, Reason> {
    let said = framing::content_length(head).map_err(of_framing)?;
    Ok(match (said, body.is_end_stream()) {
        (Some(bytes), false) => Length::Exact(bytes),
        (None, false) => Length::Chunked,
        (Some(0), true) => Length::Exact(0),
        (Some(_), true) => return Err(Reason::BadRequest("content_length")),
        // What has a body by its method says that there is none (RFC 9110 §8.6): there are servers that ask for a length.
        (None, true) if matches!(head.method(), Method::Post | Method::Put | Method::Patch) => {
            Length::Exact(0)
        }
        (None, true) => Length::None,
    })
}

/// The downstream side of one stream.
struct Http2<'a> {
    body: FrameReader,
    reply: Http2Replies<'a>,
}

impl<'a> Downstream for Http2<'a> {
    type Body = FrameReader;
    type Reply = Http2Replies<'a>;

    fn split(&mut self) -> (&mut FrameReader, &mut Http2Replies<'a>) {
        (&mut self.body, &mut self.reply)
    }
}
