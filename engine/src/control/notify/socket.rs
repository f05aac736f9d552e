//! The datagram socket that a service manager listens on.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// A way to the service manager.
#[derive(Debug)]
pub struct NotifySocket {
    socket: UnixDatagram,
    to: SocketAddr,
    name: String,
}

impl NotifySocket {
    /// The one called `name`: a path, or `@` and a name of Linux's abstract namespace.
    ///
    /// # Errors
    /// When it is neither, or no socket can be made; `name` with the reason.
    pub fn open(name: &OsStr) -> Result<NotifySocket, (String, io::Error)> {
        let shown = name.to_string_lossy().into_owned();
        let open = || {
            let to = match name.as_bytes() {
                [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest)?,
                [b'/', ..] => SocketAddr::from_pathname(name)?,
                _ => return Err(io::Error::other("NOTIFY_SOCKET is neither a path nor an abstract name")),
            };
            let socket = UnixDatagram::unbound()?;
            // Control waits for nobody: where the manager is behind, a message is lost.
            socket.set_nonblocking(true)?;
            Ok((socket, to))
        };
        match open() {
            Ok((socket, to)) => Ok(NotifySocket { socket, to, name: shown }),
            Err(error) => Err((shown, error)),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sends lines of `NAME=value`.
    ///
    /// # Errors
    /// When nobody listens, or its queue is full.
    pub fn send(&self, message: &str) -> io::Result<()> {
        self.socket.send_to_addr(message.as_bytes(), &self.to).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bound: &UnixDatagram, name: &OsStr) {
        let socket = NotifySocket::open(name).unwrap();
        socket.send("READY=1\nSTATUS=x").unwrap();
        let mut got = [0; 64];
        let count = bound.recv(&mut got).unwrap();
        assert_eq!(&got[..count], b"READY=1\nSTATUS=x");
    }

    #[test]
    fn a_path_and_an_abstract_name_are_reached() {
        let own = format!("ringgate-notify-{}", std::process::id());
        let path = std::env::temp_dir().join(&own);
        let _ = std::fs::remove_file(&path);
        told(&UnixDatagram::bind(&path).unwrap(), path.as_os_str());
        std::fs::remove_file(&path).unwrap();
        let address = SocketAddr::from_abstract_name(&own).unwrap();
        told(&UnixDatagram::bind_addr(&address).unwrap(), OsStr::new(&format!("@{own}")));
    }

    #[test]
    fn what_is_no_socket_is_told_by_its_name() {
        let (name, error) = NotifySocket::open(OsStr::new("vsock:2:1234")).unwrap_err();
        assert!(name == "vsock:2:1234" && error.to_string().contains("neither"), "{name}: {error}");
        let gone = NotifySocket::open(OsStr::new("/nowhere/notify")).unwrap();
        assert_eq!(gone.send("READY=1").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
