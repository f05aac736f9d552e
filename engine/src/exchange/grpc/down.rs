//! Replies on their way to a gRPC-Web client: frames as they are, or in base64, and trailers as the last frame. What is
//! no reply of gRPC passes as it is, and so does one that is a status alone.

use super::web::{Form, Web, suffix_of_grpc};
use crate::base::{Fault, Kind, Side};
use crate::exchange::downstream::{Begin, Replies, ReplyHead};
use crate::net::body::{BodySink, Plain, Spliced};
use crate::net::pipe::Pipes;
use crate::wire::edits::Edits;
use crate::wire::field::Field;
use crate::wire::grpc::frame::{self, Frames};
use crate::wire::grpc::text::Encoder;
use crate::wire::head::Head;
use crate::wire::http1::framing::Length;
use std::net::SocketAddr;

/// Bytes that are encoded at once.
const PIECE_BYTES: usize = 16 * 1024;

/// Where replies to a call of gRPC-Web go.
pub struct WebReplies<'r, R> {
    to: &'r mut R,
    web: &'r Web<'r>,
    edits: Edits,
}

impl<'r, R: Replies> WebReplies<'r, R> {
    pub(super) fn new(to: &'r mut R, web: &'r Web<'r>) -> WebReplies<'r, R> {
        WebReplies { to, web, edits: Edits::new() }
    }
}

/// What an origin says of its messages, if its reply is one of gRPC.
fn said(head: Head<'_>) -> Option<&[u8]> {
    let kind = head.field(Field::CONTENT_TYPE)?;
    if head.status() == 200 { suffix_of_grpc(kind) } else { None }
}

impl<R: Replies> Replies for WebReplies<'_, R> {
    type Sink = WebSink<R::Sink>;

    async fn interim(&mut self, head: Head<'_>, edits: &Edits) -> Result<(), Fault> {
        self.to.interim(head, edits).await
    }

    async fn go_on(&mut self) -> Result<(), Fault> {
        self.to.go_on().await
    }

    fn begin(&mut self, begin: Begin<'_>) -> Result<WebSink<R::Sink>, Fault> {
        let ReplyHead::Upstream { head, edits, length, upgrade } = begin.head else {
            return Ok(WebSink::new(self.to.begin(begin)?, None));
        };
        let Some(said) = said(head) else { return Ok(WebSink::new(self.to.begin(begin)?, None)) };
        self.edits.clear();
        self.edits.absorb(edits);
        self.web.answer(said, &mut self.edits);
        // It announces trailers of HTTP, which do not come.
        self.edits.remove(Field::TRAILER);
        let is_status_alone = head.has(Field::GRPC_STATUS) && length == Length::Exact(0);
        let (length, form) =
            if is_status_alone { (length, None) } else { (Length::Chunked, Some(self.web.down())) };
        let head = ReplyHead::Upstream { head, edits: &self.edits, length, upgrade };
        Ok(WebSink::new(self.to.begin(Begin { head, ..begin })?, form))
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        self.to.local_addr()
    }

    fn ends_by_close(&self) -> bool {
        self.to.ends_by_close()
    }
}

/// A reply's body on its way out. `Frames ─▶ Ending`, or `AsIs`.
pub struct WebSink<S> {
    to: S,
    state: State,
    frames: Frames,
    encoder: Encoder,
    /// What was made and has not left yet, from `at` on.
    made: Vec<u8>,
    at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is changed.
    AsIs,
    /// Messages.
    Frames(Form),
    /// The last frame was made.
    Ending,
}

/// An origin that speaks of something else than messages, or does not say how the call ended.
const MALFORMED: Fault = Fault::new(Side::Upstream, Kind::Malformed);

impl<S: BodySink> WebSink<S> {
    pub(super) fn new(to: S, form: Option<Form>) -> WebSink<S> {
        let state = form.map_or(State::AsIs, State::Frames);
        WebSink { to, state, frames: Frames::default(), encoder: Encoder::default(), made: Vec::new(), at: 0 }
    }

    /// Sends what was made. Dropped in between it has lost nothing: what left was counted.
    async fn drain(&mut self) -> Result<(), Fault> {
        while self.at < self.made.len() {
            self.at += self.to.write(&self.made[self.at..]).await?;
        }
        self.made.clear();
        self.at = 0;
        Ok(())
    }

    /// Makes the last frame.
    fn end(&mut self, form: Form, trailers: &[u8]) -> Result<(), Fault> {
        // Whoever reads on in a torn message would take the trailers for the rest of it.
        if !self.frames.is_between() || !frame::tell_status(trailers) {
            return Err(MALFORMED);
        }
        match form {
            Form::Binary => frame::trailers(trailers, &mut self.made),
            Form::Text => {
                let mut last = Vec::new();
                frame::trailers(trailers, &mut last);
                self.encoder.encode(&last, &mut self.made);
                self.encoder.pad(&mut self.made);
            }
        }
        self.state = State::Ending;
        Ok(())
    }
}

impl<S: BodySink> BodySink for WebSink<S> {
    fn stays_open(&mut self) {
        self.to.stays_open();
    }

    async fn write(&mut self, data: &[u8]) -> Result<usize, Fault> {
        match self.state {
            State::AsIs | State::Ending => self.to.write(data).await,
            State::Frames(Form::Binary) => {
                // What is wrong is found before it leaves; only what has left counts.
                let mut ahead = self.frames;
                ahead.read(data).map_err(|_| MALFORMED)?;
                let taken = self.to.write(data).await?;
                if taken < data.len() {
                    ahead = self.frames;
                    ahead.read(&data[..taken]).map_err(|_| MALFORMED)?;
                }
                self.frames = ahead;
                Ok(taken)
            }
            State::Frames(Form::Text) => {
                self.drain().await?;
                let taken = data.len().min(PIECE_BYTES);
                self.frames.read(&data[..taken]).map_err(|_| MALFORMED)?;
                self.encoder.encode(&data[..taken], &mut self.made);
                Ok(taken)
            }
        }
    }

    /// Nothing is held back for a whole group of text: the client may be waiting for these bytes.
    async fn flush(&mut self) -> Result<(), Fault> {
        self.encoder.pad(&mut self.made);
        self.drain().await?;
        self.to.flush().await
    }

    async fn finish(&mut self, trailers: &[u8]) -> Result<(), Fault> {
        match self.state {
            State::AsIs => return self.to.finish(trailers).await,
            State::Frames(form) => self.end(form, trailers)?,
            State::Ending => {}
        }
        self.drain().await?;
        self.to.finish(&[]).await
    }

    fn splice(&mut self, from: Plain<'_>, pipes: &Pipes) -> Result<Spliced, Fault> {
        match self.state {
            State::AsIs => self.to.splice(from, pipes),
            State::Frames(_) | State::Ending => Ok(Spliced::Refused),
        }
    }

    fn sent(&self) -> u64 {
        self.to.sent()
    }

    fn started(&self) -> bool {
        self.to.started()
    }
}
