//! THE PATH of an exchange, one call a stage: head → route → call → write. `conn` calls it with a protocol's
//! downstream side; whatever way it ends, the context hands in the record.

use super::answer::{self, Answer, Close, of_body, of_call};
use super::context::Context;
use super::downstream::{Begin, Downstream, Replies, ReplyHead};
use super::end;
use super::grpc;
use super::https;
use super::onward::forward::{self, Forward};
use super::onward::mapping::Way;
use super::onward::max_forwards;
use super::onward::stick;
use super::outcome::{Outcome, Tunnel};
use super::plan;
use super::proof::proof;
use crate::base::{Fault, Side, Tick};
use crate::net::body::{BodySink, BodySource, pump};
use crate::net::clock;
use crate::net::spawn::beside;
use crate::observe::{Phase, Reason};
use crate::route::split::{Choice, CookieId, Split};
use crate::route::{Facts, Match, Miss};
use crate::table::{End, Route, Upstream};
use crate::upstream::{Outgoing, Plan, Reply, Upload, call};
use crate::wire::edits::Edits;
use crate::wire::head::{Form, Head};
use crate::wire::http1::encode::Onward;
use crate::wire::http1::framing::{self, Length};
use crate::wire::method::Method;
use crate::wire::proxy_protocol::Announce;
use crate::wire::uri;
use std::cell::Cell;
use std::pin::Pin;

/// Serves one request whose head and framing are valid.
pub async fn run<'c, D: Downstream>(ctx: &'c Context<'c>, length: Length, down: &mut D) -> Outcome<'c> {
    let (body, reply) = down.split();
    match serve(ctx, length, body, reply).await {
        Ok(outcome) => outcome,
        Err(reason) => answer(ctx, body, reply, reason).await,
    }
}

/// Answers a request that was refused before or instead of being served.
pub async fn refuse<'c, D: Downstream>(ctx: &'c Context<'c>, down: &mut D, reason: Reason) -> Outcome<'c> {
    let (body, reply) = down.split();
    answer(ctx, body, reply, reason).await
}

async fn serve<'c, B: BodySource, R: Replies>(
    ctx: &'c Context<'c>,
    length: Length,
    body: &mut B,
    reply: &mut R,
) -> Result<Outcome<'c>, Reason> {
    let Some(head) = ctx.head else { return Err(Reason::BadRequest("no_head")) };
    if head.method() == Method::Connect {
        return Err(Reason::ConnectRefused);
    }
    let mut forward = ctx.lent.forwards.take();
    forward.tell(ctx, head);
    if !ctx.table.policies.identity.is_empty() {
        ctx.table.policies.identity.strip(head, &mut forward.edits);
    }
    let Forward { edits, path, target: space, value, .. } = &mut *forward;
    if max_forwards::ends_here(head) {
        let own = end::bare(ctx, end::last_hop(head)?, edits);
        return Ok(end::send(ctx, own, body, reply).await);
    }
    let path = match head.form() {
        Form::Asterisk => head.path(),
        _ => uri::canonical(head.path(), path).map_err(|fault| Reason::BadRequest(fault.reason()))?,
    };
    if let Some(own) = proof(ctx, (head, path), edits, space) {
        return Ok(end::send(ctx, own, body, reply).await);
    }
    if let Some(own) = https::redirected(ctx, (head, path), edits, space)? {
        return Ok(end::send(ctx, own, body, reply).await);
    }
    let (route, at) = find(ctx, head, path)?;
    if grpc::caller(head, Some(route)).is_some()
        && let Some(within) = grpc::timeout(head)
    {
        ctx.by.set(ctx.began.after(within));
    }
    let chain = ctx.chain();
    if let Some(chain) = chain
        && let Some(status) = plan::asked(ctx, chain, (head, path), edits, (&mut *body, &mut *reply)).await?
    {
        let own = end::of_policy(ctx, chain, (head, path), status, (edits, value));
        return Ok(end::send(ctx, own, body, reply).await);
    }
    let split = match &route.end {
        End::To(split) => split,
        End::Here(here) => {
            let own = end::own(ctx, here, (head, path, at), edits, space)?;
            return Ok(end::send(ctx, own, body, reply).await);
        }
    };
    let to = Onto { head, path, route, at, split, length };
    match grpc::web(head, route) {
        None => onward(ctx, to, (edits, space, value), body, reply).await,
        Some(web) => translated(ctx, to, web, (edits, space, value), (body, reply)).await,
    }
}

