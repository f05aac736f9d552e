//! The sending side of an HTTP/1.1 message: a staged head, then the body in its framing. The head leaves with
//! the first bytes of the body in one send. A partial send is remembered here, so that a dropped write loses
//! nothing and repeats nothing.

use super::{BodySink, Lane, Plain, Spliced};
use crate::base::Fault;
use crate::mem::{Buf, Class};
use crate::net::pipe::{Pipe, Pipes};
use crate::wire::http1::encode::{LAST_CHUNK, chunk_head};
use crate::wire::http1::framing::Length;
use std::io::{self, IoSlice};
use std::time::Duration;

/// Bodies with at least this many bytes left are spliced: below it a pipe costs more than the copy.
const SPLICE_FROM: u64 = 24 * 1024;
/// Bytes asked of one splice.
const SPLICE_AT_ONCE: u64 = 1024 * 1024;
/// A body piece up to this size is copied behind the staged head: cheaper than a send of several parts.
const JOIN_BYTES: usize = 2048;

/// An HTTP/1.1 message on its way out.
#[derive(Debug)]
pub struct BodyWriter {
    to: Lane,
    /// Bytes that must leave before any further data: a head, or the last chunk with its trailers.
    staged: Option<Buf>,
    /// Bytes of the body at the end of what is staged.
    joined: usize,
    framing: Framing,
    /// The size line of the open chunk, as far as it has not left yet.
    size: [u8; 18],
    size_at: u8,
    size_end: u8,
    /// Bytes spliced in that have not left yet.
    pipe: Option<Pipe>,
    sent: u64,
    started: bool,
}

/// `Between ─▶ Chunk(n) ─▶ ChunkEnd(2) ─▶ Between … ─▶ Finished`, or `Bare ─▶ Finished`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// Data as it is: a length was said, or the end of the connection ends it, or there is none.
    Bare,
    /// Chunked, and no chunk is open.
    Between,
    /// A chunk with so many data bytes to go.
    Chunk(usize),
    /// So many bytes to go of the CRLF that follows a chunk's data.
    ChunkEnd(u8),
    /// All is staged or sent.
    Finished,
}

impl BodyWriter {
    /// A message whose head is `head`, not sent yet, with a body of `length`.
    pub fn new(to: Lane, head: Buf, length: Length) -> BodyWriter {
        let framing = match length {
            Length::Chunked => Framing::Between,
            Length::None | Length::Exact(_) | Length::UntilClose => Framing::Bare,
        };
        let (size, size_at, size_end) = ([0; 18], 0, 0);
        BodyWriter {
            to,
            staged: Some(head),
            joined: 0,
            framing,
            size,
            size_at,
            size_end,
            pipe: None,
            sent: 0,
            started: false,
        }
    }

    fn open_chunk(&mut self, len: usize) {
        if self.framing == Framing::Between && len > 0 {
            self.size_end = chunk_head(len, &mut self.size) as u8;
            self.size_at = 0;
            self.framing = Framing::Chunk(len);
        }
    }

    /// How much of `len` bytes of data the next send may offer, and what of the framing goes right behind them.
    fn framed(&self, len: usize) -> (usize, &'static [u8]) {
        match self.framing {
            Framing::Bare => (len, b""),
            Framing::Chunk(left) if left <= len => (left, b"\r\n"),
            Framing::Chunk(_) => (len, b""),
            Framing::ChunkEnd(left) => (0, &b"\r\n"[2 - usize::from(left)..]),
            Framing::Between | Framing::Finished => (0, b""),
        }
    }

