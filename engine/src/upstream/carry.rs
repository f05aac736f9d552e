//! What carries bodies to and from an origin, whatever protocol it speaks.

use crate::base::{Fault, Tick};
use crate::net::body::frames::{FrameReader, FrameWriter};
use crate::net::body::{BodyReader, BodySink, BodySource, BodyWriter, Plain, Spliced};
use crate::net::pipe::Pipes;

/// A request's body on its way up. That of HTTP/2 is boxed, so that the other one, which most are, costs no more room.
pub enum Upload {
    /// On a connection of HTTP/1.1.
    Http1(BodyWriter),
    /// On a stream of HTTP/2.
    Http2(Box<FrameWriter>),
}

/// A reply's body.
#[expect(clippy::large_enum_variant, reason = "most are the large one, and it is not moved")]
pub enum ReplyBody<'a> {
    /// From a connection of HTTP/1.1.
    Http1(BodyReader<'a>),
    /// From a stream of HTTP/2.
    Http2(Box<FrameReader>),
}

macro_rules! either {
    ($self:expr, $body:ident => $does:expr) => {
        match $self {
            Self::Http1($body) => $does,
            Self::Http2($body) => $does,
        }
    };
}

impl Upload {
    /// From now on the origin may keep us waiting for as long as it likes: it has answered.
    pub fn be_patient(&mut self) {
        match self {
            Upload::Http1(body) => body.be_patient(),
            Upload::Http2(body) => body.be_patient(),
        }
    }
}

impl BodySink for Upload {
    async fn write(&mut self, data: &[u8]) -> Result<usize, Fault> {
        either!(self, body => body.write(data).await)
    }

    async fn flush(&mut self) -> Result<(), Fault> {
        either!(self, body => body.flush().await)
    }

    async fn finish(&mut self, trailers: &[u8]) -> Result<(), Fault> {
        either!(self, body => body.finish(trailers).await)
    }

    fn splice(&mut self, from: Plain<'_>, pipes: &Pipes) -> Result<Spliced, Fault> {
        either!(self, body => body.splice(from, pipes))
    }

    fn sent(&self) -> u64 {
        either!(self, body => body.sent())
    }

    fn started(&self) -> bool {
        either!(self, body => body.started())
    }

    fn stays_open(&mut self) {
        either!(self, body => body.stays_open());
    }
}

impl ReplyBody<'_> {
    /// Whether bytes were received that lie behind the end of the body.
    pub fn has_rest(&self) -> bool {
        match self {
            ReplyBody::Http1(body) => body.has_rest(),
            ReplyBody::Http2(_) => false,
        }
    }
}

impl BodySource for ReplyBody<'_> {
    fn ends_soon(&self) -> bool {
        either!(self, body => body.ends_soon())
    }

    async fn fill(&mut self) -> Result<&[u8], Fault> {
        either!(self, body => body.fill().await)
    }

    fn consume(&mut self, n: usize) {
        either!(self, body => body.consume(n));
    }

    fn trailers(&self) -> &[u8] {
        either!(self, body => body.trailers())
    }

    fn ended(&self) -> bool {
        either!(self, body => body.ended())
    }

    fn rewind(&mut self) -> bool {
        either!(self, body => body.rewind())
    }

    async fn hold(&mut self, most: u64, total: Tick) -> Result<bool, Fault> {
        either!(self, body => body.hold(most, total).await)
    }

    fn here(&mut self) -> Option<&[u8]> {
        either!(self, body => body.here())
    }

    fn plain(&self) -> Option<Plain<'_>> {
        either!(self, body => body.plain())
    }

    fn passed(&mut self, n: u64) {
        either!(self, body => body.passed(n));
    }

    async fn ready(&mut self) -> Result<(), Fault> {
        either!(self, body => body.ready().await)
    }

    fn count(&self) -> u64 {
        either!(self, body => body.count())
    }

    fn be_patient(&mut self) {
        either!(self, body => body.be_patient());
    }

    fn may_trail(&self) -> bool {
        either!(self, body => body.may_trail())
    }
}
