//! A request's fields laid into the form that every other protocol's heads have: an HTTP/1.1 head, as text, which the
//! strict parser then reads. So what a second reader could see otherwise is refused by the same rules, whatever protocol
//! brought it (RFC 9113 §8.2, §8.3, §10.3).

use crate::mem::{BULK_BYTES, Buf, Class, Pool};
use crate::observe::Reason;
use crate::wire::grpc::is_of_grpc;
use crate::wire::http1::request;
use crate::wire::token;
use h2::ext::Protocol;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, header};

/// Text besides the fields and the pseudo-fields.
const MARGIN: usize = 256;
/// What is added to the head of a request for a tunnel.
const UPGRADE: &[u8] = b"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ";

/// Lays the head of a request into a buffer of `pool`. Where it asks for a tunnel, `key` is the one that an origin of HTTP/1.1 has
/// to answer to: over HTTP/2 there is none (RFC 8441 §5).
///
/// # Errors
/// The request cannot stand in one head, or contradicts itself.
pub(super) fn lay(parts: &Parts, pool: &Pool, key: &[u8]) -> Result<Buf, Reason> {
    let fields = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    let authority = parts.uri.authority().map_or("", |authority| authority.as_str());
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    if lacks_path(parts) {
        return Err(Reason::BadRequest("path_missing"));
    }
    let need = fields.sum::<usize>() + start_bytes(parts);
    if need > BULK_BYTES {
        return Err(Reason::HeadTooLarge);
    }
    let mut head = pool.take(Class::holding(need));
    let mut put = |bytes: &[u8]| {
        let fits = head.put(bytes);
        debug_assert!(fits, "the buffer was taken for all of it");
    };
    let protocol = parts.extensions.get::<Protocol>().map(Protocol::as_str);
    match protocol {
        Some(protocol) if protocol.eq_ignore_ascii_case("websocket") => put(b"GET"),
        Some(_) => return Err(Reason::BadRequest("unknown_protocol")),
        None => put(parts.method.as_str().as_bytes()),
    }
    put(b" ");
    put(if parts.method == Method::CONNECT && protocol.is_none() { authority } else { target }.as_bytes());
    put(b" HTTP/1.1\r\n");
    for part in [&b"Host: "[..], host(parts, authority)?, b"\r\n"] {
        put(part);
    }
    for (name, value) in &parts.headers {
        if *name == header::HOST || *name == header::COOKIE {
            continue;
        }
        check(name, value)?;
        if protocol.is_some() && name.as_str() == "sec-websocket-key" {
            continue;
        }
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            put(part);
        }
    }
    // One field again: it was cut into crumbs for the compression's sake (§8.2.3).
    for (index, crumb) in parts.headers.get_all(header::COOKIE).iter().enumerate() {
        check(&header::COOKIE, crumb)?;
        put(if index == 0 { b"cookie: " } else { b"; " });
        put(crumb.as_bytes());
    }
    if parts.headers.contains_key(header::COOKIE) {
        put(b"\r\n");
    }
    if protocol.is_some() {
        put(UPGRADE);
        put(key);
        put(b"\r\n");
    }
    put(b"\r\n");
    Ok(head)
}

/// Whether no `:path` came (§8.3.1). The library looks only where there is an `:authority`; else what it shows as `/` is
/// nothing.
fn lacks_path(parts: &Parts) -> bool {
    let shown = parts.uri.path_and_query().filter(|_| parts.uri.authority().is_none());
    shown.is_some_and(|target| target.as_str() == "/" && *target != PathAndQuery::from_static("/"))
}

/// Room for the lines that a head begins with.
fn start_bytes(parts: &Parts) -> usize {
    let authority = parts.uri.authority().map_or(0, |authority| authority.as_str().len());
    let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    parts.method.as_str().len() + authority * 2 + target + MARGIN
}

/// What a head asks for and of whom, as a head of its own: of one that is refused, that is all there is to tell, and whether it
/// is a call of gRPC, whose caller reads no status of HTTP. Of a target past `target_bytes` it is the front.
pub(super) fn outline(parts: &Parts, pool: &Pool, target_bytes: u32) -> Option<Buf> {
    let kind = parts.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let kind = kind.filter(|kind| is_of_grpc(kind)).unwrap_or_default();
    let need = start_bytes(parts) + kind.len();
    if need > BULK_BYTES {
        return None;
    }
    let mut head = pool.take(Class::holding(need));
    let authority = parts.uri.authority().map_or("", |authority| authority.as_str());
    let host = match parts.headers.get(header::HOST) {
        Some(host) if authority.is_empty() => host.as_bytes(),
        _ => authority.as_bytes(),
    };
    let target = parts.uri.path_and_query().map_or(authority, |target| target.as_str()).as_bytes();
    let max = target_bytes as usize;
    let target = if target.len() > max { request::shown(&target[..max]) } else { target };
    let lines = [parts.method.as_str().as_bytes(), b" ", target, b" HTTP/1.1\r\nHost: ", host];
    let kind = if kind.is_empty() { [&b""[..]; 2] } else { [&b"\r\ncontent-type: "[..], kind] };
    lines.into_iter().chain(kind).chain([&b"\r\n\r\n"[..]]).all(|part| head.put(part)).then_some(head)
}

