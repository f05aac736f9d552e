//! From an upstream to a connection: pick an endpoint, take a parked connection or dial. Where that fails, or takes too
//! long, the other endpoints are tried, since nothing was sent. Bounds: the upstream's cap, `timeouts.connect` for waiting,
//! dialling and shaking hands together with each endpoint, and the exchange's total time.

use super::call::{CallFault, Outgoing, Plan};
use super::http2::{self, Mux};
use super::lent::Lent;
use super::pool::Conn;
use super::shared::{Sends, Shared};
use super::slots::Held;
use super::station::{Picked, Stay};
use super::turn::{Free, Turn, dialling, slot};
use crate::balance::Facts;
use crate::base::{Side, Tick};
use crate::certs::OriginTerms;
use crate::mem::Class;
use crate::net::dial::dial;
use crate::net::spawn::give_way;
use crate::net::{Deadline, Link, Shortage, Stream, clock};
use crate::table::Endpoint;
use crate::tls::{self, Refused, Wrong};
use crate::wire::proxy_protocol::Announce;
use std::io;
use std::time::Duration;

/// Endpoints tried at most before a connect is given up.
const ENDPOINTS_TRIED: usize = 4;

/// Whether a parked connection may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fresh {
    /// A parked one will do.
    Any,
    /// Only a new one: the parked one just tried was stale.
    New,
}

/// A connection and the endpoint it leads to. The endpoint's exchange has begun; whoever drops this ends it.
pub struct Leased<'a> {
    /// The connection; taken out when it is parked. None where it is shared with others.
    pub conn: Option<Conn>,
    /// This exchange's part of one that is shared.
    pub stream: Option<http2::Stream>,
    /// The endpoint.
    pub picked: Picked,
    plan: Plan<'a>,
    lent: &'a Lent,
}

impl<'a> Leased<'a> {
    /// The plan it was leased for.
    pub fn plan(&self) -> Plan<'a> {
        self.plan
    }

    /// Takes a parked connection, if there is one. None to an upstream that is told of clients: what is parked there
    /// was opened before it wanted to be.
    fn take_parked(&mut self, now: Tick, sends: Sends) -> bool {
        let Plan { upstream, station, .. } = self.plan;
        if upstream.http2 {
            self.stream = station.join(&self.picked, sends);
        } else if upstream.proxy_protocol.is_none() {
            self.conn = station.take(&self.picked, now);
        }
        self.conn.is_some() || self.stream.is_some()
    }

    /// Goes on with a connection that was parked at `picked` meanwhile.
    fn take_over(mut self, picked: Picked, conn: Conn) -> Self {
        let Plan { station, tried, .. } = self.plan;
        if picked.stay != self.picked.stay {
            station.staying(&self.picked, |state, at| state.end(at));
            station.staying(&picked, |state, at| state.begin(at));
            tried.endpoint.replace(Some(picked.clone()));
            self.picked = picked;
        }
        self.lent.counts.pool_reused.add(1);
        self.conn = Some(conn);
        self
    }

    /// Whether its connection had carried an exchange before.
    pub fn reused(&self) -> bool {
        match &self.stream {
            Some(stream) => stream.reused,
            None => self.conn.as_ref().is_some_and(|conn| conn.reused),
        }
    }

    /// With a part of a connection that others use too.
    fn join(mut self, stream: http2::Stream) -> Self {
        self.lent.counts.pool_reused.add(1);
        self.stream = Some(stream);
        self
    }

    /// Takes a connection that was just made and holds `slot`.
    async fn take_new(&mut self, stream: Stream, slot: Held) -> Result<(), CallFault> {
        let Leased { plan: Plan { upstream, station, .. }, lent, .. } = *self;
        self.reached();
        lent.counts.pool_new.add(1);
        let link = Link::new(stream, &lent.wheel, Side::Upstream);
        if !upstream.http2 {
            self.conn = Some(Conn::new(link, upstream.tls.clone(), slot));
            return Ok(());
        }
        let mux = Mux::open(lent, link, slot, upstream).await.map_err(|_| CallFault::Connect("reset"))?;
        self.stream = Some(mux.begin());
        station.share(&self.picked, mux, upstream.tls.as_ref());
        Ok(())
    }

    /// Its endpoint has a connection: it need not be left alone any longer.
    fn reached(&self) {
        self.plan.station.staying(&self.picked, |state, at| state.reached(at));
    }

    /// Its endpoint did not give one: it is left alone for a while, and control looks whether its name leads elsewhere.
    fn unreached(&self) {
        let now = clock::coarse();
        self.plan.station.staying(&self.picked, |state, at| state.unreached(at, now));
        (self.lent.unreachable)(self.picked.endpoint());
        self.plan.tried.failed(self.lent.shard);
    }

    /// Parks the connection for the next exchange.
    pub fn park(mut self) {
        if let Some(conn) = self.conn.take() {
            let Plan { upstream, station, .. } = self.plan;
            let now = clock::coarse();
            let left = upstream.age.map_or(Duration::MAX, |age| conn.link.old_at(age).since(now));
            station.park(&self.picked, conn, now, upstream.idle.min(left));
        }
    }
}

