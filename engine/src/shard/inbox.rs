//! What a shard is told by control and by other shards, and what it tells control.

use crate::accept::{Accepted, Admission};
use crate::base::{Generation, ListenerId};
use crate::net::mailbox::Mailbox;
use crate::table::{Endpoints, Target};
use crate::upstream::View;
use std::sync::Arc;
use std::time::Duration;

/// A message to a shard.
#[derive(Debug)]
pub enum Message {
    /// A fresh connection that another shard took but has too many of; it is counted among this one's already.
    Serve(ListenerId, Accepted, Admission),
    /// Another shard needs a connection to this upstream under its cap: close an idle one.
    Evict(Arc<str>),
    /// The endpoints of the upstream of this name are now these.
    Endpoints(Arc<str>, Arc<Endpoints>),
    /// Control looks at this shard.
    Look(Look),
    /// Stop accepting, let exchanges end, and end within this time.
    Drain(Duration),
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

/// A message of a shard to control. One that finds no room is lost: whatever it tells of happens again.
#[derive(Debug)]
pub enum Report {
    /// No connection could be made to an address that was found behind this name.
    Unreachable(Target),
}