/// A request that passed, and where it goes.
#[derive(Clone, Copy)]
struct Onto<'c, 'r> {
    head: Head<'r>,
    path: &'r [u8],
    route: &'c Route,
    /// Which pattern of the route's match took the path.
    at: usize,
    split: &'c Split,
    /// Of the body that is sent on.
    length: Length,
}

/// As [`onward`], for a call of gRPC-Web. Boxed: few requests are one, and each exchange would keep the room.
fn translated<'f, 'c: 'f, B: BodySource, R: Replies>(
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
fn onward<'f, 'c: 'f, B: BodySource, R: Replies>(
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
        let upgrade = if length == Length::None { allowed_upgrade(head, route) } else { None };
        let expect_continue = awaits(ctx, head)?;
        let host = route.host().unwrap_or_else(|| head.host());
        let way = Way { at, path, sent: host, secured: upstream.tls.is_some(), issue };
        let onward = Onward { target, host, length, upgrade, expect_continue };
        let station = ctx.table.station(upstream.id);
        let plan =
            Plan { upstream, station, timeouts: &route.timeouts, total: total(ctx), tried: &ctx.tried };
        let announce = upstream.proxy_protocol.map(|version| {
            // Each exchange has a connection of its own there, so that the one call for it does not count.
            Announce { version, client: ctx.peer.addr, local: reply.local_addr() }
        });
        let mut interim = async |head: Head<'_>| reply.interim(head).await;
        let random = || ctx.lent.upstream.random();
        let key = stick::key(upstream, head, path, ctx.client_ip.get(), random);
        let outgoing = Outgoing { head, edits, onward, announce: announce.as_ref(), key };
        let mut upload = None;
        let lent = &ctx.lent.upstream;
        let got = call(lent, &plan, &outgoing, body, &mut upload, &mut interim).await.map_err(of_call)?;
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
        write(ctx, body, reply, got, &mut upload, edits, upgrade).await
    }
}

/// The route of a request, and which pattern of its match took the path. The end of a phase, whatever comes of it.
fn find<'c>(ctx: &'c Context<'c>, head: Head<'_>, path: &[u8]) -> Result<(&'c Route, usize), Reason> {
    let found = look_up(ctx, head, path);
    ctx.mark(Phase::Route);
    found
}

fn look_up<'c>(ctx: &'c Context<'c>, head: Head<'_>, path: &[u8]) -> Result<(&'c Route, usize), Reason> {
    let table = ctx.table;
    if table.policies.has_cors
        && let Some(found) = plan::preflight((table, ctx.peer.listener), head, path, &ctx.lent.routing)
    {
        return Ok(took(ctx, found));
    }
    let found = table.lookup.lookup(&Facts::of(head, path), &ctx.lent.routing);
    let found = found.map_err(|miss| match miss {
        Miss::NoRoute => Reason::NoRoute,
        Miss::Method(allowed) => {
            ctx.allowed.set(allowed);
            Reason::MethodNotAllowed
        }
    })?;
    Ok(took(ctx, found))
}

fn took<'c>(ctx: &'c Context<'c>, found: Match) -> (&'c Route, usize) {
    ctx.route.set(Some(found.route));
    ctx.pattern.set(found.path);
    (ctx.table.route(found.route), usize::from(found.path))
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

/// The first protocol offered that the route passes: `websocket` always, others by name, `h2c` never.
pub fn allowed_upgrade<'h>(head: Head<'h>, route: &Route) -> Option<&'h [u8]> {
    framing::upgrade_tokens(head).find(|token| {
        token.eq_ignore_ascii_case(b"websocket")
            || (!token.eq_ignore_ascii_case(b"h2c")
                && route.upgrade.iter().any(|name| token.eq_ignore_ascii_case(name.as_bytes())))
    })
}

