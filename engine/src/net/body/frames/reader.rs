//! A body that HTTP/2 brings: pieces in the library's buffers, which are read where they lie. The peer may send on as far
//! as pieces were consumed, so that backpressure reaches it.

use crate::base::{Fault, Kind, Side, Tick};
use crate::net::body::{BodySource, Plain};
use crate::net::stream::until;
use crate::net::{Deadline, Wheel};
use crate::wire::http1::chunked::ChunkLimits;
use crate::wire::http1::trailer;
use crate::wire::token::trim;
use bytes::{Buf as _, Bytes, BytesMut};
use h2::{Reason, RecvStream};
use http::HeaderMap;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A body as a [`BodySource`].
pub struct FrameReader {
    stream: RecvStream,
    /// What was received and not consumed.
    piece: Bytes,
    /// The first piece as it came, until another follows it: what can be given again.
    front: Option<Bytes>,
    received: u64,
    consumed: u64,
    /// Bytes by which the peer was let send on.
    released: u64,
    trailers: Vec<u8>,
    ended: bool,
    bounds: Bounds,
    deadline: Deadline,
}

/// What a body is held to.
#[derive(Debug)]
pub struct Bounds {
    /// Bytes at most; 0 of an upstream's where any would break the protocol.
    pub limit: Option<u64>,
    /// The longest silence.
    pub silence: Duration,
    /// When all of it must have come.
    pub total: Tick,
    /// Who sends it.
    pub side: Side,
}

impl FrameReader {
    /// The body that `stream` brings.
    pub fn new(stream: RecvStream, bounds: Bounds, wheel: &Wheel) -> FrameReader {
        FrameReader {
            ended: stream.is_end_stream(),
            stream,
            piece: Bytes::new(),
            front: None,
            received: 0,
            consumed: 0,
            released: 0,
            trailers: Vec::new(),
            bounds,
            deadline: wheel.deadline(),
        }
    }

    /// The next piece, when there is none; leaves none at the end.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        while self.piece.is_empty() && !self.ended {
            match self.stream.poll_data(cx) {
                Poll::Ready(Some(Ok(piece))) => {
                    self.received += piece.len() as u64;
                    if let Some(limit) = self.bounds.limit.filter(|limit| self.received > *limit) {
                        let is_foul = limit == 0 && self.bounds.side == Side::Upstream;
                        let kind = if is_foul { Kind::Malformed } else { Kind::Limit };
                        return Poll::Ready(Err(self.fault(kind)));
                    }
                    self.front = if self.received == piece.len() as u64 { Some(piece.clone()) } else { None };
                    self.piece = piece;
                    // A piece may be the last one, which is told only if it is asked for.
                    self.ended = self.stream.is_end_stream();
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(self.broken(&error))),
                Poll::Ready(None) => match self.stream.poll_trailers(cx) {
                    Poll::Ready(Ok(trailers)) => {
                        self.ended = true;
                        if !trailers.is_none_or(|trailers| self.take_trailers(&trailers)) {
                            return Poll::Ready(Err(self.fault(Kind::Malformed)));
                        }
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(self.broken(&error))),
                    Poll::Pending => return Poll::Pending,
                },
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Keeps what may come behind a body; false where it is not what trailers may be. The library lets space around a value
    /// pass (RFC 9113 §8.2.1), and as many bytes as a head may have.
    fn take_trailers(&mut self, trailers: &HeaderMap) -> bool {
        let most = ChunkLimits::default().trailer_bytes as usize;
        trailers.iter().all(|(name, value)| {
            let value = value.as_bytes();
            trailer::keep(&mut self.trailers, name.as_str().as_bytes(), value);
            trim(value).len() == value.len() && self.trailers.len() <= most
        })
    }

    /// As [`FrameReader::poll_piece`], within the bounds.
    async fn wait(&mut self) -> Result<(), Fault> {
        let mut is_set = false;
        let done = poll_fn(|cx| {
            if let Poll::Ready(done) = self.poll_piece(cx) {
                return Poll::Ready(done);
            }
            if !is_set {
                is_set = true;
                self.deadline.set(until(self.bounds.silence).min(self.bounds.total));
            }
            self.deadline.poll_passed(cx).map(|()| Err(self.fault(Kind::Timeout)))
        })
        .await;
        if is_set {
            self.deadline.clear();
        }
        done
    }

    /// Waits for a piece, or the end, for as long as `silence`.
    ///
    /// # Errors
    /// As [`BodySource::fill`].
    pub async fn wait_for(&mut self, silence: Duration) -> Result<(), Fault> {
        self.bounds.silence = silence;
        self.wait().await
    }

    /// Reads up to the end, or past `most` bytes, and keeps what was read, also where reading fails.
    async fn keep(&mut self, most: u64) -> Result<bool, Fault> {
        self.wait().await?;
        if self.ended {
            return Ok(self.piece.len() as u64 <= most);
        }
        let mut kept = BytesMut::new();
        let whole = loop {
            if let Err(fault) = self.wait().await {
                break Err(fault);
            }
            if self.piece.is_empty() {
                break Ok(true);
            }
            let piece = std::mem::take(&mut self.piece);
            self.release(self.released + piece.len() as u64);
            kept.extend_from_slice(&piece);
            if kept.len() as u64 > most {
                break Ok(false);
            }
        };
        self.piece = kept.freeze();
        self.front = Some(self.piece.clone());
        whole
    }

    /// Why the body broke off, if it did and that is known by now; what came of it before is forgotten.
    pub fn broke(&mut self) -> Option<Fault> {
        let mut nobody = Context::from_waker(Waker::noop());
        loop {
            self.piece = Bytes::new();
            match self.poll_piece(&mut nobody) {
                Poll::Ready(Ok(())) if self.piece.is_empty() => return None,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(fault)) => return Some(fault),
                Poll::Pending => return None,
            }
        }
    }

