//! What may lie between a socket and those who read and write on it: TLS. The room that speaks it gives a [`Stream`] of its
//! own making, and nobody above needs to know.

use super::{Idle, Stream};
use crate::base::Proven;
use std::fmt::Debug;
use std::io::{self, IoSlice};

/// A protocol over a socket. Its calls mean what those of a [`Stream`] mean, and none of them waits.
///
/// What a write has taken in hand cannot be taken back: after `WouldBlock` the next write has to begin with the same bytes.
/// One that does not is refused, and the connection is of no more use.
pub trait Cover: Debug {
    /// The stream below.
    fn below(&self) -> &Stream;

    /// As [`Stream::try_read`].
    ///
    /// # Errors
    /// As [`Stream::try_read`]; `InvalidData` when the peer broke the protocol.
    fn try_read(&self, into: &mut [u8]) -> io::Result<usize>;

    /// As [`Stream::try_write_parts`].
    ///
    /// # Errors
    /// As [`Stream::try_write_parts`]; `InvalidInput` when it does not begin as the one before, which was not done.
    fn try_write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize>;

    /// The host that the peer asked for when it connected, in lower case.
    fn asked(&self) -> Option<&str>;

    /// What the peer did against the protocol, in the words of the log.
    fn wrong(&self) -> Option<&'static str>;

    /// Whether it was agreed to speak HTTP/2.
    fn speaks_http2(&self) -> bool;

    /// The peer as its handshake left it; none where nothing is asked of peers.
    fn proven(&self) -> Option<&Proven>;

    /// Whether there is something to read that the socket has given up already.
    fn holds_input(&self) -> bool;

    /// As [`Stream::idle`].
    fn idle(&self) -> Idle;

    /// As [`Stream::shutdown_write`].
    fn shutdown_write(&self);

    /// As [`Stream::reset_on_close`].
    fn reset_on_close(&self);
}
