//! Layer 4: what a shard reads. One immutable table a generation, compiled from the configuration all or
//! nothing. Shards hold it by `Arc` and never see the configuration itself.

use crate::base::counters::Capped;
use crate::base::{Address, Generation, RouteId, UpstreamId};
use crate::certs::{Obtained, OriginTerms, Taken, Terms};
use crate::observe::access_log::Format;
use crate::observe::metrics::{ListenerCells, Meter, RouteCells, UpstreamCells};
use crate::policy::Parameter;
use crate::route::Lookup;
use crate::route::redirect::Redirect;
use crate::wire::http1::HeadLimits;
use crate::wire::http1::framing::Length;
use crate::wire::proxy_protocol;
use crate::wire::uri::PathRule;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub mod acme;
mod admin;
mod balance;
pub mod build;
mod end;
pub mod endpoints;
pub mod health;
mod log;
mod meters;
mod missing;
mod networks;
mod policies;
pub mod problem;
mod store;

pub use acme::Acme;
pub use admin::{Admin, Token};
pub use balance::{Balance, Key, Sticky};
pub use end::{Change, End, Here, Respond};
pub use endpoints::{Endpoint, Endpoints, Source, Target};
pub use log::{Form, Level, Log};
pub use missing::at as missing_at;
pub use networks::Networks;
pub use policies::{Ground, Policies};
pub use problem::{Problem, Problems};
pub use store::Store;

/// The compiled configuration.
#[derive(Debug)]
pub struct Table {
    /// Its number.
    pub generation: Generation,
    /// What holds for the whole process.
    pub gateway: Gateway,
    /// The administration interface, if there is one.
    pub admin: Option<Admin>,
    /// Indexed by `ListenerId`.
    pub listeners: Vec<Listener>,
    /// Host and path to route.
    pub lookup: Lookup,
    /// Indexed by `RouteId`, in file order.
    pub routes: Vec<Route>,
    /// Indexed by `UpstreamId`.
    pub upstreams: Vec<Upstream>,
    /// What requests must pass.
    pub policies: Policies,
    /// Certificates that control obtains.
    pub acme: Acme,
    /// What files of certificates gave: the next table goes on with it where one cannot be used any more.
    pub taken: Taken,
}

/// Which of monoio's drivers a shard runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriverChoice {
    /// io_uring where it works, epoll where it is blocked.
    Auto,
    /// io_uring or a refusal to start.
    IoUring,
    /// epoll.
    Epoll,
}

/// What holds for the whole process.
#[derive(Debug)]
pub struct Gateway {
    /// Shards to run; `None` is one a CPU of the inherited affinity mask.
    pub shards: Option<u32>,
    /// The driver asked for.
    pub driver: DriverChoice,
    /// How long a shard stays awake after what it did last.
    pub spin: Option<Duration>,
    /// Downstream connections of the whole process at most.
    pub connections: u32,
    /// Peers whose forwarding fields are believed.
    pub trusted: Networks,
    /// Which forwarding fields are sent to upstreams.
    pub forwarding: Forwarding,
    /// The access log's lines; `None` writes none.
    pub access_log: Option<AccessLog>,
    /// How names are resolved.
    pub resolver: Resolver,
    /// Where limits are shared between machines.
    pub store: Option<Store>,
    /// What the process says of itself.
    pub log: Log,
    /// Whether exchanges are sampled for metrics: whether somebody can read them.
    pub sampled: bool,
    /// Whether every exchange is timed, since a route of the table shows Server-Timing.
    pub timed: bool,
    /// How the process ends.
    pub drain: Drain,
    /// Whether a change of a configuration file is taken by itself.
    pub watch: bool,
}

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// How long connections are still taken while readiness fails already.
    pub delay: Duration,
    /// How long exchanges may take to end after that.
    pub timeout: Duration,
    /// How long tunnels and streams may, where it is another time.
    pub streams: Option<Duration>,
}

/// How names are resolved. Control does it; the shards never wait for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolver {
    /// The servers asked; none are those of the system.
    pub servers: Vec<SocketAddr>,
    /// A lookup without an answer after this has failed.
    pub timeout: Duration,
    /// An answer is kept for this long at least.
    pub ttl_min: Duration,
    /// An answer is kept for this long at most.
    pub ttl_max: Duration,
    /// How long past its time an answer is used while no other comes.
    pub stale: Duration,
}

