//! A session over a stream. Records are read into a pooled buffer that is given back when it is empty, so a connection
//! that waits holds none; plain text goes straight to who reads. What is written becomes records in another pooled buffer:
//! a write counts as done only when the socket has taken its last record, so that backpressure is that of the socket.

use crate::base::Proven;
use crate::mem::{BULK_BYTES, Buf, Class, Pool};
use crate::net::Stream;
use crate::net::stream::{Cover, Idle};
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};
use std::cell::RefCell;
use std::fmt;
use std::io::{self, IoSlice};

/// Plain text of one record at most (RFC 8446 §5.1).
const RECORD_BYTES_MAX: usize = 16 * 1024;
/// What a record adds to its text at most, in the suites that rustls speaks (22 bytes in TLS 1.3, 29 in 1.2).
const RECORD_EXTRA: usize = 64;
/// Front of a write that the socket did not take whole, by which the next one is known again.
const KNOWN_BYTES: usize = 32;

/// A session that lies over a stream.
pub(super) struct Session {
    below: Stream,
    asked: Option<Box<str>>,
    proven: Proven,
    state: RefCell<State>,
}

/// A session; its bytes come and go through whoever has the stream.
pub(super) struct State {
    pub(super) engine: UnbufferedServerConnection,
    pool: Pool,
    /// Records that have come and are not processed.
    incoming: Option<Buf>,
    /// Whether a whole one may be among them.
    unprocessed: bool,
    /// Plain text that came and nobody had room for.
    plain: Plain,
    /// Records that the socket has not taken.
    outgoing: Option<Buf>,
    ahead: Option<Ahead>,
    end: Option<End>,
    /// What the peer did wrong.
    pub(super) why: Option<&'static str>,
}

/// Plain text from `taken` on.
#[derive(Debug, Default)]
struct Plain {
    bytes: Vec<u8>,
    taken: usize,
}

/// A write whose records are all in `outgoing` or sent, and which was not called done.
#[derive(Debug, Clone, Copy)]
struct Ahead {
    len: usize,
    first: [u8; KNOWN_BYTES],
}

/// How reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The peer said that it is done.
    Closed,
    /// It went without a word, or broke the protocol.
    Failed(io::ErrorKind),
}

/// What a step is to do where it can.
pub(super) enum Want<'w> {
    Nothing,
    /// Fill the slice, and count.
    Read(&'w mut [u8], &'w mut usize),
    /// Make a record of this.
    Write(&'w [u8]),
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// There is more to do with what is there.
    Going,
    /// Nothing more before bytes come; the handshake is not done.
    Shaking,
    /// The handshake is done: what was to be written is records now, and what was to be read has not come.
    Open,
    /// The peer has closed its side.
    Closed,
    /// So have we.
    Over,
}

impl State {
    pub(super) fn new(engine: UnbufferedServerConnection, pool: Pool, first: Option<Buf>) -> State {
        State {
            engine,
            pool,
            unprocessed: first.is_some(),
            incoming: first,
            plain: Plain::default(),
            outgoing: None,
            ahead: None,
            end: None,
            why: None,
        }
    }

