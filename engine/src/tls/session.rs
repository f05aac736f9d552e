//! A session whose handshake is done, over a stream, as a stream: see [`Cover`]. Its end is told to the peer when it is
//! dropped, without waiting, unless something was cut.

use super::state::State;
use crate::base::Proven;
use crate::net::Stream;
use crate::net::stream::{Cover, Idle};
use std::cell::RefCell;
use std::fmt;
use std::io::{self, IoSlice};

/// A session that lies over a stream.
pub(super) struct Session {
    below: Stream,
    asked: Option<Box<str>>,
    /// Who the peer is, where we asked.
    proven: Option<Proven>,
    state: RefCell<State>,
}

/// Without what rustls keeps, which may be secret.
impl fmt::Debug for Session {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Session").field("below", &self.below).finish_non_exhaustive()
    }
}

impl Session {
    /// A session whose handshake is done, with a peer that asked for this host.
    pub(super) fn new(
        below: Stream,
        state: State,
        asked: Option<Box<str>>,
        proven: Option<Proven>,
    ) -> Session {
        Session { below, asked, proven, state: RefCell::new(state) }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // What a panic cut must not look whole (RFC 8446 §6.1).
        if !std::thread::panicking() {
            self.state.get_mut().say_goodbye(&self.below);
        }
    }
}

impl Cover for Session {
    fn below(&self) -> &Stream {
        &self.below
    }

    fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        self.state.borrow_mut().read(&self.below, into)
    }

    fn try_write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.state.borrow_mut().write(&self.below, parts)
    }

    fn asked(&self) -> Option<&str> {
        self.asked.as_deref()
    }

    fn proven(&self) -> Option<&Proven> {
        self.proven.as_ref()
    }

    fn wrong(&self) -> Option<&'static str> {
        self.state.borrow().wrong.map(super::Wrong::as_str)
    }

    fn speaks_http2(&self) -> bool {
        self.state.borrow().protocol() == Some(b"h2")
    }

    fn holds_input(&self) -> bool {
        self.state.borrow().holds_input()
    }

    /// Records that hold no text, such as new keys, are no bytes that nobody asked for.
    fn idle(&self) -> Idle {
        let mut state = self.state.borrow_mut();
        if state.holds_text() {
            return Idle::Spoiled;
        }
        match state.read(&self.below, &mut []) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Idle::Quiet,
            _ => Idle::Spoiled,
        }
    }

    fn shutdown_write(&self) {
        if self.state.borrow_mut().say_goodbye(&self.below) {
            self.below.shutdown_write();
        }
    }

    fn reset_on_close(&self) {
        self.state.borrow_mut().forsake();
        self.below.reset_on_close();
    }
}
