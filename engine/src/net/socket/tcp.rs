//! What every TCP socket of the data path is set to. An accepted socket inherits all of it from its listener.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;

/// Bytes that wait in a socket to be sent before it takes no more. Without it a socket that has grown with a fast start says
/// nothing until a third of megabytes has left: a steady reader would look as if he read nothing. It also bounds what the
/// system holds for a slow one.
const UNSENT_BYTES: u32 = 128 * 1024;

/// The congestion control of every Linux (RFC 5681), which any process may choose.
const LEAST: &[u8] = b"reno";

/// A non-blocking socket that is to be bound or connected to `addr`.
///
/// Within the machine no link is shared and nothing is lost. What BBR does there for every segment, its model of the path
/// and its pacing by a timer, costs 4 % of a request and makes nothing better: such sockets take the least there is.
///
/// # Errors
/// The system's own: no descriptor left, no such family.
pub(in crate::net) fn socket(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    socket.set_tcp_nodelay(true)?;
    // A system that has no such bound, or no other congestion control, does without.
    let _ = socket.set_tcp_notsent_lowat(UNSENT_BYTES);
    if addr.ip().to_canonical().is_loopback() {
        let _ = socket.set_tcp_congestion(LEAST);
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_within_the_machine_another_congestion_control_is_taken() {
        let of = |addr: &str| {
            let name = socket(addr.parse().expect("is an address")).expect("opens").tcp_congestion();
            String::from_utf8_lossy(&name.expect("has one")).trim_end_matches('\0').to_owned()
        };
        let system =
            Socket::new(Domain::IPV4, Type::STREAM, None).expect("opens").tcp_congestion().expect("has one");
        let system = String::from_utf8_lossy(&system).trim_end_matches('\0').to_owned();
        for within in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert_eq!(of(within), "reno", "{within}");
        }
        for beyond in ["0.0.0.0:1", "192.0.2.1:1", "[::]:1", "[2001:db8::1]:1"] {
            assert_eq!(of(beyond), system, "{beyond}");
        }
    }
}
