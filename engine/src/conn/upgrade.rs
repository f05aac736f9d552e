//! Tunnels: after a 101, or what opens one on a stream (RFC 8441), both sides are carried as they are, until both have ended
//! or neither has said anything for `timeouts.tunnel_idle`, or it has become too old. One side's end is passed on as an end; the other may still talk.
//! A side that takes nothing more may have said its last words already: those still arrive (RFC 9110 §9.3.6).
//! Either side is a connection or a stream of HTTP/2.

use crate::base::{Fault, Kind, Side, Tick};
use crate::exchange::answer::of_body;
use crate::exchange::{Context, Cut, Tunnel, until_the_end};
use crate::mem::{Buf, Class, Pool};
use crate::net::body::frames::{FrameReader, FrameSender};
use crate::net::body::{BodySource, Lane};
use crate::net::{Deadline, clock, spend};
use crate::observe::Reason;
use crate::table::ListenerTimeouts;
use crate::upstream::{TunnelEnd, TunnelStream};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// How long a side that takes nothing more is read on, once it has been told the end of the other one.
const LAST: Duration = Duration::from_secs(10);

/// What a turn of one direction counts for at least, though nobody takes what it reads.
const TURN_BYTES: u64 = 1024;

/// The client's end of a tunnel.
pub(super) struct Client<'t> {
    pub(super) from: Source<'t>,
    pub(super) to: Sink<'t>,
    /// What it sent behind its request.
    pub(super) first: &'t [u8],
}

/// Where one direction comes from.
pub(super) enum Source<'t> {
    Lane(&'t Lane),
    Frames(&'t mut FrameReader),
}

/// Where it goes.
#[derive(Clone, Copy)]
pub(super) enum Sink<'t> {
    Lane(&'t Lane),
    Frames(&'t FrameSender, &'t Pool),
}

/// One direction of a tunnel.
#[derive(Default)]
struct Way {
    /// Bytes that have moved.
    count: Cell<u64>,
    /// Why where it goes takes nothing more: what else comes is forgotten.
    refused: Cell<Option<Fault>>,
}

impl Way {
    /// Nothing more comes this way.
    fn end(&self, to: Sink<'_>) -> Result<(), Fault> {
        if self.refused.get().is_none() { to.end() } else { Ok(()) }
    }
}

/// What has moved in a tunnel, and when something did last.
struct Heard {
    /// To the upstream.
    up: Way,
    /// To the client.
    down: Way,
    at: Cell<Tick>,
    idle: Duration,
}

impl Heard {
    /// In a tunnel that may be silent for `idle`.
    fn new(idle: Duration) -> Heard {
        Heard { up: Way::default(), down: Way::default(), at: Cell::new(clock::coarse()), idle }
    }

    /// Something has moved.
    fn now(&self) {
        self.at.set(clock::coarse());
    }

    fn until(&self) -> Tick {
        self.at.get().after(self.idle)
    }
}

/// Carries a tunnel to its end, or that of the gateway, as long as `timeouts` let it. Its outcome is in the record; whether it
/// failed is told too.
///
/// # Errors
/// Either side was cut, or both were silent for too long.
pub(super) async fn tunnel(
    ctx: &Context<'_>,
    tunnel: Tunnel<'_>,
    client: Client<'_>,
    timeouts: &ListenerTimeouts,
) -> Result<(), Fault> {
    let Tunnel { end, first, leased } = tunnel;
    let idle = timeouts.tunnel_idle;
    let dice = ctx.lent.upstream.random();
    let old = timeouts.tunnel_age.map_or(Tick::NEVER, |age| clock::coarse().old_at(age, dice));
    let heard = Heard::new(idle);
    let mut open = Open { ctx, heard: &heard, end, is_over: false };
    let Client { from, to, first: from_client } = client;
    let (ended, is_over) = {
        let (from_upstream, to_upstream) = ways(&mut open.end, &ctx.lent.upstream.buffers);
        let rest = ctx.lent.upstream.wheel.deadline();
        let ways = both(
            (one_way(from, to_upstream, from_client, &heard.up, &heard), &heard.up),
            (one_way(from_upstream, to, first.filled(), &heard.down, &heard), &heard.down),
            &rest,
        );
        let ended = until_the_end(ctx, old, ways).await;
        let (reason, is_over) = match &ended {
            Err(Cut::Gateway) => (Reason::Draining, true),
            Err(Cut::Age) => (Reason::TunnelAge, true),
            Ok(Ok(())) => (heard.down.refused.get().map_or(Reason::Ok, of_body), true),
            Ok(Err(Fault { kind: Kind::Timeout, .. })) => (Reason::TunnelIdle, true),
            Ok(Err(fault)) => (of_body(*fault), false),
        };
        ctx.reason.set(reason);
        if is_over {
            // In order, as far as that can be told at once.
            let _ = (to.end(), to_upstream.end());
        }
        (ended.unwrap_or(Ok(())), is_over)
    };
    open.is_over = is_over;
    drop(open);
    drop(leased);
    ended
}

/// A tunnel on its way. However it ends, what it carried is counted; a reset on one side is a reset on the other, and so is a
/// client that is gone in the middle.
struct Open<'t, 'c> {
    ctx: &'t Context<'c>,
    heard: &'t Heard,
    end: TunnelEnd,
    is_over: bool,
}

impl Drop for Open<'_, '_> {
    fn drop(&mut self) {
        self.ctx.bytes_in.set(self.heard.up.count.get());
        self.ctx.bytes_out.set(self.heard.down.count.get());
        if !self.is_over {
            self.end.reset();
        }
    }
}

/// Both ways of an upstream's end.
fn ways<'t>(upstream: &'t mut TunnelEnd, pool: &'t Pool) -> (Source<'t>, Sink<'t>) {
    match upstream {
        TunnelEnd::Connection(lane) => (Source::Lane(lane), Sink::Lane(lane)),
        TunnelEnd::Stream(stream) => {
            let TunnelStream { from, to } = &mut **stream;
            (Source::Frames(from), Sink::Frames(to, pool))
        }
    }
}

