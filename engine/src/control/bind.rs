//! Binds every address of a table before anything starts, so that a start fails as a whole.

use super::diagnostics::advice;
use super::run::Refused;
use crate::base::{Address, ListenerId};
use crate::net::listener::Bound;
use crate::net::unix::SocketFile;
use crate::table::{Listener, Table};
use std::io;
use std::net::SocketAddr;
use std::path::Path;

/// The accept queue asked for; the system caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// All listening sockets of a process.
#[derive(Debug)]
pub struct Sockets {
    /// Each shard's.
    pub of: Vec<Vec<(ListenerId, Bound)>>,
    /// Each listener's name with an address of it, the port that was chosen for port 0 included.
    pub told: Vec<(String, Address)>,
    /// The files of Unix sockets. Dropped, they are removed: while the shards still listen, so that no client finds
    /// the path of a socket that is closed.
    pub files: Vec<SocketFile>,
}

/// Binds all listeners of `table` for `shards` shards.
///
/// # Errors
/// When an address cannot be bound; what was bound before is let go.
pub fn bind(table: &Table, shards: usize) -> Result<Sockets, Refused> {
    let of = (0..shards).map(|_| Vec::new()).collect();
    let mut sockets = Sockets { of, told: Vec::new(), files: Vec::new() };
    for (at, listener) in table.listeners.iter().enumerate() {
        let id = ListenerId(at as u32);
        for wanted in &listener.bind {
            let bound = match wanted {
                Address::Tcp(addr) => sockets.tcp(id, *addr).map(Address::Tcp),
                Address::Unix(path) => sockets.unix(id, path).map(|()| wanted.clone()),
            };
            let bound = bound.map_err(|error| refused(listener, wanted, &error))?;
            sockets.told.push((listener.name.clone(), bound));
        }
    }
    Ok(sockets)
}

fn refused(listener: &Listener, wanted: &Address, error: &io::Error) -> Refused {
    let advice = advice::bind(wanted, error);
    Refused::Runtime(format!("listener {} cannot bind {wanted}: {error}{advice}", listener.name))
}

impl Sockets {
    /// One socket a shard. A port of 0 is chosen once and then shared.
    fn tcp(&mut self, id: ListenerId, wanted: SocketAddr) -> io::Result<SocketAddr> {
        let mut addr = wanted;
        for own in &mut self.of {
            let socket = Bound::new(addr, BACKLOG)?;
            addr = socket.addr()?;
            own.push((id, socket));
        }
        Ok(addr)
    }

    /// One socket in all, each in the charge of another shard.
    fn unix(&mut self, id: ListenerId, path: &Path) -> io::Result<()> {
        let (socket, file) = Bound::unix(path, BACKLOG)?;
        let shard = self.files.len() % self.of.len();
        self.of[shard].push((id, socket));
        self.files.push(file);
        Ok(())
    }
}
