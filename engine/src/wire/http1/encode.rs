//! Writes heads: the kept lines of a received head are copied in runs as they stand, cut only where a line is
//! dropped, then what [`Edits`] add, then the framing, which is always ours (RFC 9110 §7.6.1, RFC 9112 §6, §7.6).
//! Called by `upstream/attempt` for requests, by `conn/answer` for replies, and by their like of HTTP/2. Nothing is written
//! when it does not fit.

use super::framing::{self, Length};
use crate::mem::Buf;
use crate::wire::date;
use crate::wire::edits::Edits;
use crate::wire::field::{Field, FieldSet};
use crate::wire::head::{Head, Version};
use crate::wire::status;

mod run;
use run::{Dropped, Writer};

/// The head does not fit the buffer, which is as it was before.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct NoRoom;

/// Bytes an encoded head may need beyond what it came with, edits apart.
pub const HEAD_MARGIN: usize = 512;

/// The end of a chunked body; trailers and an empty line follow.
pub const LAST_CHUNK: &[u8] = b"0\r\n";

/// Writes the line before a chunk of `len` bytes; gives its length. CRLF has to follow the data.
#[inline]
pub fn chunk_head(len: usize, out: &mut [u8; 18]) -> usize {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = (usize::BITS - len.leading_zeros()).div_ceil(4).max(1) as usize;
    let mut left = len;
    for at in (0..digits).rev() {
        out[at] = DIGITS[left & 15];
        left >>= 4;
    }
    out[digits] = b'\r';
    out[digits + 1] = b'\n';
    digits + 2
}

/// What a request head says beyond the head received and the edits.
#[derive(Copy, Clone, Debug)]
pub struct Onward<'a> {
    /// Path and query to ask for.
    pub target: &'a [u8],
    /// The Host to name; valid by grammar.
    pub host: &'a [u8],
    /// The framing of the body that will be sent.
    pub length: Length,
    /// The one protocol to offer a switch to.
    pub upgrade: Option<&'a [u8]>,
    /// Whether to wait for 100 before the body.
    pub expect_continue: bool,
}

/// Fields of a request that are never copied: they are hop-by-hop or written anew.
const REQUEST_DROPPED: FieldSet = FieldSet::HOP_BY_HOP.with(Field::EXPECT);

/// Fields of a request that no Connection option removes: they tell the origin who asks, on which way and for what, all of
/// which is meant for it (RFC 9110 §7.6.1 forbids such options). A client could hide by them what a policy went by.
const TOLD: FieldSet = FieldSet::of(&[
    Field::AUTHORIZATION,
    Field::X_API_KEY,
    Field::COOKIE,
    Field::CONTENT_TYPE,
    Field::VIA,
    Field::FORWARDED,
    Field::X_FORWARDED_FOR,
    Field::X_FORWARDED_PROTO,
    Field::X_FORWARDED_HOST,
    Field::X_FORWARDED_PORT,
    Field::X_FORWARDED_PREFIX,
    Field::X_REAL_IP,
    Field::X_REQUEST_ID,
    Field::TRACEPARENT,
    Field::TRACESTATE,
]);

/// Whether a request's field of this name does not go on because its client named it in Connection: what decides about the
/// request takes it for absent, as the origin does. *Cost*: one branch where there is no Connection.
pub fn is_nominated(head: Head<'_>, name: &[u8]) -> bool {
    head.has(Field::CONNECTION)
        && !TOLD.contains(Field::of(name))
        && framing::connection_options(head).any(|option| option.eq_ignore_ascii_case(name))
}

/// Fields that edits cannot add, since the gateway decides them: two Hosts or lengths would have two readings.
const DECIDED: FieldSet =
    FieldSet::HOP_BY_HOP.with(Field::HOST).with(Field::CONTENT_LENGTH).with(Field::EXPECT);

