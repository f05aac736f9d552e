//! The inner future of an HTTP/1.1 connection: exchange after exchange, pipelined requests in order, until the
//! client is silent for the grace, one of both sides wants to close, or a request cannot be understood.

use super::answer::Http1Replies;
use super::head::{Came, Expect, Reader};
use super::idle::GRACE;
use super::misdirected::{certificate, misdirected};
use super::proxied::announced;
use super::upgrade;
use super::watch::while_there;
use crate::base::{Kind, Tick};
use crate::exchange::answer::of_framing;
use crate::exchange::{Context, Downstream, Home, Lent, Outcome, Peer, TableRef, Tunnel, refuse, run};
use crate::mem::{Buf, Class};
use crate::net::body::{BodyReader, BodySource, Lane, Reading};
use crate::net::stream::until;
use crate::net::{Deadline, Link};
use crate::observe::Reason;
use crate::table::Listener;
use crate::wire::head::{Head, Lines, Version};
use crate::wire::http1::framing::{self, Length};
use crate::wire::http1::{FramingFault, request};
use crate::wire::http2::PREFACE;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

/// How the inner future ended.
#[derive(Debug)]
pub enum End {
    /// The client is silent: wait without a buffer.
    Asleep,
    /// The same, and it had said nothing since it was woken: its idle time goes on.
    StillAsleep,
    /// Drop the connection.
    Closed,
    /// Close: the client said that it sends nothing more.
    Leave,
    /// Close once the client has stopped sending.
    Linger,
    /// What has come, if anything has been read, is HTTP/2.
    Http2(Option<Buf>),
}

/// Connections of a shard whose inner future may wait out the grace.
const WARM_MAX: u32 = 1280;
/// How long the little that is left of an answered request's body may take.
const REST: Duration = Duration::from_secs(2);

/// Serves exchanges on a connection that has become readable. `peer` is another one once a PROXY header has come.
pub async fn serve(link: &Rc<Link>, lent: &Rc<Lent>, home: &Home, peer: &mut Peer) -> End {
    let mut buf = None::<Buf>;
    let (mut expect, mut still_asleep) = (Expect::Bytes, true);
    if peer.announces {
        if let Err(end) = announced(link, lent, home, peer, &mut buf).await {
            return end;
        }
        (expect, still_asleep) = (Expect::Silence, false);
    }
    let speaks = home.look(lent, |listener| listener.speaks);
    if !speaks.http1 {
        return End::Http2(buf);
    }
    let mut lines = lent.upstream.lines.take();
    let mut class = Class::Small;
    let watch = lent.upstream.wheel.deadline();
    loop {
        // With many connections awake, one that has nothing to say goes to sleep at once: what is held for the
        // warm ones stays bounded.
        let grace = if lent.busy.get() > WARM_MAX { Duration::ZERO } else { GRACE };
        let reader = Reader { link, lent, home, class, grace };
        let came = reader.head(&mut buf, &mut lines, expect).await;
        lent.activity.beat();
        // Not before: the one that was served when the wait began may have been replaced meanwhile.
        let (table, at) = home.now(lent);
        let is_new = peer.is_new;
        // Readiness may be told of for nothing.
        peer.is_new &= matches!(came, Came::Nothing);
        *peer = peer.on(&table, at);
        let listener = &table.listeners[at.index()];
        let exchange = Exchange { link, lent, home, table: &table, listener, peer: *peer, watch: &watch };
        match came {
            Came::Nothing if still_asleep => return End::StillAsleep,
            Came::Nothing => return End::Asleep,
            Came::Gone => return End::Closed,
            Came::Whole(began) => match exchange.serve(&mut buf, &lines, began, &mut class).await {
                After::Next => {}
                After::End(end) => return end,
            },
            // A connection speaks one version to its end: what follows an exchange is no preface, and what is spoken over TLS was
            // agreed on in the handshake (RFC 9113 §3.2, RFC 7301 §3.2).
            Came::Refused(Reason::VersionNotSupported, _)
                if speaks.http2
                    && is_new
                    && !link.stream.is_covered()
                    && buf.as_ref().is_some_and(begins_http2) =>
            {
                return End::Http2(buf);
            }
            Came::Refused(reason, began) => {
                exchange.refused(buf.take(), &mut lines, reason, began).await;
                return End::Linger;
            }
        }
        (expect, still_asleep) = (Expect::Silence, false);
    }
}

