//! Closing in stages (RFC 9112 §9.6): closing at once while the client still sends would reset the connection and
//! take the answer with it. Bounded in bytes and time.

use crate::base::Side;
use crate::mem::{Class, Pool};
use crate::net::Link;
use crate::net::stream::{Idle, Wait, until};
use std::io;
use std::time::Duration;

/// Bytes read from a client that does not stop sending.
const BYTES: usize = 1024 * 1024;
/// How long it may go on.
const SPAN: Duration = Duration::from_secs(2);

/// Ends a connection whose client said that it sends nothing more (RFC 9112 §9.6): it is waited for only if it sent something
/// all the same. What is left of the answer leaves behind the close.
pub async fn leave(link: &Link, pool: &Pool) {
    if link.stream.idle() == Idle::Quiet {
        link.stream.shutdown_write();
    } else {
        linger(link, pool).await;
    }
}

/// Ends the sending side, then reads and forgets what the client still sends, for a while.
pub async fn linger(link: &Link, pool: &Pool) {
    debug_assert_eq!(link.side, Side::Client, "only clients are waited for");
    link.stream.shutdown_write();
    link.reading.set(until(SPAN));
    let mut left = BYTES;
    while left > 0 {
        let read = link.stream.try_read(pool.take(Class::Small).spare());
        match read {
            Ok(0) => break,
            Ok(n) => left = left.saturating_sub(n),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if let Err(Wait::Expired | Wait::Io(_)) = link.stream.readable_by(&link.reading).await {
                    break;
                }
            }
            Err(_) => break,
        }
    }
    link.reading.clear();
}
