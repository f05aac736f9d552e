//! The request as an upstream sees it: target, Host, and the fields that tell about the client. What an
//! untrusted client says of itself in such fields is replaced, never extended.

use super::max_forwards;
use crate::exchange::context::{Context, RequestId};
use crate::exchange::peer::Peer;
use crate::exchange::peer::client;
use crate::observe::Reason;
use crate::policy::fields::is_taken_for;
use crate::route::finder::Caches;
use crate::route::front::Scheme;
use crate::table::{Forwarding, Gateway, Route, Upstream};
use crate::wire::edits::Edits;
use crate::wire::field::Field;
use crate::wire::head::{Form, Head, Version};
use std::cell::RefCell;
use std::io::Write;
use std::net::IpAddr;

/// Working memory for a forwarded head; kept by the shard, so that it allocates nothing when warm.
#[derive(Debug, Default)]
pub struct Forward {
    /// What is changed of the head.
    pub edits: Edits,
    /// Where canonical paths are built.
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
        match gateway.forwarding {
            Forwarding::XForwarded => self.x_forwarded(head, client, ctx.peer),
            Forwarding::Forwarded => self.rfc7239(head, client, ctx.peer),
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
        if head.has(Field::OTHER) {
            let is_kin = |name: &&[u8]| DISTANT_KIN.iter().any(|known| known.eq_ignore_ascii_case(name));
            let names = head.lines().map(|(_, name, _)| name);
            let odd = names.filter(|name| is_odd_forwarding(name) || !trusted && is_kin(name));
            odd.for_each(|name| self.edits.remove(name));
        }
        if known(ctx, head) == Id::Made {
            self.edits.set_own(Field::X_REQUEST_ID, ctx.request_id.borrow().bytes());
        }
        max_forwards::count_down(head, &mut self.edits);
        // RFC 9110 §7.6.3: a gateway tells in Via which version it received.
        let via = match head.version() {
            Version::Http10 => b"1.0 ringgate",
            Version::Http11 => b"1.1 ringgate",
            Version::Http2 => b"2.0 ringgate",
        };
        self.edits.append_own(Field::VIA, via);
    }

    fn x_forwarded(&mut self, head: Head<'_>, client: Option<IpAddr>, peer: Peer) {
        let Peer { trusted, scheme, .. } = peer;
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
            edits.set_own(Field::X_FORWARDED_PROTO, scheme.name().as_bytes());
        }
        if !(trusted && head.has(Field::X_FORWARDED_HOST)) {
            match head.host() {
                // HTTP/1.0 need not name one.
                b"" => edits.remove(Field::X_FORWARDED_HOST),
                // The parser has seen that it is a valid host.
                host => edits.set_own(Field::X_FORWARDED_HOST, host),
            }
        }
    }

    fn rfc7239(&mut self, head: Head<'_>, client: Option<IpAddr>, peer: Peer) {
        let Forward { edits, value, .. } = self;
        value.clear();
        if peer.trusted {
            chain(head, Field::FORWARDED, value);
        }
        forwarded(client, head.host(), peer.scheme, value);
        edits.set(Field::FORWARDED, value);
    }
}

/// Where a request's id is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Id {
    /// Its client, or whoever is before it.
    Passed,
    /// Here.
    Made,
}

/// Notes who sent `head`, as far as trusted proxies tell it, and the request's id: for the record, and for answers of our own.
pub fn known(ctx: &Context<'_>, head: Head<'_>) -> Id {
    if ctx.peer.trusted {
        ctx.client_ip.set(client_ip(ctx.peer, head, &ctx.table.gateway));
    }
    let sent = head.field(Field::X_REQUEST_ID).filter(|_| !head.repeats(Field::X_REQUEST_ID));
    let (id, from) = match sent.and_then(RequestId::passed) {
        Some(id) => (id, Id::Passed),
        None => {
            let random = [ctx.lent.upstream.random(), ctx.lent.upstream.random()];
            (RequestId::made(ctx.wall_ms(), random), Id::Made)
        }
    };
    *ctx.request_id.borrow_mut() = id;
    from
}

/// Fields that no setting writes and that origins believe all the same.
const KIN: [Field; 3] = [Field::X_REAL_IP, Field::X_FORWARDED_PORT, Field::X_FORWARDED_PREFIX];

/// Likewise, of names without a number.
const DISTANT_KIN: [&[u8]; 2] = [b"X-Forwarded-Ssl", b"X-Forwarded-Scheme"];

/// What a client could say of itself, but for Forwarded.
const X_FORWARDED: [Field; 3] = [Field::X_FORWARDED_FOR, Field::X_FORWARDED_PROTO, Field::X_FORWARDED_HOST];

/// Whether `name` is another spelling of a forwarding field, which nobody writes in good faith: servers that hand fields on as
/// variables take `X_Forwarded_For` for `X-Forwarded-For`. The gateway reads none of them, and passes none on.
pub(super) fn is_odd_forwarding(name: &[u8]) -> bool {
    matches!(name.first(), Some(b'x' | b'X'))
        && memchr::memchr(b'_', name).is_some()
        && (X_FORWARDED.iter().chain(&KIN).any(|field| is_taken_for(field.name().as_bytes(), name))
            || DISTANT_KIN.iter().any(|field| is_taken_for(field, name)))
}

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
fn forwarded(client: Option<IpAddr>, host: &[u8], scheme: Scheme, out: &mut Vec<u8>) {
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
    out.extend_from_slice(b";proto=");
    out.extend_from_slice(scheme.name().as_bytes());
}

/// The client of a request from `peer`, as far as trusted proxies tell it.
pub fn client_ip(peer: Peer, head: Head<'_>, gateway: &Gateway) -> Option<IpAddr> {
    let peer_ip = peer.addr.ip();
    if peer.trusted { client::behind(head, peer_ip, gateway) } else { peer_ip }
}

/// The Host to forward; none where the client, of HTTP/1.0, named none: then it is that of the endpoint.
///
/// # Errors
/// Where the upstream speaks HTTP/2 and the client named no host, which only HTTP/1.0 lets it do: that makes no `:authority`
/// (RFC 9113 §8.3.1).
pub fn host<'h>(head: Head<'h>, route: &'h Route, upstream: &Upstream) -> Result<&'h [u8], Reason> {
    let host = route.host().unwrap_or_else(|| head.host());
    match host {
        _ if !upstream.http2 => Ok(host),
        b"" => Err(Reason::BadRequest("host_missing")),
        _ => Ok(host),
    }
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
        return Ok(path);
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
