//! Tunnels: after a 101 both sides are carried as they are, until both have ended or neither has said anything
//! for `timeouts.tunnel_idle`. One side's end is passed on as an end; the other may still talk.

use crate::base::{Fault, Kind, Tick};
use crate::exchange::{Context, Tunnel};
use crate::mem::{Buf, Class};
use crate::net::body::Lane;
use crate::net::clock;
use crate::observe::Reason;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// What has moved in a tunnel, and when something did last.
pub(super) struct Heard {
    /// Bytes to the upstream.
    pub up: Cell<u64>,
    /// Bytes to the client.
    pub down: Cell<u64>,
    at: Cell<Tick>,
    idle: Duration,
}

impl Heard {
    /// In a tunnel that may be silent for `idle`.
    pub fn new(idle: Duration) -> Heard {
        Heard { up: Cell::new(0), down: Cell::new(0), at: Cell::new(clock::coarse()), idle }
    }

    /// Something has moved.
    pub fn now(&self) {
        self.at.set(clock::coarse());
    }

    fn until(&self) -> Tick {
        self.at.get().after(self.idle)
    }
}

/// Carries a tunnel to its end. `first` is what the client sent behind its request.
pub async fn tunnel(ctx: &Context<'_>, tunnel: Tunnel<'_>, client: Lane, first: &[u8], idle: Duration) {
    let Tunnel { lane: upstream, first: from_upstream, leased } = tunnel;
    let heard = Heard::new(idle);
    let ended = both(
        one_way(&client, &upstream, first, &heard.up, &heard),
        one_way(&upstream, &client, from_upstream.filled(), &heard.down, &heard),
    )
    .await;
    ctx.bytes_in.set(heard.up.get());
    ctx.bytes_out.set(heard.down.get());
    match ended {
        Ok(()) => {}
        Err(Fault { kind: Kind::Timeout, .. }) => ctx.reason.set(Reason::TunnelIdle),
        Err(_) => {
            // A reset on one side is a reset on the other.
            client.link.stream.reset_on_close();
        }
    }
    drop(leased);
}

/// Both ways to their ends, or until one of them fails.
pub(super) async fn both(
    up: impl Future<Output = Result<(), Fault>>,
    down: impl Future<Output = Result<(), Fault>>,
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
        if up_ended && down_ended { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await
}

/// Carries bytes one way until their end, and passes the end on.
async fn one_way(
    from: &Lane,
    to: &Lane,
    first: &[u8],
    count: &Cell<u64>,
    heard: &Heard,
) -> Result<(), Fault> {
    send(to, first, count, heard).await?;
    loop {
        match read(from)? {
            Read::Bytes(buf) => {
                heard.now();
                send(to, buf.filled(), count, heard).await?;
            }
            Read::End => {
                to.link.stream.shutdown_write();
                return Ok(());
            }
            Read::Nothing => {
                let readable = async |left| from.link.readable(left, Tick::NEVER).await;
                while_alive(readable, heard).await?;
            }
        }
    }
}

/// What a read came to.
pub(super) enum Read {
    Bytes(Buf),
    End,
    Nothing,
}

/// Reads once.
pub(super) fn read(from: &Lane) -> Result<Read, Fault> {
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
pub(super) async fn while_alive(
    mut ready: impl AsyncFnMut(Duration) -> Result<(), Fault>,
    heard: &Heard,
) -> Result<(), Fault> {
    loop {
        match ready(heard.until().since(clock::coarse())).await {
            Err(Fault { kind: Kind::Timeout, .. }) if clock::coarse() < heard.until() => {}
            done => return done,
        }
    }
}

/// Sends all of `bytes`.
pub(super) async fn send(to: &Lane, mut bytes: &[u8], count: &Cell<u64>, heard: &Heard) -> Result<(), Fault> {
    while !bytes.is_empty() {
        match to.link.stream.try_write(bytes) {
            Ok(n) => {
                heard.now();
                count.set(count.get() + n as u64);
                bytes = &bytes[n..];
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let writable = async |left| to.link.writable(left, Tick::NEVER).await;
                while_alive(writable, heard).await?;
            }
            Err(error) => return Err(to.link.broken(&error)),
        }
    }
    Ok(())
}
