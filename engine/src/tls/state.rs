//! A session's bytes on their way in, and its end. Records are read into a pooled buffer that is given back when it is
//! empty; plain text goes straight to who reads. `seal` has the way out, `session` lays both over a stream.

use super::buffers::{Plain, grow, record_len};
use super::engine::{Engine, Places, Step, Stuck, Want};
use super::seal::Ahead;
use super::wrong::Wrong;
use crate::mem::{BULK_BYTES, Buf, Class, Pool};
use crate::net::Stream;
use rustls::server::UnbufferedServerConnection;
use std::io;

/// A session; its bytes come and go through whoever has the stream.
pub(super) struct State {
    engine: Engine,
    pub(super) pool: Pool,
    /// Records that have come and are not processed.
    incoming: Option<Buf>,
    /// Whether a whole one may be among them.
    unprocessed: bool,
    plain: Plain,
    /// Records that the socket has not taken.
    pub(super) outgoing: Option<Buf>,
    pub(super) ahead: Option<Ahead>,
    pub(super) end: Option<End>,
    /// Whether we have said that nothing more will come.
    said_goodbye: bool,
    /// What the peer did wrong.
    pub(super) wrong: Option<Wrong>,
}

/// How reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The peer said that it is done.
    Closed,
    /// It went without a word, or broke the protocol.
    Failed(io::ErrorKind),
}

impl State {
    /// `incoming` has come already; `outgoing` goes before the first record.
    pub(super) fn new(engine: Engine, pool: Pool, incoming: Option<Buf>, outgoing: Option<Buf>) -> State {
        State {
            engine,
            pool,
            unprocessed: incoming.is_some(),
            incoming,
            plain: Plain::default(),
            outgoing,
            ahead: None,
            end: None,
            said_goodbye: false,
            wrong: None,
        }
    }

    /// One step of the session.
    ///
    /// # Errors
    /// `InvalidData` when the peer broke the protocol; the alert that tells it so is in `outgoing`.
    pub(super) fn step(&mut self, want: Want<'_>) -> io::Result<Step> {
        let step = self.process(want);
        if let Err(Stuck::Peer(wrong)) = step {
            self.wrong = Some(wrong);
            self.end = Some(End::Failed(io::ErrorKind::InvalidData));
            // The alert that tells the peer what it did wrong, and what goes before it. Not a step more: it would look at
            // what is as broken as before.
            while self.engine.owes() && self.process(Want::Nothing).is_ok() {}
            self.incoming = None;
            self.unprocessed = false;
        }
        step.map_err(io::Error::from)
    }

    fn process(&mut self, want: Want<'_>) -> Result<Step, Stuck> {
        let State { engine, pool, incoming, plain, outgoing, .. } = self;
        let records = incoming.as_mut().map_or(&mut [][..], Buf::filled_mut);
        let (done, step) = engine.step(records, want, Places { plain, outgoing, pool });
        if let Some(buf) = incoming {
            buf.consume(done);
            if buf.is_empty() {
                *incoming = None;
            }
        }
        step
    }

    /// The peer has said that it is done; true where it has shaken hands before. What it has said until then is still read
    /// (RFC 8446 §6.1).
    pub(super) fn is_closed_behind_handshake(&mut self) -> bool {
        let is_done = !self.engine.is_handshaking();
        if is_done {
            self.end = Some(End::Closed);
        }
        is_done
    }

    /// What was agreed to speak.
    pub(super) fn protocol(&self) -> Option<&[u8]> {
        self.engine.protocol()
    }

    /// The engine of a side that was dialled.
    pub(super) fn server(&self) -> Option<&UnbufferedServerConnection> {
        self.engine.server()
    }

    /// Whether nothing more can be read.
    pub(super) fn is_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Whether there is something to read that the socket has given up already.
    pub(super) fn holds_input(&self) -> bool {
        self.unprocessed || !self.plain.is_empty() || self.end.is_some()
    }

    /// Whether text waits that nobody asked for yet.
    pub(super) fn holds_text(&self) -> bool {
        !self.plain.is_empty()
    }

