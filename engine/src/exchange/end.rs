//! Requests that end here: what is said to an issuer of certificates (`proof`), to who has to come by TLS (`https`), and
//! routes that end here: a redirect, or an answer that the operator wrote. Both leave through the same door as an
//! upstream's reply, and the log's reason is that nothing went wrong.

pub(super) mod https;
pub(super) mod proof;

use super::answer::of_body;
use super::context::Context;
use super::downstream::{Begin, Replies, ReplyHead};
use super::outcome::Outcome;
use super::peer::front::front;
use super::plan;
use crate::base::{Fault, Tick};
use crate::net::body::{BodySink, BodySource};
use crate::observe::{Phase, Reason};
use crate::policy::Chain;
use crate::route::finder::Caches;
use crate::route::front::Front;
use crate::route::redirect::{Asked, Redirect};
use crate::table::{Here, Respond};
use crate::wire::edits::Edits;
use crate::wire::field::Field;
use crate::wire::head::{Head, Version};
use crate::wire::method::Method;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Bytes of a request's body that are read so that the connection can go on; what has not arrived is not waited for.
const DRAINED_MAX: u64 = 64 * 1024;

/// A reply that a route gives by itself.
pub struct Own<'a> {
    /// Its status.
    pub status: u16,
    /// Its fields.
    pub edits: &'a Edits,
    /// Its body.
    pub content: &'a [u8],
}

/// The reply to a request with `head` whose canonical `path` pattern `at` of its route's match took. A redirect's is
/// made in `edits` and `space`.
///
/// # Errors
/// When the path that a client would be sent to cannot stand, or a tunnel is asked for.
pub fn own<'a>(
    ctx: &Context<'_>,
    here: &'a Here,
    (head, path, at): (Head<'_>, &[u8], usize),
    edits: &'a mut Edits,
    space: &mut Vec<u8>,
) -> Result<Own<'a>, Reason> {
    let chain = ctx.chain();
    let redirect = match here {
        Here::Respond(Respond { status, .. }) if opens_nothing(head, *status) => {
            return Err(Reason::UpgradeRefused);
        }
        Here::Respond(Respond { status, edits: own, body }) => {
            if chain.is_none() && !ctx.shows_timing() && !ctx.is_strict() {
                ctx.mark(Phase::Answer);
                return Ok(Own { status: *status, edits: own, content: body });
            }
            edits.clear();
            edits.absorb(own);
            if let Some(chain) = chain {
                plan::dress(ctx, chain, (head, path), None, edits);
            }
            ctx.tell_strict(edits);
            ctx.timed_answer(edits, space);
            return Ok(Own { status: *status, edits, content: body });
        }
        Here::Redirect(redirect) => redirect,
    };
    space.clear();
    edits.clear();
    let front = front(ctx.peer, head, &ctx.table.gateway);
    location(redirect, (front, head, path, at), &mut ctx.lent.caches.borrow_mut(), space)?;
    // Every part was checked when it was parsed or loaded.
    if !edits.set(Field::LOCATION, space) {
        return Err(Reason::BadRequest("rewrite_not_canonical"));
    }
    if let Some(chain) = chain {
        plan::dress(ctx, chain, (head, path), None, edits);
    }
    ctx.tell_strict(edits);
    ctx.timed_answer(edits, space);
    Ok(Own { status: redirect.status, edits, content: b"" })
}

/// Whether an answer of this status would say that the tunnel is open which `head` asks for by HTTP/2, where every success does
/// (RFC 8441 §5), and nobody would be behind it.
fn opens_nothing(head: Head<'_>, status: u16) -> bool {
    head.version() == Version::Http2 && head.has(Field::UPGRADE) && (200..300).contains(&status)
}

