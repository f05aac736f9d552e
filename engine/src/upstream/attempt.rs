//! One try of a request on one connection: head and body out, reply head in, both at once.

use super::call::{CallFault, Outgoing, Plan, Reply, Source, lane};
use super::carry::Upload;
use super::connect::Leased;
use super::http2;
use super::lent::Lent;
use super::pool::Conn;
use super::slots::Held;
use crate::base::{Fault, Kind, Side, Tick};
use crate::mem::{BULK_BYTES, Buf, Class, Scratch};
use crate::net::body::{BodySink, BodySource, BodyWriter, pump};
use crate::net::stream::Wait;
use crate::net::{Link, clock};
use crate::wire::field::Field;
use crate::wire::head::{Head, Lines};
use crate::wire::http1::encode::{self, HEAD_MARGIN, Onward};
use crate::wire::http1::framing::{Length, keep_alive, reply_length, upgrade_tokens};
use crate::wire::http1::{HeadLimits, Parsed, reply};
use crate::wire::proxy_protocol::ANNOUNCE_BYTES_MAX;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// Bounds of a reply head: what fits a bulk buffer.
pub(super) const REPLY_LIMITS: HeadLimits =
    HeadLimits { head_bytes: BULK_BYTES as u32 - 1024, fields: 128, target_bytes: 0 };
/// Interim replies passed on before one is taken for a flood.
pub(super) const INTERIM_MAX: u32 = 32;

/// A try without a reply head.
pub struct Failed {
    pub fault: CallFault,
    /// No byte of the request left, or none that the origin looked at.
    pub nothing_sent: bool,
    /// The origin has not taken the request on a stream of a connection that others use: another one may have it.
    pub refused: bool,
    /// A byte of a reply came.
    pub answered: bool,
    /// The slot of the connection that broke off, for another one in its place.
    pub slot: Option<Held>,
}

impl From<CallFault> for Failed {
    fn from(fault: CallFault) -> Failed {
        Failed { fault, nothing_sent: false, refused: false, answered: true, slot: None }
    }
}

impl Failed {
    /// On this connection, which is of no more use.
    fn of(self, leased: &mut Leased<'_>) -> Failed {
        Failed { slot: leased.conn.take().map(Conn::into_slot), ..self }
    }
}

/// Where the body is still on its way when the reply's head has come, its writer is left in `upload`.
#[expect(clippy::manual_async_fn, reason = "an async function keeps its arguments twice")]
pub fn attempt<'a, B: BodySource>(
    lent: &'a Lent,
    mut leased: Leased<'a>,
    request: &Outgoing<'_>,
    body: &mut B,
    upload: &mut Option<Upload>,
    interim: &mut impl AsyncFnMut(Head<'_>) -> Result<(), Fault>,
) -> impl Future<Output = Result<Reply<'a>, Failed>> {
    async move {
        if leased.stream.is_some() {
            // Boxed, for it is larger than all the rest of a try.
            return Box::pin(http2::attempt(lent, leased, request, body, upload, interim)).await;
        }
        let Some(conn) = &leased.conn else { return Err(CallFault::Connect("lost").into()) };
        let plan = leased.plan();
        let lane = lane(lent, plan, &conn.link);
        let head = encoded(lent, plan, request, leased.picked.endpoint().host.as_bytes())?;
        let writer = BodyWriter::new(lane.clone(), head, request.onward.length);
        let writer = upload.insert(Upload::Http1(writer));
        let mut incoming = Incoming::new(lent, conn.link.clone(), plan.total);
        let first_byte = plan.timeouts.first_byte;
        let mut uploading = !matches!(request.onward.length, Length::None | Length::Exact(0));
        if !uploading && let Err(fault) = writer.finish(&[]).await {
            return Err(cut(sending(fault), false, writer, &incoming).of(&mut leased));
        }
        let mut interims = 0;
        let mut waits_for_100 = request.onward.expect_continue;
        // A client that waits sends nothing: the time is the upstream's.
        incoming.expect(uploading && !waits_for_100, first_byte);
        let length = loop {
            let came = if uploading {
                send_beside(&mut incoming, body, writer, lent, plan, &mut uploading).await
            } else {
                incoming.head().await
            };
            if uploading && body.count() > 0 && incoming.hastened(came, &mut waits_for_100) {
                continue;
            }
            if let Err(fault) = came {
                waits_for_100 &= body.count() == 0;
                return Err(cut(fault, waits_for_100, writer, &incoming).of(&mut leased));
            }
            let head = incoming.parsed();
            match head.status() {
                101 if switches(head, request.onward.upgrade) => break Length::None,
                101 => return Err(CallFault::Malformed("upgrade_not_asked").into()),
                100..=199 => {
                    interims += 1;
                    waits_for_100 &= head.status() != 100;
                    if interims > INTERIM_MAX {
                        return Err(CallFault::Malformed("too_many_interim_replies").into());
                    }
                    interim(head).await.map_err(CallFault::Client)?;
                    incoming.next();
                    // Each shows that the upstream is at work, and none that it will answer.
                    incoming.expect(uploading && !waits_for_100, first_byte);
                }
                _ => {
                    let length = reply_length(head, request.head.method());
                    break length.map_err(|fault| CallFault::Malformed(fault.reason()))?;
                }
            }
        };
        if !uploading {
            *upload = None;
        }
        let buf = incoming.buf.ok_or(CallFault::Reset)?;
        Ok(Reply { leased, buf, lines: incoming.lines, length, source: Source::Http1(lane) })
    }
}

