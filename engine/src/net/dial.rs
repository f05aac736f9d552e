//! Dialling: a non-blocking connect, a wait for writability, the socket's error. monoio's own connect hides the
//! descriptor until it is done, so it could not be ended by a deadline. A Unix socket connects at once or not at all.

use super::clock;
use super::socket::{tcp, unix};
use super::stream::{Stream, Wait};
use super::timer::Deadline;
use crate::base::Address;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::task::Poll;
use std::time::Duration;

/// How long to wait for room in the queue of a Unix socket, of which the kernel tells nothing.
const QUEUE_LOOK: Duration = Duration::from_millis(10);

/// Connects to `to` before `deadline`.
///
/// # Errors
/// `TimedOut` when the deadline passed first; else what the network said.
pub async fn dial(to: &Address, deadline: &Deadline) -> io::Result<Stream> {
    let stream = match to {
        Address::Tcp(addr) => start(*addr)?,
        Address::Unix(path) => return dial_unix(path, deadline).await,
    };
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
    let socket = tcp::socket(addr)?;
    match socket.connect(&addr.into()) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
        Err(error) => return Err(error),
    }
    Stream::adopt(OwnedFd::from(socket))
}

/// A full queue is no refusal: as with TCP, whoever dials waits for room until the deadline.
async fn dial_unix(path: &Path, deadline: &Deadline) -> io::Result<Stream> {
    loop {
        match unix::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            connected => return Stream::adopt(connected?),
        }
        let look = deadline.sibling();
        look.set(clock::coarse().after(QUEUE_LOOK));
        let looks_again = poll_fn(|cx| match deadline.poll_passed(cx) {
            Poll::Ready(()) => Poll::Ready(false),
            Poll::Pending => look.poll_passed(cx).map(|()| true),
        });
        if !looks_again.await {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}
