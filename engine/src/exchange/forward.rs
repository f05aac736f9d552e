//! The request as an upstream sees it: target, Host, and the fields that tell about the client. What an
//! untrusted client says of itself in such fields is replaced, never extended.

use super::context::{Context, Peer, RequestId};
use crate::observe::Reason;
use crate::route::finder::Caches;
use crate::table::{Forwarding, Networks, Route};
use crate::wire::edits::Edits;
use crate::wire::field::Field;
use crate::wire::head::{Form, Head, Version};
use std::cell::RefCell;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};

/// Working memory for a forwarded head; kept by the shard, so that it allocates nothing when warm.
#[derive(Debug, Default)]
pub struct Forward {
    /// What is changed of the head.
    pub edits: Edits,
    /// Where [`Canonical`] paths are built.
    pub path: Vec<u8>,
    /// The target, when it is not the one received.
    pub target: Vec<u8>,
    /// Where a field's value is put together.
    pub value: Vec<u8>,
    name: ClientName,
}

/// The last client's address as text: a connection's requests tend to follow each other.
#[derive(Debug, Default)]
struct ClientName {
    of: Option<IpAddr>,
    text: Vec<u8>,
}

impl ClientName {
    fn of(&mut self, client: IpAddr) -> &[u8] {
        if self.of != Some(client) {
            self.of = Some(client);
            self.text.clear();
            let _ = write!(self.text, "{client}");
        }
        &self.text
    }
}

impl Forward {
    /// Fills in the edits for `head`: request id, Via, and the forwarding fields of the gateway's setting.
    pub fn tell(&mut self, ctx: &Context<'_>, head: Head<'_>) {
        self.edits.clear();
        let gateway = &ctx.table.gateway;
        let client = ctx.peer.addr.ip();
        let trusted = ctx.peer.trusted;
        if trusted {
            ctx.client_ip.set(client_ip(ctx.peer, head, &gateway.trusted));
        }
        match gateway.forwarding {
            Forwarding::XForwarded => self.x_forwarded(head, client, trusted),
            Forwarding::Forwarded => self.rfc7239(head, client, trusted),
            Forwarding::Off => {}
        }
        if !trusted {
            // What the gateway does not say itself, nobody may say in its place.
            if gateway.forwarding != Forwarding::XForwarded {
                X_FORWARDED.iter().for_each(|field| self.edits.remove(*field));
            }
            if gateway.forwarding != Forwarding::Forwarded {
                self.edits.remove(Field::FORWARDED);
            }
            KIN.iter().for_each(|field| self.edits.remove(*field));
        }
        self.request_id(ctx, head);
        // RFC 9110 §7.6.3: a gateway tells in Via which version it received.
        let via = if head.version() == Version::Http10 { b"1.0 ringgate" } else { b"1.1 ringgate" };
        self.edits.append_own(Field::VIA, via);
    }

    fn x_forwarded(&mut self, head: Head<'_>, client: Option<IpAddr>, trusted: bool) {
        let Forward { edits, value, name, .. } = self;
        match client {
            Some(client) if trusted && head.has(Field::X_FORWARDED_FOR) => {
                chain(head, Field::X_FORWARDED_FOR, value);
                value.extend_from_slice(name.of(client));
                edits.set(Field::X_FORWARDED_FOR, value);
            }
            Some(client) => edits.set_own(Field::X_FORWARDED_FOR, name.of(client)),
            // A hop over a Unix socket has no address, and readers of this field know nothing else.
            None if trusted => {}
            None => edits.remove(Field::X_FORWARDED_FOR),
        }
        if !(trusted && head.has(Field::X_FORWARDED_PROTO)) {
            edits.set_own(Field::X_FORWARDED_PROTO, b"http");
        }
        if !(trusted && head.has(Field::X_FORWARDED_HOST)) {
            // The parser has seen that it is a valid host.
            edits.set_own(Field::X_FORWARDED_HOST, head.host());
        }
    }

    fn rfc7239(&mut self, head: Head<'_>, client: Option<IpAddr>, trusted: bool) {
        let Forward { edits, value, .. } = self;
        value.clear();
        if trusted {
            chain(head, Field::FORWARDED, value);
        }
        forwarded(client, head.host(), value);
        edits.set(Field::FORWARDED, value);
    }

    fn request_id(&mut self, ctx: &Context<'_>, head: Head<'_>) {
        let sent = head.field(Field::X_REQUEST_ID).filter(|_| !head.repeats(Field::X_REQUEST_ID));
        let id = sent.and_then(RequestId::passed).unwrap_or_else(|| {
            let random = [ctx.lent.upstream.random(), ctx.lent.upstream.random()];
            let made = RequestId::made(ctx.wall_ms(), random);
            self.edits.set_own(Field::X_REQUEST_ID, made.bytes());
            made
        });
        *ctx.request_id.borrow_mut() = id;
    }
}

/// Fields that no setting writes and that origins believe all the same.
const KIN: [Field; 3] = [Field::X_REAL_IP, Field::X_FORWARDED_PORT, Field::X_FORWARDED_PREFIX];

/// What a client could say of itself, but for Forwarded.
const X_FORWARDED: [Field; 3] = [Field::X_FORWARDED_FOR, Field::X_FORWARDED_PROTO, Field::X_FORWARDED_HOST];