/// Both ways to their ends, or until one of them fails. One that nobody takes anything of does not keep the other for long, once
/// that has ended.
async fn both(
    (up, upward): (impl Future<Output = Result<(), Fault>>, &Way),
    (down, downward): (impl Future<Output = Result<(), Fault>>, &Way),
    rest: &Deadline,
) -> Result<(), Fault> {
    let (mut up, mut down) = (pin!(up), pin!(down));
    let (mut up_ended, mut down_ended) = (false, false);
    poll_fn(|cx| {
        if !up_ended {
            match up.as_mut().poll(cx) {
                Poll::Ready(Ok(())) => up_ended = true,
                Poll::Ready(Err(fault)) => return Poll::Ready(Err(fault)),
                Poll::Pending => {}
            }
        }
        if !down_ended {
            match down.as_mut().poll(cx) {
                Poll::Ready(Ok(())) => down_ended = true,
                Poll::Ready(Err(fault)) => return Poll::Ready(Err(fault)),
                Poll::Pending => {}
            }
        }
        match (up_ended, down_ended) {
            (true, true) => return Poll::Ready(Ok(())),
            (true, false) if downward.refused.get().is_some() => {}
            (false, true) if upward.refused.get().is_some() => {}
            _ => return Poll::Pending,
        }
        rest.begin(clock::coarse().after(LAST));
        rest.poll_passed(cx).map(|()| Ok(()))
    })
    .await
}

