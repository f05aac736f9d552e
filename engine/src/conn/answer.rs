//! Replies as HTTP/1.1 bytes: an upstream's head with its framing translated for this client, or an answer of
//! our own with its body.

use crate::base::{Fault, Kind, Side};
use crate::exchange::{Begin, Home, Lent, Replies, ReplyHead};
use crate::mem::{Buf, Class};
use crate::net::body::{BodySink, BodyWriter, Lane};
use crate::net::clock;
use crate::wire::edits::Edits;
use crate::wire::head::{Head, Version};
use crate::wire::http1::encode::{self, Backward, HEAD_MARGIN, KeepAlive};
use crate::wire::http1::framing::Length;
use std::net::SocketAddr;

/// The replying side of one exchange on an HTTP/1.1 connection.
pub struct Http1Replies<'a> {
    /// Where to.
    pub lane: Lane,
    /// The client's version.
    pub version: Version,
    /// Whether the client leaves the connection open.
    pub keeps: bool,
    /// What the shard lends: the process may begin to end while the exchange runs.
    pub lent: &'a Lent,
    /// Where the connection belongs: its listener may leave while the exchange runs, too.
    pub home: &'a Home,
    /// Whether the connection was told to close by the reply begun last.
    pub closes: bool,
    /// Whether the body of the reply begun last ends with the connection.
    pub by_close: bool,
}

impl Http1Replies<'_> {
    fn keep_alive(&mut self, close: bool) -> KeepAlive {
        self.closes = close || !self.keeps || self.home.lets_go(self.lent, &self.lane.link);
        match (self.closes, self.version) {
            (true, _) => KeepAlive::Close,
            (false, Version::Http10) => KeepAlive::KeepAlive,
            (false, Version::Http11 | Version::Http2) => KeepAlive::Nothing,
        }
    }

    /// The head of a route's own reply.
    fn own(&mut self, status: u16, edits: &Edits, body_bytes: u64, close: bool) -> Result<BodyWriter, Fault> {
        let keep_alive = self.keep_alive(close);
        let mut out = self.lane.pool.take(Class::holding(edits.len() + HEAD_MARGIN));
        let said = encode::Answer { status, body_bytes, keep_alive, unix_seconds: clock::unix_ms() / 1000 };
        encode::answer(&mut out, edits, &said).map_err(|_| too_large())?;
        Ok(BodyWriter::new(self.lane.clone(), out, Length::Exact(body_bytes)))
    }
}

/// A head of an upstream's, with what is changed of it, that no buffer holds.
pub(super) fn too_large() -> Fault {
    Fault::new(Side::Upstream, Kind::Limit)
}

impl Replies for Http1Replies<'_> {
    type Sink = BodyWriter;

    async fn interim(&mut self, head: Head<'_>, edits: &Edits) -> Result<(), Fault> {
        // RFC 9110 §15.2: no 1xx to an HTTP/1.0 client.
        if self.version == Version::Http10 {
            return Ok(());
        }
        let mut out = self.lane.pool.take(Class::holding(head.head_len() + HEAD_MARGIN));
        encode::interim(&mut out, head, edits).map_err(|_| too_large())?;
        BodyWriter::new(self.lane.clone(), out, Length::None).flush().await
    }

    async fn go_on(&mut self) -> Result<(), Fault> {
        if self.version == Version::Http10 {
            return Ok(());
        }
        let mut out = self.lane.pool.take(Class::Small);
        let fits = out.put(b"HTTP/1.1 100 Continue\r\n\r\n");
        debug_assert!(fits, "a line fits into a buffer");
        BodyWriter::new(self.lane.clone(), out, Length::None).flush().await
    }

    fn begin(&mut self, begin: Begin<'_>) -> Result<BodyWriter, Fault> {
        let (head, edits, length, upgrade) = match begin.head {
            ReplyHead::Upstream { head, edits, length, upgrade } => (head, edits, length, upgrade),
            ReplyHead::Own { status, edits, body_bytes } => {
                return self.own(status, edits, body_bytes, begin.close);
            }
        };
        let version10 = self.version == Version::Http10;
        let length = match length {
            Length::UntilClose if !version10 => Length::Chunked,
            Length::Chunked if version10 => Length::UntilClose,
            length => length,
        };
        self.by_close = length == Length::UntilClose;
        let close = begin.close || self.by_close;
        let keep_alive = self.keep_alive(close);
        let unix_seconds = clock::unix_ms() / 1000;
        let backward = Backward { length, keep_alive, upgrade, version10, unix_seconds };
        let need = head.head_len() + edits.len() + HEAD_MARGIN;
        let mut out: Buf = self.lane.pool.take(Class::holding(need));
        encode::reply(&mut out, head, edits, &backward).map_err(|_| too_large())?;
        let lane = Lane { total: begin.total, ..self.lane.clone() };
        Ok(BodyWriter::new(lane, out, length))
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        self.lane.link.stream.local_addr()
    }

    fn ends_by_close(&self) -> bool {
        self.by_close
    }
}
