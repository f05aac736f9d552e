//! Leads a head past the code of the path, in the order of `conn/http1` and `exchange/run`: parse, framing, canonical
//! path, route, then the route's own end, or split, rewrite and balancing. Each step is the function that an exchange
//! calls, or the one beside it that tells why; a test over sockets holds the two to each other.

use super::phases::{self, shown};
use super::policies::{self, Planned};
use super::report::{Outcome, Phase, Report, Verdict};
use super::request::Malformed;
use super::secrets::Secrets;
use crate::balance::{Facts as Picking, State};
use crate::base::{ClientAddr, ListenerId, Tick};
use crate::exchange::Peer;
use crate::exchange::answer::{of_framing, of_head};
use crate::exchange::parts::{self, Asked};
use crate::observe::Reason;
use crate::policy::auth::keys::News;
use crate::policy::{Shard, cors};
use crate::route::finder::Caches;
use crate::route::{Facts, Match, Miss, Scratch};
use crate::table::{End, Endpoints, Here, Listener, Route, Table, Upstream};
use crate::wire::head::{Form, Head, Lines};
use crate::wire::http1::framing::{self, Length};
use crate::wire::http1::{Parsed, request};
use crate::wire::method::Method;
use serde_json::Value;
use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;

/// What a request is led past.
pub struct Ground<'a> {
    /// The table.
    pub table: &'a Table,
    /// The listener.
    pub listener: ListenerId,
    /// The moment, for what changes with time.
    pub now: Tick,
    /// The same by the wall clock, in milliseconds since 1970.
    pub unix_ms: u64,
    /// Key sets that were fetched.
    pub keys: &'a [News],
    /// The endpoints of an upstream, and how they are balanced.
    pub station: &'a dyn Fn(&Upstream) -> Station,
}

/// The endpoints of an upstream as somebody sees them.
pub struct Station {
    /// The endpoints.
    pub endpoints: Arc<Endpoints>,
    /// What is known of them.
    pub balance: State,
    /// Names that nobody has looked up.
    pub unknown: Vec<String>,
}

impl Station {
    /// As a shard sees them that has just begun, with no name looked up.
    pub fn at_rest(upstream: &Upstream) -> Station {
        Station::of(upstream, upstream.endpoints.clone())
    }

    /// The same with these endpoints.
    pub fn of(upstream: &Upstream, endpoints: Arc<Endpoints>) -> Station {
        let names = upstream.sources.iter().filter(|source| !source.target.is_address());
        let is_found = |name: &&crate::table::Source| {
            endpoints.iter().any(|endpoint| endpoint.found_behind.as_ref() == Some(&name.target))
        };
        let unknown = names.filter(|name| !is_found(name)).map(|name| name.target.to_string()).collect();
        Station { balance: State::new(endpoints.seats().clone(), 0), endpoints, unknown }
    }
}

/// Which routes are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// Those with the request's host and path, and how many others there are.
    Fitting,
    /// All of them.
    All,
}

/// What becomes of the request whose head is `bytes` and which comes from `client`.
///
/// # Errors
/// When `bytes` are no whole head.
pub fn explain(
    ground: &Ground<'_>,
    bytes: &[u8],
    client: ClientAddr,
    listing: Listing,
) -> Result<Report, Malformed> {
    let listener = &ground.table.listeners[ground.listener.index()];
    let peer = Peer::new(ground.table, ground.listener, client);
    // What is typed is the client that such a peer would announce.
    let peer = if peer.announces { peer.announced(ground.table, Some(client)) } else { peer };
    let mut trace = Trace {
        ground,
        listener,
        peer,
        listing,
        secrets: Secrets::of(ground.table),
        phases: Vec::new(),
        provided: None,
        caches: RefCell::default(),
    };
    let mut lines = Lines::new();
    let outcome = match request::parse(bytes, &mut lines, &listener.limits.head()) {
        Ok(Parsed::Complete { .. }) => trace.request(Head::new(bytes, &lines)),
        Ok(Parsed::Partial) => {
            let message = "the request is no whole head".to_owned();
            return Err(Malformed { message, fix: "write a method and a URL, and fields with -H".into() });
        }
        Err(fault) => Err(trace.refuse("head", of_head(fault))),
    };
    Ok(Report {
        generation: ground.table.generation.0,
        listener: listener.name.clone(),
        phases: trace.phases,
        outcome: outcome.unwrap_or_else(Outcome::Refused),
        provided: trace.provided,
    })
}

/// A request on its way. A step that ends it gives the reason, and has noted the phase.
struct Trace<'a> {
    ground: &'a Ground<'a>,
    listener: &'a Listener,
    peer: Peer,
    listing: Listing,
    secrets: Secrets<'a>,
    phases: Vec<Phase>,
    provided: Option<String>,
    caches: RefCell<Caches>,
}

