//! One exchange's facts from head to record. Whatever way an exchange ends, dropping its context hands in the
//! record: refused, answered, cut, tunnelled or panicked.

use super::lent::{Lent, TableRef};
use super::peer::Peer;
use super::timed;
use crate::base::counters::{Capped, Slot};
use crate::base::{Certificate, RouteId, Tick, UpstreamId};
use crate::mem::Scratch;
use crate::net::clock;
use crate::observe::{Met, Reason, Record, Timing, record};
use crate::policy::{Chain, Passage};
use crate::route::MethodSet;
use crate::table::Upstream;
use crate::upstream::{Picked, Tried};
use crate::wire::field::Field;
use crate::wire::head::{Head, Version};
use crate::wire::http1::framing::Length;
use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::sync::Arc;

/// One exchange's facts.
pub struct Context<'a> {
    /// What the shard lends.
    pub lent: &'a Lent,
    /// The table this exchange runs on to its end.
    pub table: &'a TableRef,
    /// The connection.
    pub peer: Peer,
    /// The certificate that its client showed.
    pub certificate: Option<&'a Certificate>,
    /// The request's head; none if it was refused before one was whole.
    pub head: Option<Head<'a>>,
    /// The version that is spoken where no head says it.
    pub version: Cell<Version>,
    /// How long the request's body is, once that is known.
    pub length: Cell<Length>,
    /// When its first byte was read.
    pub began: Tick,
    /// What the call noted down.
    pub tried: Tried,
    /// The client as trusted proxies tell it; none where they tell nothing of one behind a Unix socket.
    pub client_ip: Cell<Option<IpAddr>>,
    /// The route, once found.
    pub route: Cell<Option<RouteId>>,
    /// Which pattern of its match took the path.
    pub pattern: Cell<u16>,
    /// What its policies said; none where it has none.
    pub passage: RefCell<Option<Scratch<Passage>>>,
    /// The methods that its path takes, where it does not take the request's.
    pub allowed: Cell<MethodSet>,
    /// The upstream, once chosen.
    pub upstream: Cell<Option<UpstreamId>>,
    /// The status sent; 0 for none.
    pub status: Cell<u16>,
    /// Why the exchange ended.
    pub reason: Cell<Reason>,
    /// When the reply's head was there.
    pub replied: Cell<Tick>,
    /// Body bytes from the client.
    pub bytes_in: Cell<u64>,
    /// Body bytes to the client.
    pub bytes_out: Cell<u64>,
    /// The request's id.
    pub request_id: RefCell<RequestId>,
    /// When the client stops waiting, where it says so.
    pub by: Cell<Tick>,
    /// Whether it became a tunnel.
    pub tunnel: Cell<bool>,
    /// Whether it lasts for as long as its client likes.
    pub(super) lasts: Cell<bool>,
    /// Its slot among the tunnels of its listener, from the offer of an upgrade on, until it is declined.
    pub tunnel_slot: Cell<Option<Slot<Arc<Capped>>>>,
    /// Whether its client was told to send its body.
    pub continued: Cell<bool>,
    /// Where its time goes, where somebody wants to know.
    pub(super) timing: Option<Scratch<Timing>>,
    wall_ms: u64,
}

