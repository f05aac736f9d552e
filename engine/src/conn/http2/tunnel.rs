//! WebSocket over a stream (RFC 8441): frames carry what a connection would carry after a 101, both ways, until both sides
//! have ended or neither has said anything for `timeouts.tunnel_idle`.

use super::super::upgrade::{Heard, Read, both, read, send, while_alive};
use super::sink::Sender;
use crate::base::{Fault, Kind, Tick};
use crate::exchange::{Context, Tunnel};
use crate::mem::Pool;
use crate::net::body::BodySource;
use crate::net::body::Lane;
use crate::net::body::frames::{FrameReader, FrameSender};
use crate::observe::Reason;
use std::time::Duration;

/// Carries a tunnel to its end.
pub(super) async fn tunnel(
    ctx: &Context<'_>,
    tunnel: Tunnel<'_>,
    (body, to, pool): (&mut FrameReader, &Sender, &Pool),
    idle: Duration,
) {
    let Tunnel { lane: upstream, first, leased } = tunnel;
    let Some(down) = to.body() else { return };
    down.be_patient(idle);
    let heard = Heard::new(idle);
    let ended = both(up(body, &upstream, &heard), async {
        give(down, first.filled(), pool, &heard).await?;
        self::down(&upstream, down, pool, &heard).await
    })
    .await;
    ctx.bytes_in.set(heard.up.get());
    ctx.bytes_out.set(heard.down.get());
    match ended {
        Ok(()) => {}
        Err(Fault { kind: Kind::Timeout, .. }) => ctx.reason.set(Reason::TunnelIdle),
        // A reset on one side is a reset on the other.
        Err(_) => upstream.link.stream.reset_on_close(),
    }
    drop(leased);
}

/// From the client, until it ends its side.
async fn up(body: &mut FrameReader, upstream: &Lane, heard: &Heard) -> Result<(), Fault> {
    loop {
        while_alive(async |left| body.wait_for(left).await, heard).await?;
        let piece = body.fill().await?;
        let len = piece.len();
        if len == 0 {
            upstream.link.stream.shutdown_write();
            return Ok(());
        }
        heard.now();
        send(upstream, piece, &heard.up, heard).await?;
        body.consume(len);
    }
}

/// From the origin, until it ends its side.
async fn down(upstream: &Lane, to: &FrameSender, pool: &Pool, heard: &Heard) -> Result<(), Fault> {
    loop {
        match read(upstream)? {
            Read::Bytes(buf) => {
                heard.now();
                give(to, buf.filled(), pool, heard).await?;
            }
            Read::End => return to.finish(&[]),
            Read::Nothing => {
                while_alive(async |left| upstream.link.readable(left, Tick::NEVER).await, heard).await?;
            }
        }
    }
}

async fn give(to: &FrameSender, mut bytes: &[u8], pool: &Pool, heard: &Heard) -> Result<(), Fault> {
    while !bytes.is_empty() {
        let sent = to.write(bytes, |_| false, (pool, Tick::NEVER)).await?;
        heard.now();
        heard.down.set(heard.down.get() + sent as u64);
        bytes = &bytes[sent..];
    }
    Ok(())
}
