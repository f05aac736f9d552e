//! What a gRPC caller is told by the gateway itself: it reads `grpc-status`, never an HTTP status, and says in
//! `grpc-timeout` how long it waits (PROTOCOL-HTTP2.md of gRPC). Callers of gRPC-Web, whose calls `web` makes ones of gRPC,
//! are told the same.

mod down;
mod up;
mod web;

pub use web::Web;

use super::answer::Answer;
use super::context::Context;
use crate::observe::Reason;
use crate::table::Route;
use crate::wire::edits::Edits;
use crate::wire::field::Field;
use crate::wire::head::{Head, Version};
use std::time::Duration;

/// Digits of a timeout at most.
const DIGITS_MAX: usize = 8;

/// Codes that the gateway answers with.
const INVALID_ARGUMENT: u8 = 3;
const DEADLINE_EXCEEDED: u8 = 4;
const PERMISSION_DENIED: u8 = 7;
const RESOURCE_EXHAUSTED: u8 = 8;
const UNIMPLEMENTED: u8 = 12;
const INTERNAL: u8 = 13;
const UNAVAILABLE: u8 = 14;
const UNAUTHENTICATED: u8 = 16;

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller<'h> {
    /// A library of gRPC.
    Grpc,
    /// One of gRPC-Web.
    Web(Web<'h>),
}

/// Who calls, if a request of this route is a call at all.
pub fn caller<'h>(head: Head<'h>, route: Option<&Route>) -> Option<Caller<'h>> {
    if is_call(head) { Some(Caller::Grpc) } else { route.and_then(|route| web(head, route)).map(Caller::Web) }
}

/// The call of gRPC-Web that a request is, where its route takes such calls.
pub fn web<'h>(head: Head<'h>, route: &Route) -> Option<Web<'h>> {
    if route.grpc_web { Web::of(head) } else { None }
}

/// Who is waiting for the answer of an exchange, if it is a call.
pub fn awaiting<'c>(ctx: &Context<'c>) -> Option<Caller<'c>> {
    caller(ctx.head?, ctx.route.get().map(|id| ctx.table.route(id)))
}

/// Whether a request is a call of gRPC: one over HTTP/2 whose body says so.
fn is_call(head: Head<'_>) -> bool {
    head.version() == Version::Http2
        && head.field(Field::CONTENT_TYPE).is_some_and(|kind| web::suffix_of_grpc(kind).is_some())
}

/// How long the caller waits, if it says so in the one spelling that there is.
pub fn timeout(head: Head<'_>) -> Option<Duration> {
    let (unit, digits) = head.field(Field::GRPC_TIMEOUT)?.split_last()?;
    if digits.is_empty() || digits.len() > DIGITS_MAX {
        return None;
    }
    let count = std::str::from_utf8(digits).ok().filter(|_| digits.iter().all(u8::is_ascii_digit))?;
    let count: u64 = count.parse().ok()?;
    Some(match unit {
        b'H' => Duration::from_secs(count * 3600),
        b'M' => Duration::from_secs(count * 60),
        b'S' => Duration::from_secs(count),
        b'm' => Duration::from_millis(count),
        b'u' => Duration::from_micros(count),
        b'n' => Duration::from_nanos(count),
        _ => return None,
    })
}

/// The code for an answer: by its reason where that says more than its status.
fn code(answer: &Answer) -> u8 {
    match (answer.reason, answer.status) {
        (Reason::RateLimited(_) | Reason::BodyTooLarge | Reason::PolicyBodyTooLarge, _) => RESOURCE_EXHAUSTED,
        (Reason::Invalid(_), _) => INVALID_ARGUMENT,
        (_, 401) => UNAUTHENTICATED,
        (_, 403) => PERMISSION_DENIED,
        (_, 404 | 405 | 415) => UNIMPLEMENTED,
        (Reason::TotalTimeout | Reason::UpstreamTimeout | Reason::UpstreamBodyTimeout, _) => {
            DEADLINE_EXCEEDED
        }
        (_, 408) => DEADLINE_EXCEEDED,
        // As a reply of that status would be taken for, where no endpoint was waited for that may be at work still.
        (_, 429 | 502 | 503 | 504) => UNAVAILABLE,
        _ => INTERNAL,
    }
}

/// Makes of an answer's fields those of a reply that is a status alone ("Trailers-Only"): it has no body. What policies say
/// of it stays.
pub fn tell(caller: Caller<'_>, answer: &Answer, edits: &mut Edits, value: &mut Vec<u8>) {
    match caller {
        Caller::Grpc => edits.set_own(Field::CONTENT_TYPE, b"application/grpc"),
        Caller::Web(web) => web.answer(b"", edits),
    }
    edits.set_own(Field::GRPC_STATUS, itoa::Buffer::new().format(code(answer)).as_bytes());
    value.clear();
    value.extend_from_slice(answer.reason.as_str().as_bytes());
    let detail = answer.reason.detail();
    // Of an upstream's fault the caller is told nothing more; the names of ours need no escape.
    if !detail.is_empty() && answer.proxy_error.is_none() {
        value.extend_from_slice(b": ");
        value.extend_from_slice(detail.as_bytes());
    }
    edits.set_own(Field::GRPC_MESSAGE, value);
}

#[cfg(test)]
mod tests;
