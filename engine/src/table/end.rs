//! Where a route's requests end, and what is changed of them on the way there.

use crate::route::redirect::Redirect;
use crate::route::rewrite::Rewrite;
use crate::route::split::Split;
use crate::wire::edits::Edits;

/// Where a route's requests end.
#[derive(Debug)]
pub enum End {
    /// At one of these upstreams.
    To(Split),
    /// In the gateway.
    Here(Box<Here>),
}

/// What is answered without an upstream.
#[derive(Debug)]
pub enum Here {
    /// The client is sent elsewhere.
    Redirect(Redirect),
    /// It gets this.
    Respond(Respond),
}

/// An answer that the operator wrote.
#[derive(Debug)]
pub struct Respond {
    /// 200 to 599.
    pub status: u16,
    /// Its fields, as additions.
    pub edits: Edits,
    /// Its body; empty where the status has none.
    pub body: Box<[u8]>,
}

/// What a route changes of a request before it is sent on.
#[derive(Debug)]
pub struct Change {
    /// What becomes of the path.
    pub path: Option<Rewrite>,
    /// The Host to send in place of the client's.
    pub host: Option<String>,
}
