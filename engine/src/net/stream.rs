//! A connected socket of this shard: non-blocking calls, and readiness from the driver. Because no operation
//! holds a buffer while it waits, dropping any of these futures loses nothing: readiness is asked again.

use super::pipe::Pipe;
use super::sys;
use crate::base::{Certificate, Proven, Tick};
use crate::net::timer::Deadline;
use monoio::net::TcpStream;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, OwnedFd};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

mod cover;

pub use cover::Cover;

/// A connected socket. One owner, one shard; reading and writing take `&self`, so that one task can do both.
#[derive(Debug)]
pub struct Stream(Inner);

#[derive(Debug)]
enum Inner {
    Os(TcpStream),
    /// Boxed twice: most streams are plain, and a connection that waits is small.
    Covered(Box<Box<dyn Cover>>),
    #[cfg(feature = "sim")]
    Sim(super::sim::Socket),
}

/// The socket at the bottom.
enum Socket<'a> {
    Os(&'a TcpStream),
    #[cfg(feature = "sim")]
    Sim(&'a super::sim::Socket),
}

/// What an idle connection has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idle {
    /// Nothing waits: it can be used.
    Quiet,
    /// Bytes nobody asked for, an end, or an error: it cannot.
    Spoiled,
}

/// Why a wait ended without readiness.
#[derive(Debug)]
pub enum Wait {
    /// The deadline passed.
    Expired,
    /// The driver refused.
    Io(io::Error),
}

impl Stream {
    /// Takes a connected, non-blocking socket into this shard's driver.
    ///
    /// # Errors
    /// When the driver cannot register it (epoll: no memory or descriptors).
    pub fn adopt(fd: OwnedFd) -> io::Result<Stream> {
        let std = std::net::TcpStream::from(fd);
        TcpStream::from_std(std).map(|tcp| Stream(Inner::Os(tcp)))
    }

    /// A socket of the simulation.
    #[cfg(feature = "sim")]
    pub fn simulated(socket: super::sim::Socket) -> Stream {
        Stream(Inner::Sim(socket))
    }

    /// A stream over another one.
    pub fn covered(cover: Box<dyn Cover>) -> Stream {
        Stream(Inner::Covered(Box::new(cover)))
    }

    /// Whether a protocol lies over the socket.
    pub fn is_covered(&self) -> bool {
        matches!(self.0, Inner::Covered(_))
    }

    /// The host that the peer asked for when it connected, in lower case; none where it asked for none, or had no way to.
    pub fn asked(&self) -> Option<&str> {
        if let Inner::Covered(cover) = &self.0 { cover.asked() } else { None }
    }