/// Which fields tell an upstream about the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarding {
    /// X-Forwarded-For, -Proto and -Host.
    XForwarded,
    /// Forwarded (RFC 7239).
    Forwarded,
    /// Neither.
    Off,
}

/// Where access log lines go, and their form.
#[derive(Debug)]
pub struct AccessLog {
    /// `stdout`, or a file's path.
    pub path: String,
    /// The compiled line.
    pub format: Format,
}

/// One listener.
#[derive(Debug)]
pub struct Listener {
    /// Its name, unique.
    pub name: String,
    /// The addresses it is bound to.
    pub bind: Vec<Address>,
    /// Peers whose connections must begin with a PROXY header; from all others none is read.
    pub proxy_protocol: Option<Networks>,
    /// The versions of HTTP that it speaks.
    pub speaks: Speaks,
    /// The terms of its handshakes; none where it speaks plain text.
    pub tls: Option<Terms>,
    /// Until when its certificates are valid, in the order in which they are named.
    pub certificates: Vec<Expiry>,
    /// Where clients are sent that did not come by https; none where they may.
    pub to_https: Option<Redirect>,
    /// What those that came by https are told of coming again: the value of Strict-Transport-Security.
    pub hsts: Option<Box<[u8]>>,
    /// What is done about paths that have two readings.
    pub paths: PathRule,
    /// Limits of its connections and requests.
    pub limits: Limits,
    /// Its timeouts.
    pub timeouts: ListenerTimeouts,
    /// Its connections on the whole machine.
    pub count: Arc<Capped>,
    /// Its tunnels on the whole machine.
    pub tunnels: Arc<Capped>,
    /// Its handshakes under way on the whole machine.
    pub handshakes: Arc<Capped>,
    /// Where its exchanges are counted; none where nobody counts.
    pub meter: Option<Arc<Meter<ListenerCells>>>,
}

/// A certificate of a listener, and until when it is valid.
#[derive(Debug, Clone)]
pub struct Expiry {
    /// Its file.
    pub file: String,
    until: Until,
}

#[derive(Debug, Clone)]
enum Until {
    Always(i64),
    Now(Arc<Obtained>),
}

impl Expiry {
    /// Of one that was read.
    pub fn of(file: String, until: i64) -> Expiry {
        Expiry { file, until: Until::Always(until) }
    }

    /// Of one that is obtained and renewed.
    pub fn of_obtained(file: String, obtained: Arc<Obtained>) -> Expiry {
        Expiry { file, until: Until::Now(obtained) }
    }

    /// The last second since 1970 at which it is valid; none before it was obtained.
    pub fn until(&self) -> Option<i64> {
        match &self.until {
            Until::Always(until) => Some(*until),
            Until::Now(obtained) => obtained.validity().map(|(_, until)| until),
        }
    }
}

/// Versions of HTTP, at least one of them. Where both are spoken, the client chooses: by ALPN (RFC 7301) or, in plain text, by
/// the preface that HTTP/2 begins with (RFC 9113 §3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speaks {
    /// HTTP/1.1 and HTTP/1.0.
    pub http1: bool,
    /// HTTP/2.
    pub http2: bool,
}

/// Limits of a listener's connections and requests.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once, on the whole machine.
    pub connections: u32,
    /// Tunnels at once, on the whole machine; past it 503.
    pub tunnels: u32,
    /// TLS handshakes under way at once, on the whole machine.
    pub handshakes: u32,
    /// Bytes of a request head, request line included; past it 431.
    pub header_bytes: u32,
    /// Fields of a request head; past it 431.
    pub headers: u16,
    /// Bytes of a request target; past it 414.
    pub target_bytes: u32,
    /// Bytes of a request body; past it 413.
    pub body_bytes: Option<u64>,
    /// HTTP/2 streams at once on one connection.
    pub streams: u32,
}

impl Limits {
    /// Those of a head.
    pub fn head(&self) -> HeadLimits {
        HeadLimits { head_bytes: self.header_bytes, fields: self.headers, target_bytes: self.target_bytes }
    }

    /// Whether a body of this length is announced that is too long.
    pub fn refuse(&self, length: Length) -> bool {
        matches!((length, self.body_bytes), (Length::Exact(bytes), Some(limit)) if bytes > limit)
    }
}

