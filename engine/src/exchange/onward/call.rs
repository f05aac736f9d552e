//! From a request that passed to the reply that comes back: which upstream, with what, and the call itself.

use super::forward;
use super::mapping::Way;
use super::stick;
use super::trailers::upward;
use crate::base::counters::Slot;
use crate::exchange::answer::of_call;
use crate::exchange::context::Context;
use crate::exchange::downstream::Replies;
use crate::exchange::grpc;
use crate::exchange::outcome::Outcome;
use crate::exchange::plan;
use crate::exchange::write::write;
use crate::net::body::BodySource;
use crate::net::clock;
use crate::observe::Reason;
use crate::route::split::{Choice, CookieId, Split};
use crate::table::{Listener, Route, Upstream};
use crate::upstream::{Outgoing, Plan, call};
use crate::wire::edits::Edits;
use crate::wire::head::Head;
use crate::wire::http1::encode::Onward;
use crate::wire::http1::framing::{self, Length};
use crate::wire::proxy_protocol::Announce;
use std::future::Future;
use std::pin::Pin;

/// A request that passed, and where it goes.
#[derive(Clone, Copy)]
pub struct Onto<'c, 'r> {
    pub head: Head<'r>,
    pub path: &'r [u8],
    pub route: &'c Route,
    /// Which pattern of the route's match took the path.
    pub at: usize,
    pub split: &'c Split,
    /// Of the body that is sent on.
    pub length: Length,
}

/// As [`onward`], for a call of gRPC-Web. Boxed: few requests are one, and each exchange would keep the room.
pub fn translated<'f, 'c: 'f, B: BodySource, R: Replies>(
    ctx: &'c Context<'c>,
    to: Onto<'c, 'f>,
    web: grpc::Web<'f>,
    ours: (&'f mut Edits, &'f mut Vec<u8>, &'f mut Vec<u8>),
    (body, reply): (&'f mut B, &'f mut R),
) -> Pin<Box<impl Future<Output = Result<Outcome<'c>, Reason>>>> {
    Box::pin(async move {
        web.ask(ours.0);
        let to = Onto { length: web.length(to.length), ..to };
        onward(ctx, to, ours, &mut web.body(body), &mut web.replies(reply)).await
    })
}

/// Sends a request on and its reply back. `edits` hold what is changed of the request, then of the reply; `space` and
/// `value` are working memory.
#[expect(clippy::manual_async_fn, reason = "an async function keeps its arguments twice")]
pub fn onward<'f, 'c: 'f, B: BodySource, R: Replies>(
    ctx: &'c Context<'c>,
    to: Onto<'c, 'f>,
    (edits, space, value): (&'f mut Edits, &'f mut Vec<u8>, &'f mut Vec<u8>),
    body: &'f mut B,
    reply: &'f mut R,
) -> impl Future<Output = Result<Outcome<'c>, Reason>> {
    async move {
        let Onto { head, path, route, at, split, length } = to;
        let chain = ctx.chain();
        let (upstream, issue) = choose(ctx, head, split);
        let target = forward::target(head, path, (route, at), &ctx.lent.caches, space)?;
        let (upgrade, length) = offered(head, route, length);
        if upgrade.is_some() {
            let Listener { limits, tunnels, .. } = &ctx.table.listeners[ctx.peer.listener.index()];
            let slot = Slot::take(tunnels.clone(), limits.tunnels).ok_or(Reason::TunnelCap)?;
            ctx.tunnel_slot.set(Some(slot));
        }
        let expect_continue = awaits(ctx, head)?;
        let host = forward::host(head, route, upstream)?;
        let way = Way { at, path, sent: host, secured: upstream.tls.is_some(), issue };
        let onward = Onward { target, host, length, upgrade, expect_continue };
        let station = ctx.table.station(upstream.id);
        let (timeouts, total) = (&route.timeouts, ctx.total());
        let total_is_callers = ctx.is_callers(total);
        let plan = Plan { upstream, station, timeouts, total, total_is_callers, tried: &ctx.tried };
        let announce = upstream.proxy_protocol.map(|version| {
            // Each exchange has a connection of its own there, so that the one call for it does not count.
            Announce { version, client: ctx.peer.addr, local: reply.local_addr() }
        });
        let mut interim = async |head: Head<'_>| {
            let mut own = ctx.lent.forwards.take();
            own.edits.clear();
            plan::on_interim(ctx, head, &mut own.edits);
            reply.interim(head, &own.edits).await
        };
        let random = || ctx.lent.upstream.random();
        let key = stick::key(upstream, head, path, ctx.client_ip.get(), random);
        let outgoing = Outgoing { head, edits, onward, announce: announce.as_ref(), key };
        let mut upload = None;
        let mut body = upward(ctx, body);
        let lent = &ctx.lent.upstream;
        let got = call(lent, &plan, &outgoing, &mut body, &mut upload, &mut interim).await;
        let got = got.map_err(|fault| ctx.timed_out(of_call(fault)))?;
        ctx.replied.set(clock::now());
        way.back(ctx, got.head(), edits, space);
        if let Some(chain) = chain {
            plan::on_reply(ctx, chain, (head, path), got.head(), edits)?;
        }
        if upstream.balance.key.is_some() {
            stick::issue(ctx, upstream, key, edits, value);
        }
        ctx.tell_strict(edits);
        ctx.timed_reply(edits, value);
        write(ctx, &mut body, reply, got, &mut upload, edits, upgrade).await
    }
}

/// Whether the client waits for a 100 before it sends its body, and has had none yet.
fn awaits(ctx: &Context<'_>, head: Head<'_>) -> Result<bool, Reason> {
    let expects = framing::expects_continue(head).map_err(|_| Reason::ExpectationFailed)?;
    Ok(expects && !ctx.continued.get())
}

/// The upstream that a request goes to, and the sticky cookie that its reply has to issue.
fn choose<'c>(ctx: &'c Context<'c>, head: Head<'_>, split: &Split) -> (&'c Upstream, Option<CookieId>) {
    let choice = match split.only() {
        Some(upstream) => Choice { upstream, issue: None },
        None => split.choose(head, &mut ctx.lent.caches.borrow_mut(), &mut || ctx.lent.upstream.random()),
    };
    ctx.upstream.set(Some(choice.upstream));
    (ctx.table.upstream(choice.upstream), choice.issue)
}

/// The protocol that is offered to the upstream, and the length of the body. With a body there is no offer: whose bytes follow
/// it could not be told. One of no bytes is none, as some clients announce it with the handshake of a WebSocket.
pub fn offered<'h>(head: Head<'h>, route: &Route, length: Length) -> (Option<&'h [u8]>, Length) {
    match length {
        Length::None | Length::Exact(0) => match allowed_upgrade(head, route) {
            Some(token) => (Some(token), Length::None),
            None => (None, length),
        },
        length => (None, length),
    }
}

/// The first protocol offered that the route passes: `websocket` always, others by name, `h2c` never.
fn allowed_upgrade<'h>(head: Head<'h>, route: &Route) -> Option<&'h [u8]> {
    framing::upgrade_tokens(head).find(|token| {
        token.eq_ignore_ascii_case(b"websocket")
            || (!token.eq_ignore_ascii_case(b"h2c")
                && route.upgrade.iter().any(|name| token.eq_ignore_ascii_case(name.as_bytes())))
    })
}