/// The connection broke off before a whole head had come, while the client waited for a 100 or not.
fn cut(fault: CallFault, waited: bool, writer: &Upload, incoming: &Incoming<'_>) -> Failed {
    let fault = of_tls(if waited { blameless(fault) } else { fault }, &incoming.link);
    let (nothing_sent, answered) = (!writer.started(), incoming.answered);
    Failed { fault, nothing_sent, refused: false, answered, slot: None }
}

/// Whether the request's head can be sent at all. Asked before a connection is leased: no endpoint can help a head that grew
/// too large, and none is to lose a connection for it. *Cost*: a sum, and for a head near the bound an encoding.
pub(super) fn fits(lent: &Lent, plan: Plan<'_>, request: &Outgoing<'_>) -> bool {
    need(request) + ANNOUNCE_BYTES_MAX <= BULK_BYTES || encoded(lent, plan, request, b"").is_ok()
}

/// Bytes that the request's head takes at most.
fn need(request: &Outgoing<'_>) -> usize {
    request.head.head_len() + request.edits.len() + request.onward.target.len() + HEAD_MARGIN
}

/// The request's head, encoded, behind what the upstream is told of the client, so that both leave in one send. A client of
/// HTTP/1.0 need not name a host; the endpoint is then `named` as it is written, since many servers refuse an empty one.
fn encoded(lent: &Lent, plan: Plan<'_>, request: &Outgoing<'_>, named: &[u8]) -> Result<Buf, Failed> {
    // Where TLS is spoken it was sent before the handshake.
    let announce = request.announce.filter(|_| plan.upstream.tls.is_none());
    let announced = if announce.is_some() { ANNOUNCE_BYTES_MAX } else { 0 };
    let mut out = lent.buffers.take(Class::holding(need(request) + announced));
    let announced = announce.is_none_or(|announce| announce.put(&mut out));
    debug_assert!(announced, "an empty buffer has room for it");
    let host = if request.onward.host.is_empty() { named } else { request.onward.host };
    match encode::request(&mut out, request.head, request.edits, &Onward { host, ..request.onward }) {
        Ok(()) => Ok(out),
        Err(_) => Err(CallFault::HeadTooLarge.into()),
    }
}

/// Whether a 101 switches to the protocol offered and to no other (RFC 9110 §7.8).
fn switches(head: Head<'_>, offered: Option<&[u8]>) -> bool {
    let mut tokens = upgrade_tokens(head);
    let is_offered = |token: &[u8]| offered.is_some_and(|offered| token.eq_ignore_ascii_case(offered));
    tokens.next().is_some_and(is_offered) && tokens.next().is_none()
}

/// Carries the body up beside waiting for the reply's head, which ends it in either way.
async fn send_beside<B: BodySource>(
    incoming: &mut Incoming<'_>,
    body: &mut B,
    writer: &mut Upload,
    lent: &Lent,
    plan: Plan<'_>,
    uploading: &mut bool,
) -> Result<(), CallFault> {
    let link = incoming.link.clone();
    let total = incoming.total;
    let mut sending_side = pin!(pump(body, writer, &lent.pipes));
    let mut head = pin!(incoming.head());
    let mut running = true;
    poll_fn(|cx| {
        if running && let Poll::Ready(done) = sending_side.as_mut().poll(cx) {
            running = false;
            match done {
                Ok(()) => *uploading = false,
                Err(fault) if fault.side == Side::Client => return Poll::Ready(Err(CallFault::Body(fault))),
                // The upstream takes no more. It may have answered all the same, so its side is read on.
                Err(_) => {}
            }
            link.reading.set(clock::coarse().after(plan.timeouts.first_byte).min(total));
            if plan.upstream.balance.algorithm.is_measured() {
                plan.tried.uploaded.set(clock::now());
            }
        }
        head.as_mut().poll(cx)
    })
    .await
}

/// The fault of a client that sends nothing because it waits for a 100: its silence is the upstream's.
pub(super) fn blameless(fault: CallFault) -> CallFault {
    match fault {
        CallFault::Body(Fault { side: Side::Client, kind: Kind::Timeout }) => CallFault::FirstByte,
        other => other,
    }
}

/// The fault, or what the upstream did against TLS where that is why the connection broke: a server of TLS 1.3 tells only after
/// the handshake that it will not have our certificate.
pub(super) fn of_tls(fault: CallFault, link: &Link) -> CallFault {
    match (fault, link.stream.wrong()) {
        (CallFault::Reset, Some(wrong)) => CallFault::Tls(wrong),
        (fault, _) => fault,
    }
}

