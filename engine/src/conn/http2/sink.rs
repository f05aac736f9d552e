//! Where a stream's replies go: 1xx heads, then a final one, which leaves with the first bytes of its body.

use crate::base::{Fault, Kind, Side, Tick};
use crate::mem::Pool;
use crate::net::body::frames::{FrameSender, Piece};
use crate::net::body::{BodySink, Plain, Spliced};
use crate::net::pipe::Pipes;
use crate::net::poll::Wire;
use crate::net::{Link, Wheel};
use h2::Reason;
use h2::server::SendResponse;
use http::Response;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

/// The sending side of a stream. Its user writes, and beside it somebody waits for a reset.
pub(super) struct Sender {
    wire: Rc<Wire>,
    wheel: Wheel,
    respond: RefCell<SendResponse<Piece>>,
    /// Once a final reply was begun.
    body: OnceCell<FrameSender>,
    silence: Duration,
    /// The status of the final reply; 0 while none was begun.
    status: Cell<u16>,
    is_tunnel: Cell<bool>,
}

impl Sender {
    pub(super) fn new(
        (wire, wheel): (Rc<Wire>, Wheel),
        respond: SendResponse<Piece>,
        silence: Duration,
    ) -> Sender {
        Sender {
            wire,
            wheel,
            respond: RefCell::new(respond),
            body: OnceCell::new(),
            silence,
            status: Cell::new(0),
            is_tunnel: Cell::new(false),
        }
    }

    /// The status of the final reply, and bytes of its body that have left; zeros while none was begun.
    pub(super) fn told(&self) -> (u16, u64) {
        (self.status.get(), self.body.get().map_or(0, FrameSender::sent))
    }

    /// The sending side, once a final reply was begun.
    pub(super) fn body(&self) -> Option<&FrameSender> {
        self.body.get()
    }

    pub(super) fn link(&self) -> &Link {
        self.wire.link()
    }

    /// Passes a 1xx reply on.
    pub(super) fn interim(&self, response: Response<()>) -> Result<(), Fault> {
        match self.body.get() {
            None => self.respond.borrow_mut().send_informational(response).map_err(|_| gone()),
            Some(_) => Ok(()),
        }
    }

    fn head(&self, response: Response<()>, ends: bool) -> Result<(), Fault> {
        if self.body.get().is_some() {
            return Ok(());
        }
        let status = response.status().as_u16();
        let stream = self.respond.borrow_mut().send_response(response, ends).map_err(|_| gone())?;
        let of_client = (Side::Client, self.silence);
        let sender = FrameSender::new((self.wire.clone(), &self.wheel), stream, of_client, ends);
        let was_empty = self.body.set(sender).is_ok();
        debug_assert!(was_empty, "one final reply is begun");
        self.status.set(status);
        Ok(())
    }

    /// Waits until the client resets the stream, or its connection is gone.
    pub(super) fn poll_reset(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self.body.get() {
            None => self.respond.borrow_mut().poll_reset(cx).map(|_| ()),
            Some(body) => body.poll_reset(cx),
        }
    }

    /// The stream is a tunnel from here on.
    pub(super) fn opened(&self) {
        self.is_tunnel.set(true);
    }

    /// Resets the stream, unless all of its reply is on its way.
    pub(super) fn reset_unless_ended(&self) {
        match self.body.get() {
            None => self.respond.borrow_mut().send_reset(Reason::INTERNAL_ERROR),
            Some(body) if !body.is_ended() && self.is_tunnel.get() => body.cancel(),
            Some(body) if !body.is_ended() => body.reset(Reason::INTERNAL_ERROR),
            Some(_) => {}
        }
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
    /// Whether the stream is a tunnel from here on: its end is not that of the reply.
    opens: bool,
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
        Sink { to, pool, staged: Some(head), left, opens: false, sent: 0, total }
    }

    /// The same, as the beginning of a tunnel.
    pub(super) fn opening(self) -> Sink<'a> {
        Sink { opens: true, ..self }
    }

    fn begin(&mut self, ends: bool) -> Result<&'a FrameSender, Fault> {
        if let Some(head) = self.staged.take() {
            self.to.head(head, ends)?;
        }
        self.to.body.get().ok_or(gone())
    }
}

impl BodySink for Sink<'_> {
    async fn write(&mut self, data: &[u8]) -> Result<usize, Fault> {
        let body = self.begin(false)?;
        let left = self.left;
        // The end goes with the last piece: one frame less.
        let ends = |len: usize| left.is_some_and(|left| left <= len as u64);
        let len = body.write(data, ends, (self.pool, self.total)).await?;
        self.left = left.map(|left| left.saturating_sub(len as u64));
        self.sent += len as u64;
        Ok(len)
    }

    fn stays_open(&mut self) {
        self.left = None;
    }

    /// The head leaves now; pieces left when they were written.
    async fn flush(&mut self) -> Result<(), Fault> {
        self.begin(false).map(|_| ())
    }

    async fn finish(&mut self, trailers: &[u8]) -> Result<(), Fault> {
        if self.opens {
            return self.flush().await;
        }
        let ends = trailers.is_empty();
        self.begin(ends)?.finish(trailers)
    }

    fn splice(&mut self, _: Plain<'_>, _: &Pipes) -> Result<Spliced, Fault> {
        Ok(Spliced::Refused)
    }

    fn sent(&self) -> u64 {
        self.sent
    }

    fn started(&self) -> bool {
        self.staged.is_none() && self.to.body.get().is_some()
    }
}
