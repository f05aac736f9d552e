//! What a shard is told by control and by other shards, and what it tells control.

use crate::accept::{Accepted, Admission};
use crate::base::{Generation, ListenerId, SocketId, UpstreamId};
use crate::net::listener::Bound;
use crate::net::mailbox::Mailbox;
use crate::policy::auth::keys::News;
use crate::table::{Endpoints, Table, Target};
use crate::upstream::{Asker, View};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// A message to a shard.
#[derive(Debug)]
pub enum Message {
    /// A fresh connection that another shard took but has too many of; it is counted among this one's already. The listener
    /// is one of the table that the other shard had, which may be another than this one's in a reload.
    Serve(Arc<Table>, ListenerId, Accepted, Admission),
    /// Serve this table from now on.
    Table(Box<Next>),
    /// Another shard needs a connection to this upstream under its cap: it is to have the slot of an idle one, or the next
    /// that comes free.
    Evict(Arc<str>, Asker),
    /// The endpoints of the upstream of this name are now these.
    Endpoints(Arc<str>, Arc<Endpoints>),
    /// A key set was fetched, or could not be.
    Keys(News),
    /// Control looks at this shard.
    Look(Look),
    /// Stop accepting, let exchanges end, and end within this time.
    Drain {
        /// That exchanges may take.
        exchanges: Duration,
        /// That tunnels and streams may, where it is another.
        lasting: Option<Duration>,
    },
}

/// A table that takes the place of the one that a shard serves. Shards take every table, in order.
#[derive(Debug)]
pub struct Next {
    /// The table.
    pub table: Arc<Table>,
    /// What of it was there before.
    pub moves: Arc<Moves>,
    /// This shard's share of the listening sockets that are new.
    pub opened: Vec<(SocketId, Bound)>,
}

/// How a table follows from the one before. Made by control, so that no shard looks anything up by name.
#[derive(Debug, Default)]
pub struct Moves {
    /// For each upstream, which one had its name.
    pub upstreams: Vec<Option<UpstreamId>>,
    /// For each listener, which one's connections are its own.
    pub listeners: Vec<Option<ListenerId>>,
    /// Every listening address, and whose it is now. What is not here is closed.
    pub sockets: Vec<(SocketId, ListenerId)>,
}

/// What control asks a shard to show.
#[derive(Debug)]
pub struct Look {
    /// The first upstream.
    pub from: usize,
    /// How many of them at most: what bounds the time that requests wait behind it.
    pub count: usize,
    /// Where to show them. A full one loses the answer.
    pub to: Arc<Mailbox<Looked>>,
}

/// What a shard shows.
#[derive(Debug)]
pub struct Looked {
    /// Its number.
    pub shard: usize,
    /// The table that its new exchanges take.
    pub generation: Generation,
    /// Upstreams; fewer than asked for are the last ones.
    pub upstreams: Vec<View>,
}

/// A message of a shard to control.
#[derive(Debug)]
pub enum Report {
    /// No connection could be made to an address that was found behind this name. Lost where there is no room: it happens
    /// again.
    Unreachable(Target),
    /// No socket could be opened or taken, for want of this. Lost where there is no room: it happens again.
    Short(&'static str),
    /// A token names a key that is not in the set of this address, or there is no set, as of so many fetches. Lost where
    /// there is no room.
    Keys(Arc<str>, u64),
    /// The shard of this number serves another table: see [`super::Shared::serving`]. Where it is lost, control looks.
    Serving,
    /// A shard takes no connections of a listener that is new. Lost where there is no room.
    Deaf {
        /// Its number.
        shard: usize,
        /// The listener.
        listener: String,
        /// Why.
        error: io::Error,
    },
    /// Nothing on the shard of this number holds the table any more. Sent until there is room.
    Left(usize, Arc<Table>),
}
