//! The last stage of the path: an upstream's reply on its way to the client, beside what is still on its way up.

use super::answer::of_body;
use super::context::Context;
use super::downstream::{Begin, Replies, ReplyHead};
use super::lasting::{is_stream, until_the_end};
use super::onward::trailers::downward;
use super::outcome::{Outcome, Tunnel};
use crate::base::{Fault, Kind, Side, Tick};
use crate::net::body::{BodySink, BodySource, pump};
use crate::observe::Reason;
use crate::upstream::{Reply, Upload};
use crate::wire::edits::Edits;
use crate::wire::field::Field;
use crate::wire::head::{Head, Version};
use crate::wire::http1::FramingFault;
use crate::wire::http1::framing::Length;
use crate::wire::websocket::accept;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Writes an upstream's reply, beside the upload that may still run.
#[expect(clippy::manual_async_fn, reason = "an async function keeps its arguments twice")]
pub fn write<'c, B: BodySource, R: Replies>(
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
        let is_by_http2 = ctx.head.is_some_and(|head| head.version() == Version::Http2);
        if upgrade.is_some() && is_by_http2 && (200..300).contains(&status) {
            // There every success opens the tunnel that was asked for (RFC 8441 §5), and nobody is behind it.
            return Err(Reason::UpgradeRefused);
        }
        let upgrade = upgrade.filter(|_| status == 101);
        if upgrade.is_some() && is_by_http2 && !has_answered(ctx, head) {
            return Err(Reason::UpstreamMalformed("websocket_accept"));
        }
        if upgrade.is_none() {
            drop(ctx.tunnel_slot.take());
        }
        let close = upload.is_some() || !body.ended();
        let mut reader = got.body();
        let length = match got.length() {
            Length::Chunked if status == 205 => {
                // Boxed: few replies come here, and each exchange would keep the room.
                Box::pin(emptied(ctx, &mut reader)).await?;
                Length::None
            }
            length => length,
        };
        let head = ReplyHead::Upstream { head, edits, length, upgrade };
        let sink = reply
            .begin(Begin { head, close, total: ctx.total() })
            .map_err(|_| Reason::UpstreamMalformed("head_too_large"))?;
        // Over HTTP/2 the status that opens a tunnel is another (RFC 8441 §5).
        let shown = if upgrade.is_some() && is_by_http2 { 200 } else { status };
        let mut leaving = Leaving { ctx, sink, status: shown };
        let sink = &mut leaving.sink;
        let done = if is_stream(got.head(), got.length()) {
            // Boxed, as in `carry`.
            let carried = carry(ctx, body, upload, &mut reader, sink);
            Box::pin(until_the_end(ctx, Tick::NEVER, carried)).await.ok()
        } else {
            Some(carry(ctx, body, upload, &mut reader, sink).await)
        };
        ctx.bytes_in.set(body.count());
        let started = leaving.sink.started();
        drop(leaving);
        if let Some(reason) = cut(ctx, done, started)? {
            ctx.reason.set(reason);
            // Without a length only a reset tells the client that the end is not the end (RFC 9112 §8).
            return Ok(if reply.ends_by_close() { Outcome::Reset } else { Outcome::Close });
        }
        ctx.status.set(shown);
        if upgrade.is_some() {
            return Ok(opened(ctx, got));
        }
        let whole = reader.ended() && !reader.has_rest() && upload.is_none();
        got.finish(whole);
        Ok(if close { Outcome::Close } else { Outcome::Reuse })
    }
}

/// Whether the origin has answered to the key of a WebSocket. Over HTTP/2 there is none, so it is ours, and nobody behind us looks
/// (RFC 6455 §4.1).
fn has_answered(ctx: &Context<'_>, reply: Head<'_>) -> bool {
    let key = ctx.head.and_then(|head| head.field(Field::SEC_WEBSOCKET_KEY)).unwrap_or_default();
    reply.field(Field::SEC_WEBSOCKET_ACCEPT) == Some(&accept(key)[..])
}

/// Why a reply was cut, if it was.
///
/// # Errors
/// Nothing of it had `started` to leave: it is answered in its place.
fn cut(ctx: &Context<'_>, done: Option<Result<(), Fault>>, started: bool) -> Result<Option<Reason>, Reason> {
    match done {
        Some(Ok(())) => Ok(None),
        Some(Err(fault)) => {
            let reason = ctx.timed_out(of_body(fault));
            if fault.side != Side::Client && !started { Err(reason) } else { Ok(Some(reason)) }
        }
        None => Ok(Some(Reason::Draining)),
    }
}

/// The tunnel behind the reply that opened it.
fn opened<'c>(ctx: &Context<'_>, got: Reply<'c>) -> Outcome<'c> {
    ctx.tunnel.set(true);
    let tunnel = got.into_tunnel().map(|(end, first, leased)| Box::new(Tunnel { end, first, leased }));
    tunnel.map_or(Outcome::Close, Outcome::Tunnel)
}

/// A reply on its way. However that ends, by a client that is gone in the middle too, what of it has left is in the record.
struct Leaving<'w, 'c, W: BodySink> {
    ctx: &'w Context<'c>,
    sink: W,
    status: u16,
}

impl<W: BodySink> Drop for Leaving<'_, '_, W> {
    fn drop(&mut self) {
        self.ctx.bytes_out.set(self.sink.sent());
        if self.sink.started() {
            self.ctx.status.set(self.status);
        }
    }
}

/// Reads the end of a body that may be chunked but has to hold nothing, that of a 205 (RFC 9110 §15.3.6), before a head says
/// that there is none.
async fn emptied<S: BodySource>(ctx: &Context<'_>, reader: &mut S) -> Result<(), Reason> {
    match reader.fill().await {
        Ok(b"") => Ok(()),
        Ok(_) => Err(Reason::UpstreamMalformed(FramingFault::ResetContent.reason())),
        Err(fault) => Err(ctx.timed_out(of_body(fault))),
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
    let (reader, pipes) = (&mut downward(ctx, reader), &ctx.lent.upstream.pipes);
    match upload {
        None => pump(reader, sink, pipes).await,
        // Boxed, for it is rare and larger than all the rest of an exchange.
        Some(writer) => {
            // Calls that go both ways are silent on one of them for as long as they like: the reply's silence has its bounds.
            body.be_patient();
            writer.be_patient();
            Box::pin(async move {
                let (mut down, mut up) = (pin!(pump(reader, sink, pipes)), pin!(pump(body, writer, pipes)));
                let mut running = true;
                poll_fn(|cx| {
                    if running && let Poll::Ready(done) = up.as_mut().poll(cx) {
                        running = false;
                        // The origin would wait for the rest. One that is cut short may be all that its client wanted to say.
                        if let Err(fault) = done
                            && fault.side == Side::Client
                            && fault.kind != Kind::Cut
                        {
                            return Poll::Ready(Err(fault));
                        }
                    }
                    down.as_mut().poll(cx)
                })
                .await
            })
            .await
        }
    }
}
