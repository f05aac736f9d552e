//! Routes that end here: a redirect, or an answer that the operator wrote. Both leave through the same door as an
//! upstream's reply, and the log's reason is that nothing went wrong.

use super::answer::of_body;
use super::context::{Context, Peer};
use super::downstream::{Begin, Replies, ReplyHead};
use super::front::front;
use super::outcome::Outcome;
use crate::base::{Fault, Tick};
use crate::net::body::{BodySink, BodySource};
use crate::observe::Reason;
use crate::route::finder::Caches;
use crate::route::redirect::{Asked, Redirect};
use crate::table::{Here, Respond};
use crate::wire::edits::Edits;
use crate::wire::field::Field;
use crate::wire::head::Head;
use crate::wire::method::Method;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Bytes of a request's body that are read so that the connection can go on; what has not arrived is not waited for.
const DRAINED_MAX: u64 = 64 * 1024;

/// A reply that a route gives by itself.
pub struct Own<'a> {
    status: u16,
    edits: &'a Edits,
    content: &'a [u8],
    timing: &'a [u8],
}

impl Own<'_> {
    /// Its status.
    pub fn status(&self) -> u16 {
        self.status
    }
}

/// The reply to a request with `head` whose canonical `path` pattern `at` of its route's match took. A redirect's is
/// made in `edits` and `space`, and what it tells of its time in `timing`.
///
/// # Errors
/// When the path that a client would be sent to cannot stand.
pub fn own<'a>(
    ctx: &Context<'_>,
    here: &'a Here,
    (head, path, at): (Head<'_>, &[u8], usize),
    (edits, timing): (&'a mut Edits, &'a mut Vec<u8>),
    space: &mut Vec<u8>,
) -> Result<Own<'a>, Reason> {
    let redirect = match here {
        Here::Respond(Respond { status, edits, body }) => {
            ctx.timed_answer(timing);
            return Ok(Own { status: *status, edits, content: body, timing });
        }
        Here::Redirect(redirect) => redirect,
    };
    space.clear();
    edits.clear();
    location(redirect, (ctx.peer, head, path, at), &mut ctx.lent.caches.borrow_mut(), space)?;
    // Every part was checked when it was parsed or loaded.
    if !edits.set(Field::LOCATION, space) {
        return Err(Reason::BadRequest("rewrite_not_canonical"));
    }
    ctx.timed_answer(timing);
    Ok(Own { status: redirect.status, edits, content: b"", timing })
}

/// Appends where `redirect` sends a request of `peer` whose canonical `path` pattern `at` took.
///
/// # Errors
/// When that path cannot stand.
pub fn location(
    redirect: &Redirect,
    (peer, head, path, at): (Peer, Head<'_>, &[u8], usize),
    caches: &mut Caches,
    out: &mut Vec<u8>,
) -> Result<(), Reason> {
    let asked = Asked { front: front(peer, head), path, query: head.query(), at };
    redirect.location(asked, caches, out).map_err(|fault| Reason::BadRequest(fault.reason()))
}

/// The reply to a request that may go no further: TRACE is not served here, and OPTIONS has nothing to tell but that
/// this hop was reached.
///
/// # Errors
/// For TRACE.
pub fn last_hop<'a>(head: Head<'_>, edits: &'a mut Edits) -> Result<Own<'a>, Reason> {
    if head.method() == Method::Trace {
        return Err(Reason::MethodNotAllowed);
    }
    edits.clear();
    // No route took it, so that none asks for its time.
    Ok(Own { status: 204, edits, content: b"", timing: b"" })
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
    let close = !body.ended();
    let Own { status, edits, content, timing } = own;
    let head = ReplyHead::Own { status, edits, body_bytes: content.len() as u64, timing };
    let Ok(mut sink) = reply.begin(Begin { head, close, total: Tick::NEVER }) else { return Outcome::Close };
    let is_head = ctx.head.is_some_and(|head| head.method() == Method::Head);
    let sent = write(&mut sink, if is_head { b"" } else { content }).await;
    ctx.bytes_out.set(sink.sent());
    if sink.started() {
        ctx.status.set(status);
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

async fn write<W: BodySink>(sink: &mut W, mut content: &[u8]) -> Result<(), Fault> {
    while !content.is_empty() {
        let taken = sink.write(content).await?;
        content = &content[taken..];
    }
    sink.finish(&[]).await
}

/// Takes what has arrived of a request's body out of the way, so that the next request can follow it. Never waits.
async fn drain<B: BodySource>(body: &mut B) {
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
