//! Where a stream's replies go: the library's sending side, as far as the client's windows and the socket have room. One
//! copy of a body, into a pooled buffer that the library gives back when it has written it.

use super::reply::put_lines;
use crate::base::{Fault, Kind, Side, Tick};
use crate::mem::{Buf, Class, Pool};
use crate::net::body::{BodySink, Plain, Spliced};
use crate::net::pipe::Pipes;
use crate::net::poll::Wire;
use crate::net::stream::until;
use crate::net::{Deadline, Link};
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::{HeaderMap, Response};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Bytes of a piece at most: one frame of the size that every peer takes (RFC 9113 §4.2).
const PIECE_BYTES: usize = 16 * 1024;
/// Credit for a piece of a body, and for a stream that was served.
const EARNED_BY_PIECE: u32 = 2;
const EARNED_BY_STREAM: u32 = 10;

/// A piece of a body, in the library's keeping.
pub(super) struct Piece(Option<Buf>);

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

/// The sending side of a stream. Its user writes, and beside it somebody waits for a reset.
pub(super) struct Sender {
    wire: Rc<Wire>,
    side: RefCell<Sending>,
    silence: Duration,
    deadline: Deadline,
    ended: Cell<bool>,
}

enum Sending {
    /// No final reply was begun.
    Head(SendResponse<Piece>),
    Body(SendStream<Piece>),
}

impl Sender {
    pub(super) fn new(
        wire: Rc<Wire>,
        respond: SendResponse<Piece>,
        silence: Duration,
        deadline: Deadline,
    ) -> Sender {
        let side = RefCell::new(Sending::Head(respond));
        Sender { wire, side, silence, deadline, ended: Cell::new(false) }
    }

    pub(super) fn link(&self) -> &Link {
        self.wire.link()
    }

    /// Passes a 1xx reply on.
    pub(super) fn interim(&self, response: Response<()>) -> Result<(), Fault> {
        match &mut *self.side.borrow_mut() {
            Sending::Head(respond) => respond.send_informational(response).map_err(|_| gone()),
            Sending::Body(_) => Ok(()),
        }
    }

    fn head(&self, response: Response<()>, ends: bool) -> Result<(), Fault> {
        let mut side = self.side.borrow_mut();
        if let Sending::Head(respond) = &mut *side {
            let stream = respond.send_response(response, ends).map_err(|_| gone())?;
            *side = Sending::Body(stream);
            self.has_ended(ends);
        }
        Ok(())
    }

    fn has_ended(&self, ends: bool) {
        if ends {
            self.ended.set(true);
            self.wire.earned(EARNED_BY_STREAM);
        }
    }

    /// Waits until the client resets the stream, or its connection is gone.
    pub(super) fn poll_reset(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut *self.side.borrow_mut() {
            Sending::Head(respond) => respond.poll_reset(cx).map(|_| ()),
            Sending::Body(stream) => stream.poll_reset(cx).map(|_| ()),
        }
    }

    /// Resets the stream, unless all of its reply is on its way.
    pub(super) fn reset_unless_ended(&self) {
        if !self.ended.get() {
            match &mut *self.side.borrow_mut() {
                Sending::Head(respond) => respond.send_reset(Reason::INTERNAL_ERROR),
                Sending::Body(stream) => stream.send_reset(Reason::INTERNAL_ERROR),
            }
        }
    }

