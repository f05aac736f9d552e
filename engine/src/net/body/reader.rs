//! The receiving side of an HTTP/1.1 body: the bytes that came with the head first, then the socket's. Bounds:
//! one pooled buffer, held only while bytes are in it.

use super::{BodySource, Lane, Plain};
use crate::base::{Fault, Kind, Side, Tick};
use crate::mem::{Buf, Class, SMALL_BYTES};
use crate::wire::head::Head;
use crate::wire::http1::chunked::{ChunkLimits, Chunked, Step};
use crate::wire::http1::framing::Length;
use std::io;
use std::mem;

/// A body that has no more than this to come ends soon.
const SOON_BYTES: u64 = 64 * 1024;

/// How a body is to be read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Where from.
    pub lane: Lane,
    /// Body bytes at most.
    pub limit: Option<u64>,
}

/// An HTTP/1.1 body as a [`BodySource`].
#[derive(Debug)]
pub struct BodyReader<'a> {
    from: Reading,
    /// Body bytes that arrived with the head; the head's buffer keeps them.
    first: &'a [u8],
    used: usize,
    /// What was read since, in a buffer of this reader's.
    own: Option<Buf>,
    framing: Framing,
    /// Data bytes at the front of the buffered ones.
    ready: usize,
    consumed: u64,
    /// Whether anything was taken from the socket.
    refilled: bool,
    /// What was kept of the front: see [`BodySource::hold`].
    held: Option<Box<Held>>,
}

/// Bytes of a body that were read and are given again.
#[derive(Debug, Default)]
struct Held {
    bytes: Vec<u8>,
    /// How many of them were consumed.
    at: usize,
}

/// `Exact ─▶ Ended`, `UntilClose ─▶ Ended`, `Chunked ─▶ ChunkedEnded`.
#[derive(Debug)]
enum Framing {
    /// Bytes neither buffered as `ready` nor consumed.
    Exact(u64),
    Chunked(Chunked),
    UntilClose,
    Ended,
    /// The decoder is kept for its trailers.
    ChunkedEnded(Chunked),
}