/// The answer with this status that a policy of `chain` makes, with which nothing is wrong.
pub fn of_policy<'a>(
    ctx: &Context<'_>,
    chain: &Chain,
    request: (Head<'_>, &[u8]),
    status: u16,
    (edits, value): (&'a mut Edits, &mut Vec<u8>),
) -> Own<'a> {
    edits.clear();
    plan::dress(ctx, chain, request, None, edits);
    ctx.tell_strict(edits);
    ctx.timed_answer(edits, value);
    Own { status, edits, content: b"" }
}

/// Appends where `redirect` sends a request that named `front` and whose canonical `path` pattern `at` took.
///
/// # Errors
/// When that path cannot stand.
pub fn location(
    redirect: &Redirect,
    (front, head, path, at): (Front<'_>, Head<'_>, &[u8], usize),
    caches: &mut Caches,
    out: &mut Vec<u8>,
) -> Result<(), Reason> {
    let asked = Asked { front, path, query: head.query(), at };
    redirect.location(asked, caches, out).map_err(|fault| Reason::BadRequest(fault.reason()))
}

/// The status of the reply to a request that may go no further: TRACE is not served here, and OPTIONS has nothing to tell
/// but that this hop was reached.
///
/// # Errors
/// For TRACE.
pub fn last_hop(head: Head<'_>) -> Result<u16, Reason> {
    if head.method() == Method::Trace { Err(Reason::MethodNotAllowed) } else { Ok(204) }
}

/// A reply of a status alone.
pub fn bare<'a>(ctx: &Context<'_>, status: u16, edits: &'a mut Edits) -> Own<'a> {
    edits.clear();
    ctx.tell_strict(edits);
    Own { status, edits, content: b"" }
}

/// Sends it.
pub async fn send<'c, B: BodySource, R: Replies>(
    ctx: &'c Context<'c>,
    own: Own<'_>,
    body: &mut B,
    reply: &mut R,
) -> Outcome<'c> {
    drain(body).await;
    ctx.bytes_in.set(body.count());
    let close = !(body.ended() || is_left(ctx, body));
    let head = ReplyHead::Own { status: own.status, edits: own.edits, body_bytes: own.content.len() as u64 };
    let Ok(mut sink) = reply.begin(Begin { head, close, total: Tick::NEVER }) else { return Outcome::Close };
    let is_head = ctx.head.is_some_and(|head| head.method() == Method::Head);
    let sent = write(&mut sink, if is_head { b"" } else { own.content }).await;
    ctx.bytes_out.set(sink.sent());
    if sink.started() {
        ctx.status.set(own.status);
    }
    match sent {
        Ok(()) if !close => Outcome::Reuse,
        Ok(()) => Outcome::Close,
        Err(fault) => {
            ctx.reason.set(of_body(fault));
            Outcome::Close
        }
    }
}

/// Writes a body that is all here, and ends it.
pub(super) async fn write<W: BodySink>(sink: &mut W, mut content: &[u8]) -> Result<(), Fault> {
    while !content.is_empty() {
        let taken = sink.write(content).await?;
        content = &content[taken..];
    }
    sink.finish(&[]).await
}

/// Whether what has not arrived of a request's body is left to its connection, which goes on behind it. Not where the client
/// waits for a 100: told something else it may send its body, or may not (RFC 9110 §10.1.1).
pub(super) fn is_left<B: BodySource>(ctx: &Context<'_>, body: &B) -> bool {
    let waits = ctx.head.is_some_and(|head| head.has(Field::EXPECT)) && !ctx.continued.get();
    body.ends_soon() && !(waits && body.count() == 0)
}

/// Takes what has arrived of a request's body out of the way, so that the next request can follow it. Never waits.
pub(super) async fn drain<B: BodySource>(body: &mut B) {
    while !body.ended() && body.count() < DRAINED_MAX {
        let arrived = {
            let mut fill = pin!(body.fill());
            poll_fn(|cx| match fill.as_mut().poll(cx) {
                Poll::Ready(Ok(data)) => Poll::Ready(data.len()),
                _ => Poll::Ready(0),
            })
            .await
        };
        if arrived == 0 {
            return;
        }
        body.consume(arrived);
    }
}