impl Drop for Leased<'_> {
    fn drop(&mut self) {
        let station = self.plan.station;
        station.staying(&self.picked, |state, at| state.end(at));
        if self.stream.take().is_some() {
            station.sharing(&self.picked, Shared::pass_on);
        }
    }
}

/// A connection to one of the plan's endpoints, for `request`. As long as nothing of it was sent, an endpoint that refuses,
/// or does not answer in time, gives way to another, with a time of its own. `held` is a slot that it has already.
///
/// # Errors
/// `NoEndpoint`, that of the last endpoint when every one tried failed, `PoolFull`, `NoSocket`.
pub async fn connect<'a>(
    lent: &'a Lent,
    plan: Plan<'a>,
    request: &Outgoing<'_>,
    fresh: Fresh,
    mut held: Option<Held>,
) -> Result<Leased<'a>, CallFault> {
    let mut refused = [None::<Stay>; ENDPOINTS_TRIED];
    let mut end = None::<Deadline>;
    let mut last = CallFault::Connect("refused");
    let sends = Sends::of(&request.onward);
    for attempt in 0..ENDPOINTS_TRIED {
        let now = clock::coarse();
        let (picked, marked) = pick(lent, plan, request.key, (now, &refused[..attempt]))?;
        plan.tried.endpoint.replace(Some(picked.clone()));
        let mut leased = Leased { conn: None, stream: None, picked, plan, lent };
        let is_first = plan.upstream.http2 || !plan.station.slots.has_line();
        if fresh == Fresh::Any && is_first && leased.take_parked(now, sends) {
            if marked {
                leased.reached();
            }
            lent.counts.pool_reused.add(1);
            return Ok(leased);
        }
        let end = end.get_or_insert_with(|| lent.wheel.deadline());
        end.set(now.after(plan.timeouts.connect).min(plan.total));
        // Of those that want a connection which they can share, one makes it.
        let dialling = match plan.upstream.http2 {
            true => match dialling(plan, (&leased.picked, sends), end).await? {
                Turn::Join(stream) => return Ok(leased.join(stream)),
                Turn::Dial(dialling) => Some(dialling),
            },
            false => None,
        };
        if held.is_none() {
            match slot(lent, plan, (&leased.picked, sends, parks(plan, fresh)), end).await? {
                Free::Stream(stream) => return Ok(leased.join(stream)),
                Free::Parked(picked, conn) => return Ok(leased.take_over(picked, conn)),
                Free::Slot(slot) => held = Some(slot),
            }
            // It may have left while this waited.
            if !plan.station.has(&leased.picked) {
                refused[attempt] = Some(leased.picked.stay);
                continue;
            }
        }
        let began = clock::coarse();
        plan.tried.dialled.set(clock::now());
        match open(lent, plan, leased.picked.endpoint(), request.announce, end).await {
            Ok(stream) => {
                let Some(slot) = held.take() else { return Err(last) };
                leased.take_new(stream, slot).await?;
                drop(dialling);
                return Ok(leased);
            }
            Err(fault @ CallFault::NoSocket(_)) => return Err(fault),
            Err(fault) => last = fault,
        }
        // What is left after a long wait for a slot may be too short for any endpoint.
        let is_late = matches!(last, CallFault::ConnectTimeout | CallFault::TlsTimeout);
        if !is_late || clock::coarse().since(began) >= plan.timeouts.connect / 2 {
            leased.unreached();
        }
        refused[attempt] = Some(leased.picked.stay);
        if !plan.station.has_other(&refused[..=attempt]) || clock::coarse() >= plan.total {
            break;
        }
    }
    Err(last)
}