impl<'a> BodyReader<'a> {
    /// A body of `length`, the first bytes of which are at the front of `first`.
    pub fn new(from: Reading, length: Length, first: &'a [u8]) -> BodyReader<'a> {
        let framing = match length {
            Length::None | Length::Exact(0) => Framing::Ended,
            Length::Exact(n) => Framing::Exact(n),
            Length::Chunked => Framing::Chunked(match from.lane.link.side {
                Side::Upstream => Chunked::new(ChunkLimits::default()).lenient(),
                Side::Client | Side::Us => Chunked::new(ChunkLimits::default()),
            }),
            Length::UntilClose => Framing::UntilClose,
        };
        BodyReader {
            from,
            first,
            used: 0,
            own: None,
            framing,
            ready: 0,
            consumed: 0,
            refilled: false,
            held: None,
        }
    }

    /// Drops the trailer fields that `head`, which this body belongs to, names in Connection (RFC 9110 §7.6.1).
    pub fn drop_named(mut self, head: Head<'_>) -> BodyReader<'a> {
        if let Framing::Chunked(chunked) = &mut self.framing {
            chunked.drop_named(head);
        }
        self
    }

    /// Bytes of `first` that belong to this body.
    pub fn used(&self) -> usize {
        self.used
    }

    /// Whether bytes were received that lie behind the end of the body.
    pub fn has_rest(&self) -> bool {
        self.used < self.first.len() || self.own.as_ref().is_some_and(|own| !own.is_empty())
    }

    /// The reader's own buffer, if it still holds bytes: at the end of the body, what follows the message.
    pub fn into_rest(self) -> Option<Buf> {
        self.own.filter(|own| !own.is_empty())
    }

    /// Reads what is left and forgets it; false where that has not come by `by`.
    pub async fn forget(&mut self, by: Tick) -> bool {
        self.from.lane.total = by;
        while !self.ended() {
            let Ok(piece) = self.fill().await else { return false };
            let taken = piece.len();
            self.consume(taken);
        }
        true
    }

    fn buffered(&self) -> &[u8] {
        if self.used < self.first.len() {
            return &self.first[self.used..];
        }
        self.own.as_ref().map_or(&[], Buf::filled)
    }

    fn drop_front(&mut self, n: usize) {
        if self.used < self.first.len() {
            self.used += n;
        } else if let Some(own) = &mut self.own {
            own.consume(n);
        }
    }

    /// Finds data among the buffered bytes; true when there is some or the end was seen.
    fn settle(&mut self) -> Result<bool, Fault> {
        while self.ready == 0 {
            let in_first = self.used < self.first.len();
            let buffered = match &self.own {
                _ if in_first => &self.first[self.used..],
                Some(own) => own.filled(),
                None => &[],
            };
            match &mut self.framing {
                Framing::Ended | Framing::ChunkedEnded(_) => return Ok(true),
                Framing::Exact(0) => self.framing = Framing::Ended,
                _ if buffered.is_empty() => return Ok(false),
                Framing::Exact(left) => {
                    self.ready = usize::try_from(*left).unwrap_or(usize::MAX).min(buffered.len());
                    *left -= self.ready as u64;
                }
                Framing::UntilClose => self.ready = buffered.len(),
                Framing::Chunked(chunked) => {
                    let malformed = Fault::new(self.from.lane.link.side, Kind::Malformed);
                    match chunked.step(buffered).map_err(|_| malformed)? {
                        Step::More { used } => self.drop_front(used),
                        Step::Data { skip, len } => {
                            self.drop_front(skip);
                            self.ready = len;
                        }
                        Step::End { used } => {
                            self.drop_front(used);
                            self.end_chunked();
                        }
                    }
                }
            }
        }
        let seen = self.consumed + self.ready as u64;
        if self.from.limit.is_some_and(|limit| seen > limit) {
            return Err(Fault::new(self.from.lane.link.side, Kind::Limit));
        }
        Ok(true)
    }

    /// What was kept and not consumed yet.
    fn kept(&self) -> &[u8] {
        self.held.as_ref().map_or(&[], |held| &held.bytes[held.at..])
    }

    /// Whether the end of the body is among the buffered bytes.
    fn is_whole(&self) -> bool {
        matches!(self.framing, Framing::Ended | Framing::Exact(0))
            || self.ready == 0 && matches!(self.framing, Framing::ChunkedEnded(_))
    }

    /// The next piece that was not kept.
    async fn fresh(&mut self) -> Result<usize, Fault> {
        while !self.settle()? {
            self.own = None;
            self.read().await?;
        }
        Ok(self.ready)
    }

    /// Reads up to the end, or past `most` bytes, and keeps what was read, also where reading fails.
    async fn keep(&mut self, most: u64) -> Result<bool, Fault> {
        if self.held.is_none() {
            let ready = self.fresh().await?;
            if self.is_whole() {
                return Ok(ready as u64 <= most);
            }
        }
        let mut held = self.held.take().unwrap_or_default();
        let whole = loop {
            let ready = match self.fresh().await {
                Ok(ready) => ready,
                Err(fault) => break Err(fault),
            };
            if (held.bytes.len() + ready) as u64 > most {
                break Ok(false);
            }
            if ready == 0 {
                break Ok(true);
            }
            held.bytes.extend_from_slice(&self.buffered()[..ready]);
            self.drop_fresh(ready);
        };
        self.consumed = 0;
        self.held = Some(held);
        whole
    }

    fn drop_fresh(&mut self, n: usize) {
        debug_assert!(n <= self.ready, "only what was given can be consumed");
        self.drop_front(n);
        self.ready -= n;
        self.consumed += n as u64;
    }

    fn end_chunked(&mut self) {
        self.framing = match mem::replace(&mut self.framing, Framing::Ended) {
            Framing::Chunked(chunked) => Framing::ChunkedEnded(chunked),
            other => other,
        };
    }

    /// The buffer for what is still to come: bulk, unless little is left or nothing was seen yet.
    fn class(&self) -> Class {
        match self.framing {
            Framing::Exact(left) => Class::holding(usize::try_from(left).unwrap_or(usize::MAX)),
            _ if self.consumed < SMALL_BYTES as u64 => Class::Small,
            _ => Class::Bulk,
        }
    }

    /// Reads once more from the socket. All bytes read before were consumed.
    async fn read(&mut self) -> Result<(), Fault> {
        loop {
            let mut buf = self.from.lane.pool.take(self.class());
            match self.from.lane.link.stream.try_read(buf.spare()) {
                Ok(0) => return self.closed(),
                Ok(n) => {
                    buf.advance(n);
                    self.own = Some(buf);
                    self.refilled = true;
                    return Ok(());
                }
                // The buffer goes back before the wait, so that the few in use stay hot.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(self.from.lane.link.broken(&error)),
            }
            drop(buf);
            self.ready().await?;
        }
    }

    fn closed(&mut self) -> Result<(), Fault> {
        match self.framing {
            Framing::UntilClose if !self.from.lane.link.was_reset() => {
                self.framing = Framing::Ended;
                Ok(())
            }
            _ => Err(self.from.lane.link.cut()),
        }
    }
}

impl BodySource for BodyReader<'_> {
    /// Never behind a length that was said, which is all that this is asked for.
    fn may_trail(&self) -> bool {
        false
    }

    fn be_patient(&mut self) {
        self.from.lane.silence = std::time::Duration::MAX;
    }

    async fn fill(&mut self) -> Result<&[u8], Fault> {
        if !self.kept().is_empty() {
            return Ok(self.kept());
        }
        let ready = self.fresh().await?;
        Ok(&self.buffered()[..ready])
    }

    fn consume(&mut self, n: usize) {
        match &mut self.held {
            Some(held) if held.at < held.bytes.len() => {
                debug_assert!(n <= held.bytes.len() - held.at, "only what was given can be consumed");
                held.at += n;
                self.consumed += n as u64;
            }
            _ => self.drop_fresh(n),
        }
    }

    fn trailers(&self) -> &[u8] {
        match &self.framing {
            Framing::ChunkedEnded(chunked) => chunked.trailers(),
            _ => &[],
        }
    }

    fn ended(&self) -> bool {
        self.ready == 0
            && self.kept().is_empty()
            && matches!(self.framing, Framing::Ended | Framing::ChunkedEnded(_) | Framing::Exact(0))
    }

    fn ends_soon(&self) -> bool {
        let here = (self.ready + self.kept().len()) as u64;
        matches!(self.framing, Framing::Exact(left) if left.saturating_add(here) <= SOON_BYTES)
    }

    fn rewind(&mut self) -> bool {
        if self.consumed == 0 {
            return true;
        }
        if let Some(held) = &mut self.held {
            // What was kept can be given again, as long as nothing behind it was taken.
            let only_held = self.consumed == held.at as u64;
            if only_held {
                (held.at, self.consumed) = (0, 0);
            }
            return only_held;
        }
        // Kept for sure are only the bytes that came with the head, as long as none was read after them.
        if self.refilled {
            return false;
        }
        let again = self.consumed + self.ready as u64;
        self.framing = match mem::replace(&mut self.framing, Framing::Ended) {
            Framing::Exact(left) => Framing::Exact(left + again),
            Framing::Ended => Framing::Exact(again),
            Framing::UntilClose => Framing::UntilClose,
            Framing::Chunked(mut chunked) | Framing::ChunkedEnded(mut chunked) => {
                chunked.restart();
                Framing::Chunked(chunked)
            }
        };
        (self.used, self.ready, self.consumed) = (0, 0, 0);
        true
    }

    async fn hold(&mut self, most: u64, total: Tick) -> Result<bool, Fault> {
        debug_assert!(self.consumed == 0, "a body is held before it is consumed");
        let before = self.from.lane.total;
        self.from.lane.total = before.min(total);
        let whole = self.keep(most).await;
        self.from.lane.total = before;
        whole
    }

    fn here(&mut self) -> Option<&[u8]> {
        if self.held.is_some() {
            let whole = self.consumed == 0 && self.ready == 0 && self.is_whole();
            return if whole { Some(self.kept()) } else { None };
        }
        let settled = self.settle().ok()? && self.consumed == 0 && self.is_whole();
        let ready = self.ready;
        settled.then(|| &self.buffered()[..ready])
    }

    fn plain(&self) -> Option<Plain<'_>> {
        if !self.kept().is_empty() || self.ready > 0 || self.has_rest() || self.from.limit.is_some() {
            return None;
        }
        let left = match self.framing {
            Framing::Exact(left) if left > 0 => left,
            Framing::UntilClose => u64::MAX,
            _ => return None,
        };
        Some(Plain { link: &self.from.lane.link, left })
    }

    fn passed(&mut self, n: u64) {
        if let Framing::Exact(left) = &mut self.framing {
            *left -= n;
        }
        self.consumed += n;
        self.refilled = true;
    }

    async fn ready(&mut self) -> Result<(), Fault> {
        self.from.lane.link.readable(self.from.lane.silence, self.from.lane.total).await
    }

    fn count(&self) -> u64 {
        self.consumed
    }
}
