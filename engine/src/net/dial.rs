//! Dialling: a non-blocking connect, a wait for writability, the socket's error. monoio's own connect hides the
//! descriptor until it is done, so it could not be ended by a deadline.

use super::stream::{Stream, Wait};
use super::timer::Deadline;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

/// Connects to `addr` before `deadline`.
///
/// # Errors
/// `TimedOut` when the deadline passed first; else what the network said.
pub async fn dial(addr: SocketAddr, deadline: &Deadline) -> io::Result<Stream> {
    let stream = start(addr)?;
    match stream.writable_by(deadline).await {
        Ok(()) => {}
        Err(Wait::Expired) => return Err(io::ErrorKind::TimedOut.into()),
        Err(Wait::Io(error)) => return Err(error),
    }
    stream.take_error()?;
    Ok(stream)
}

fn start(addr: SocketAddr) -> io::Result<Stream> {
    #[cfg(feature = "sim")]
    if let Some(socket) = super::sim::dial(addr) {
        return socket.map(Stream::simulated);
    }
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    socket.set_tcp_nodelay(true)?;
    match socket.connect(&addr.into()) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
        Err(error) => return Err(error),
    }
    Stream::adopt(OwnedFd::from(socket))
}
