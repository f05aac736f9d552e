//! Replies as HTTP/2 carries them. Heads are encoded as for HTTP/1.1, so that one place decides what is passed on, and
//! their lines are then given to the library, which compresses them.

use super::sink::{Sender, Sink};
use crate::base::Fault;
use crate::conn::answer::too_large;
use crate::exchange::{Begin, Replies, ReplyHead};
use crate::mem::{Buf, Class, Pool};
use crate::net::body::frames::put_lines;
use crate::net::clock;
use crate::wire::edits::Edits;
use crate::wire::head::Head;
use crate::wire::http1::encode::{self, Backward, HEAD_MARGIN, KeepAlive};
use crate::wire::http1::framing::Length;
use bytes::Bytes;
use http::{Response, StatusCode};
use std::net::SocketAddr;

/// The replying side of one stream.
pub(super) struct Http2Replies<'a> {
    pub(super) to: &'a Sender,
    pub(super) pool: &'a Pool,
}

impl<'a> Http2Replies<'a> {
    fn sink(&self, head: Response<()>, length: Length, begin: &Begin<'_>) -> Sink<'a> {
        let left = match length {
            Length::Exact(bytes) => Some(bytes),
            Length::None => Some(0),
            Length::Chunked | Length::UntilClose => None,
        };
        Sink::new(self.to, self.pool, head, left, begin.total)
    }
}

impl<'a> Replies for Http2Replies<'a> {
    type Sink = Sink<'a>;

    async fn interim(&mut self, head: Head<'_>, edits: &Edits) -> Result<(), Fault> {
        let mut out = self.pool.take(Class::holding(head.head_len() + HEAD_MARGIN));
        encode::interim(&mut out, head, edits).map_err(|_| too_large())?;
        self.to.interim(response(head.status(), &out))
    }

    async fn go_on(&mut self) -> Result<(), Fault> {
        self.to.interim(with_status(100))
    }

    fn begin(&mut self, begin: Begin<'_>) -> Result<Sink<'a>, Fault> {
        let unix_seconds = clock::unix_ms() / 1000;
        match begin.head {
            ReplyHead::Own { status, edits, body_bytes } => {
                let mut out = self.pool.take(Class::holding(edits.len() + HEAD_MARGIN));
                let said =
                    encode::Answer { status, body_bytes, keep_alive: KeepAlive::Nothing, unix_seconds };
                encode::answer(&mut out, edits, &said).map_err(|_| too_large())?;
                Ok(self.sink(response(status, &out), Length::Exact(body_bytes), &begin))
            }
            ReplyHead::Upstream { head, edits, length, upgrade } => {
                // Frames tell where a body ends: nothing is said of it but a length that is known.
                let framing = match length {
                    Length::Chunked => Length::UntilClose,
                    length => length,
                };
                let (keep_alive, version10) = (KeepAlive::Nothing, true);
                let backward =
                    Backward { length: framing, keep_alive, upgrade: None, version10, unix_seconds };
                let mut out = self.pool.take(Class::holding(head.head_len() + edits.len() + HEAD_MARGIN));
                encode::reply(&mut out, head, edits, &backward).map_err(|_| too_large())?;
                // A tunnel is open where HTTP/1.1 has switched (RFC 8441 §5).
                let (status, length) = match upgrade {
                    Some(_) => (200, Length::UntilClose),
                    None => (head.status(), length),
                };
                let mut response = response(status, &out);
                if upgrade.is_none() {
                    return Ok(self.sink(response, length, &begin));
                }
                response.headers_mut().remove("sec-websocket-accept");
                Ok(self.sink(response, length, &begin).opening())
            }
        }
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        self.to.link().stream.local_addr()
    }

    /// Never: a reply that is cut is reset.
    fn ends_by_close(&self) -> bool {
        false
    }
}

fn with_status(status: u16) -> Response<()> {
    let mut response = Response::new(());
    // Ours are all valid, and so is what the parser let pass.
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    response
}

/// The response that the head in `encoded` is.
fn response(status: u16, encoded: &Buf) -> Response<()> {
    let mut response = with_status(status);
    let text = Bytes::copy_from_slice(encoded.filled());
    let from = memchr::memchr(b'\n', &text).map_or(text.len(), |end| end + 1);
    put_lines(&text, from, response.headers_mut());
    response
}