    /// Takes what has come on `below`.
    ///
    /// # Errors
    /// `WouldBlock` when nothing has; `UnexpectedEof` for an end in the middle of what the peer had to say.
    pub(super) fn fetch(&mut self, below: &Stream) -> io::Result<()> {
        let (kept, whole) =
            self.incoming.as_ref().map_or((0, 0), |buf| (buf.len(), record_len(buf.filled())));
        let buf = self.incoming.get_or_insert_with(|| self.pool.take(Class::Small));
        if buf.room() == 0 || buf.room() + kept < whole {
            buf.pull();
        }
        if buf.room() == 0 || buf.capacity() < whole {
            if buf.capacity() >= BULK_BYTES {
                return Err(io::ErrorKind::InvalidData.into());
            }
            grow(buf);
        }
        let got = below.try_read(buf.spare());
        match got {
            Ok(n @ 1..) => {
                buf.advance(n);
                self.unprocessed = true;
                return Ok(());
            }
            // Browsers go without a word, and a request says itself where it ends. Where a reply ends its connection
            // may say alone: an end that the origin did not announce is a cut (RFC 8446 §6.1).
            Ok(_) if kept == 0 && self.engine.is_server() => self.end = Some(End::Closed),
            Ok(_) => self.end = Some(End::Failed(io::ErrorKind::UnexpectedEof)),
            Err(_) => {}
        }
        if kept == 0 {
            self.incoming = None;
        }
        match (got, self.end) {
            (Err(error), _) => Err(error),
            (Ok(_), Some(End::Failed(kind))) => Err(kind.into()),
            (Ok(_), _) => Ok(()),
        }
    }

    /// Sends what is in `outgoing`.
    ///
    /// # Errors
    /// `WouldBlock` while the socket does not take all of it; the socket's own errors.
    pub(super) fn flush(&mut self, below: &Stream) -> io::Result<()> {
        let Some(out) = &mut self.outgoing else { return Ok(()) };
        while !out.is_empty() {
            let sent = below.try_write(out.filled())?;
            out.consume(sent);
        }
        self.outgoing = None;
        Ok(())
    }

    pub(super) fn read(&mut self, below: &Stream, into: &mut [u8]) -> io::Result<usize> {
        if !self.plain.is_empty() {
            return Ok(self.plain.take(into));
        }
        let mut read = 0;
        loop {
            match self.end {
                Some(End::Closed) => return Ok(0),
                Some(End::Failed(kind)) => return Err(kind.into()),
                None => {}
            }
            if !self.unprocessed {
                self.fetch(below)?;
                continue;
            }
            let step = self.step(Want::Read(into, &mut read));
            // Answers to what has come; the next write goes on with what the socket does not take.
            let _ = self.flush(below);
            match step? {
                Step::Going if read > 0 || !self.plain.is_empty() => return Ok(read),
                Step::Going => {}
                Step::Shaking | Step::Open => self.unprocessed = false,
                Step::Closed | Step::Over => self.end = Some(End::Closed),
            }
        }
    }

    /// Tells the peer that nothing more will come, if that can be told at once and is true. Whether it was.
    pub(super) fn say_goodbye(&mut self, below: &Stream) -> bool {
        if self.ahead.is_some() || matches!(self.end, Some(End::Failed(_))) || self.flush(below).is_err() {
            return false;
        }
        // What has come is passed over: there is as much of it as one buffer holds.
        while !self.said_goodbye {
            match self.step(Want::Goodbye) {
                Ok(Step::Going | Step::Closed) => {}
                Ok(Step::Open) => self.said_goodbye = true,
                Ok(Step::Shaking | Step::Over) | Err(_) => return false,
            }
        }
        self.flush(below).is_ok()
    }

    /// The connection is to look cut: from now on nothing is said that would make it look whole.
    pub(super) fn forsake(&mut self) {
        self.end = Some(End::Failed(io::ErrorKind::ConnectionAborted));
    }
}
