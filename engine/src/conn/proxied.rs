//! The PROXY header that a connection from certain peers must begin with, before its first request and under the
//! time of a head. A connection without it is closed without an answer and recorded; from all other peers the same
//! bytes are HTTP. Bytes behind the header stay in the buffer: they are the first request's.

use super::http1::End;
use crate::exchange::{Context, Home, Lent, Peer};
use crate::mem::{Buf, Class, SMALL_BYTES};
use crate::net::stream::Wait;
use crate::net::{Link, clock};
use crate::observe::Reason;
use crate::wire::proxy_protocol::{self, HEADER_BYTES_MAX, Header};
use std::io;

/// The longest header is read into the smallest buffer.
const _: () = assert!(HEADER_BYTES_MAX <= SMALL_BYTES);

/// Reads the header of a connection that is readable, after which `peer` is whom it named. `buf` is left with what
/// followed it. Gives how the connection goes on where there is none.
pub async fn announced(
    link: &Link,
    lent: &Lent,
    home: &Home,
    peer: &mut Peer,
    buf: &mut Option<Buf>,
) -> Result<(), End> {
    lent.upstream.intake.enter().await;
    let began = clock::now();
    link.reading.set(began.after(home.look(lent, |listener| listener.timeouts.head)));
    let mut held = lent.upstream.buffers.take(Class::Small);
    let refused = loop {
        match link.stream.try_read(held.spare()) {
            Ok(n @ 1..) => held.advance(n),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if held.is_empty() {
                    return Err(End::StillAsleep);
                }
                match link.stream.readable_by(&link.reading).await {
                    Ok(()) => continue,
                    Err(Wait::Expired) => break "timeout",
                    Err(Wait::Io(_)) => break "cut",
                }
            }
            // Who ends before a first byte only looked whether somebody listens.
            Ok(0) | Err(_) if held.is_empty() => return Err(End::Closed),
            Ok(_) | Err(_) => break "cut",
        }
        match proxy_protocol::parse(held.filled()) {
            Ok(None) => {}
            Ok(Some(Header { client, len })) => {
                link.reading.clear();
                let (table, at) = home.now(lent);
                *peer = peer.on(&table, at).announced(&table, client);
                held.consume(len);
                held.pull();
                *buf = Some(held).filter(|held| !held.is_empty());
                return Ok(());
            }
            Err(fault) => break fault.reason(),
        }
    };
    // Dropped at once, it hands in the record.
    let (table, at) = home.now(lent);
    Context::new(lent, &table, peer.on(&table, at), None, began).reason.set(Reason::ProxyProtocol(refused));
    Err(End::Closed)
}