/// Writes a request head to `out`, as HTTP/1.1 whatever the client spoke. What the client named in Connection is
/// removed from its own lines only: what edits add always stays, and so does what is meant for the origin whatever
/// Connection says. *Cost*: one copy for each run of kept lines.
pub fn request(out: &mut Buf, head: Head<'_>, edits: &Edits, onward: &Onward<'_>) -> Result<(), NoRoom> {
    debug_assert!(onward.length != Length::UntilClose, "a request ends before its connection does");
    let mut dropped = Dropped::of(head, edits, REQUEST_DROPPED, TOLD);
    let keeps_host = head.field(Field::HOST) == Some(onward.host);
    dropped.decide(Field::HOST, keeps_host);
    let keeps_length = keeps_length(head, onward.length);
    dropped.decide(Field::CONTENT_LENGTH, keeps_length);

    let mut writer = Writer::new(out.spare());
    // A request line that stays as it is begins the first run.
    let from = if onward.target == head.target() && head.version() != Version::Http10 && keeps_host {
        writer.skipped(head)
    } else {
        writer.all(&[head.method_bytes(), b" ", onward.target, b" HTTP/1.1\r\n"])?;
        if !keeps_host {
            writer.all(&[b"Host: ", onward.host, b"\r\n"])?;
        }
        run::lines_start(head)
    };
    writer.kept(head, &dropped, from)?;
    writer.added(edits, DECIDED)?;
    writer.length(onward.length, keeps_length)?;
    if let Some(token) = onward.upgrade {
        writer.all(&[b"Connection: upgrade\r\nUpgrade: ", token, b"\r\n"])?;
    }
    if onward.expect_continue {
        writer.put(b"Expect: 100-continue\r\n")?;
    }
    writer.put(b"\r\n")?;
    let len = writer.len();
    out.advance(len);
    Ok(())
}

/// What to tell a client about its connection.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum KeepAlive {
    /// Nothing: HTTP/1.1 and it lives on, or HTTP/1.0 and it is closed.
    Nothing,
    /// It is closed after this reply.
    Close,
    /// It lives on, which an HTTP/1.0 client has to be told.
    KeepAlive,
}

/// What a reply head says beyond the head received and the edits.
#[derive(Copy, Clone, Debug)]
pub struct Backward<'a> {
    /// The framing of the body that will be sent. `None` keeps the origin's Content-Length where it is only
    /// information: in answers to HEAD and in 304.
    pub length: Length,
    /// What to say about the connection.
    pub keep_alive: KeepAlive,
    /// The protocol switched to, with status 101.
    pub upgrade: Option<&'a [u8]>,
    /// Whether the client speaks HTTP/1.0: then no chunked coding is announced, and the caller ends the body by
    /// closing the connection.
    pub version10: bool,
    /// Now, for a Date where the origin sent none (RFC 9110 §6.6.1).
    pub unix_seconds: u64,
}

/// Writes a final reply head, or a 101, to `out`, as HTTP/1.1 whatever the origin spoke. Hop-by-hop fields and those
/// the origin names in Connection are removed. *Cost*: one copy for each run of kept lines.
pub fn reply(out: &mut Buf, head: Head<'_>, edits: &Edits, backward: &Backward<'_>) -> Result<(), NoRoom> {
    let length = match backward.length {
        Length::Chunked if backward.version10 => Length::UntilClose,
        Length::None if head.status() == 205 => Length::Exact(0),
        length => length,
    };
    let keep_alive = match length {
        Length::UntilClose if backward.version10 => KeepAlive::Nothing,
        Length::UntilClose => KeepAlive::Close,
        _ => backward.keep_alive,
    };
    let mut dropped = Dropped::of(head, edits, FieldSet::HOP_BY_HOP, FieldSet::EMPTY);
    let keeps_length = match length {
        Length::None => keeps_information(head),
        length => keeps_length(head, length),
    };
    dropped.decide(Field::CONTENT_LENGTH, keeps_length);
    let has_date =
        head.has(Field::DATE) && !dropped.drops(Field::DATE) || edits.added_fields().contains(Field::DATE);

    let mut writer = Writer::new(out.spare());
    let from = writer.status_line(head)?;
    writer.kept(head, &dropped, from)?;
    writer.added(edits, DECIDED)?;
    if !has_date {
        writer.all(&[b"Date: ", &date::imf_fixdate(backward.unix_seconds), b"\r\n"])?;
    }
    writer.length(length, keeps_length)?;
    match keep_alive {
        _ if backward.upgrade.is_some() => {}
        KeepAlive::Nothing => {}
        KeepAlive::Close => writer.put(b"Connection: close\r\n")?,
        KeepAlive::KeepAlive => writer.put(b"Connection: keep-alive\r\n")?,
    }
    if let Some(token) = backward.upgrade {
        writer.all(&[b"Connection: upgrade\r\nUpgrade: ", token, b"\r\n"])?;
    }
    // A 426 is nothing without what it wants spoken (RFC 9110 §15.5.22). What the route passes of that is asked again.
    if head.status() == 426 && !backward.version10 && head.has(Field::UPGRADE) {
        writer.put(b"Connection: upgrade\r\n")?;
        for wanted in head.all(Field::UPGRADE) {
            writer.all(&[b"Upgrade: ", wanted, b"\r\n"])?;
        }
    }
    writer.put(b"\r\n")?;
    let len = writer.len();
    out.advance(len);
    Ok(())
}