impl<'a> Trace<'a> {
    fn refuse(&mut self, phase: &'static str, reason: Reason) -> Reason {
        self.phases.push(phases::refused(phase, reason));
        reason
    }

    fn request(&mut self, head: Head<'_>) -> Result<Outcome, Reason> {
        let table = self.ground.table;
        let length = match framing::request_length(head) {
            Ok(length) if self.listener.limits.refuse(length) => {
                return Err(self.refuse("head", Reason::BodyTooLarge));
            }
            Ok(length) => length,
            Err(fault) => return Err(self.refuse("head", of_framing(fault))),
        };
        if head.method() == Method::Connect {
            return Err(self.refuse("head", Reason::ConnectRefused));
        }
        let client = parts::client_ip(self.peer, head, &table.gateway);
        self.phases.push(phases::received(head, length, &self.secrets));
        self.phases.push(phases::client(self.peer, client));
        if parts::ends_here(head) {
            let status = match parts::last_hop(head) {
                Ok(status) => status,
                Err(reason) => return Err(self.refuse("last_hop", reason)),
            };
            let says = format!("{status}: it may go no further");
            self.phases.push(Phase::pass("last_hop", says).fact("status", status));
            return Ok(Outcome::Responds(status));
        }
        let mut room = Vec::new();
        let path = match head.form() {
            Form::Asterisk => head.path(),
            _ => match table.listeners[self.peer.listener.index()].paths.canonical(head.path(), &mut room) {
                Ok(path) => path,
                Err(fault) => return Err(self.refuse("path", Reason::BadRequest(fault.reason()))),
            },
        };
        self.phases.push(phases::path(head.path(), path));
        if let Some(outcome) = self.sent_to_https(head, path)? {
            return Ok(outcome);
        }
        let found = self.route((head, path), client, length)?;
        let (route, at) = (table.route(found.route), usize::from(found.path));
        if let Some(status) = self.policies((head, path), (client, found), length)? {
            return Ok(Outcome::Responds(status));
        }
        let split = match &route.end {
            End::To(split) => split,
            End::Here(here) => return self.own(here, head, path, at),
        };
        let told = split.explain(head, &mut self.caches.borrow_mut());
        let upstream = table.upstream(told.sides[told.at].upstream);
        self.phases.push(phases::split(table, &told));
        self.forward(head, path, (route, at, upstream), length)?;
        let (key, told) = match &upstream.balance.key {
            None => (0, None),
            Some(key) => {
                let told = phases::gone_by(key, parts::part(key, head, path, client), &self.secrets);
                (parts::key(upstream, head, path, client, || 0), Some(told))
            }
        };
        self.balance(upstream, key, told)
    }

    /// Where a client is sent that did not come by https, if it has to.
    fn sent_to_https(&mut self, head: Head<'_>, path: &[u8]) -> Result<Option<Outcome>, Reason> {
        let mut place = Vec::new();
        let asked = (self.peer, head, path);
        let sent = parts::elsewhere(self.ground.table, asked, &mut self.caches.borrow_mut(), &mut place);
        let status = match sent {
            Ok(None) => return Ok(None),
            Ok(Some(status)) => status,
            Err(reason) => return Err(self.refuse("redirect_https", reason)),
        };
        let place = self.secrets.target(&place);
        let says = format!("{status} to {place}");
        let phase = Phase::pass("redirect_https", says).fact("status", status);
        self.phases.push(phase.fact("location", place.as_str()));
        Ok(Some(Outcome::Redirects(status, place)))
    }

