//! A connection that speaks TLS: its handshake, and then what any other is. A handshake that fails is recorded like an
//! exchange that ended without an answer; a client that only looked whether somebody listens is not.

use super::http1::End;
use super::idle::connection;
use super::linger::linger;
use super::proxied::announced;
use crate::base::counters::Slot;
use crate::base::{Side, Tick};
use crate::certs::Terms;
use crate::exchange::{Context, Home, Lent, Peer};
use crate::mem::Buf;
use crate::net::{Link, Stream, clock};
use crate::observe::Reason;
use crate::tls::{Refused, Wrong, accept};
use std::rc::Rc;

/// Serves a downstream connection whose handshake goes by `terms` to its end.
pub async fn secured(stream: Stream, terms: Terms, lent: Rc<Lent>, home: Rc<Home>, mut peer: Peer) {
    let place =
        home.look(&lent, |listener| Slot::take(listener.handshakes.clone(), listener.limits.handshakes));
    let Some(place) = place else { return record(&lent, &home, &peer, "too_many", clock::now()) };
    // Boxed: a handshake needs room that the connection does not need later.
    let shaken = Box::pin(handshake(stream, terms, &lent, &home, &mut peer)).await;
    // Who was refused does not keep others from their handshakes while he is waited for.
    drop(place);
    match shaken {
        Ok(stream) => connection(stream, lent, home, peer).await,
        Err(Left::Closed) => {}
        Err(Left::Refused(stream)) => {
            linger(&Link::new(stream, &lent.upstream.wheel, Side::Client), &lent).await
        }
    }
}

/// What is left of a connection without a handshake.
enum Left {
    /// Nothing to wait for.
    Closed,
    /// A client may have sent its first request behind its part of the handshake: closed at once, it would be reset before
    /// it has read why it is refused.
    Refused(Stream),
}

/// Has a handshake recorded that came to nothing, or was not made.
fn record(lent: &Lent, home: &Home, peer: &Peer, why: &'static str, began: Tick) {
    // Dropped at once, it hands in the record.
    let (table, at) = home.now(lent);
    Context::new(lent, &table, peer.on(&table, at), None, began).reason.set(Reason::TlsHandshake(why));
}

async fn handshake(
    stream: Stream,
    terms: Terms,
    lent: &Rc<Lent>,
    home: &Rc<Home>,
    peer: &mut Peer,
) -> Result<Stream, Left> {
    let began = clock::now();
    let by = began.after(home.look(lent, |listener| listener.timeouts.head));
    let (stream, first) = match peer.announces {
        true => proxy_header(stream, lent, home, peer).await.ok_or(Left::Closed)?,
        false => (stream, None),
    };
    let deadline = lent.upstream.wheel.deadline();
    deadline.set(by);
    let (refused, stream) = match accept(stream, &terms, &lent.upstream.buffers, first, &deadline).await {
        Ok(stream) => return Ok(stream),
        Err(refused) => refused,
    };
    let why = match refused {
        Refused::Silent => return Err(Left::Closed),
        // Control tells what comes of it.
        Refused::Proof => return Err(Left::Refused(stream)),
        Refused::Timeout => "timeout",
        Refused::Cut => "cut",
        Refused::Wrong(Wrong::Certificate(why @ "no_certificate")) => why,
        // Which rule it breaks is the client's to know.
        Refused::Wrong(Wrong::Certificate(_)) => "bad_certificate",
        Refused::Wrong(Wrong::Protocol(why)) => why,
    };
    record(lent, home, peer, why, began);
    Err(if let Refused::Wrong(_) = refused { Left::Refused(stream) } else { Left::Closed })
}

/// The PROXY header comes before the handshake: it is of the connection, not of what is said on it.
async fn proxy_header(
    stream: Stream,
    lent: &Rc<Lent>,
    home: &Rc<Home>,
    peer: &mut Peer,
) -> Option<(Stream, Option<Buf>)> {
    let link = Link::new(stream, &lent.upstream.wheel, Side::Client);
    link.reading.set(clock::now().after(home.look(lent, |listener| listener.timeouts.head)));
    let mut first = None;
    loop {
        link.stream.readable_by(&link.reading).await.ok()?;
        match announced(&link, lent, home, peer, &mut first).await {
            Ok(()) => break,
            Err(End::StillAsleep | End::Asleep) => {}
            Err(End::Closed | End::Leave | End::Linger | End::Http2(_)) => return None,
        }
    }
    Some((Rc::into_inner(link)?.stream, first))
}