/// Writes an interim reply head, a 1xx other than 101, to `out`. It never has a body, so it has no framing.
pub fn interim(out: &mut Buf, head: Head<'_>, edits: &Edits) -> Result<(), NoRoom> {
    let mut dropped = Dropped::of(head, edits, FieldSet::HOP_BY_HOP, FieldSet::EMPTY);
    dropped.decide(Field::CONTENT_LENGTH, false);
    let mut writer = Writer::new(out.spare());
    let from = writer.status_line(head)?;
    writer.kept(head, &dropped, from)?;
    writer.added(edits, DECIDED)?;
    writer.put(b"\r\n")?;
    let len = writer.len();
    out.advance(len);
    Ok(())
}

/// A reply of our own.
#[derive(Copy, Clone, Debug)]
pub struct Answer {
    /// Its status; the reason phrase is the registered one.
    pub status: u16,
    /// Bytes of the body that follows.
    pub body_bytes: u64,
    /// What to say about the connection.
    pub keep_alive: KeepAlive,
    /// Now, for the Date.
    pub unix_seconds: u64,
}

/// Writes the head of a reply of our own, with the lines that `edits` add. Statuses that have no body get no
/// Content-Length (RFC 9110 §8.6).
pub fn answer(out: &mut Buf, edits: &Edits, answer: &Answer) -> Result<(), NoRoom> {
    let Answer { status, body_bytes, keep_alive, unix_seconds } = *answer;
    let mut writer = Writer::new(out.spare());
    let mut digits = itoa::Buffer::new();
    let code = digits.format(status.clamp(100, 999));
    writer.all(&[b"HTTP/1.1 ", code.as_bytes(), b" ", status::reason(status).as_bytes(), b"\r\n"])?;
    writer.added(edits, DECIDED.with(Field::DATE))?;
    writer.all(&[b"Date: ", &date::imf_fixdate(unix_seconds), b"\r\n"])?;
    if !matches!(status, 100..=199 | 204 | 304) {
        writer.length(Length::Exact(body_bytes), false)?;
    }
    match keep_alive {
        KeepAlive::Nothing => {}
        KeepAlive::Close => writer.put(b"Connection: close\r\n")?,
        KeepAlive::KeepAlive => writer.put(b"Connection: keep-alive\r\n")?,
    }
    writer.put(b"\r\n")?;
    let len = writer.len();
    out.advance(len);
    Ok(())
}

/// Whether the head's Content-Length can be copied for a body of `length`: one line that says it in the one usual
/// spelling. Others are written anew, so that the next reader has nothing to interpret.
fn keeps_length(head: Head<'_>, length: Length) -> bool {
    let Length::Exact(bytes) = length else { return false };
    let mut digits = itoa::Buffer::new();
    !head.repeats(Field::CONTENT_LENGTH)
        && head.field(Field::CONTENT_LENGTH) == Some(digits.format(bytes).as_bytes())
}

/// Whether the head's Content-Length stands where it tells of a body that is not sent.
fn keeps_information(head: Head<'_>) -> bool {
    !matches!(head.status(), 100..=199 | 204)
        && !head.has(Field::TRANSFER_ENCODING)
        && matches!(framing::content_length(head), Ok(Some(bytes)) if keeps_length(head, Length::Exact(bytes)))
}

#[cfg(test)]
mod tests;
