//! A body on its way out in frames: the library's sending side of a stream, as far as the peer's windows and the socket
//! have room. One copy of a body, into a pooled buffer that the library gives back when it has written it.

use super::fields::put_lines;
use crate::base::{Fault, Kind, Side, Tick};
use crate::mem::{Buf, Class, Pool};
use crate::net::body::{BodySink, Plain, Spliced};
use crate::net::pipe::Pipes;
use crate::net::poll::{EARNED_BY_STREAM, Wire};
use crate::net::stream::until;
use crate::net::{Deadline, Wheel};
use bytes::Bytes;
use h2::{Reason, SendStream};
use http::HeaderMap;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Bytes of a piece at most: one frame of the size that every peer takes (RFC 9113 §4.2).
const PIECE_BYTES: usize = 16 * 1024;
/// Credit for a piece of a body and for each KiB of it. Some peers answer each frame with a PING and a WINDOW_UPDATE, others
/// each 4 KiB with two WINDOW_UPDATEs: no less than that is earned.
const EARNED_BY_PIECE: u32 = 8;
const EARNED_BY_KIB: u32 = 1;

/// A piece of a body, in the library's keeping.
#[derive(Debug)]
pub struct Piece(Option<Buf>);

impl bytes::Buf for Piece {
    fn remaining(&self) -> usize {
        self.0.as_ref().map_or(0, Buf::len)
    }

    fn chunk(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], Buf::filled)
    }

    fn advance(&mut self, n: usize) {
        if let Some(buf) = &mut self.0 {
            buf.consume(n);
        }
    }
}

/// The sending side of a stream whose head has left. Its user writes, and beside it somebody may wait for a reset.
pub struct FrameSender {
    wire: Rc<Wire>,
    stream: RefCell<SendStream<Piece>>,
    side: Side,
    silence: Cell<Duration>,
    deadline: Deadline,
    ended: Cell<bool>,
    sent: Cell<u64>,
}

impl FrameSender {
    /// Sends on `stream`, to a peer of `side` that may not keep us waiting for longer than `silence`. `ended` says that
    /// nothing follows its head.
    pub fn new(
        (wire, wheel): (Rc<Wire>, &Wheel),
        stream: SendStream<Piece>,
        (side, silence): (Side, Duration),
        ended: bool,
    ) -> FrameSender {
        let sender = FrameSender {
            wire,
            stream: RefCell::new(stream),
            side,
            silence: Cell::new(silence),
            deadline: wheel.deadline(),
            ended: Cell::new(false),
            sent: Cell::new(0),
        };
        sender.has_ended(ended);
        sender
    }

    fn has_ended(&self, ends: bool) {
        if ends {
            self.ended.set(true);
            self.wire.earned(EARNED_BY_STREAM);
        }
    }

    /// From now on the peer may keep us waiting for as long as `silence`.
    pub fn be_patient(&self, silence: Duration) {
        self.silence.set(silence);
    }

    /// Whether all has been sent.
    pub fn is_ended(&self) -> bool {
        self.ended.get()
    }

    /// Body bytes that have left.
    pub fn sent(&self) -> u64 {
        self.sent.get()
    }

    /// Waits until the peer resets the stream, or its connection is gone.
    pub fn poll_reset(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.stream.borrow_mut().poll_reset(cx).map(|_| ())
    }

    /// Resets the stream.
    pub fn reset(&self, reason: Reason) {
        self.stream.borrow_mut().send_reset(reason);
    }

    /// Resets the stream of what is of no more use.
    pub fn cancel(&self) {
        self.reset(Reason::CANCEL);
    }

    fn gone(&self) -> Fault {
        Fault::new(self.side, Kind::Cut)
    }

