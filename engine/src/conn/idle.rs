//! The outer future of a connection: small, because ten thousand of them may wait at once. It owns no buffer;
//! the inner future is boxed when bytes come and dropped with all its buffers when the grace has passed.

use super::http1::{End, serve};
use super::http2;
use super::linger::{left, linger};
use crate::base::{Side, Tick};
use crate::exchange::{Home, Lent, Peer, Tells};
use crate::net::stream::{Idle, Stream, Wait};
use crate::net::{Link, clock};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

/// Silence after which a connection is put to sleep.
pub const GRACE: Duration = Duration::from_millis(200);

/// How long a connection that has become old is listened to once more.
const FAREWELL: Duration = Duration::from_secs(1);

/// Serves a downstream connection to its end. Not an async function: that would keep room for its arguments beside
/// what is made of them, for as long as the connection lives.
pub fn connection(stream: Stream, lent: Rc<Lent>, home: Rc<Home>, peer: Peer) -> impl Future<Output = ()> {
    let link = Link::new(stream, &lent.upstream.wheel, Side::Client);
    let mut peer = peer;
    async move {
        let mut since = clock::coarse();
        // Boxed, and made before it is awaited: what it is made of is not kept beside it.
        let served: Pin<Box<dyn Future<Output = ()>>> = loop {
            if link.stream.speaks_http2() {
                break Box::pin(http2::serve(link, lent, home, peer, None));
            }
            // One that has become old is listened to for another moment: its client could not be told, and may be asking.
            let old = home.old_at(&lent, &link).max(since).after(FAREWELL);
            link.reading.set(home.silent_until(&lent, since).min(old));
            let asleep = lent.sleepers.enter(&link, &home, Tells::WithAnswer);
            let ready = link.stream.readable_by(&link.reading).await;
            drop(asleep);
            link.reading.set(Tick::NEVER);
            match ready {
                Ok(()) => {}
                // A last look: what has just come is answered before the connection closes.
                Err(Wait::Expired) if link.stream.idle() == Idle::Spoiled => {}
                Err(Wait::Expired | Wait::Io(_)) => return,
            }
            let busy = Busy::begin(&lent);
            // Written where it stays: most of the future is not filled in until it is polled, and none of that is copied.
            let end = Pin::from(Box::write(Box::new_uninit(), serve(&link, &lent, &home, &mut peer))).await;
            drop(busy);
            match end {
                // While the process ends too: a request may be on its way, and its answer will say close.
                End::Asleep => since = clock::coarse(),
                // Readiness may be told of for nothing, and an idle time that began anew each time would not end.
                End::StillAsleep => {}
                End::Closed => return,
                // Who is waited for keeps no buffer and no table meanwhile.
                End::Leave if left(&link) => return,
                End::Leave | End::Linger => break Box::pin(async move { linger(&link, &lent).await }),
                End::Http2(first) => break Box::pin(http2::serve(link, lent, home, peer, first)),
            }
        };
        served.await;
    }
}

/// Counts a connection whose inner future runs.
struct Busy<'a>(&'a Lent);

impl Busy<'_> {
    fn begin(lent: &Lent) -> Busy<'_> {
        lent.busy.set(lent.busy.get() + 1);
        Busy(lent)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.set(self.0.busy.get() - 1);
    }
}
