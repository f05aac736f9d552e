//! One try of a request on one stream: head and body out, reply head in, both at once.

use super::super::attempt::{Failed, INTERIM_MAX, REPLY_LIMITS, blameless, of_tls, sending};
use super::super::call::{CallFault, Outgoing, Plan, Reply, Source, Switched, TunnelStream, lane};
use super::super::carry::Upload;
use super::super::connect::Leased;
use super::super::lent::Lent;
use super::head;
use super::mux::Stream;
use crate::base::{Fault, Side, Tick};
use crate::mem::{Buf, Scratch};
use crate::net::body::frames::{Bounds, FrameReader, FrameSender, FrameWriter};
use crate::net::body::{BodySource, Lane, pump};
use crate::net::poll::EARNED_BY_STREAM;
use crate::net::{Deadline, clock};
use crate::wire::field::Field;
use crate::wire::head::{Head, Lines, Version};
use crate::wire::http1::framing::{Length, reply_length};
use crate::wire::http1::{Parsed, reply};
use crate::wire::http2::Breach;
use crate::wire::method::Method;
use crate::wire::websocket;
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream};
use http::uri::Scheme;
use http::{Response, StatusCode};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// What came of the reply.
enum Came {
    Interim(Response<()>),
    Final(Response<RecvStream>),
}

/// As the try on a connection of HTTP/1.1.
pub async fn attempt<'a, B: BodySource>(
    lent: &'a Lent,
    leased: Leased<'a>,
    request: &Outgoing<'_>,
    body: &mut B,
    upload: &mut Option<Upload>,
    interim: &mut impl AsyncFnMut(Head<'_>) -> Result<(), Fault>,
) -> Result<Reply<'a>, Failed> {
    let plan = leased.plan();
    let Some(stream) = &leased.stream else { return Err(CallFault::Connect("lost").into()) };
    let mut uploading = !matches!(request.onward.length, Length::None | Length::Exact(0));
    let deadline = lent.wheel.deadline();
    let soon = || clock::coarse().after(plan.timeouts.first_byte).min(plan.total);
    deadline.set(soon());
    let switches = may_switch((stream, plan), (request, uploading), &deadline).await?;
    let (mut response, mut writer) =
        begun(lent, plan, (stream, uploading, switches), request, &deadline).await?;
    let mut waits = request.onward.expect_continue;
    // A client that waits for a 100 sends nothing: the time is the origin's.
    deadline.set(if uploading && !waits { plan.total } else { soon() });
    let bounds =
        Bounds { limit: None, silence: plan.timeouts.between_bytes, total: plan.total, side: Side::Upstream };
    let mut interims = 0;
    let (given, got) = loop {
        let came = {
            let mut up = pin!(pump(body, &mut *writer, &lent.pipes));
            let up_ended = || {
                deadline.set(soon());
                if plan.upstream.balance.algorithm.is_measured() {
                    plan.tried.uploaded.set(clock::now());
                }
            };
            poll_fn(|cx| beside(cx, &mut response, (&mut up, &mut uploading, &up_ended), &deadline)).await
        };
        if uploading && body.count() > 0 && hastened(&came, &mut waits) {
            deadline.set(plan.total);
            continue;
        }
        let waits_for_100 = waits && body.count() == 0;
        match came.map_err(|broke| failed(broke, (plan, stream), interims > 0, waits_for_100))? {
            Came::Interim(given) => {
                interims += 1;
                waits &= given.status() != StatusCode::CONTINUE;
                let (buf, lines) = passed(lent, &given, interims)?;
                interim(Head::new(buf.filled(), &lines)).await.map_err(CallFault::Client)?;
                // Each shows that the origin is at work, and none that it will answer.
                deadline.set(if uploading && !waits { plan.total } else { soon() });
            }
            Came::Final(given) => {
                let (given, got) = given.into_parts();
                break (Response::from_parts(given, ()), got);
            }
        }
    };
    if switches && given.status().is_success() {
        // It may last for longer than any exchange.
        let bounds = Bounds { total: Tick::NEVER, ..bounds };
        let ways = (FrameReader::new(got, bounds, &lent.wheel), writer.into_sender());
        let lane = lane(lent, plan, stream.wire().link());
        let key = request.head.field(Field::SEC_WEBSOCKET_KEY);
        return switched(lent, leased, (given, key), lane, ways);
    }
    let (buf, lines) = parsed(lent, &given)?;
    let length = length(Head::new(buf.filled(), &lines), request.head.method(), &got)?;
    if uploading {
        *upload = Some(Upload::Http2(writer));
    }
    let body = Box::new(FrameReader::new(got, held_to(length, bounds), &lent.wheel));
    Ok(Reply { leased, buf, lines, length, source: Source::Http2(RefCell::new(Some(body))) })
}

/// Frames can come behind any head: whatever came behind one that ends its reply would be taken for the next one.
fn held_to(length: Length, bounds: Bounds) -> Bounds {
    Bounds { limit: (length == Length::None).then_some(0), ..bounds }
}

