//! Heads between the form that all of them have here, HTTP/1.1 as text, and what the library takes and gives.

use super::super::call::{CallFault, Outgoing};
use super::super::lent::Lent;
use crate::mem::{Buf, Class};
use crate::net::body::frames::{lines, put_lines};
use crate::wire::field::Field;
use crate::wire::grpc::is_of_grpc;
use crate::wire::http1::encode::{self, HEAD_MARGIN, Onward};
use crate::wire::http1::framing::Length;
use crate::wire::websocket;
use crate::wire::{status, token};
use bytes::Bytes;
use h2::ext::Protocol;
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};

/// The request as the library takes it. What is passed on is decided where HTTP/1.1 is encoded. `switches` makes it one for
/// a WebSocket (RFC 8441 §5).
pub(super) fn request(
    lent: &Lent,
    outgoing: &Outgoing<'_>,
    scheme: Scheme,
    switches: bool,
) -> Result<Request<()>, CallFault> {
    const MALFORMED: CallFault = CallFault::Request("request_head");
    let Outgoing { head, edits, onward, .. } = outgoing;
    // Frames tell where a body ends: nothing is said of it but a length that is known.
    let length = match onward.length {
        Length::Chunked => Length::None,
        length => length,
    };
    let need = head.head_len() + edits.len() + onward.target.len() + HEAD_MARGIN;
    let mut text = lent.buffers.take(Class::holding(need));
    encode::request(&mut text, *head, edits, &Onward { length, upgrade: None, ..*onward })
        .map_err(|_| CallFault::HeadTooLarge)?;
    let text = Bytes::copy_from_slice(text.filled());
    let from = memchr::memchr(b'\n', &text).map_or(text.len(), |end| end + 1);
    let mut request = Request::new(());
    put_lines(&text, from, request.headers_mut());
    if switches {
        *request.method_mut() = Method::CONNECT;
        request.extensions_mut().insert(Protocol::from_static("websocket"));
        request.headers_mut().remove(header::SEC_WEBSOCKET_KEY);
    } else {
        *request.method_mut() = Method::from_bytes(head.method_bytes()).map_err(|_| MALFORMED)?;
    }
    request.headers_mut().remove(header::HOST);
    if wants_trailers(outgoing) {
        request.headers_mut().insert(header::TE, HeaderValue::from_static("trailers"));
    }
    let uri = Uri::builder()
        .scheme(scheme)
        .authority(Authority::try_from(onward.host).map_err(|_| MALFORMED)?)
        .path_and_query(PathAndQuery::try_from(onward.target).map_err(|_| MALFORMED)?);
    *request.uri_mut() = uri.build().map_err(|_| MALFORMED)?;
    Ok(request)
}

/// Whether the client takes trailers, which gRPC's origins want to be told (RFC 9110 §10.1.4).
fn wants_trailers(outgoing: &Outgoing<'_>) -> bool {
    let Outgoing { head, edits, .. } = outgoing;
    let kind = || edits.value(Field::CONTENT_TYPE).or(head.field(Field::CONTENT_TYPE));
    let is_grpc = || kind().is_some_and(is_of_grpc);
    head.all(Field::TE).flat_map(token::list).any(|coding| coding.eq_ignore_ascii_case(b"trailers"))
        || is_grpc()
}

/// Makes `response`, by which an origin has opened a tunnel, what HTTP/1.1 says in its place to a client that sent this key.
///
/// # Errors
/// `Malformed`: it says how long the tunnel is. That would have to be ignored (RFC 9110 §9.3.6), but the library holds the
/// stream to it and would cut the tunnel in its middle.
pub(super) fn switched(mut response: Response<()>, key: Option<&[u8]>) -> Result<Response<()>, CallFault> {
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let fields = response.headers_mut();
    if fields.contains_key(header::CONTENT_LENGTH) {
        return Err(CallFault::Malformed("tunnel_with_length"));
    }
    fields.remove(header::SEC_WEBSOCKET_ACCEPT);
    if let Some(key) = key
        && let Ok(accept) = HeaderValue::from_bytes(&websocket::accept(key))
    {
        fields.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    Ok(response)
}

/// The head of `response`, laid as HTTP/1.1's.
///
/// # Errors
/// `Malformed`: too large, or space stands around a value, which the library lets pass (RFC 9113 §8.2.1) and a reader of
/// HTTP/1.1 takes off. It also drops pseudo-fields that have no place in a reply or its trailers: those cannot be seen.
pub(super) fn laid(lent: &Lent, response: &Response<()>) -> Result<Buf, CallFault> {
    let fields: &HeaderMap = response.headers();
    if fields.values().any(|value| token::trim(value.as_bytes()).len() != value.len()) {
        return Err(CallFault::Malformed("value_with_space_around"));
    }
    let need =
        fields.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>() + HEAD_MARGIN;
    let mut out = lent.buffers.take(Class::holding(need));
    let code = response.status();
    let reason = status::reason(response.status().as_u16()).as_bytes();
    let start = [&b"HTTP/1.1 "[..], code.as_str().as_bytes(), b" ", reason, b"\r\n"];
    let fits = start.into_iter().all(|part| out.put(part)) && lines(fields, &mut out) && out.put(b"\r\n");
    if fits { Ok(out) } else { Err(CallFault::Malformed("head_too_large")) }
}
