//! Listening sockets, one a shard and address: SO_REUSEPORT spreads connections by the kernel's hash. A Unix socket
//! cannot be bound twice: there is one, and its shard hands connections round. Accepting waits for readiness and
//! then calls accept4 itself, so a dropped wait leaks no descriptor.

use super::socket::tcp;
use super::socket::unix::{self, SocketFile};
use super::stream::waiter;
use super::sys;
use crate::base::ClientAddr;
use monoio::net::TcpStream;
use socket2::Socket;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;

/// A bound and listening socket, not yet in any shard's driver.
#[derive(Debug)]
pub struct Bound(Socket);

impl Bound {
    /// Binds `addr` and listens with a queue of `backlog`. `addr` with port 0 takes a free port: see
    /// [`Bound::addr`]. An IPv6 address takes IPv6 only, so that `0.0.0.0` and `::` can both be bound.
    ///
    /// # Errors
    /// The address is in use by another user or process without SO_REUSEPORT, or may not be bound.
    pub fn new(addr: SocketAddr, backlog: i32) -> io::Result<Bound> {
        let socket = tcp::socket(addr)?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(true)?;
        if addr.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.bind(&addr.into())?;
        socket.listen(backlog)?;
        Ok(Bound(socket))
    }

    /// Binds a Unix socket at `path` and listens with a queue of `backlog`. Its file goes with the guard, which is to
    /// be dropped while the socket still listens: then nobody finds the path of a socket that is closed.
    ///
    /// # Errors
    /// `AddrInUse` when another process listens there or a file that is no socket stands there; the system's own.
    pub fn unix(path: &Path, backlog: i32) -> io::Result<(Bound, SocketFile)> {
        let (socket, file) = unix::bind(path, backlog)?;
        Ok((Bound(socket), file))
    }

    /// The socket of a Unix address as one that others than a shard can wait on.
    ///
    /// # Errors
    /// `AddrNotAvailable` when it is of another kind.
    pub fn into_unix(self) -> io::Result<UnixListener> {
        if !self.is_alone() {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        Ok(UnixListener::from(OwnedFd::from(self.0)))
    }

    /// Whether no other shard has a socket at the same address, so that this one accepts for all.
    pub fn is_alone(&self) -> bool {
        self.0.local_addr().is_ok_and(|addr| addr.is_unix())
    }

    /// The TCP address bound.
    ///
    /// # Errors
    /// The system's, when the socket has none; `AddrNotAvailable` for a Unix socket.
    pub fn addr(&self) -> io::Result<SocketAddr> {
        let addr = self.0.local_addr()?;
        addr.as_socket().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }

    /// Takes the socket into this shard's driver.
    ///
    /// # Errors
    /// When the driver cannot register it.
    pub fn listen(self) -> io::Result<Listener> {
        waiter(OwnedFd::from(self.0)).map(Listener)
    }
}

/// A listening socket of this shard.
#[derive(Debug)]
pub struct Listener(TcpStream);

impl Listener {
    /// Waits until a connection is in the accept queue.
    ///
    /// # Errors
    /// When the driver refuses the wait.
    pub async fn ready(&self) -> io::Result<()> {
        self.0.readable(false).await
    }

    /// Takes a connection off the accept queue.
    ///
    /// # Errors
    /// `WouldBlock` when there is none; EMFILE and ENFILE when no descriptor is left; ECONNABORTED and the
    /// network's own errors for a connection that ended in the queue.
    pub fn try_accept(&self) -> io::Result<(OwnedFd, ClientAddr)> {
        let (fd, peer) = sys::accept(self.0.as_raw_fd())?;
        Ok((fd, peer.as_socket().map_or(ClientAddr::Unix, ClientAddr::Ip)))
    }

    /// Ends it at once: nobody is queued any more. A TCP queue is lost with it, so it is to be emptied right before; that of
    /// a Unix socket can still be emptied. Closing would do the same only when no wait refers to the socket any longer.
    pub fn shut(&self) {
        sys::shutdown_read(self.0.as_raw_fd());
    }
}

/// Whether an accept error concerns one connection only, so that the next one can be taken at once.
pub fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNABORTED
                | libc::EPROTO
                | libc::ENETDOWN
                | libc::EHOSTDOWN
                | libc::EHOSTUNREACH
                | libc::ENETUNREACH
                | libc::EINTR
                | libc::EPERM
        )
    )
}