    /// One step of the session.
    ///
    /// # Errors
    /// `InvalidData` when the peer broke the protocol; the alert that tells it so is in `outgoing`.
    pub(super) fn step(&mut self, want: Want<'_>) -> io::Result<Step> {
        let State { engine, pool, incoming, plain, outgoing, .. } = self;
        let bytes = incoming.as_mut().map_or(&mut [][..], Buf::filled_mut);
        let UnbufferedStatus { mut discard, state } = engine.process_tls_records(bytes);
        let step = match state {
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                let (into, read) = match want {
                    Want::Read(into, read) => (into, read),
                    Want::Nothing | Want::Write(_) => (&mut [][..], &mut 0),
                };
                while let Some(Ok(record)) = traffic.next_record() {
                    discard += record.discard;
                    let fits = record.payload.len().min(into.len() - *read);
                    into[*read..*read + fits].copy_from_slice(&record.payload[..fits]);
                    *read += fits;
                    plain.bytes.extend_from_slice(&record.payload[fits..]);
                }
                Step::Going
            }
            Ok(ConnectionState::EncodeTlsData(mut record)) => {
                let encoded = record.encode(&mut []);
                if let Err(EncodeError::InsufficientSize(size)) = encoded {
                    let out = room(outgoing, pool, size.required_size)?;
                    let len = record.encode(out.spare()).map_err(|_| io::ErrorKind::InvalidData)?;
                    out.advance(len);
                }
                Step::Going
            }
            // It is in `outgoing`, which goes before everything else.
            Ok(ConnectionState::TransmitTlsData(records)) => {
                records.done();
                Step::Going
            }
            Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                if let Want::Write(text) = want {
                    let out = room(outgoing, pool, text.len() + RECORD_EXTRA)?;
                    let sealed = traffic.encrypt(text, out.spare());
                    out.advance(sealed.map_err(|error| match error {
                        EncryptError::InsufficientSize(_) => io::ErrorKind::OutOfMemory,
                        EncryptError::EncryptExhausted => io::ErrorKind::BrokenPipe,
                    })?);
                }
                Step::Open
            }
            Ok(ConnectionState::BlockedHandshake) => Step::Shaking,
            Ok(ConnectionState::PeerClosed) => Step::Closed,
            Ok(ConnectionState::Closed) => Step::Over,
            other => {
                // Besides errors only early data, which is not offered.
                let why = other.as_ref().err().map_or("misbehaved", told);
                drop(other);
                self.fail(discard, why);
                return Err(io::ErrorKind::InvalidData.into());
            }
        };
        self.discard(discard);
        Ok(step)
    }

    fn discard(&mut self, bytes: usize) {
        if let Some(buf) = &mut self.incoming {
            buf.consume(bytes);
            if buf.is_empty() {
                self.incoming = None;
            }
        }
    }

    /// Puts the alert that tells the peer what it did wrong in `outgoing`.
    fn fail(&mut self, discard: usize, why: &'static str) {
        self.why = Some(why);
        self.end = Some(End::Failed(io::ErrorKind::InvalidData));
        self.discard(discard);
        let State { engine, pool, incoming, outgoing, .. } = self;
        let bytes = incoming.as_mut().map_or(&mut [][..], Buf::filled_mut);
        if let Ok(ConnectionState::EncodeTlsData(mut alert)) = engine.process_tls_records(bytes).state
            && let Err(EncodeError::InsufficientSize(size)) = alert.encode(&mut [])
            && let Ok(out) = room(outgoing, pool, size.required_size)
            && let Ok(len) = alert.encode(out.spare())
        {
            out.advance(len);
        }
        self.incoming = None;
        self.unprocessed = false;
    }

    /// Whether nothing more can be read.
    pub(super) fn is_ended(&self) -> bool {
        self.end.is_some()
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
            // Browsers go without a word.
            Ok(_) if kept == 0 => self.end = Some(End::Closed),
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

    fn read(&mut self, below: &Stream, into: &mut [u8]) -> io::Result<usize> {
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

    fn write(&mut self, below: &Stream, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let total: usize = parts.iter().map(|part| part.len()).sum();
        let mut done = 0;
        if let Some(ahead) = self.ahead {
            if total < ahead.len || front(parts, 0, ahead.len) != ahead.first {
                self.end = Some(End::Failed(io::ErrorKind::InvalidInput));
                return Err(io::ErrorKind::InvalidInput.into());
            }
            self.flush(below)?;
            self.ahead = None;
            done = ahead.len;
        }
        self.flush(below)?;
        while done < total {
            let sealed = self.seal(parts, done)?;
            match self.flush(below) {
                Ok(()) => done += sealed,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.ahead = Some(Ahead { len: sealed, first: front(parts, done, sealed) });
                    return if done > 0 { Ok(done) } else { Err(error) };
                }
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// Makes records of `parts` from byte `from` on, as many as one buffer holds. Gives the bytes that they hold.
    fn seal(&mut self, parts: &[IoSlice<'_>], from: usize) -> io::Result<usize> {
        let mut sealed = 0;
        loop {
            let room = self.outgoing.as_ref().map_or(BULK_BYTES, |out| BULK_BYTES - out.len());
            let most = RECORD_BYTES_MAX.min(room.saturating_sub(RECORD_EXTRA));
            let rest = rest(parts, from + sealed);
            let Some((first, more)) = rest else { return Ok(sealed) };
            if most == 0 || (sealed > 0 && most < RECORD_BYTES_MAX) {
                return Ok(sealed);
            }
            if first.len() >= most || more.iter().all(|part| part.is_empty()) {
                let text = &first[..first.len().min(most)];
                self.seal_one(text)?;
                sealed += text.len();
                continue;
            }
            // Short parts become one record: two would cost twice.
            let len = most.min(first.len() + more.iter().map(|part| part.len()).sum::<usize>());
            let mut text = self.pool.take(Class::holding(len));
            for part in std::iter::once(first).chain(more.iter().map(|part| &**part)) {
                let fits = part.len().min(len - text.len());
                let put = text.put(&part[..fits]);
                debug_assert!(put, "the buffer holds the length it was taken for");
            }
            self.seal_one(text.filled())?;
            sealed += len;
        }
    }

    fn seal_one(&mut self, text: &[u8]) -> io::Result<()> {
        loop {
            match self.step(Want::Write(text))? {
                // What has come meanwhile is read on the way.
                Step::Going => {}
                Step::Open => return Ok(()),
                Step::Closed => self.end = Some(End::Closed),
                Step::Over => return Err(io::ErrorKind::BrokenPipe.into()),
                Step::Shaking => return Err(io::ErrorKind::NotConnected.into()),
            }
        }
    }

    fn say_goodbye(&mut self) {
        if self.ahead.is_some() || matches!(self.end, Some(End::Failed(_))) {
            return;
        }
        let State { engine, pool, incoming, outgoing, .. } = self;
        let bytes = incoming.as_mut().map_or(&mut [][..], Buf::filled_mut);
        if let Ok(ConnectionState::WriteTraffic(mut traffic)) = engine.process_tls_records(bytes).state
            && let Ok(out) = room(outgoing, pool, RECORD_EXTRA)
            && let Ok(len) = traffic.queue_close_notify(out.spare())
        {
            out.advance(len);
        }
    }
}

impl Plain {
    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn take(&mut self, into: &mut [u8]) -> usize {
        let rest = &self.bytes[self.taken..];
        let len = rest.len().min(into.len());
        into[..len].copy_from_slice(&rest[..len]);
        self.taken += len;
        if self.taken == self.bytes.len() {
            // Not only cleared: a connection that waits holds nothing.
            *self = Plain::default();
        }
        len
    }
}

/// Without what rustls keeps, which may be secret.
impl fmt::Debug for Session {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Session").field("below", &self.below).finish_non_exhaustive()
    }
}

impl Session {
    /// A session whose handshake is done, with a peer that asked for this host.
    pub(super) fn new(below: Stream, state: State, asked: Option<Box<str>>, proven: Proven) -> Session {
        Session { below, asked, proven, state: RefCell::new(state) }
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
        Some(&self.proven)
    }

    fn speaks_http2(&self) -> bool {
        self.state.borrow().engine.alpn_protocol() == Some(b"h2")
    }

    fn holds_input(&self) -> bool {
        let state = self.state.borrow();
        state.unprocessed || !state.plain.is_empty() || state.end.is_some()
    }

    /// Records that hold no text, such as new keys, are no bytes that nobody asked for.
    fn idle(&self) -> Idle {
        let mut state = self.state.borrow_mut();
        if !state.plain.is_empty() {
            return Idle::Spoiled;
        }
        match state.read(&self.below, &mut []) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Idle::Quiet,
            _ => Idle::Spoiled,
        }
    }

    fn shutdown_write(&self) {
        let mut state = self.state.borrow_mut();
        if state.flush(&self.below).is_ok() {
            state.say_goodbye();
            if state.flush(&self.below).is_ok() {
                self.below.shutdown_write();
            }
        }
    }
}

/// What a peer did wrong, as the access log has it.
fn told(error: &rustls::Error) -> &'static str {
    use rustls::Error as E;
    match error {
        E::AlertReceived(_) => "alert",
        E::PeerIncompatible(_) => "incompatible",
        E::NoApplicationProtocol => "no_common_protocol",
        E::NoCertificatesPresented => "no_certificate",
        E::InvalidCertificate(_) | E::InvalidCertRevocationList(_) => "bad_certificate",
        E::DecryptError => "undecipherable",
        E::InvalidMessage(_) | E::PeerSentOversizedRecord => "malformed",
        _ => "misbehaved",
    }
}

/// The length of the record that begins with these bytes, its front included; 0 while that is not there.
fn record_len(bytes: &[u8]) -> usize {
    match bytes {
        [_, _, _, high, low, ..] => 5 + usize::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    }
}

/// `out` with at least `bytes` of room.
fn room<'o>(out: &'o mut Option<Buf>, pool: &Pool, bytes: usize) -> io::Result<&'o mut Buf> {
    let buf = out.get_or_insert_with(|| pool.take(Class::holding(bytes)));
    if buf.room() < bytes {
        buf.pull();
    }
    if buf.room() < bytes && buf.capacity() < BULK_BYTES {
        grow(buf);
    }
    if buf.room() < bytes { Err(io::ErrorKind::OutOfMemory.into()) } else { Ok(buf) }
}

/// Moves what a small buffer holds into a bulk one.
fn grow(buf: &mut Buf) {
    let mut bulk = buf.pool().take(Class::Bulk);
    let fits = bulk.put(buf.filled());
    debug_assert!(fits, "a small buffer fits into a bulk one");
    *buf = bulk;
}

/// What is left of `parts` behind byte `from`: the rest of one of them, and those behind it.
fn rest<'p>(parts: &'p [IoSlice<'p>], mut from: usize) -> Option<(&'p [u8], &'p [IoSlice<'p>])> {
    for (at, part) in parts.iter().enumerate() {
        if from < part.len() {
            return Some((&part[from..], &parts[at + 1..]));
        }
        from -= part.len();
    }
    None
}

/// The first of `len` bytes of `parts` from byte `from` on, zeros behind their end.
fn front(parts: &[IoSlice<'_>], from: usize, len: usize) -> [u8; KNOWN_BYTES] {
    let mut first = [0; KNOWN_BYTES];
    let bytes = parts.iter().flat_map(|part| part.iter()).skip(from).take(len);
    first.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
    first
}