/// The host, which `:authority` and Host may both name if it is the same (§8.3.1).
fn host<'p>(parts: &'p Parts, authority: &'p str) -> Result<&'p [u8], Reason> {
    if parts.uri.scheme().is_some_and(|scheme| !matches!(scheme.as_str(), "http" | "https")) {
        return Err(Reason::BadRequest("unknown_scheme"));
    }
    let mut named = parts.headers.get_all(header::HOST).iter();
    let host = match (named.next(), authority) {
        (None, "") => return Err(Reason::BadRequest("host_missing")),
        (None, authority) => authority.as_bytes(),
        (Some(host), "") => host.as_bytes(),
        (Some(host), authority) if host.as_bytes().eq_ignore_ascii_case(authority.as_bytes()) => {
            authority.as_bytes()
        }
        (Some(_), _) => return Err(Reason::BadRequest("hosts_differ")),
    };
    match named.next() {
        Some(_) => Err(Reason::BadRequest("host_repeated")),
        None => Ok(host),
    }
}

/// What the library lets pass and §8.2 does not: space around a value, and the fields of a connection.
fn check(name: &HeaderName, value: &HeaderValue) -> Result<(), Reason> {
    const OF_A_CONNECTION: [&str; 5] =
        ["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"];
    if OF_A_CONNECTION.contains(&name.as_str()) || (*name == header::TE && value != "trailers") {
        return Err(Reason::BadRequest("connection_field"));
    }
    let value = value.as_bytes();
    if token::trim(value).len() != value.len() {
        return Err(Reason::BadRequest("bad_field_value"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn parts(method: &str, uri: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).expect("is a request").into_parts().0
    }

    #[test]
    fn a_request_is_laid_as_the_same_request_in_http1() {
        let laid = |parts: &Parts| lay(parts, &Pool::new(), b"key==").map(|head| head.filled().to_vec());
        let given = parts(
            "POST",
            "https://a.test:8443/x?y=1",
            &[("cookie", "a=1"), ("x-one", "1"), ("cookie", "b=2"), ("te", "trailers")],
        );
        let expected: &[u8] = b"POST /x?y=1 HTTP/1.1\r\nHost: a.test:8443\r\nx-one: 1\r\nte: trailers\r\ncookie: a=1; b=2\r\n\r\n";
        assert_eq!(laid(&given), Ok(expected.to_vec()));
        let given = parts("GET", "/", &[("host", "a.test")]);
        assert_eq!(laid(&given), Ok(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n".to_vec()));
        let given = parts("GET", "https://a.test/", &[("host", "A.test")]);
        assert_eq!(laid(&given), Ok(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n".to_vec()));
        let mut given = parts("CONNECT", "https://a.test/chat", &[("sec-websocket-version", "13")]);
        given.extensions.insert(Protocol::from_static("websocket"));
        let head = laid(&given).expect("is laid");
        assert!(head.starts_with(
            b"GET /chat HTTP/1.1\r\nHost: a.test\r\nsec-websocket-version: 13\r\nConnection: upgrade\r\n"
        ));
        assert!(head.ends_with(b"\r\nSec-WebSocket-Key: key==\r\n\r\n"));
    }

    #[test]
    fn a_request_that_could_be_read_in_two_ways_is_refused() {
        for (uri, fields, reason) in [
            ("/", &[][..], "host_missing"),
            ("https://a.test/", &[("host", "b.test")][..], "hosts_differ"),
            ("/", &[("host", "a.test"), ("host", "a.test")], "host_repeated"),
            ("https://a.test/", &[("connection", "close")], "connection_field"),
            ("https://a.test/", &[("transfer-encoding", "chunked")], "connection_field"),
            ("https://a.test/", &[("upgrade", "h2c")], "connection_field"),
            ("https://a.test/", &[("te", "gzip")], "connection_field"),
            ("https://a.test/", &[("x", " a")], "bad_field_value"),
            ("https://a.test/", &[("cookie", "a\t")], "bad_field_value"),
            ("ftp://a.test/", &[], "unknown_scheme"),
        ] {
            let refused = lay(&parts("GET", uri, fields), &Pool::new(), b"").map(|_| ());
            assert_eq!(refused, Err(Reason::BadRequest(reason)), "{uri} {fields:?}");
        }
    }
}
