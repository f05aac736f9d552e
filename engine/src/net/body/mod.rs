//! Bodies on the move. A `BodySource` gives pieces, a `BodySink` takes them, `pump` carries them across with
//! backpressure: no piece is read before the one before it was taken. All verbs are safe to drop between
//! polls: what was not consumed is given again, what was sent is counted.

pub mod frames;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::{BodyReader, Reading};
pub use writer::BodyWriter;

use crate::base::{Fault, Tick};
use crate::mem::Pool;
use crate::net::link::Link;
use crate::net::pipe::Pipes;
use crate::net::turns::spend;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// The bounds within which one direction of a link is used.
#[derive(Debug, Clone)]
pub struct Lane {
    /// The connection.
    pub link: Rc<Link>,
    /// The longest silence allowed.
    pub silence: Duration,
    /// When the whole exchange must be over.
    pub total: Tick,
    /// Where buffers come from.
    pub pool: Pool,
}

/// The bare connection of a body whose next bytes need no change, where splice may be used.
#[derive(Debug, Clone, Copy)]
pub struct Plain<'a> {
    /// The connection.
    pub link: &'a Link,
    /// Bytes left; `u64::MAX` up to the end of the connection.
    pub left: u64,
}

/// What one attempt to splice did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spliced {
    /// So many bytes left the source.
    Moved(u64),
    /// None have arrived.
    Blocked,
    /// This pair cannot be spliced, or the source ended: read and write instead.
    Refused,
}

/// Where a body comes from.
#[allow(async_fn_in_trait)] // every user is a task of one thread: no `Send` bound is wanted
pub trait BodySource {
    /// The next piece, waiting for one if none is there; empty at the end. It is given again until consumed.
    ///
    /// # Errors
    /// The peer's fault: cut, malformed, too long or too slow.
    async fn fill(&mut self) -> Result<&[u8], Fault>;

    /// Takes `n` bytes off the front of the piece.
    fn consume(&mut self, n: usize);

    /// Trailer fields, once the end was seen: sanitized `name: value` lines, each with its CRLF.
    fn trailers(&self) -> &[u8];

    /// Whether the end was seen.
    fn ended(&self) -> bool;

    /// Whether so little is still to come, and known to be, that its connection can go on behind it.
    fn ends_soon(&self) -> bool;

    /// Goes back to the first byte if every byte consumed is still here; false otherwise.
    fn rewind(&mut self) -> bool;

    /// Reads up to the end and keeps what was read, to be given again from the first byte on; nothing is consumed yet. No
    /// copy if all of it is here. False when it is longer than `most` bytes: what was kept is given first all the same.
    /// All of it must have come by `total`.
    ///
    /// # Errors
    /// As [`BodySource::fill`].
    async fn hold(&mut self, most: u64, total: Tick) -> Result<bool, Fault>;

    /// The whole body, if all of it is here.
    fn here(&mut self) -> Option<&[u8]>;

    /// The bare connection, when nothing is buffered and the bytes need no change.
    fn plain(&self) -> Option<Plain<'_>>;

    /// Counts `n` bytes that were taken from [`BodySource::plain`].
    fn passed(&mut self, n: u64);

    /// Waits until [`BodySource::plain`] has bytes, or its end.
    ///
    /// # Errors
    /// As [`BodySource::fill`].
    async fn ready(&mut self) -> Result<(), Fault>;

    /// Body bytes consumed so far.
    fn count(&self) -> u64;

    /// Whether trailers may follow, as far as is known.
    fn may_trail(&self) -> bool;

    /// Whoever sends it may be silent for as long as the exchange lasts.
    fn be_patient(&mut self);
}

/// Where a body goes.
#[allow(async_fn_in_trait)]
pub trait BodySink {
    /// Takes a prefix of `data`, waiting for room; gives how much, at least one byte.
    ///
    /// # Errors
    /// The peer is gone or too slow.
    async fn write(&mut self, data: &[u8]) -> Result<usize, Fault>;

    /// Waits until all that was taken has left.
    ///
    /// # Errors
    /// As [`BodySink::write`].
    async fn flush(&mut self) -> Result<(), Fault>;

    /// Ends the body, with `trailers` where the framing carries them, and waits until all has left.
    ///
    /// # Errors
    /// As [`BodySink::write`].
    async fn finish(&mut self, trailers: &[u8]) -> Result<(), Fault>;

    /// Takes what has arrived at `from` without copying it; [`BodySink::flush`] sends it on.
    ///
    /// # Errors
    /// As [`BodySource::fill`].
    fn splice(&mut self, from: Plain<'_>, pipes: &Pipes) -> Result<Spliced, Fault>;

    /// Body bytes that have left.
    fn sent(&self) -> u64;

    /// Whether a byte of the message has left, head included.
    fn started(&self) -> bool;

    /// Something may follow the last byte of the body: its end does not go with it.
    fn stays_open(&mut self);
}

/// Carries the whole body across. Others have their turn meanwhile, however fast it flows.
///
/// # Errors
/// The first fault of either side.
pub async fn pump<S: BodySource, W: BodySink>(
    source: &mut S,
    sink: &mut W,
    pipes: &Pipes,
) -> Result<(), Fault> {
    if source.may_trail() {
        sink.stays_open();
    }
    loop {
        if let Some(from) = source.plain() {
            match sink.splice(from, pipes)? {
                Spliced::Moved(n) => {
                    source.passed(n);
                    sink.flush().await?;
                    spend(n).await;
                    continue;
                }
                Spliced::Blocked => {
                    source.ready().await?;
                    continue;
                }
                Spliced::Refused => {}
            }
        }
        let data = next(source, sink).await?;
        if data.is_empty() {
            break;
        }
        let taken = sink.write(data).await?;
        source.consume(taken);
        spend(taken as u64).await;
    }
    sink.finish(source.trailers()).await
}

/// The next piece of `source`. While none is there, what `sink` owes leaves: a head must not wait for a body that
/// may be waiting for it, as it does for a 100 or between the events of a stream.
async fn next<'s, S: BodySource, W: BodySink>(source: &'s mut S, sink: &mut W) -> Result<&'s [u8], Fault> {
    let (mut fill, mut flush) = (pin!(source.fill()), pin!(sink.flush()));
    let mut owes = true;
    poll_fn(|cx| {
        if let Poll::Ready(filled) = fill.as_mut().poll(cx) {
            return Poll::Ready(filled);
        }
        if owes && let Poll::Ready(flushed) = flush.as_mut().poll(cx) {
            flushed?;
            owes = false;
        }
        Poll::Pending
    })
    .await
}
