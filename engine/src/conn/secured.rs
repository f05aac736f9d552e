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
    if let Some(stream) = Box::pin(handshake(stream, terms, &lent, &home, &mut peer)).await {
        drop(place);
        connection(stream, lent, home, peer).await;
    }
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
) -> Option<Stream> {
    let began = clock::now();
    let by = began.after(home.look(lent, |listener| listener.timeouts.head));
    let (stream, first) = match peer.announces {
        true => proxy_header(stream, lent, home, peer).await?,
        false => (stream, None),
    };
    let deadline = lent.upstream.wheel.deadline();
    deadline.set(by);
    let (refused, stream) = match accept(stream, &terms, &lent.upstream.buffers, first, &deadline).await {
        Ok(stream) => return Some(stream),
        Err(refused) => refused,
    };
    let why = match refused {
        Refused::Silent => return None,
        // Control tells what comes of it.
        Refused::Proof => {
            linger(&Link::new(stream, &lent.upstream.wheel, Side::Client), lent).await;
            return None;
        }
        Refused::Timeout => "timeout",
        Refused::Cut => "cut",
        Refused::Wrong(Wrong::Certificate(why @ "no_certificate")) => why,
        // Which rule it breaks is the client's to know.
        Refused::Wrong(Wrong::Certificate(_)) => "bad_certificate",
        Refused::Wrong(Wrong::Protocol(why)) => why,
    };
    record(lent, home, peer, why, began);
    if let Refused::Wrong(_) = refused {
        // A client may have sent its first request behind its part of the handshake: closed at once, it would be reset before
        // it has read why it is refused.
        let link = Link::new(stream, &lent.upstream.wheel, Side::Client);
        linger(&link, lent).await;
    }
    None
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
            Err(End::Closed | End::Http2(_)) => return None,
        }
    }
    Some((Rc::into_inner(link)?.stream, first))
}
