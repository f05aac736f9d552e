//! What a downstream protocol must offer so that `run` can serve it: a body to read and replies to write. `conn/http1`
//! and `conn/http2` implement it; nothing here is shaped by either.

use crate::base::{Fault, Tick};
use crate::net::body::{BodySink, BodySource};
use crate::wire::edits::Edits;
use crate::wire::head::Head;
use crate::wire::http1::framing::Length;
use std::net::SocketAddr;

/// One exchange's downstream side.
pub trait Downstream {
    /// The request's body.
    type Body: BodySource;
    /// Where replies go.
    type Reply: Replies;

    /// Both sides at once: a request body may still come while its reply leaves.
    fn split(&mut self) -> (&mut Self::Body, &mut Self::Reply);
}

/// A final reply's head.
#[derive(Clone, Copy)]
pub enum ReplyHead<'a> {
    /// An upstream's.
    Upstream {
        /// As it came.
        head: Head<'a>,
        /// What is changed of it.
        edits: &'a Edits,
        /// The framing of the body that follows.
        length: Length,
        /// The protocol switched to, with status 101.
        upgrade: Option<&'a [u8]>,
    },
    /// One of our own: a route's, or what is answered in an upstream's place. Its body is written behind it, but for HEAD.
    Own {
        /// Its status.
        status: u16,
        /// Its fields.
        edits: &'a Edits,
        /// Bytes of its body.
        body_bytes: u64,
    },
}

/// A final reply about to begin.
#[derive(Clone, Copy)]
pub struct Begin<'a> {
    /// Its head.
    pub head: ReplyHead<'a>,
    /// The connection cannot carry another exchange after it.
    pub close: bool,
    /// When all of it must have left.
    pub total: Tick,
}

/// Where an exchange's replies go.
#[allow(async_fn_in_trait)] // every user is a task of one thread: no `Send` bound is wanted
pub trait Replies {
    /// Takes a reply's body.
    type Sink: BodySink;

    /// Passes a 1xx reply on, changed by `edits`, where the client understands it.
    ///
    /// # Errors
    /// The client is gone or too slow.
    async fn interim(&mut self, head: Head<'_>, edits: &Edits) -> Result<(), Fault>;

    /// Has a client that waits for it send its body (RFC 9110 §10.1.1).
    ///
    /// # Errors
    /// The client is gone or too slow.
    async fn go_on(&mut self) -> Result<(), Fault>;

    /// Stages a final reply's head, which leaves with the first bytes of its body. Nothing was sent yet when a
    /// second reply may take the first one's place: see [`BodySink::started`].
    ///
    /// # Errors
    /// `Kind::Limit` when the head is larger than a buffer.
    fn begin(&mut self, begin: Begin<'_>) -> Result<Self::Sink, Fault>;

    /// The address that the client connected to, if it has one.
    fn local_addr(&self) -> Option<SocketAddr>;

    /// Whether nothing but the end of the connection ends the body of the reply begun last.
    fn ends_by_close(&self) -> bool;
}
