//! THE PATH of an exchange, head → route → call → write; the last two are in `onward/call`. `conn` calls it with a protocol's
//! downstream side; whatever way it ends, the context hands in the record.

use super::context::Context;
use super::downstream::{Downstream, Replies};
use super::end;
use super::end::https;
use super::end::proof::proof;
use super::find::find;
use super::grpc;
use super::onward::call::{Onto, onward, translated};
use super::onward::forward::Forward;
use super::onward::max_forwards;
use super::outcome::Outcome;
use super::plan;
use super::refuse::answer;
use crate::net::body::BodySource;
use crate::observe::Reason;
use crate::table::End;
use crate::wire::head::Form;
use crate::wire::http1::framing::Length;
use crate::wire::method::Method;

/// Serves one request whose head and framing are valid.
pub async fn run<'c, D: Downstream>(ctx: &'c Context<'c>, length: Length, down: &mut D) -> Outcome<'c> {
    ctx.length.set(length);
    let (body, reply) = down.split();
    match serve(ctx, length, body, reply).await {
        Ok(outcome) => outcome,
        Err(reason) => answer(ctx, body, reply, reason).await,
    }
}

async fn serve<'c, B: BodySource, R: Replies>(
    ctx: &'c Context<'c>,
    length: Length,
    body: &mut B,
    reply: &mut R,
) -> Result<Outcome<'c>, Reason> {
    let Some(head) = ctx.head else { return Err(Reason::BadRequest("no_head")) };
    let mut forward = ctx.lent.forwards.take();
    forward.tell(ctx, head);
    if head.method() == Method::Connect {
        return Err(Reason::ConnectRefused);
    }
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
        _ => ctx.canonical(head, path)?,
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