/// The values of `field` so far, each with the comma that another one needs.
fn chain(head: Head<'_>, field: Field, value: &mut Vec<u8>) {
    value.clear();
    for hop in head.all(field) {
        value.extend_from_slice(hop);
        value.extend_from_slice(b", ");
    }
}

/// One element of Forwarded (RFC 7239 §4): IPv6 addresses and hosts with a port are quoted, and a client without an
/// address is `unknown` (§6.2).
fn forwarded(client: Option<IpAddr>, host: &[u8], out: &mut Vec<u8>) {
    let _ = match client {
        Some(IpAddr::V4(client)) => write!(out, "for={client}"),
        Some(IpAddr::V6(client)) => write!(out, "for=\"[{client}]\""),
        None => write!(out, "for=unknown"),
    };
    if !host.is_empty() {
        // A valid host holds neither quote nor backslash.
        out.extend_from_slice(b";host=\"");
        out.extend_from_slice(host);
        out.push(b'"');
    }
    out.extend_from_slice(b";proto=http");
}

/// The client of a request from `peer`, as far as trusted proxies tell it.
pub fn client_ip(peer: Peer, head: Head<'_>, trusted: &Networks) -> Option<IpAddr> {
    if peer.trusted { client_of(head, peer.addr.ip(), trusted) } else { peer.addr.ip() }
}

/// The client behind trusted proxies: X-Forwarded-For is read from its end, past every trusted hop. What cannot
/// be read as an address ends the walk, since whoever wrote it is not trusted to name others.
fn client_of(head: Head<'_>, peer: Option<IpAddr>, trusted: &Networks) -> Option<IpAddr> {
    let mut client = peer;
    let mut values = [&b""[..]; 16];
    let mut count = 0;
    for value in head.all(Field::X_FORWARDED_FOR) {
        if count == values.len() {
            values.rotate_left(1);
            count -= 1;
        }
        values[count] = value;
        count += 1;
    }
    for value in values[..count].iter().rev() {
        for hop in value.rsplit(|byte| *byte == b',') {
            let Some(hop) = address(hop.trim_ascii()) else { return client };
            client = Some(hop);
            if !trusted.hold_ip(hop) {
                return client;
            }
        }
    }
    client
}

/// An address, alone or with a port.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|addr| addr.ip()))
}

/// The target to forward: the canonical path as the route rewrites it, which pattern `at` of its match took, and the
/// query as received. The target received is used where that is the same.
///
/// # Errors
/// When the rewritten path cannot stand.
pub fn target<'t>(
    head: Head<'t>,
    path: &'t [u8],
    (route, at): (&Route, usize),
    caches: &RefCell<Caches>,
    out: &'t mut Vec<u8>,
) -> Result<&'t [u8], Reason> {
    if head.form() == Form::Asterisk {
        return Ok(head.target());
    }
    out.clear();
    let rewritten = match route.rewrite.as_ref().and_then(|rewrite| rewrite.path.as_ref()) {
        None => false,
        Some(by) => {
            let made = by.apply(at, path, &mut caches.borrow_mut(), out);
            made.map_err(|fault| Reason::BadRequest(fault.reason()))?
        }
    };
    if !rewritten {
        if head.form() == Form::Origin && path.as_ptr() == head.path().as_ptr() {
            return Ok(head.target());
        }
        out.extend_from_slice(path);
    }
    if let Some(query) = head.query() {
        out.push(b'?');
        out.extend_from_slice(query);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::head::Lines;
    use crate::wire::http1::{HeadLimits, request};

    fn client(fields: &str, trusted: &str, peer: Option<IpAddr>) -> Option<IpAddr> {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let mut lines = Lines::new();
        request::parse(text.as_bytes(), &mut lines, &HeadLimits::default()).expect("parses");
        let trusted = Networks { ip: vec![trusted.parse().expect("is a network")], unix: true };
        client_of(Head::new(text.as_bytes(), &lines), peer, &trusted)
    }

    #[test]
    fn the_client_is_the_last_hop_that_is_not_trusted() {
        for (fields, expected) in [
            ("", "127.0.0.1"),
            ("X-Forwarded-For: 9.9.9.9\r\n", "9.9.9.9"),
            ("X-Forwarded-For: 6.6.6.6, 9.9.9.9, 10.0.0.1\r\n", "9.9.9.9"),
            ("X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 9.9.9.9, 10.0.0.1\r\n", "9.9.9.9"),
            ("X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n", "10.0.0.1"),
            ("X-Forwarded-For: 6.6.6.6, junk, 10.0.0.2\r\n", "10.0.0.2"),
            ("X-Forwarded-For: [2001:db8::1]:443\r\n", "2001:db8::1"),
            ("X-Forwarded-For: 9.9.9.9:1234\r\n", "9.9.9.9"),
        ] {
            let peer = Some(IpAddr::from([127, 0, 0, 1]));
            assert_eq!(client(fields, "10.0.0.0/8", peer), expected.parse().ok(), "{fields}");
        }
    }

    #[test]
    fn behind_a_unix_socket_the_client_is_who_a_trusted_peer_names_or_nobody() {
        assert_eq!(client("", "10.0.0.0/8", None), None);
        assert_eq!(client("X-Forwarded-For: junk\r\n", "10.0.0.0/8", None), None);
        let named = client("X-Forwarded-For: 9.9.9.9, 10.0.0.1\r\n", "10.0.0.0/8", None);
        assert_eq!(named, "9.9.9.9".parse().ok());
    }
}