    fn fault(&self, kind: Kind) -> Fault {
        Fault::new(self.bounds.side, kind)
    }

    /// What an error of the stream is: a reset, a connection that broke, or a body that is not what was said of it.
    fn broken(&self, error: &h2::Error) -> Fault {
        self.fault(match error.reason() {
            Some(Reason::PROTOCOL_ERROR) if !error.is_remote() => Kind::Malformed,
            _ => Kind::Cut,
        })
    }

    /// Lets the peer send on, up to `bytes` in all beyond its first window.
    fn release(&mut self, bytes: u64) {
        if let Some(more) = bytes.checked_sub(self.released).filter(|more| *more > 0) {
            self.released = bytes;
            // It fails for a stream that is over, which sends nothing more.
            let _ = self.stream.flow_control().release_capacity(usize::try_from(more).unwrap_or(usize::MAX));
        }
    }
}

impl BodySource for FrameReader {
    // Its connection goes on in any case.
    fn ends_soon(&self) -> bool {
        false
    }

    async fn fill(&mut self) -> Result<&[u8], Fault> {
        self.wait().await?;
        Ok(&self.piece)
    }

    fn consume(&mut self, n: usize) {
        self.piece.advance(n);
        self.consumed += n as u64;
        self.release(self.consumed);
    }

    fn trailers(&self) -> &[u8] {
        &self.trailers
    }

    fn ended(&self) -> bool {
        self.piece.is_empty() && (self.ended || self.stream.is_end_stream())
    }

    fn may_trail(&self) -> bool {
        !self.ended && !self.stream.is_end_stream()
    }

    fn be_patient(&mut self) {
        self.bounds.silence = Duration::MAX;
    }

    fn rewind(&mut self) -> bool {
        if self.consumed == 0 {
            return true;
        }
        match &self.front {
            Some(front) if self.consumed + self.piece.len() as u64 == front.len() as u64 => {
                self.piece = front.clone();
                self.consumed = 0;
                true
            }
            _ => false,
        }
    }

    async fn hold(&mut self, most: u64, total: Tick) -> Result<bool, Fault> {
        debug_assert!(self.consumed == 0, "a body is held before it is consumed");
        let before = self.bounds.total;
        self.bounds.total = before.min(total);
        let whole = self.keep(most).await;
        self.bounds.total = before;
        whole
    }

    fn here(&mut self) -> Option<&[u8]> {
        let mut nobody = Context::from_waker(Waker::noop());
        match self.poll_piece(&mut nobody) {
            Poll::Ready(Ok(())) if self.consumed == 0 && self.ended => Some(&self.piece),
            _ => None,
        }
    }

    fn plain(&self) -> Option<Plain<'_>> {
        None
    }

    fn passed(&mut self, _: u64) {}

    async fn ready(&mut self) -> Result<(), Fault> {
        self.wait().await
    }

    fn count(&self) -> u64 {
        self.consumed
    }
}