    /// How many of `want` bytes may be sent now, one at least.
    fn poll_capacity(&self, want: usize, cx: &mut Context<'_>) -> Poll<Result<usize, Fault>> {
        let Sending::Body(stream) = &mut *self.side.borrow_mut() else { return Poll::Ready(Err(gone())) };
        if self.wire.poll_room(cx).is_pending() {
            return Poll::Pending;
        }
        loop {
            match stream.capacity() {
                0 => {}
                room => return Poll::Ready(Ok(room.min(want))),
            }
            match stream.poll_capacity(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(Err(gone())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    async fn capacity(&self, want: usize, total: Tick) -> Result<usize, Fault> {
        if let Sending::Body(stream) = &mut *self.side.borrow_mut() {
            stream.reserve_capacity(want);
        }
        let mut is_set = false;
        let room = poll_fn(|cx| {
            if let Poll::Ready(room) = self.poll_capacity(want, cx) {
                return Poll::Ready(room);
            }
            if !is_set {
                is_set = true;
                self.deadline.set(until(self.silence).min(total));
            }
            self.deadline.poll_passed(cx).map(|()| Err(Fault::new(Side::Client, Kind::Timeout)))
        })
        .await;
        if is_set {
            self.deadline.clear();
        }
        room
    }

    fn data(&self, piece: Option<Buf>, ends: bool) -> Result<(), Fault> {
        if let Sending::Body(stream) = &mut *self.side.borrow_mut() {
            stream.send_data(Piece(piece), ends).map_err(|_| gone())?;
        }
        self.wire.earned(EARNED_BY_PIECE);
        self.has_ended(ends);
        Ok(())
    }

    fn trailers(&self, fields: HeaderMap) -> Result<(), Fault> {
        if let Sending::Body(stream) = &mut *self.side.borrow_mut() {
            stream.send_trailers(fields).map_err(|_| gone())?;
        }
        self.has_ended(true);
        Ok(())
    }
}

fn gone() -> Fault {
    Fault::new(Side::Client, Kind::Cut)
}

/// One reply on its way out.
pub(super) struct Sink<'a> {
    to: &'a Sender,
    pool: &'a Pool,
    /// Not sent yet: it leaves with the first bytes of the body, or with the end.
    staged: Option<Response<()>>,
    /// Bytes of the body that are still to come, where that is known.
    left: Option<u64>,
    sent: u64,
    total: Tick,
}

impl<'a> Sink<'a> {
    pub(super) fn new(
        to: &'a Sender,
        pool: &'a Pool,
        head: Response<()>,
        left: Option<u64>,
        total: Tick,
    ) -> Sink<'a> {
        Sink { to, pool, staged: Some(head), left, sent: 0, total }
    }

    fn begin(&mut self, ends: bool) -> Result<(), Fault> {
        self.staged.take().map_or(Ok(()), |head| self.to.head(head, ends))
    }
}

impl BodySink for Sink<'_> {
    async fn write(&mut self, data: &[u8]) -> Result<usize, Fault> {
        self.begin(false)?;
        let want = data.len().min(PIECE_BYTES);
        let len = self.to.capacity(want, self.total).await?;
        let mut piece = self.pool.take(Class::holding(len));
        let fits = piece.put(&data[..len]);
        debug_assert!(fits, "the buffer was taken for all of it");
        self.left = self.left.map(|left| left.saturating_sub(len as u64));
        // The end goes with the last piece: one frame less.
        self.to.data(Some(piece), self.left == Some(0))?;
        self.sent += len as u64;
        Ok(len)
    }

    /// The head leaves now; pieces left when they were written.
    async fn flush(&mut self) -> Result<(), Fault> {
        self.begin(false)
    }

    async fn finish(&mut self, trailers: &[u8]) -> Result<(), Fault> {
        if self.to.ended.get() {
            return Ok(());
        }
        if trailers.is_empty() {
            return match self.staged {
                Some(_) => self.begin(true),
                None => self.to.data(None, true),
            };
        }
        self.begin(false)?;
        let mut fields = HeaderMap::new();
        put_lines(&Bytes::copy_from_slice(trailers), 0, &mut fields);
        self.to.trailers(fields)
    }

    fn splice(&mut self, _: Plain<'_>, _: &Pipes) -> Result<Spliced, Fault> {
        Ok(Spliced::Refused)
    }

    fn sent(&self) -> u64 {
        self.sent
    }

    fn started(&self) -> bool {
        self.staged.is_none()
    }
}