    /// How many of `want` bytes may be sent now, one at least.
    fn poll_capacity(&self, want: usize, cx: &mut Context<'_>) -> Poll<Result<usize, Fault>> {
        if self.wire.poll_room(cx).is_pending() {
            return Poll::Pending;
        }
        let mut stream = self.stream.borrow_mut();
        loop {
            match stream.capacity() {
                0 => {}
                room => return Poll::Ready(Ok(room.min(want))),
            }
            match stream.poll_capacity(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(Err(self.gone())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    async fn capacity(&self, want: usize, total: Tick) -> Result<usize, Fault> {
        self.stream.borrow_mut().reserve_capacity(want);
        let mut is_set = false;
        let room = poll_fn(|cx| {
            if let Poll::Ready(room) = self.poll_capacity(want, cx) {
                return Poll::Ready(room);
            }
            if !is_set {
                is_set = true;
                self.deadline.set(until(self.silence.get()).min(total));
            }
            self.deadline.poll_passed(cx).map(|()| Err(Fault::new(self.side, Kind::Timeout)))
        })
        .await;
        if is_set {
            self.deadline.clear();
        }
        room
    }

    fn data(&self, piece: Option<Buf>, ends: bool) -> Result<(), Fault> {
        let kib = piece.as_ref().map_or(0, |piece| piece.len() as u32 / 1024);
        self.stream.borrow_mut().send_data(Piece(piece), ends).map_err(|_| self.gone())?;
        self.wire.earned(EARNED_BY_PIECE + EARNED_BY_KIB * kib);
        self.has_ended(ends);
        Ok(())
    }

    /// Sends a piece of `data` once there is room; gives how much of it. `ends` says whether nothing follows so many bytes.
    ///
    /// # Errors
    /// The peer is gone or too slow.
    pub async fn write(
        &self,
        data: &[u8],
        ends: impl Fn(usize) -> bool,
        (pool, total): (&Pool, Tick),
    ) -> Result<usize, Fault> {
        let len = self.capacity(data.len().min(PIECE_BYTES), total).await?;
        let mut piece = pool.take(Class::holding(len));
        let fits = piece.put(&data[..len]);
        debug_assert!(fits, "the buffer was taken for all of it");
        self.data(Some(piece), ends(len))?;
        self.sent.set(self.sent.get() + len as u64);
        Ok(len)
    }

    /// Ends the stream, unless that was done, with these trailer lines.
    ///
    /// # Errors
    /// The peer is gone.
    pub fn finish(&self, trailers: &[u8]) -> Result<(), Fault> {
        if self.ended.get() {
            return Ok(());
        }
        if trailers.is_empty() {
            return self.data(None, true);
        }
        let mut fields = HeaderMap::new();
        put_lines(&Bytes::copy_from_slice(trailers), 0, &mut fields);
        self.stream.borrow_mut().send_trailers(fields).map_err(|_| self.gone())?;
        self.has_ended(true);
        Ok(())
    }
}

/// A body as a [`BodySink`].
pub struct FrameWriter {
    to: FrameSender,
    pool: Pool,
    /// Bytes that are still to come, where that is known.
    left: Option<u64>,
    total: Tick,
}

impl FrameWriter {
    /// A body of `left` bytes, where that is known, all of which must have left by `total`.
    pub fn new(to: FrameSender, pool: Pool, left: Option<u64>, total: Tick) -> FrameWriter {
        FrameWriter { to, pool, left, total }
    }

    /// The stream's sending side, for what comes behind.
    pub fn into_sender(self) -> FrameSender {
        self.to
    }
}

impl FrameWriter {
    /// From now on the peer may keep us waiting for as long as it likes.
    pub fn be_patient(&self) {
        self.to.be_patient(Duration::MAX);
    }
}

impl BodySink for FrameWriter {
    async fn write(&mut self, data: &[u8]) -> Result<usize, Fault> {
        let left = self.left;
        // The end goes with the last piece: one frame less.
        let ends = |len: usize| left.is_some_and(|left| left <= len as u64);
        let len = self.to.write(data, ends, (&self.pool, self.total)).await?;
        self.left = left.map(|left| left.saturating_sub(len as u64));
        Ok(len)
    }

    fn stays_open(&mut self) {
        self.left = None;
    }

    /// Nothing: pieces left when they were written.
    async fn flush(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    async fn finish(&mut self, trailers: &[u8]) -> Result<(), Fault> {
        self.to.finish(trailers)
    }

    fn splice(&mut self, _: Plain<'_>, _: &Pipes) -> Result<Spliced, Fault> {
        Ok(Spliced::Refused)
    }

    fn sent(&self) -> u64 {
        self.to.sent()
    }

    fn started(&self) -> bool {
        true
    }
}