/// Whether a connection that is parked meanwhile will do.
fn parks(plan: Plan<'_>, fresh: Fresh) -> bool {
    fresh == Fresh::Any && !plan.upstream.http2 && plan.upstream.proxy_protocol.is_none()
}

/// The next endpoint to try, and whether it is marked. None of those that `refused` while there is another.
fn pick(
    lent: &Lent,
    plan: Plan<'_>,
    key: u64,
    (now, refused): (Tick, &[Option<Stay>]),
) -> Result<(Picked, bool), CallFault> {
    let random = if plan.upstream.balance.algorithm.is_measured() { lent.random() } else { 0 };
    let facts = Facts { key, now, random };
    let mut marked = false;
    let picked = plan.station.pick(|state, stays| {
        let avoid = |at: usize| refused.contains(&Some(stays[at]));
        let at = state.pick(facts, if refused.is_empty() { None } else { Some(&avoid) });
        state.begin(at);
        marked = state.is_marked(at);
        at
    });
    picked.map(|picked| (picked, marked)).ok_or(CallFault::NoEndpoint)
}

/// A connection to `endpoint` that is ready for a request, before `end`.
async fn open(
    lent: &Lent,
    plan: Plan<'_>,
    endpoint: &Endpoint,
    announce: Option<&Announce>,
    end: &Deadline,
) -> Result<Stream, CallFault> {
    let stream = dial_or_give_up(lent, endpoint, end).await?;
    match &plan.upstream.tls {
        // Boxed: a handshake needs room that exchanges do not need later.
        Some(terms) => {
            let stream = Box::pin(secured(lent, stream, (terms, endpoint), announce, end)).await?;
            // Nothing else was offered, but a server may answer as if it had not been asked (RFC 9113 §3.3).
            let agreed = stream.speaks_http2() == plan.upstream.http2;
            if agreed { Ok(stream) } else { Err(CallFault::Tls("no_common_protocol")) }
        }
        None => Ok(stream),
    }
}

/// A socket that is connected to `endpoint`; where descriptors lack, over that of a connection that is idle.
async fn dial_or_give_up(lent: &Lent, endpoint: &Endpoint, end: &Deadline) -> Result<Stream, CallFault> {
    match dial(&endpoint.addr, end).await.map_err(|error| unopened(&error)) {
        Err(CallFault::NoSocket(what)) if lent.gives_up_for(what) => {
            // The driver closes what was given up when it is looked at next.
            give_way().await;
            dial(&endpoint.addr, end).await.map_err(|error| unopened(&error))
        }
        dialled => dialled,
    }
}

/// Why there is no connection.
fn unopened(error: &io::Error) -> CallFault {
    use io::ErrorKind as Kind;
    if let Some(what) = Shortage::of(error) {
        return CallFault::NoSocket(what);
    }
    CallFault::Connect(match error.kind() {
        Kind::TimedOut => return CallFault::ConnectTimeout,
        Kind::ConnectionRefused => "refused",
        Kind::ConnectionReset | Kind::ConnectionAborted => "reset",
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => "unreachable",
        Kind::NotFound => "no_such_file",
        Kind::PermissionDenied => "denied",
        Kind::AddrNotAvailable => "no_local_address",
        _ => "failed",
    })
}

/// `stream` with TLS. What the upstream is told of the client goes before the handshake: it is of the connection, not of
/// what is said on it.
async fn secured(
    lent: &Lent,
    stream: Stream,
    (terms, endpoint): (&OriginTerms, &Endpoint),
    announce: Option<&Announce>,
    end: &Deadline,
) -> Result<Stream, CallFault> {
    let first = announce.map(|announce| {
        let mut first = lent.buffers.take(Class::Small);
        let fits = announce.put(&mut first);
        debug_assert!(fits, "an empty buffer has room for it");
        first
    });
    let host = endpoint.written_host();
    tls::dial(stream, (terms, host), &lent.buffers, first, end).await.map_err(|refused| match refused {
        Refused::Timeout => CallFault::TlsTimeout,
        Refused::Silent | Refused::Cut | Refused::Proof => CallFault::Tls("cut"),
        Refused::Wrong(Wrong::Certificate(why)) => CallFault::Certificate(why),
        Refused::Wrong(Wrong::Protocol(why)) => CallFault::Tls(why),
    })
}