/// Whether a WebSocket is asked for, and the origin opens them on a stream: else it is asked as any other request is, and
/// says itself that it does not. A body waits for its settings too: what was given to the library under a larger window would
/// stay there, and keep the stream open behind its reply.
async fn may_switch(
    (stream, plan): (&Stream, Plan<'_>),
    (request, uploading): (&Outgoing<'_>, bool),
    deadline: &Deadline,
) -> Result<bool, CallFault> {
    let is_offer = request.onward.upgrade.is_some_and(|token| token.eq_ignore_ascii_case(b"websocket"));
    if !uploading && !is_offer {
        return Ok(false);
    }
    poll_fn(|cx| match stream.poll_settled(cx) {
        Poll::Ready(()) => Poll::Ready(Ok(())),
        Poll::Pending => deadline.poll_passed(cx).map(|()| Err(late(plan, stream))),
    })
    .await?;
    if !is_offer || !stream.sender().is_extended_connect_protocol_enabled() {
        return Ok(false);
    }
    // Over HTTP/2 the origin sees no key, and the answer to it is ours; a client of HTTP/2 has none either.
    match websocket::flaw(request.head) {
        Some(flaw) if request.head.version() != Version::Http2 => Err(CallFault::Request(flaw)),
        _ => Ok(true),
    }
}

/// An interim reply that is passed on, one of so many.
fn passed(lent: &Lent, given: &Response<()>, interims: u32) -> Result<(Buf, Scratch<Lines>), CallFault> {
    // Streams do not switch (RFC 9113 §8.6).
    if given.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(CallFault::Malformed("upgrade_not_asked"));
    }
    if interims > INTERIM_MAX {
        return Err(CallFault::Malformed("too_many_interim_replies"));
    }
    parsed(lent, given)
}

/// The reply that opens a tunnel, to a client that sent this key.
fn switched<'a>(
    lent: &Lent,
    leased: Leased<'a>,
    (given, key): (Response<()>, Option<&[u8]>),
    lane: Lane,
    (from, to): (FrameReader, FrameSender),
) -> Result<Reply<'a>, Failed> {
    let (buf, lines) = parsed(lent, &head::switched(given, key)?)?;
    let source = Source::Switched(Box::new(Switched { lane, stream: TunnelStream { from, to } }));
    Ok(Reply { leased, buf, lines, length: Length::None, source })
}

/// Sends the head; gives where the reply comes from, and where the body goes.
async fn begun(
    lent: &Lent,
    plan: Plan<'_>,
    (stream, uploading, switches): (&Stream, bool, bool),
    request: &Outgoing<'_>,
    deadline: &Deadline,
) -> Result<(ResponseFuture, Box<FrameWriter>), Failed> {
    let scheme = if plan.upstream.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
    let head = head::request(lent, request, scheme, switches)?;
    let ends = !uploading && !switches;
    let mut sender = stream.sender();
    let unsent = || {
        stream.spoiled();
        // What others got in return for their requests is not for this one, which another connection may have.
        let fault = if stream.reused { CallFault::Reset } else { ended(stream) };
        let fault = of_tls(fault, stream.wire().link());
        Failed { fault, nothing_sent: true, refused: true, answered: false, slot: None }
    };
    if stream.takes_none() {
        return Err(unsent());
    }
    match ready(&mut sender, deadline).await {
        Ok(()) => {}
        Err(CallFault::FirstByte) => return Err(late(plan, stream).into()),
        Err(_) => return Err(unsent()),
    }
    let sent = sender.send_request(head, ends);
    let (response, sending_side) = sent.map_err(|_| unsent())?;
    stream.wire().earned(EARNED_BY_STREAM);
    // One that is more than the origin takes by now leaves behind another one's end: that is waited for as a connection is.
    deadline.set(clock::coarse().after(plan.timeouts.connect).min(plan.total));
    match ready(&mut sender, deadline).await {
        Ok(()) => {}
        Err(CallFault::FirstByte) if clock::coarse() >= plan.total => return Err(CallFault::Total.into()),
        Err(_) => return Err(unsent()),
    }
    let bounds = (Side::Upstream, plan.timeouts.between_bytes);
    let sending_side = FrameSender::new((stream.wire().clone(), &lent.wheel), sending_side, bounds, ends);
    let left = match request.onward.length {
        Length::Exact(bytes) => Some(bytes),
        _ => None,
    };
    let writer = FrameWriter::new(sending_side, lent.buffers.clone(), left, plan.total);
    Ok((response, Box::new(writer)))
}

/// The length of a reply's body: frames end it, whatever is said of it.
fn length(head: Head<'_>, method: Method, got: &RecvStream) -> Result<Length, CallFault> {
    match reply_length(head, method) {
        Ok(Length::UntilClose) if got.is_end_stream() => Ok(Length::Exact(0)),
        Ok(Length::UntilClose) => Ok(Length::Chunked),
        Ok(length) => Ok(length),
        Err(fault) => Err(CallFault::Malformed(fault.reason())),
    }
}