/// What a fault in sending to the upstream means for the call.
pub(super) fn sending(fault: Fault) -> CallFault {
    match (fault.side, fault.kind) {
        (Side::Client, _) => CallFault::Body(fault),
        (_, Kind::Timeout) => CallFault::FirstByte,
        _ => CallFault::Reset,
    }
}

/// The reply's side of a connection until its head is complete. Dropping a wait loses nothing.
struct Incoming<'a> {
    lent: &'a Lent,
    link: Rc<Link>,
    total: Tick,
    buf: Option<Buf>,
    lines: Scratch<Lines>,
    /// A byte of a reply came.
    answered: bool,
    /// Bytes in the buffer when it was parsed last.
    parsed_to: usize,
}

impl<'a> Incoming<'a> {
    fn new(lent: &'a Lent, link: Rc<Link>, total: Tick) -> Incoming<'a> {
        let lines = lent.lines.take();
        Incoming { lent, link, total, buf: None, lines, answered: false, parsed_to: 0 }
    }

    /// Sets the time for the reply's head: while the request is still on its way, that of the whole exchange.
    fn expect(&self, uploading: bool, first_byte: Duration) {
        let by = if uploading { self.total } else { clock::coarse().after(first_byte).min(self.total) };
        self.link.reading.set(by);
    }

    /// Whether the time for a 100 ran out for a client that is sending its body all the same: then it has its own time.
    fn hastened(&self, came: Result<(), CallFault>, waits_for_100: &mut bool) -> bool {
        let hastened = came == Err(CallFault::FirstByte) && std::mem::replace(waits_for_100, false);
        if hastened {
            self.link.reading.set(self.total);
        }
        hastened
    }

    /// The head that [`Incoming::head`] found.
    fn parsed(&self) -> Head<'_> {
        Head::new(self.buf.as_ref().map_or(&[], Buf::filled), &self.lines)
    }

    /// Takes an interim head off the front.
    fn next(&mut self) {
        let len = self.parsed().head_len();
        if let Some(buf) = &mut self.buf {
            buf.consume(len);
            buf.pull();
        }
        self.parsed_to = 0;
    }

    /// Waits until a whole head lies at the front of the buffer.
    async fn head(&mut self) -> Result<(), CallFault> {
        loop {
            if self.parse()? {
                self.link.reading.clear();
                return Ok(());
            }
            // An empty buffer goes back before the wait, so that the few in use stay hot.
            if self.buf.as_ref().is_some_and(Buf::is_empty) {
                self.buf = None;
            }
            match self.link.stream.readable_by(&self.link.reading).await {
                Ok(()) => self.read()?,
                Err(Wait::Expired) if clock::coarse() >= self.total => return Err(CallFault::Total),
                Err(Wait::Expired) => return Err(CallFault::FirstByte),
                Err(Wait::Io(_)) => return Err(CallFault::Reset),
            }
        }
    }

    fn parse(&mut self) -> Result<bool, CallFault> {
        let Some(buf) = self.buf.as_ref().filter(|buf| buf.len() > self.parsed_to) else { return Ok(false) };
        let from = std::mem::replace(&mut self.parsed_to, buf.len());
        if from > 0 && !crate::wire::http1::may_be_complete(buf.filled(), from) {
            return if buf.len() > REPLY_LIMITS.head_bytes as usize {
                Err(CallFault::Malformed("head_too_large"))
            } else {
                Ok(false)
            };
        }
        match reply::parse(buf.filled(), &mut self.lines, &REPLY_LIMITS) {
            Ok(Parsed::Complete { .. }) => Ok(true),
            Ok(Parsed::Partial) => Ok(false),
            Err(fault) => Err(CallFault::Malformed(fault.reason())),
        }
    }

    fn read(&mut self) -> Result<(), CallFault> {
        let buf = self.buf.get_or_insert_with(|| self.lent.buffers.take(Class::Small));
        if buf.room() == 0 {
            let mut bulk = self.lent.buffers.take(Class::Bulk);
            if !bulk.put(buf.filled()) || bulk.room() == 0 {
                return Err(CallFault::Malformed("head_too_large"));
            }
            *buf = bulk;
        }
        match self.link.stream.try_read(buf.spare()) {
            Ok(0) => Err(CallFault::Reset),
            Ok(n) => {
                buf.advance(n);
                self.answered = true;
                self.lent.intake.moved_on();
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(_) => Err(CallFault::Reset),
        }
    }
}

/// Whether the upstream leaves the connection open after this reply, and for how long.
pub fn stays_open(head: Head<'_>) -> Option<Option<Duration>> {
    if !keep_alive(head) {
        return None;
    }
    let timeout = head.field(Field::KEEP_ALIVE).and_then(|value| {
        let value = std::str::from_utf8(value).ok()?;
        let seconds = value.split(',').find_map(|part| part.trim().strip_prefix("timeout="))?;
        seconds.trim().parse().ok().map(Duration::from_secs)
    });
    Some(timeout)
}
