//! What every TCP socket of the data path is set to. An accepted socket inherits all of it from its listener.

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Bytes that wait in a socket to be sent before it takes no more. Without it a socket that has grown with a fast start says
/// nothing until a third of megabytes has left: a steady reader would look as if he read nothing. It also bounds what the
/// system holds for a slow one.
const UNSENT_BYTES: u32 = 128 * 1024;

/// Silence after which the system asks whether the other side is still there, the time between two such questions, and how
/// many are left unanswered by one that is gone (RFC 9293 §3.8.4). A tunnel may be silent for an hour: what lies between
/// forgets it much sooner, and whoever lost his power says no goodbye.
const ASKED: (Duration, Duration, u32) = (Duration::from_secs(60), Duration::from_secs(15), 4);

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
    // Within the machine nobody goes without a word.
    if addr.ip().to_canonical().is_loopback() {
        let _ = socket.set_tcp_congestion(LEAST);
    } else {
        let (silence, between, questions) = ASKED;
        let asked = TcpKeepalive::new().with_time(silence).with_interval(between).with_retries(questions);
        socket.set_tcp_keepalive(&asked)?;
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

    #[test]
    fn who_may_go_without_a_word_is_asked_whether_he_is_there() {
        let opened = |addr: &str| socket(addr.parse().expect("is an address")).expect("opens");
        assert!(!opened("127.0.0.1:0").keepalive().expect("is told"));
        for beyond in ["0.0.0.0:0", "[::]:0"] {
            let listening = opened(beyond);
            listening.bind(&beyond.parse::<SocketAddr>().expect("is an address").into()).expect("is free");
            listening.listen(1).expect("listens");
            let port = listening.local_addr().expect("has one").as_socket().expect("is of IP").port();
            let local =
                if beyond.starts_with('[') { format!("[::1]:{port}") } else { format!("127.0.0.1:{port}") };
            let client = std::net::TcpStream::connect(&local).expect("connects");
            // An accepted socket has it of its listener.
            let accepted = loop {
                match listening.accept() {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                    accepted => break accepted.expect("is there").0,
                }
            };
            for socket in [&listening, &accepted] {
                assert!(socket.keepalive().expect("is told"), "{beyond}");
                let (silence, between, questions) = ASKED;
                assert_eq!(socket.tcp_keepalive_time().expect("is told"), silence);
                assert_eq!(socket.tcp_keepalive_interval().expect("is told"), between);
                assert_eq!(socket.tcp_keepalive_retries().expect("is told"), questions);
            }
            drop(client);
        }
    }
}