/// Waits until the connection takes a request.
async fn ready(
    sender: &mut h2::client::SendRequest<crate::net::body::frames::Piece>,
    deadline: &Deadline,
) -> Result<(), CallFault> {
    poll_fn(|cx| match sender.poll_ready(cx) {
        Poll::Ready(done) => Poll::Ready(done.map_err(|_| CallFault::Reset)),
        Poll::Pending => deadline.poll_passed(cx).map(|()| Err(CallFault::FirstByte)),
    })
    .await
}

/// Carries the body up beside waiting for the reply's head.
fn beside(
    cx: &mut Context<'_>,
    response: &mut ResponseFuture,
    (up, uploading, up_ended): (
        &mut Pin<&mut impl Future<Output = Result<(), Fault>>>,
        &mut bool,
        &impl Fn(),
    ),
    deadline: &Deadline,
) -> Poll<Result<Came, Broke>> {
    if *uploading && let Poll::Ready(done) = up.as_mut().poll(cx) {
        match done {
            Ok(()) => *uploading = false,
            Err(fault) if fault.side == Side::Client => {
                return Poll::Ready(Err(Broke::Call(sending(fault))));
            }
            // The origin takes no more. It may have answered all the same.
            Err(_) => *uploading = false,
        }
        up_ended();
    }
    if let Poll::Ready(Some(given)) = response.poll_informational(cx) {
        return Poll::Ready(given.map(Came::Interim).map_err(Broke::Stream));
    }
    if let Poll::Ready(given) = Pin::new(response).poll(cx) {
        return Poll::Ready(given.map(Came::Final).map_err(Broke::Stream));
    }
    deadline.poll_passed(cx).map(|()| Err(Broke::Call(CallFault::FirstByte)))
}

/// Whether the time for a 100, in which its client should send nothing, ran out while it was sending all the same.
fn hastened(came: &Result<Came, Broke>, waits: &mut bool) -> bool {
    matches!(came, Err(Broke::Call(CallFault::FirstByte))) && std::mem::replace(waits, false)
}

/// Why no head came.
enum Broke {
    Call(CallFault),
    Stream(h2::Error),
}

/// What comes of it, where something was `answered` before it or not.
fn failed(broke: Broke, (plan, stream): (Plan<'_>, &Stream), answered: bool, waits_for_100: bool) -> Failed {
    let failed = match broke {
        Broke::Call(CallFault::FirstByte) => late(plan, stream).into(),
        Broke::Call(fault) => match if waits_for_100 { blameless(fault) } else { fault } {
            CallFault::FirstByte if clock::coarse() >= plan.total => CallFault::Total.into(),
            fault => fault.into(),
        },
        Broke::Stream(error) => {
            // It says itself that it has not looked at it (RFC 9113 §8.7).
            let leaves = error.is_go_away() && error.is_remote() && error.reason() == Some(Reason::NO_ERROR);
            let refused = error.reason() == Some(Reason::REFUSED_STREAM) || leaves;
            if leaves || stream.takes_none() {
                stream.spoiled();
            }
            let ours = error.is_library() && !error.is_io();
            let fault = if ours { CallFault::Malformed("http2") } else { ended(stream) };
            // A stream that it resets, it has looked at: the connection lives.
            let answered = answered || error.is_reset() && !refused;
            Failed { fault, nothing_sent: refused, refused, answered, slot: None }
        }
    };
    Failed { fault: of_tls(failed.fault, stream.wire().link()), ..failed }
}

/// What a connection ended by: the origin's way to break the protocol, where that was it.
fn ended(stream: &Stream) -> CallFault {
    match stream.wire().breach() {
        Some(Breach::Flood) => CallFault::Malformed("flood"),
        Some(Breach::Preface) => CallFault::Malformed("http2"),
        None => CallFault::Reset,
    }
}

/// The time for a reply, or for what comes before a request, has passed.
fn late(plan: Plan<'_>, stream: &Stream) -> CallFault {
    let is_total = clock::coarse() >= plan.total;
    // Nothing at all has come since it was asked: others are not sent there as well. Not where somebody had less time than an
    // answer may take, unless the connection has been silent for longer than that.
    let had_time = !is_total || stream.is_silent_for(plan.timeouts.first_byte);
    if had_time && stream.is_silent(plan.tried.sent.get()) {
        stream.spoiled();
    }
    if is_total { CallFault::Total } else { CallFault::FirstByte }
}

/// A head as all others are.
fn parsed(lent: &Lent, response: &Response<()>) -> Result<(Buf, Scratch<Lines>), CallFault> {
    let buf = head::laid(lent, response)?;
    let mut lines = lent.lines.take();
    match reply::parse(buf.filled(), &mut lines, &REPLY_LIMITS) {
        Ok(Parsed::Complete { .. }) => Ok((buf, lines)),
        Ok(Parsed::Partial) => Err(CallFault::Malformed("head_too_large")),
        Err(fault) => Err(CallFault::Malformed(fault.reason())),
    }
}