    /// The status with which a policy answers, if one does.
    fn policies(
        &mut self,
        (head, path): (Head<'_>, &[u8]),
        (client, found): (Option<IpAddr>, Match),
        length: Length,
    ) -> Result<Option<u16>, Reason> {
        let table = self.ground.table;
        let Some(chain) = table.policies.chain(self.ground.listener, found.route) else { return Ok(None) };
        let asked = Asked { table, peer: self.peer, certificate: None, client, length, found: Some(found) };
        let (phase, planned) = policies::told(self.ground, (asked, chain), (head, path), length);
        self.phases.push(phase);
        match planned {
            Planned::Pass(provided) => {
                self.provided = provided;
                Ok(None)
            }
            Planned::Answer(status) => Ok(Some(status)),
            Planned::Refuse(reason) => Err(reason),
        }
    }

    fn route(
        &mut self,
        (head, path): (Head<'_>, &[u8]),
        client: Option<IpAddr>,
        length: Length,
    ) -> Result<Match, Reason> {
        let table = self.ground.table;
        let scratch = Scratch::default();
        // A preflight is the business of the route that takes the method it asks for.
        let moment = (self.ground.now, self.ground.unix_ms, Tick::NEVER);
        let asked = Asked { table, peer: self.peer, certificate: None, client, length, found: None };
        let lent = (&scratch, &mut Shard::default());
        let preflight = asked.preflight((head, path), b"", moment, lent);
        let asked = cors::preflight(head).filter(|_| preflight.is_some());
        let facts = Facts::of(head, path, self.ground.listener);
        let facts = Facts { method: asked.unwrap_or(facts.method), ..facts };
        let found = preflight.map_or_else(|| table.lookup.lookup(&facts, &scratch), Ok);
        let allow = match found {
            Err(Miss::Method(allowed)) => Some(table.lookup.allow(allowed)),
            _ => None,
        };
        let phase = match (found, allow) {
            (Ok(found), _) => {
                let name = table.route(found.route).name.as_str();
                Phase::pass("route", name).fact("route", name)
            }
            (Err(_), None) => Phase::answers("route", Reason::NoRoute).fact("route", Value::Null),
            (Err(_), Some(allow)) => Phase::answers("route", Reason::MethodNotAllowed)
                .fact("route", Value::Null)
                .note(format!("Allow: {allow}"))
                .fact("allow", allow),
        };
        let candidates = table.lookup.explain(&facts);
        self.phases.push(phases::candidates(table, phase, &candidates, self.listing));
        match (found, self.phases.last().map(|phase| phase.verdict)) {
            (Ok(found), _) => Ok(found),
            (Err(_), Some(Verdict::Answer(reason))) => Err(reason),
            (Err(_), _) => Err(Reason::NoRoute),
        }
    }

    /// A redirect, or an answer of the route's.
    fn own(&mut self, here: &Here, head: Head<'_>, path: &[u8], at: usize) -> Result<Outcome, Reason> {
        let redirect = match here {
            Here::Respond(respond) => {
                self.phases.push(phases::respond(respond));
                return Ok(Outcome::Responds(respond.status));
            }
            Here::Redirect(redirect) => redirect,
        };
        let mut place = Vec::new();
        let front = parts::front(self.peer, head, &self.ground.table.gateway);
        let asked = (front, head, path, at);
        let made = parts::location(redirect, asked, &mut self.caches.borrow_mut(), &mut place);
        if let Err(reason) = made {
            return Err(self.refuse("redirect", reason));
        }
        let place = self.secrets.target(&place);
        let says = format!("{} to {place}", redirect.status);
        self.phases.push(
            Phase::pass("redirect", says).fact("status", redirect.status).fact("location", place.as_str()),
        );
        Ok(Outcome::Redirects(redirect.status, place))
    }

    fn forward(
        &mut self,
        head: Head<'_>,
        path: &[u8],
        (route, at, upstream): (&Route, usize, &Upstream),
        length: Length,
    ) -> Result<(), Reason> {
        let mut room = Vec::new();
        let target = match parts::target(head, path, (route, at), &self.caches, &mut room) {
            Ok(target) => target,
            Err(reason) => return Err(self.refuse("forward", reason)),
        };
        let waits = match framing::expects_continue(head) {
            Ok(waits) => waits,
            Err(_) => return Err(self.refuse("forward", Reason::ExpectationFailed)),
        };
        let (upgrade, _) = parts::offered(head, route, length);
        let host = match parts::host(head, route, upstream) {
            Ok(host) => shown(host),
            Err(reason) => return Err(self.refuse("forward", reason)),
        };
        let target = self.secrets.target(target);
        let named = if host.is_empty() { "that of the endpoint" } else { &*host };
        let mut phase =
            Phase::pass("forward", format!("{} {target}, Host: {named}", shown(head.method_bytes())))
                .fact("target", target)
                .fact("host", host);
        let ours = &self.ground.table.policies.identity;
        let taken = head.lines().map(|(_, name, _)| name).filter(|name| ours.holds(name));
        let taken: Vec<String> = taken.map(shown).collect();
        if !taken.is_empty() {
            phase = phase
                .note(format!(
                    "without the client's {}: by it the gateway alone tells who calls",
                    taken.join(", ")
                ))
                .fact("taken", taken);
        }
        if let Some(upgrade) = upgrade {
            phase = phase
                .note(format!("offers the upgrade to {}", shown(upgrade)))
                .fact("upgrade", shown(upgrade));
        }
        if waits {
            phase = phase.note("waits for 100 Continue before its body");
        }
        self.phases.push(phase);
        Ok(())
    }

    fn balance(&mut self, upstream: &Upstream, key: u64, gone_by: Option<String>) -> Result<Outcome, Reason> {
        let station = (self.ground.station)(upstream);
        if station.endpoints.is_empty() && station.unknown.is_empty() {
            return Err(self.refuse("balance", Reason::NoEndpoint));
        }
        let told = station.balance.explain(Picking { key, now: self.ground.now, random: 0 });
        let picked = told.iter().find(|(_, why)| why.is_picked());
        let endpoint = picked.map(|(at, _)| station.endpoints[*at].name.clone());
        self.phases.push(phases::balance(upstream, &station, &told, gone_by));
        Ok(Outcome::Forwards(upstream.name.clone(), endpoint))
    }
}
