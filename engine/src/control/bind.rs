//! The listening sockets of the process, and how those of another table differ: an address that stays keeps its socket, with
//! whatever waits in its queue, a new one is bound before anything is published, and one that left is closed by the shards.

use crate::base::{Address, ListenerId, SocketId};
use crate::net::listener::Bound;
use crate::net::unix::SocketFile;
use crate::table::Table;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

/// The accept queue asked for; the system caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// All listening addresses of a process.
#[derive(Debug, Default)]
pub struct Listening {
    open: Vec<Open>,
    given: u64,
}

/// A listening address.
#[derive(Debug)]
struct Open {
    socket: SocketId,
    /// The name of its listener.
    listener: String,
    /// As it was written.
    wanted: Address,
    /// The port that was chosen for port 0 included.
    bound: Address,
    /// The file of a Unix socket. Dropped, it is removed: while the shards still listen, so that no client finds the path
    /// of a socket that is closed.
    _file: Option<SocketFile>,
}

/// An address that a table wants and that is not bound yet.
#[derive(Debug, Clone)]
pub struct Wanted {
    socket: SocketId,
    at: ListenerId,
    listener: String,
    /// Which of the listener's addresses it is.
    pub index: usize,
    address: Address,
}

/// How the sockets of a table differ from those that are open.
#[derive(Debug, Clone)]
pub struct Difference {
    /// Open ones that the table has too, each with its listener there.
    kept: Vec<(SocketId, ListenerId)>,
    /// Those that have to be bound.
    pub wanted: Vec<Wanted>,
}

/// What was bound for a table, and is let go if it is dropped.
#[derive(Debug)]
pub struct Fresh {
    difference: Difference,
    open: Vec<Open>,
    /// Each shard's.
    pub of: Vec<Vec<(SocketId, Bound)>>,
}

/// An address that cannot be bound.
#[derive(Debug)]
pub struct Refusal {
    /// Which one.
    pub wanted: Wanted,
    /// Why.
    pub error: io::Error,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { wanted: Wanted { listener, address, .. }, error } = self;
        write!(f, "listener {listener} cannot bind {address}: {error}")
    }
}

impl Wanted {
    /// Its listener in the table that wants it.
    pub fn listener(&self) -> ListenerId {
        self.at
    }
}

/// Which addresses are open, as a reload sees them that is prepared beside the running gateway.
#[derive(Debug, Clone)]
pub struct Known {
    /// Each with the name of its listener and the address as it was written.
    open: Vec<(SocketId, String, Address)>,
    given: u64,
}

impl Known {
    /// What `table` wants beside and in place of what is open. Each address counts once; of several with port 0, which take
    /// any, each listener has its own.
    pub fn difference(&self, table: &Table) -> Difference {
        let mut difference = Difference { kept: Vec::new(), wanted: Vec::new() };
        let mut given = self.given;
        for (at, listener) in table.listeners.iter().enumerate() {
            let at = ListenerId(at as u32);
            for (index, address) in listener.bind.iter().enumerate() {
                let any = matches!(address, Address::Tcp(addr) if addr.port() == 0);
                let open = self.open.iter().find(|(socket, of, wanted)| {
                    let free = difference.kept.iter().all(|(kept, _)| kept != socket);
                    free && wanted == address && (!any || *of == listener.name)
                });
                if let Some((socket, ..)) = open {
                    difference.kept.push((*socket, at));
                    continue;
                }
                given += 1;
                let (listener, address) = (listener.name.clone(), address.clone());
                difference.wanted.push(Wanted { socket: SocketId(given), at, listener, index, address });
            }
        }
        difference
    }
}

impl Listening {
    /// What is open now.
    pub fn known(&self) -> Known {
        let open = |open: &Open| (open.socket, open.listener.clone(), open.wanted.clone());
        Known { open: self.open.iter().map(open).collect(), given: self.given }
    }

    /// Takes what was bound for `table`, and forgets what it has no more: the files of Unix sockets that left are removed.
    /// Gives every socket with its listener.
    pub fn take(&mut self, table: &Table, fresh: Fresh) -> Vec<(SocketId, ListenerId)> {
        let Fresh { difference: Difference { kept, wanted }, open, .. } = fresh;
        self.given += wanted.len() as u64;
        self.open.retain_mut(|open| {
            let Some((_, at)) = kept.iter().find(|(socket, _)| *socket == open.socket) else { return false };
            open.listener.clone_from(&table.listeners[at.index()].name);
            true
        });
        self.open.extend(open);
        kept.into_iter().chain(wanted.iter().map(|wanted| (wanted.socket, wanted.at))).collect()
    }

    /// Each listener's name with an address of it, the port that was chosen for port 0 included.
    pub fn told(&self) -> impl Iterator<Item = (&str, &Address)> {
        self.open.iter().map(|open| (open.listener.as_str(), &open.bound))
    }
}