    /// What the peer did against a protocol that lies over the socket, in the words of the log.
    pub fn wrong(&self) -> Option<&'static str> {
        if let Inner::Covered(cover) = &self.0 { cover.wrong() } else { None }
    }

    /// Whether it was agreed, when the peer connected, that HTTP/2 is spoken (RFC 9113 §3.2).
    pub fn speaks_http2(&self) -> bool {
        matches!(&self.0, Inner::Covered(cover) if cover.speaks_http2())
    }

    /// The peer as its handshake left it; none where there was none, or nothing was asked of it.
    pub fn proven(&self) -> Option<&Proven> {
        if let Inner::Covered(cover) = &self.0 { cover.proven() } else { None }
    }

    /// The certificate that the peer showed.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.proven()?.certificate()
    }

    fn socket(&self) -> Socket<'_> {
        match &self.0 {
            Inner::Os(tcp) => Socket::Os(tcp),
            Inner::Covered(cover) => cover.below().socket(),
            #[cfg(feature = "sim")]
            Inner::Sim(socket) => Socket::Sim(socket),
        }
    }

    /// Reads what is there. 0 is the peer's FIN.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there; the socket's own errors.
    pub fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        match &self.0 {
            Inner::Os(tcp) => sys::recv(tcp.as_raw_fd(), into),
            Inner::Covered(cover) => cover.try_read(into),
            #[cfg(feature = "sim")]
            Inner::Sim(socket) => socket.try_read(into),
        }
    }

    /// Sends what the socket takes now of `bytes`.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing; the socket's own errors.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.0 {
            Inner::Os(tcp) => sys::send(tcp.as_raw_fd(), bytes),
            Inner::Covered(cover) => cover.try_write(&[IoSlice::new(bytes)]),
            #[cfg(feature = "sim")]
            Inner::Sim(socket) => socket.try_write(&[IoSlice::new(bytes)]),
        }
    }

    /// Sends what the socket takes now of `parts`, in order, in one call.
    ///
    /// # Errors
    /// As [`Stream::try_write`].
    pub fn try_write_parts(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match &self.0 {
            Inner::Os(tcp) => sys::send_parts(tcp.as_raw_fd(), parts),
            Inner::Covered(cover) => cover.try_write(parts),
            #[cfg(feature = "sim")]
            Inner::Sim(socket) => socket.try_write(parts),
        }
    }

    /// Whether the peer has reset the connection (150 ns), whatever it had said before. Its end alone is no reset: it may have
    /// said all that it has to say.
    pub fn is_reset(&self) -> bool {
        match &self.0 {
            Inner::Os(tcp) => sys::is_over(tcp.as_raw_fd()),
            Inner::Covered(cover) => cover.below().is_reset(),
            #[cfg(feature = "sim")]
            Inner::Sim(socket) => socket.is_reset(),
        }
    }

    /// Looks at an idle connection without taking a byte off it (150 ns).
    pub fn idle(&self) -> Idle {
        let seen = match &self.0 {
            Inner::Os(tcp) => sys::peek(tcp.as_raw_fd()),
            Inner::Covered(cover) => return cover.idle(),
            #[cfg(feature = "sim")]
            Inner::Sim(socket) => socket.peek(),
        };
        match seen {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Idle::Quiet,
            _ => Idle::Spoiled,
        }
    }

    /// Waits until a read would not block: bytes, a FIN or an error.
    ///
    /// # Errors
    /// When the driver refuses the wait.
    pub async fn readable(&self) -> io::Result<()> {
        if let Inner::Covered(cover) = &self.0
            && cover.holds_input()
        {
            return Ok(());
        }
        match self.socket() {
            Socket::Os(tcp) => tcp.readable(false).await,
            #[cfg(feature = "sim")]
            Socket::Sim(socket) => socket.readable().await,
        }
    }

    /// Waits until a write would not block: room or an error.
    ///
    /// # Errors
    /// When the driver refuses the wait.
    pub async fn writable(&self) -> io::Result<()> {
        match self.socket() {
            Socket::Os(tcp) => tcp.writable(false).await,
            #[cfg(feature = "sim")]
            Socket::Sim(socket) => socket.writable().await,
        }
    }

    /// As [`Stream::readable`], until `deadline` passes.
    ///
    /// # Errors
    /// [`Wait::Expired`] when it passed first.
    pub async fn readable_by(&self, deadline: &Deadline) -> Result<(), Wait> {
        let mut ready = pin!(self.readable());
        poll_fn(|cx| by(ready.as_mut(), deadline, cx)).await
    }

    /// As [`Stream::writable`], until `deadline` passes.
    ///
    /// # Errors
    /// [`Wait::Expired`] when it passed first.
    pub async fn writable_by(&self, deadline: &Deadline) -> Result<(), Wait> {
        let mut ready = pin!(self.writable());
        poll_fn(|cx| by(ready.as_mut(), deadline, cx)).await
    }

    /// Ends the sending half: the peer reads a FIN after what was sent.
    pub fn shutdown_write(&self) {
        let _ = match &self.0 {
            Inner::Os(tcp) => sys::shutdown_write(tcp.as_raw_fd()),
            Inner::Covered(cover) => return cover.shutdown_write(),
            #[cfg(feature = "sim")]
            Inner::Sim(socket) => socket.shutdown_write(),
        };
    }

    /// Makes the close that follows a reset, so that the peer cannot take a cut message for a whole one
    /// whose end is the end of the connection (RFC 9112 §8). A Unix socket has no reset: its peer reads an end.
    pub fn reset_on_close(&self) {
        match &self.0 {
            Inner::Os(tcp) => {
                drop(socket2::SockRef::from(&borrow(tcp)).set_linger(Some(std::time::Duration::ZERO)))
            }
            Inner::Covered(cover) => cover.reset_on_close(),
            #[cfg(feature = "sim")]
            Inner::Sim(socket) => socket.reset_on_close(),
        }
    }

    /// Moves up to `len` bytes that have arrived into `pipe` without copying them.
    ///
    /// # Errors
    /// `WouldBlock` when none have arrived or the pipe is full; `Unsupported` where bytes cannot be spliced.
    pub fn try_splice_in(&self, pipe: &mut Pipe, len: usize) -> io::Result<usize> {
        match &self.0 {
            Inner::Os(tcp) => pipe.fill(tcp.as_raw_fd(), len),
            Inner::Covered(_) => Err(io::ErrorKind::Unsupported.into()),
            #[cfg(feature = "sim")]
            Inner::Sim(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Moves what `pipe` holds into the socket without copying it.
    ///
    /// # Errors
    /// As [`Stream::try_write`].
    pub fn try_splice_out(&self, pipe: &mut Pipe) -> io::Result<usize> {
        match &self.0 {
            Inner::Os(tcp) => pipe.drain(tcp.as_raw_fd()),
            Inner::Covered(_) => Err(io::ErrorKind::Unsupported.into()),
            #[cfg(feature = "sim")]
            Inner::Sim(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Whether splice can be used on this stream.
    pub fn splices(&self) -> bool {
        matches!(self.0, Inner::Os(_))
    }

    /// The local address, which an origin may be told; none of a Unix socket.
    pub fn local_addr(&self) -> Option<std::net::SocketAddr> {
        match self.socket() {
            // Not monoio's own, which panics on a Unix socket.
            Socket::Os(tcp) => socket2::SockRef::from(&borrow(tcp)).local_addr().ok()?.as_socket(),
            #[cfg(feature = "sim")]
            Socket::Sim(_) => None,
        }
    }

    /// The error a finished connect left behind, if any.
    pub(super) fn take_error(&self) -> io::Result<()> {
        match self.socket() {
            Socket::Os(tcp) => match socket2::SockRef::from(&borrow(tcp)).take_error()? {
                Some(error) => Err(error),
                None => Ok(()),
            },
            #[cfg(feature = "sim")]
            Socket::Sim(socket) => socket.take_error(),
        }
    }
}

/// A borrow of the socket's descriptor for socket2.
fn borrow(tcp: &TcpStream) -> std::os::fd::BorrowedFd<'_> {
    // SAFETY: the descriptor stays open as long as `tcp`, whose lifetime the borrow carries.
    #[allow(unsafe_code)]
    unsafe {
        std::os::fd::BorrowedFd::borrow_raw(tcp.as_raw_fd())
    }
}

/// `ready` or `deadline`, whichever comes first; readiness wins a tie. Borrows the wait: as an argument of an async
/// function it would be stored twice, in every connection.
fn by(
    ready: Pin<&mut impl Future<Output = io::Result<()>>>,
    deadline: &Deadline,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Wait>> {
    if let Poll::Ready(done) = ready.poll(cx) {
        return Poll::Ready(done.map_err(Wait::Io));
    }
    deadline.poll_passed(cx).map(|()| Err(Wait::Expired))
}

/// Turns the owned descriptor of a plain socket into one that the driver can wait on.
pub(super) fn waiter(fd: OwnedFd) -> io::Result<TcpStream> {
    TcpStream::from_std(std::net::TcpStream::from(fd))
}

/// The moment at which a wait that starts now and may last `span` ends.
pub fn until(span: std::time::Duration) -> Tick {
    super::clock::coarse().after(span)
}