    /// What one send offers, in order: head, size line, data and end of the chunk.
    fn parts<'p>(&'p self, data: &'p [u8], end: &'p [u8]) -> [&'p [u8]; 4] {
        let staged = self.staged.as_ref().map_or(&[][..], Buf::filled);
        [staged, &self.size[usize::from(self.size_at)..usize::from(self.size_end)], data, end]
    }

    /// One send of what is owed and a prefix of `data`; gives how much of `data` left.
    fn try_write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.open_chunk(data.len());
        let (room, end) = self.framed(data.len());
        let data = &data[..room];
        let bare = self.size_at == self.size_end && end.is_empty();
        if bare && !data.is_empty() && data.len() <= JOIN_BYTES && self.join(data) {
            return self.send_joined(room);
        }
        let stream = &self.to.link.stream;
        let sent = match self.parts(data, end) {
            [b"", b"", data, b""] => stream.try_write(data),
            [staged, b"", b"", b""] => stream.try_write(staged),
            parts => stream.try_write_parts(&parts.map(IoSlice::new)),
        };
        // What was sealed leaves sooner or later, though none of it counts as taken.
        self.started |= sent.as_ref().map_or_else(|_| stream.is_covered(), |sent| *sent > 0);
        let sent = sent?;
        Ok(self.account(sent, room))
    }

    /// Copies a small piece behind the staged head, if there is one with room.
    fn join(&mut self, data: &[u8]) -> bool {
        self.staged.as_mut().is_some_and(|staged| staged.put(data))
    }

    /// Sends the staged bytes, `joined` bytes of data among them, which from here on are taken. Each counts once it left.
    fn send_joined(&mut self, joined: usize) -> io::Result<usize> {
        self.joined += joined;
        let Some(staged) = &self.staged else { return Ok(joined) };
        match self.to.link.stream.try_write(staged.filled()) {
            Ok(sent) => {
                self.started |= sent > 0;
                self.account(sent, 0);
            }
            // What is staged leaves with the next flush.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.started |= self.to.link.stream.is_covered();
            }
            Err(error) => return Err(error),
        }
        Ok(joined)
    }

    /// From now on the peer may keep us waiting for as long as it likes.
    pub fn be_patient(&mut self) {
        self.to.silence = Duration::MAX;
    }

    /// Books `sent` bytes in the order they were offered; gives how many of them were data.
    fn account(&mut self, mut sent: usize, offered: usize) -> usize {
        if let Some(staged) = &mut self.staged {
            let n = staged.len().min(sent);
            staged.consume(n);
            sent -= n;
            let still = self.joined.min(staged.len());
            self.sent += (self.joined - still) as u64;
            self.joined = still;
            if staged.is_empty() {
                self.staged = None;
            }
        }
        let n = usize::from(self.size_end - self.size_at).min(sent);
        self.size_at += n as u8;
        sent -= n;
        let taken = offered.min(sent);
        sent -= taken;
        self.sent += taken as u64;
        debug_assert!(sent <= 2, "only the end of a chunk follows the data");
        let after = |left: u8| if left == 0 { Framing::Between } else { Framing::ChunkEnd(left) };
        self.framing = match self.framing {
            Framing::Chunk(left) if left > taken => Framing::Chunk(left - taken),
            Framing::Chunk(_) => after(2 - sent as u8),
            Framing::ChunkEnd(left) => after(left - sent as u8),
            other => other,
        };
        taken
    }

    /// Whether anything taken has not left yet.
    fn owes(&self) -> bool {
        self.staged.is_some() || self.size_at < self.size_end || matches!(self.framing, Framing::ChunkEnd(_))
    }

    async fn room(&self) -> Result<(), Fault> {
        self.to.link.writable(self.to.silence, self.to.total).await
    }

    /// Whether anything taken, staged or spliced, has not left yet.
    fn holds(&self) -> bool {
        self.owes() || self.pipe.as_ref().is_some_and(|pipe| pipe.held() > 0)
    }

    /// Sends what was spliced in; it lies behind all that is staged.
    async fn drain(&mut self) -> Result<(), Fault> {
        while let Some(pipe) = self.pipe.as_mut().filter(|pipe| pipe.held() > 0) {
            match self.to.link.stream.try_splice_out(pipe) {
                Ok(n) => self.sent += n as u64,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.room().await?,
                Err(error) => return Err(self.to.link.broken(&error)),
            }
        }
        Ok(())
    }

    /// Stages the last chunk and its trailers, behind a staged head where there is room.
    fn stage_end(&mut self, trailers: &[u8]) -> bool {
        let need = LAST_CHUNK.len() + trailers.len() + 2;
        let buf = self.staged.get_or_insert_with(|| self.to.pool.take(Class::holding(need)));
        if buf.room() < need {
            return false;
        }
        // Trailers are bounded far below a bulk buffer by the decoder that collected them.
        let whole = buf.put(LAST_CHUNK) && buf.put(trailers) && buf.put(b"\r\n");
        debug_assert!(whole, "room was checked");
        self.framing = Framing::Finished;
        true
    }
}

impl BodySink for BodyWriter {
    /// Its framing was said.
    fn stays_open(&mut self) {}

    async fn write(&mut self, data: &[u8]) -> Result<usize, Fault> {
        if self.pipe.is_some() {
            self.drain().await?;
        }
        loop {
            match self.try_write(data) {
                Ok(0) => {}
                Ok(n) => return Ok(n),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.room().await?,
                Err(error) => return Err(self.to.link.broken(&error)),
            }
        }
    }

    async fn flush(&mut self) -> Result<(), Fault> {
        while self.owes() {
            match self.try_write(&[]) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.room().await?,
                Err(error) => return Err(self.to.link.broken(&error)),
            }
        }
        if self.pipe.is_some() { self.drain().await } else { Ok(()) }
    }

    async fn finish(&mut self, trailers: &[u8]) -> Result<(), Fault> {
        if self.framing == Framing::Bare && !self.holds() {
            return Ok(());
        }
        // Twice: where the end finds no room behind a staged head, it goes in a buffer of its own.
        for _ in 0..2 {
            if self.framing == Framing::Between && !self.owes_chunk() && self.stage_end(trailers) {
                break;
            }
            self.flush().await?;
            if self.framing != Framing::Between {
                return Ok(());
            }
        }
        self.flush().await
    }

    fn splice(&mut self, from: Plain<'_>, pipes: &Pipes) -> Result<Spliced, Fault> {
        let begun = self.pipe.is_some();
        if self.framing != Framing::Bare || self.owes() || (from.left < SPLICE_FROM && !begun) {
            return Ok(Spliced::Refused);
        }
        if !(from.link.stream.splices() && self.to.link.stream.splices()) {
            return Ok(Spliced::Refused);
        }
        if !begun {
            self.pipe = pipes.take().ok();
        }
        let Some(pipe) = &mut self.pipe else { return Ok(Spliced::Refused) };
        let len = from.left.min(SPLICE_AT_ONCE) as usize;
        match from.link.stream.try_splice_in(pipe, len) {
            Ok(0) => Ok(Spliced::Refused),
            Ok(n) => Ok(Spliced::Moved(n as u64)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && pipe.held() == 0 => {
                Ok(Spliced::Blocked)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Spliced::Moved(0)),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(Spliced::Refused),
            Err(error) => Err(from.link.broken(&error)),
        }
    }

    fn sent(&self) -> u64 {
        self.sent
    }

    fn started(&self) -> bool {
        self.started
    }
}

impl BodyWriter {
    /// Whether part of a chunk's framing has not left yet.
    fn owes_chunk(&self) -> bool {
        self.size_at < self.size_end || matches!(self.framing, Framing::Chunk(_) | Framing::ChunkEnd(_))
    }
}

#[cfg(test)]
mod tests;