/// A listener's timeouts.
#[derive(Debug, Clone, Copy)]
pub struct ListenerTimeouts {
    /// First byte of a head to its end; past it 408.
    pub head: Duration,
    /// Longest silence within a request body; past it 408.
    pub body: Duration,
    /// Last answer to the next byte; past it the connection is closed.
    pub idle: Duration,
    /// Longest silence of a tunnel, both ways.
    pub tunnel_idle: Duration,
    /// Age at which a tunnel is closed.
    pub tunnel_age: Option<Duration>,
    /// Age at which a connection is to make room for another of its client's.
    pub age: Option<Duration>,
}

/// One route.
#[derive(Debug)]
pub struct Route {
    /// Its index.
    pub id: RouteId,
    /// Its name, unique.
    pub name: String,
    /// The named segments of each pattern of its match; empty where none has any.
    pub parameters: Box<[Box<[Parameter]>]>,
    /// Where its requests end.
    pub end: End,
    /// What is changed of a request before it is sent on.
    pub rewrite: Option<Box<Change>>,
    /// Upgrade tokens passed besides `websocket`, in lower case.
    pub upgrade: Vec<String>,
    /// Whether calls of gRPC-Web are made calls of gRPC.
    pub grpc_web: bool,
    /// Its timeouts.
    pub timeouts: RouteTimeouts,
    /// Whether its answers carry Server-Timing.
    pub server_timing: bool,
    /// Where its exchanges are counted; none where nobody counts.
    pub meter: Option<Arc<Meter<RouteCells>>>,
}

/// A route's timeouts. Each starts anew for a replayed try, but for `total`.
#[derive(Debug, Clone, Copy)]
pub struct RouteTimeouts {
    /// To a connected socket, waiting for a free slot of the pool included; past it 504.
    pub connect: Duration,
    /// Request sent to reply head; past it 504.
    pub first_byte: Duration,
    /// Longest silence of the reply body; past it the reply is cut.
    pub between_bytes: Duration,
    /// The whole exchange.
    pub total: Option<Duration>,
}

/// A named group of endpoints.
#[derive(Debug)]
pub struct Upstream {
    /// Its index.
    pub id: UpstreamId,
    /// Its name, unique.
    pub name: String,
    /// Where its endpoints are found, as written.
    pub sources: Vec<Source>,
    /// A file with more of them.
    pub file: Option<PathBuf>,
    /// The endpoints that a shard begins with. Control publishes a new set whenever other addresses are found; it may
    /// be empty.
    pub endpoints: Arc<Endpoints>,
    /// How one is picked.
    pub balance: Balance,
    /// The PROXY header that each connection begins with. Such a connection serves one exchange: what it said of its
    /// client would be wrong for another one.
    pub proxy_protocol: Option<proxy_protocol::Version>,
    /// The terms of its handshakes; none where plain text is spoken. The same handle in every generation that has equal ones.
    pub tls: Option<OriginTerms>,
    /// Whether its endpoints are spoken to in HTTP/2.
    pub http2: bool,
    /// How its endpoints are checked; none where they are not.
    pub health: Option<health::Health>,
    /// Connections of the whole process to this upstream at most.
    pub connections: u32,
    /// An idle connection is closed after this.
    pub idle: Duration,
    /// Age at which a connection is closed behind its exchange.
    pub age: Option<Duration>,
    /// An HTTP/2 connection that has been silent for so long while requests are on it is asked whether it is there.
    pub ping: Option<Duration>,
    /// Its connections on the whole machine; the same cell in every generation that has the name.
    pub count: Arc<Capped>,
    /// Where its exchanges are counted; none where nobody counts.
    pub meter: Option<Arc<Meter<UpstreamCells>>>,
}

impl Listener {
    /// Whether connections of `before`, a listener of an earlier table, are its own: it has the name, and one of its addresses.
    /// A name alone says little where nobody wrote it: a listener that is inserted above has those below named anew.
    pub fn continues(&self, before: &Listener) -> bool {
        self.name == before.name && self.bind.iter().any(|address| before.bind.contains(address))
    }
}

impl Route {
    /// The named segments of the pattern `at` of its match.
    pub fn parameters(&self, at: usize) -> &[Parameter] {
        self.parameters.get(at).map_or(&[], |parameters| parameters)
    }

    /// The Host to send in place of the client's.
    pub fn host(&self) -> Option<&[u8]> {
        self.rewrite.as_ref()?.host.as_deref().map(str::as_bytes)
    }
}

impl Table {
    /// The route of `id`.
    pub fn route(&self, id: RouteId) -> &Route {
        &self.routes[id.index()]
    }

    /// The upstream of `id`.
    pub fn upstream(&self, id: UpstreamId) -> &Upstream {
        &self.upstreams[id.index()]
    }
}