/// Binds what is wanted, for `shards` shards. May block for a moment.
///
/// # Errors
/// The first address that cannot be bound; what was bound before is let go.
pub fn bind(difference: Difference, shards: usize) -> Result<Fresh, Refusal> {
    let of = (0..shards).map(|_| Vec::new()).collect();
    let mut fresh = Fresh { open: Vec::new(), of, difference };
    for wanted in fresh.difference.wanted.clone() {
        let Wanted { socket, listener, address, .. } = &wanted;
        let bound = match address {
            Address::Tcp(addr) => fresh.tcp(*socket, *addr).map(|addr| (Address::Tcp(addr), None)),
            Address::Unix(path) => fresh.unix(*socket, path).map(|file| (address.clone(), Some(file))),
        };
        let (bound, file) = match bound {
            Ok(bound) => bound,
            Err(error) => return Err(Refusal { wanted, error }),
        };
        let (listener, wanted) = (listener.clone(), address.clone());
        fresh.open.push(Open { socket: *socket, listener, wanted, bound, _file: file });
    }
    Ok(fresh)
}

impl Fresh {
    /// Each listener's name with an address that was bound for it.
    pub fn told(&self) -> impl Iterator<Item = (&str, &Address)> {
        self.open.iter().map(|open| (open.listener.as_str(), &open.bound))
    }

    /// One socket a shard. A port of 0 is chosen once and then shared.
    fn tcp(&mut self, id: SocketId, wanted: SocketAddr) -> io::Result<SocketAddr> {
        let mut addr = wanted;
        for own in &mut self.of {
            let socket = Bound::new(addr, BACKLOG)?;
            addr = socket.addr()?;
            own.push((id, socket));
        }
        Ok(addr)
    }

    /// One socket in all, each in the charge of another shard.
    fn unix(&mut self, id: SocketId, path: &Path) -> io::Result<SocketFile> {
        let (socket, file) = Bound::unix(path, BACKLOG)?;
        let shard = id.0 as usize % self.of.len();
        self.of[shard].push((id, socket));
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Generation;
    use crate::control::load;

    fn table(listeners: &str) -> Table {
        let text = format!("listeners: [{listeners}]\nroutes: [{{ name: a, respond: {{ body: a }} }}]\n");
        let config = load::parse("a.yaml", text).expect("is read");
        load::compile(&config, Generation(1), None).expect("compiles").0
    }

    /// What is open after these in turn: the name of each listener with the number of its socket.
    fn after(tables: &[&str]) -> Vec<(String, u64)> {
        let mut listening = Listening::default();
        let mut sockets = Vec::new();
        let mut last = table(tables[0]);
        for text in tables {
            last = table(text);
            let fresh = bind(listening.known().difference(&last), 1).expect("ports are free");
            sockets = listening.take(&last, fresh);
        }
        let name =
            |(socket, at): &(SocketId, ListenerId)| (last.listeners[at.index()].name.clone(), socket.0);
        let mut named: Vec<_> = sockets.iter().map(name).collect();
        named.sort();
        named
    }

    #[test]
    fn an_address_that_stays_keeps_its_socket_and_one_that_left_and_came_back_has_another() {
        const A: &str = "{ name: a, bind: 127.0.0.1:0 }";
        const B: &str = "{ name: b, bind: 127.0.0.1:0 }";
        let check = |tables: &[&str], expected: &[(&str, u64)]| {
            let expected: Vec<_> =
                expected.iter().map(|(name, socket)| ((*name).to_owned(), *socket)).collect();
            assert_eq!(after(tables), expected, "{tables:?}");
        };
        let both = format!("{B}, {A}");
        check(&[A], &[("a", 1)]);
        check(&[A, A], &[("a", 1)]);
        check(&[A, &both], &[("a", 1), ("b", 2)]);
        // Port 0 is any port: it is the name's own.
        check(&[A, B], &[("b", 2)]);
        check(&[A, &both, B, &both], &[("a", 3), ("b", 2)]);
    }

    #[test]
    fn a_refusal_lets_everything_go_that_was_bound_before() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let busy = taken.local_addr().expect("is bound");
        let folder = std::env::temp_dir().join(format!("ringgate-bind-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a writable folder");
        let path = folder.join("s.sock");
        let text = format!("{{ name: a, bind: [\"unix:{}\", \"{busy}\"] }}", path.display());
        let refusal = bind(Listening::default().known().difference(&table(&text)), 2).expect_err("is taken");
        assert_eq!((refusal.wanted.index, refusal.wanted.listener()), (1, ListenerId(0)));
        assert!(refusal.to_string().contains(&busy.to_string()), "{refusal}");
        assert!(!path.exists(), "its file is gone with it");
        std::fs::remove_dir_all(folder).expect("is there");
    }
}