/// Writes an upstream's reply, beside the upload that may still run.
#[expect(clippy::manual_async_fn, reason = "an async function keeps its arguments twice")]
fn write<'c, B: BodySource, R: Replies>(
    ctx: &'c Context<'c>,
    body: &mut B,
    reply: &mut R,
    got: Reply<'c>,
    upload: &mut Option<Upload>,
    edits: &Edits,
    upgrade: Option<&[u8]>,
) -> impl Future<Output = Result<Outcome<'c>, Reason>> {
    async move {
        let head = got.head();
        let status = head.status();
        let upgrade = upgrade.filter(|_| status == 101);
        let close = upload.is_some() || !body.ended();
        let head = ReplyHead::Upstream { head, edits, length: got.length(), upgrade };
        let mut sink = reply
            .begin(Begin { head, close, total: total(ctx) })
            .map_err(|_| Reason::UpstreamMalformed("head_too_large"))?;
        let mut reader = got.body();
        let done = carry(ctx, body, upload, &mut reader, &mut sink).await;
        ctx.bytes_in.set(body.count());
        ctx.bytes_out.set(sink.sent());
        if let Err(fault) = done {
            let reason = timed(ctx, of_body(fault));
            if fault.side != Side::Client && !sink.started() {
                return Err(reason);
            }
            ctx.status.set(if sink.started() { status } else { 0 });
            ctx.reason.set(reason);
            // Without a length only a reset tells the client that the end is not the end (RFC 9112 §8).
            return Ok(if reply.ends_by_close() { Outcome::Reset } else { Outcome::Close });
        }
        ctx.status.set(status);
        if upgrade.is_some() {
            ctx.tunnel.set(true);
            let tunnel =
                got.into_tunnel().map(|(end, first, leased)| Box::new(Tunnel { end, first, leased }));
            return Ok(tunnel.map_or(Outcome::Close, Outcome::Tunnel));
        }
        let whole = reader.ended() && !reader.has_rest() && upload.is_none();
        got.finish(whole);
        Ok(if close { Outcome::Close } else { Outcome::Reuse })
    }
}

/// Carries the reply's body down, and what is left of the request's body up beside it. How the upload ends does
/// not matter once the upstream has answered, unless the client is at fault.
async fn carry<B: BodySource, S: BodySource, W: BodySink>(
    ctx: &Context<'_>,
    body: &mut B,
    upload: &mut Option<Upload>,
    reader: &mut S,
    sink: &mut W,
) -> Result<(), Fault> {
    let pipes = &ctx.lent.upstream.pipes;
    match upload {
        None => pump(reader, sink, pipes).await,
        // Boxed, for it is rare and larger than all the rest of an exchange.
        Some(writer) => {
            Box::pin(async move {
                let upload = pump(body, writer, pipes);
                beside(pump(reader, sink, pipes), upload, &Cell::new(None)).await
            })
            .await
        }
    }
}

/// When the whole exchange must be over.
pub(super) fn total(ctx: &Context<'_>) -> Tick {
    ctx.began.after_some(ctx.route.get().and_then(|id| ctx.table.route(id).timeouts.total)).min(ctx.by.get())
}

/// A timeout that was the whole exchange's.
pub(super) fn timed(ctx: &Context<'_>, reason: Reason) -> Reason {
    let by_time = matches!(reason, Reason::UpstreamBodyTimeout | Reason::BodyTimeout);
    if by_time && clock::now() >= total(ctx) { Reason::TotalTimeout } else { reason }
}

/// Sends the answer of our own for `reason`, if there is one.
async fn answer<'c, B: BodySource, R: Replies>(
    ctx: &'c Context<'c>,
    body: &mut B,
    reply: &mut R,
    reason: Reason,
) -> Outcome<'c> {
    ctx.reason.set(reason);
    ctx.bytes_in.set(body.count());
    let Some(mut answer) = Answer::of(reason) else { return Outcome::Close };
    let close = answer.close == Close::Always || !body.ended();
    let mut forward = ctx.lent.forwards.take();
    let Forward { edits, target: content, .. } = &mut *forward;
    answer::make(ctx, &answer, edits, content);
    if let Some(caller) = grpc::awaiting(ctx) {
        grpc::tell(caller, &answer, edits, content);
        content.clear();
        answer.status = 200;
    }
    let head = ReplyHead::Own { status: answer.status, edits, body_bytes: content.len() as u64 };
    let Ok(mut sink) = reply.begin(Begin { head, close, total: Tick::NEVER }) else { return Outcome::Close };
    let is_head = ctx.head.is_some_and(|head| head.method() == Method::Head);
    match end::write(&mut sink, if is_head { b"" } else { content }).await {
        Ok(()) => {
            ctx.status.set(answer.status);
            ctx.bytes_out.set(sink.sent());
            if close { Outcome::Close } else { Outcome::Reuse }
        }
        Err(_) => Outcome::Close,
    }
}
