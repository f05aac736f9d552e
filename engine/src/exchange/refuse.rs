//! Answers of our own to requests that are not served, each from the one table of [`super::answer`].

use super::answer::{self, Answer, Close};
use super::context::Context;
use super::downstream::{Begin, Downstream, Replies, ReplyHead};
use super::end;
use super::grpc;
use super::onward::forward::{self, Forward};
use super::outcome::Outcome;
use super::plan;
use crate::base::Tick;
use crate::net::body::{BodySink, BodySource};
use crate::observe::Reason;
use crate::wire::field::Field;
use crate::wire::method::Method;

/// Answers a request that was refused before or instead of being served.
pub async fn refuse<'c, D: Downstream>(ctx: &'c Context<'c>, down: &mut D, reason: Reason) -> Outcome<'c> {
    if let Some(head) = ctx.head {
        forward::known(ctx, head);
    }
    let (body, reply) = down.split();
    answer(ctx, body, reply, reason).await
}

/// Sends the answer of our own for `reason`, if there is one.
pub async fn answer<'c, B: BodySource, R: Replies>(
    ctx: &'c Context<'c>,
    body: &mut B,
    reply: &mut R,
    reason: Reason,
) -> Outcome<'c> {
    ctx.reason.set(reason);
    ctx.bytes_in.set(body.count());
    let Some(mut answer) = Answer::of(reason) else { return Outcome::Close };
    if answer.close != Close::Always {
        end::drain(body).await;
        ctx.bytes_in.set(body.count());
    }
    let close = answer.close == Close::Always || !(body.ended() || end::is_left(ctx, body));
    let mut forward = ctx.lent.forwards.take();
    let Forward { edits, target: content, .. } = &mut *forward;
    answer::make(ctx, &answer, edits, content);
    if let Some(caller) = grpc::awaiting(ctx) {
        grpc::tell(caller, &answer, edits, content);
        content.clear();
        answer.status = 200;
    } else if let Some(status) = plan::redirect(ctx) {
        // Whoever follows it reads no body.
        edits.remove(Field::CONTENT_TYPE);
        content.clear();
        answer.status = status;
    }
    let head = ReplyHead::Own { status: answer.status, edits, body_bytes: content.len() as u64 };
    let Ok(mut sink) = reply.begin(Begin { head, close, total: Tick::NEVER }) else { return Outcome::Close };
    let is_head = ctx.head.is_some_and(|head| head.method() == Method::Head);
    let written = end::write(&mut sink, if is_head { b"" } else { content }).await;
    ctx.bytes_out.set(sink.sent());
    if written.is_ok() || sink.started() {
        ctx.status.set(answer.status);
    }
    if written.is_ok() && !close { Outcome::Reuse } else { Outcome::Close }
}