/// Whether these bytes, which are no HTTP/1.1 request, are what a connection of HTTP/2 begins with.
fn begins_http2(held: &Buf) -> bool {
    PREFACE.starts_with(held.filled()) || held.filled().starts_with(PREFACE)
}

/// The buffer to read the next head into: requests of one connection tend to be alike.
fn next_class(head: Head<'_>) -> Class {
    match framing::content_length(head) {
        Ok(Some(bytes)) => {
            Class::holding(head.head_len().saturating_add(usize::try_from(bytes).unwrap_or(usize::MAX)))
        }
        _ => Class::Small,
    }
}

/// What to do with the connection after an exchange.
enum After {
    /// The next exchange; bytes of it may be in the buffer already.
    Next,
    /// There is none.
    End(End),
}

struct Exchange<'a> {
    link: &'a Rc<Link>,
    lent: &'a Lent,
    home: &'a Home,
    table: &'a TableRef,
    listener: &'a Listener,
    peer: Peer,
    /// When to look next whether the client is still there.
    watch: &'a Deadline,
}

impl Exchange<'_> {
    fn lane(&self) -> Lane {
        let pool = self.lent.upstream.buffers.clone();
        Lane { link: self.link.clone(), silence: self.listener.timeouts.body, total: Tick::NEVER, pool }
    }

    fn replies(&self, head: Option<Head<'_>>) -> Http1Replies<'_> {
        Http1Replies {
            lane: self.lane(),
            version: head.map_or(Version::Http11, Head::version),
            keeps: head.is_some_and(framing::keep_alive),
            lent: self.lent,
            home: self.home,
            closes: false,
            by_close: false,
        }
    }

    /// Serves the request at the front of `buf`; leaves there what follows it.
    async fn serve(&self, buf: &mut Option<Buf>, lines: &Lines, began: Tick, class: &mut Class) -> After {
        let Some(mut held) = buf.take() else { return After::End(End::Closed) };
        *class = next_class(Head::new(held.filled(), lines));
        let (after, used, rest) = self.exchange(&held, lines, began).await;
        match rest {
            Some(mut rest) => {
                rest.pull();
                *buf = Some(rest);
            }
            None => {
                held.consume(used);
                if !held.is_empty() {
                    held.pull();
                    *buf = Some(held);
                }
            }
        }
        after
    }

    /// One exchange; also tells how many bytes of `held` it used, and which bytes it read behind its end.
    async fn exchange(&self, held: &Buf, lines: &Lines, began: Tick) -> (After, usize, Option<Buf>) {
        let head = Head::new(held.filled(), lines);
        let first = &held.filled()[head.head_len()..];
        let mut ctx = Context::new(self.lent, self.table, self.peer, Some(head), began);
        ctx.certificate = certificate(&self.link.stream, self.listener);
        let limit = self.listener.limits.body_bytes;
        let framed = framing::request_length(head);
        let length = framed.unwrap_or(Length::None);
        let limit = if matches!(length, Length::Chunked) { limit } else { None };
        let body = BodyReader::new(Reading { lane: self.lane(), limit }, length, first).drop_named(head);
        let mut down = Http1 { body, reply: self.replies(Some(head)) };
        let after = {
            let elsewhere = misdirected(&self.link.stream, self.listener, head);
            let outcome = match (framed, self.listener.limits.refuse(length), elsewhere) {
                (Err(fault), ..) => refuse_framing(&ctx, &mut down, fault).await,
                (_, true, _) => refuse(&ctx, &mut down, Reason::BodyTooLarge).await,
                (.., Some(reason)) => refuse(&ctx, &mut down, reason).await,
                _ => {
                    // Pinned where it stands: it is large, and would be kept twice by what takes it.
                    let served = pin!(run(&ctx, length, &mut down));
                    match while_there(self.link, (self.watch, &self.lent.upstream.doubts), served).await {
                        Some(outcome) => outcome,
                        None => {
                            ctx.reason.set(Reason::ClientGone);
                            Outcome::Close
                        }
                    }
                }
            };
            if ctx.reason.get() == Reason::ClientGone {
                ctx.bytes_in.set(down.body.count());
            }
            match outcome {
                Outcome::Reuse if !down.reply.closes => After::Next,
                Outcome::Reuse if !down.reply.keeps && down.body.ended() => After::End(End::Leave),
                // The client may have sent more: a close at once would reset what it has not read yet, whole answers
                // before a cut one among it.
                Outcome::Reuse | Outcome::Close => After::End(End::Linger),
                Outcome::Reset => {
                    self.link.stream.reset_on_close();
                    After::End(End::Closed)
                }
                Outcome::Tunnel(tunnel) => {
                    // Boxed: few connections become tunnels, and room for one would be kept in each.
                    After::End(Box::pin(self.tunnel(&ctx, *tunnel, first)).await)
                }
            }
        };
        // The exchange is over: what comes after its answer is not its time.
        drop(ctx);
        let mut body = down.body;
        let after = match after {
            After::Next if !(body.ended() || body.forget(until(REST)).await) => After::End(End::Linger),
            after => after,
        };
        (after, head.head_len() + body.used(), body.into_rest())
    }

    /// Carries a tunnel to its end. `first` is what the client sent behind its request. What the upstream has said last may not
    /// have been read yet by a client that is still sending, so that it is waited for.
    async fn tunnel(&self, ctx: &Context<'_>, open: Tunnel<'_>, first: &[u8]) -> End {
        let lane = self.lane();
        let (from, to) = (upgrade::Source::Lane(&lane), upgrade::Sink::Lane(&lane));
        let client = upgrade::Client { from, to, first };
        let ended = upgrade::tunnel(ctx, open, client, &self.listener.timeouts).await;
        if ended.is_err_and(|fault| fault.kind != Kind::Timeout) {
            self.link.stream.reset_on_close();
            return End::Closed;
        }
        End::Linger
    }

    /// Answers what was no request, and has it recorded with as much of `held` as can be told.
    async fn refused(&self, held: Option<Buf>, lines: &mut Lines, reason: Reason, began: Tick) {
        let head = match held.as_ref().map(Buf::filled) {
            Some(came) if request::outline(came, lines, &self.listener.limits.head()) => {
                Some(Head::new(came, lines))
            }
            _ => None,
        };
        let ctx = Context::new(self.lent, self.table, self.peer, head, began);
        let body = BodyReader::new(Reading { lane: self.lane(), limit: None }, Length::None, &[]);
        let mut down = Http1 { body, reply: self.replies(None) };
        refuse(&ctx, &mut down, reason).await;
    }
}

async fn refuse_framing<'c>(ctx: &'c Context<'c>, down: &mut Http1<'_>, fault: FramingFault) -> Outcome<'c> {
    // Where the message ends is not known, so nothing after it can be read as a request.
    down.reply.keeps = false;
    refuse(ctx, down, of_framing(fault)).await
}

/// The downstream side of one HTTP/1.1 exchange.
struct Http1<'a> {
    body: BodyReader<'a>,
    reply: Http1Replies<'a>,
}

impl<'a> Downstream for Http1<'a> {
    type Body = BodyReader<'a>;
    type Reply = Http1Replies<'a>;

    fn split(&mut self) -> (&mut BodyReader<'a>, &mut Http1Replies<'a>) {
        (&mut self.body, &mut self.reply)
    }
}