impl<'a> Context<'a> {
    /// An exchange whose first byte was read at `began`.
    pub fn new(
        lent: &'a Lent,
        table: &'a TableRef,
        peer: Peer,
        head: Option<Head<'a>>,
        began: Tick,
    ) -> Context<'a> {
        let gateway = &table.gateway;
        let sampled = gateway.sampled && lent.samples();
        Context {
            lent,
            table,
            peer,
            certificate: None,
            head,
            version: Cell::default(),
            length: Cell::new(Length::None),
            began,
            tried: Tried::default(),
            client_ip: Cell::new(peer.addr.ip()),
            route: Cell::new(None),
            pattern: Cell::new(0),
            passage: RefCell::new(None),
            allowed: Cell::new(MethodSet::default()),
            upstream: Cell::new(None),
            status: Cell::new(0),
            reason: Cell::new(Reason::Ok),
            replied: Cell::new(Tick::default()),
            bytes_in: Cell::new(0),
            bytes_out: Cell::new(0),
            request_id: RefCell::new(RequestId::default()),
            by: Cell::new(Tick::NEVER),
            tunnel: Cell::new(false),
            lasts: Cell::new(false),
            tunnel_slot: Cell::new(None),
            continued: Cell::new(false),
            timing: if sampled || gateway.timed { Some(timed::begin(lent, began, sampled)) } else { None },
            wall_ms: clock::unix_ms(),
        }
    }

    /// Wall clock at the head, in milliseconds since 1970.
    pub fn wall_ms(&self) -> u64 {
        self.wall_ms
    }

    /// The policies of its route, or where none was found, those that dress the answer to a miss.
    pub fn chain(&self) -> Option<&'a Chain> {
        let policies = &self.table.policies;
        match self.route.get() {
            Some(route) => policies.chain(self.peer.listener, route),
            None => policies.miss(self.peer.listener),
        }
    }

    /// The canonical path of `head`, as its listener has paths read; in `space` where it differs from what was sent.
    ///
    /// # Errors
    /// `BadRequest`: it has none, or one that the listener refuses.
    pub fn canonical<'p>(&self, head: Head<'p>, space: &'p mut Vec<u8>) -> Result<&'p [u8], Reason> {
        let rule = self.table.listeners[self.peer.listener.index()].paths;
        rule.canonical(head.path(), space).map_err(|fault| Reason::BadRequest(fault.reason()))
    }

    /// The cells of what it met.
    fn met<'m>(&'m self, upstream: Option<&'m Upstream>, picked: Option<&'m Picked>) -> Met<'m> {
        let shard = usize::from(self.lent.shard);
        let route = self.route.get().map(|id| self.table.route(id));
        let listener = &self.table.listeners[self.peer.listener.index()];
        Met {
            listener: listener.meter.as_ref().and_then(|meter| meter.of(shard)),
            route: route.and_then(|route| route.meter.as_ref()?.of(shard)),
            upstream: upstream.and_then(|upstream| upstream.meter.as_ref()?.of(shard)),
            endpoint: picked.and_then(|picked| picked.cells(shard)),
        }
    }

    fn hand_in(&self) {
        let table = self.table;
        let field = |field: Field| self.head.and_then(|head| head.field(field)).unwrap_or_default();
        let upstream = self.upstream.get().map(|id| table.upstream(id));
        let picked = self.tried.endpoint.borrow();
        let endpoint = picked.as_ref().map(|picked| picked.endpoint().name.as_str());
        let end = clock::now();
        let micros = |from: Tick, to: Tick| to.0.saturating_sub(from.0) / 1000;
        let sent = self.tried.sent.get();
        let called = sent != Tick::default();
        let replied = self.replied.get();
        let request_id = self.request_id.borrow();
        let passage = self.passage.borrow();
        let passage = passage.as_deref();
        let consumer = passage.and_then(|passage| passage.principal.consumer());
        let facts = Record {
            at_unix_ms: self.wall_ms,
            shard: self.lent.shard,
            generation: table.generation.0,
            listener: &table.listeners[self.peer.listener.index()].name,
            client: self.peer.addr,
            client_ip: self.client_ip.get(),
            method: self.head.map(Head::method_bytes).unwrap_or_default(),
            host: self.head.map(Head::host).unwrap_or_default(),
            path: self.head.map(Head::target).unwrap_or_default(),
            version: self.head.map_or(self.version.get(), Head::version),
            route: self.route.get().map(|id| table.route(id).name.as_str()),
            upstream: upstream.map(|upstream| upstream.name.as_str()),
            endpoint,
            status: self.status.get(),
            reason: self.reason.get(),
            bytes_in: self.bytes_in.get(),
            bytes_out: self.bytes_out.get(),
            request_id: request_id.bytes(),
            user_agent: field(Field::USER_AGENT),
            referer: field(Field::REFERER),
            tries: self.tried.tries.get(),
            reused: self.tried.reused.get(),
            total_us: micros(self.began, end),
            first_byte_us: if replied > sent { micros(sent, replied) } else { 0 },
            upstream_us: if called { micros(sent, end) } else { 0 },
            replied: replied != Tick::default(),
            tunnel: self.tunnel.get(),
            consumer: consumer.and_then(|name| std::str::from_utf8(name).ok()),
            user: passage.and_then(|passage| passage.principal.subject()).unwrap_or_default(),
            policy: passage.and_then(|passage| self.chain()?.refused_by(passage)),
            shadow: passage.map_or(b"", |passage| &passage.shadow),
        };
        let format = table.gateway.access_log.as_ref().map(|log| &log.format);
        let met = self.met(upstream, picked.as_ref());
        record(&facts, &self.lent.counts, met, &mut self.lent.lines.borrow_mut(), format);
        if let Some(timing) = &self.timing {
            timed::end(timing, end, facts.tunnel, &self.lent.counts);
        }
    }
}

