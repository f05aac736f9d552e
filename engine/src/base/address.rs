//! Addresses of sockets. The one place that says what there is beside TCP: listeners bind an [`Address`], endpoints
//! are dialled at one, and a client is at a [`ClientAddr`].

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

/// Where to listen or to connect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// An address and a port.
    Tcp(SocketAddr),
    /// The path of a Unix stream socket.
    Unix(Arc<Path>),
}

/// What stands before a path where a configuration takes an address.
pub const UNIX: &str = "unix:";

/// Bytes of a Unix socket's path at most: what `sockaddr_un` holds, with a NUL behind it.
pub const UNIX_PATH_BYTES_MAX: usize = 107;

impl From<SocketAddr> for Address {
    fn from(addr: SocketAddr) -> Address {
        Address::Tcp(addr)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(addr) => addr.fmt(f),
            Address::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

/// Where a client is: the far end of its connection, or what a PROXY header named in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientAddr {
    /// Behind an address and a port.
    Ip(SocketAddr),
    /// Behind a Unix socket, whose clients have no name.
    Unix,
}

impl ClientAddr {
    /// The address without its port; none behind a Unix socket.
    pub fn ip(self) -> Option<IpAddr> {
        match self {
            ClientAddr::Ip(addr) => Some(addr.ip()),
            ClientAddr::Unix => None,
        }
    }
}

/// An IPv4 address that is written as IPv6 (`::ffff:192.0.2.7`) is the one that it stands for.
impl From<SocketAddr> for ClientAddr {
    fn from(addr: SocketAddr) -> ClientAddr {
        ClientAddr::Ip(SocketAddr::new(addr.ip().to_canonical(), addr.port()))
    }
}

impl fmt::Display for ClientAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientAddr::Ip(addr) => addr.fmt(f),
            ClientAddr::Unix => f.write_str(UNIX),
        }
    }
}
