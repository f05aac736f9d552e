//! Closing in stages (RFC 9112 §9.6): closing at once while the client still sends would reset the connection and
//! take the answer with it. Bounded in time, not in bytes: who uploads reads the answer when the upload is over. Who
//! lingers has its place under the caps of connections, but for those past one, of whom the shard lets few.

use crate::base::Side;
use crate::exchange::Lent;
use crate::mem::Class;
use crate::net::spawn::give_way;
use crate::net::stream::{Idle, Stream, Wait, until};
use crate::net::{Link, clock};
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// How long a client that does not stop sending is read from.
const SPAN: Duration = Duration::from_secs(30);
/// The longest silence within it; all of it while the process ends.
const SILENCE: Duration = Duration::from_secs(2);
/// How long a client past a cap is read from.
const BRIEF: Duration = Duration::from_millis(500);
/// Reads in a row before others have their turn.
const AT_ONCE: u32 = 16;

/// Ends a connection whose client said that it sends nothing more (RFC 9112 §9.6): it is waited for only if it sent something
/// all the same, which is false. What is left of the answer leaves behind the close.
pub fn left(link: &Link) -> bool {
    let is_quiet = link.stream.idle() == Idle::Quiet;
    if is_quiet {
        link.stream.shutdown_write();
    }
    is_quiet
}

/// Ends the sending side, then reads and forgets what the client still sends, for a while.
pub async fn linger(link: &Link, lent: &Lent) {
    forget(link, lent, SPAN, SILENCE).await;
}

/// As [`linger`], but briefly: for a client that has no place, and was told so.
pub async fn turn_away(stream: Stream, lent: Rc<Lent>) {
    forget(&Link::new(stream, &lent.upstream.wheel, Side::Client), &lent, BRIEF, BRIEF).await;
}

async fn forget(link: &Link, lent: &Lent, span: Duration, silence: Duration) {
    debug_assert_eq!(link.side, Side::Client, "only clients are waited for");
    link.stream.shutdown_write();
    let pool = &lent.upstream.buffers;
    let (mut by, mut class, mut row) = (until(span), Class::Small, 0);
    loop {
        let read = {
            let mut buf = pool.take(class);
            let read = link.stream.try_read(buf.spare());
            // Who fills a buffer has more to send.
            if read.as_ref().is_ok_and(|read| *read == buf.room()) {
                class = Class::Bulk;
            }
            read
        };
        if lent.draining.get() {
            by = by.min(until(SILENCE));
        }
        match read {
            Ok(0) => break,
            Ok(_) if row < AT_ONCE => row += 1,
            Ok(_) => {
                row = 0;
                give_way().await;
                if clock::now() >= by {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                row = 0;
                link.reading.set(until(silence).min(by));
                if let Err(Wait::Expired | Wait::Io(_)) = link.stream.readable_by(&link.reading).await {
                    break;
                }
            }
            Err(_) => break,
        }
    }
    link.reading.clear();
}