impl Drop for Context<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.reason.set(Reason::Panic);
        }
        // Before the record: whoever reads that an exchange has ended finds its places free.
        if let Some(passage) = self.passage.get_mut() {
            passage.end();
        }
        self.hand_in();
        self.lent.activity.beat();
    }
}

/// Where each byte of a UUID has its two digits in the hyphenated form (RFC 9562 §4).
const DIGITS_AT: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// Each byte's two digits: every request without an id has one made, and a look-up a byte is a third of the work.
static HEX: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut hex = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        hex[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    hex
};

/// Bytes of a request id passed on from a client at most.
pub const REQUEST_ID_MAX: usize = 64;

/// A request's id: passed on or made, in place.
#[derive(Debug, Clone, Copy)]
pub struct RequestId {
    bytes: [u8; REQUEST_ID_MAX],
    len: u8,
}

impl Default for RequestId {
    fn default() -> Self {
        RequestId { bytes: [0; REQUEST_ID_MAX], len: 0 }
    }
}

impl RequestId {
    /// The id; empty while there is none.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The id that a client sent, if it may be passed on: visible characters without quotes or backslash, so
    /// that it can stand in logs and answers as it is.
    pub fn passed(sent: &[u8]) -> Option<RequestId> {
        let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&');
        if sent.is_empty() || sent.len() > REQUEST_ID_MAX || !sent.iter().all(plain) {
            return None;
        }
        let mut id = RequestId { bytes: [0; REQUEST_ID_MAX], len: sent.len() as u8 };
        id.bytes[..sent.len()].copy_from_slice(sent);
        Some(id)
    }

    /// A new UUIDv7 (RFC 9562 §5.7).
    pub fn made(wall_ms: u64, random: [u64; 2]) -> RequestId {
        let mut noise = [0; 10];
        noise[..8].copy_from_slice(&random[0].to_ne_bytes());
        noise[8..].copy_from_slice(&random[1].to_ne_bytes()[..2]);
        let uuid = uuid::Builder::from_unix_timestamp_millis(wall_ms, &noise).into_uuid();
        let mut id = RequestId { bytes: [b'-'; REQUEST_ID_MAX], len: 36 };
        for (byte, at) in uuid.as_bytes().iter().zip(DIGITS_AT) {
            id.bytes[at..at + 2].copy_from_slice(&HEX[usize::from(*byte)]);
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_is_passed_only_if_it_can_stand_in_a_log() {
        assert_eq!(RequestId::passed(b"abc-123").map(|id| id.bytes().to_vec()), Some(b"abc-123".to_vec()));
        for bad in [&b""[..], b"a b", b"a\"b", b"a\\b", b"\xff", &[b'x'; 65]] {
            assert!(RequestId::passed(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_made_id_is_a_uuid_of_version_7_with_its_time() {
        let id = RequestId::made(1_700_000_000_000, [7, 9]);
        let uuid = uuid::Uuid::try_parse_ascii(id.bytes()).expect("is a UUID");
        assert_eq!(uuid.get_version_num(), 7);
        assert_eq!(uuid.get_timestamp().map(|at| at.to_unix().0), Some(1_700_000_000));
    }
}