/// Carries bytes one way until their end, and passes the end on.
async fn one_way(
    mut from: Source<'_>,
    to: Sink<'_>,
    first: &[u8],
    way: &Way,
    heard: &Heard,
) -> Result<(), Fault> {
    to.send(first, way, heard).await?;
    loop {
        let before = way.count.get();
        match &mut from {
            Source::Lane(lane) => match read(lane)? {
                Read::Bytes(buf) => to.send(buf.filled(), way, heard).await?,
                Read::End => return way.end(to),
                Read::Nothing => {
                    let readable = async |left| lane.link.readable(left, Tick::NEVER).await;
                    while_alive(readable, heard).await?;
                }
            },
            Source::Frames(body) => {
                while_alive(async |left| body.wait_for(left).await, heard).await?;
                let piece = body.fill().await?;
                let len = piece.len();
                if len == 0 {
                    return way.end(to);
                }
                to.send(piece, way, heard).await?;
                body.consume(len);
            }
        }
        spend((way.count.get() - before).max(TURN_BYTES)).await;
    }
}

impl Sink<'_> {
    /// Sends all of `bytes`, which have just come. Where they are not taken that is noted, and they are forgotten.
    ///
    /// # Errors
    /// Neither side has moved for too long.
    async fn send(&self, mut bytes: &[u8], way: &Way, heard: &Heard) -> Result<(), Fault> {
        if way.refused.get().is_some() {
            // Words that nobody hears keep no tunnel.
            let is_alive = clock::coarse() < heard.until();
            return if is_alive { Ok(()) } else { Err(Fault::new(Side::Us, Kind::Timeout)) };
        }
        heard.now();
        while !bytes.is_empty() {
            let sent = match self {
                Sink::Lane(lane) => write(lane, bytes, heard).await,
                Sink::Frames(frames, pool) => {
                    let write = async |left| {
                        frames.be_patient(left);
                        frames.write(bytes, |_| false, (pool, Tick::NEVER)).await
                    };
                    while_alive(write, heard).await
                }
            };
            match sent {
                Ok(sent) => {
                    heard.now();
                    way.count.set(way.count.get() + sent as u64);
                    bytes = &bytes[sent..];
                }
                Err(fault) if fault.kind == Kind::Timeout => return Err(fault),
                Err(fault) => {
                    way.refused.set(Some(fault));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Nothing more comes this way.
    fn end(&self) -> Result<(), Fault> {
        match self {
            Sink::Lane(lane) => {
                lane.link.stream.shutdown_write();
                Ok(())
            }
            Sink::Frames(frames, _) => frames.finish(&[]),
        }
    }
}

/// What a read came to.
enum Read {
    Bytes(Buf),
    End,
    Nothing,
}

/// Reads once.
fn read(from: &Lane) -> Result<Read, Fault> {
    let mut buf = from.pool.take(Class::Bulk);
    match from.link.stream.try_read(buf.spare()) {
        Ok(0) if from.link.was_reset() => Err(from.link.cut()),
        Ok(0) => Ok(Read::End),
        Ok(n) => {
            buf.advance(n);
            Ok(Read::Bytes(buf))
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Read::Nothing),
        Err(error) => Err(from.link.broken(&error)),
    }
}

/// Waits for one side for as long as anything has moved within `idle`, either way: a side that neither reads nor
/// writes may be held up by what is still on its way in the other direction.
async fn while_alive<T>(
    mut ready: impl AsyncFnMut(Duration) -> Result<T, Fault>,
    heard: &Heard,
) -> Result<T, Fault> {
    loop {
        match ready(heard.until().since(clock::coarse())).await {
            Err(Fault { kind: Kind::Timeout, .. }) if clock::coarse() < heard.until() => {}
            done => return done,
        }
    }
}

/// Sends what the socket takes of `bytes`, once it takes some.
async fn write(to: &Lane, bytes: &[u8], heard: &Heard) -> Result<usize, Fault> {
    loop {
        match to.link.stream.try_write(bytes) {
            Ok(sent) => return Ok(sent),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let writable = async |left| to.link.writable(left, Tick::NEVER).await;
                while_alive(writable, heard).await?;
            }
            Err(error) => return Err(to.link.broken(&error)),
        }
    }
}
