//! `upstreams`: groups of origin servers, and how they are called.

use super::balance::Balance;
use super::listener::Protocol;
use super::read::decode::{Decode, Reader, Scalar};
use super::read::section::{section, words};
use super::read::tree::Node;
use super::schema::Defs;
use super::units::{Percent, Period, Size};
use super::values::{FilePath, OrNone};
use serde_json::{Value, json};

section! {
    noun "upstream";
    /// A group of origin servers.
    pub struct Upstream {
        /// Its servers.
        pub endpoints: Vec<Endpoint> = [],
        /// A file with servers, instead of `endpoints` or beside them: one `host:port [weight] [priority]` a line. It is
        /// watched; a new text takes effect when it has not changed for half a second, a faulty one is not taken.
        pub endpoints_file: Option<FilePath>,
        /// How one is picked.
        pub balance: Balance = "round_robin",
        /// The protocol that its servers speak; http2 without TLS is h2c by prior knowledge.
        pub protocol: Protocol = "http1",
        /// The PROXY header that each connection to its servers begins with; none unless given. Such a connection
        /// serves one request only, since it names the client.
        pub proxy_protocol: Option<ProxyVersion>,
        /// TLS to its servers; plain text unless given. `tls: {}` takes the roots of the system, and each server proves the
        /// name or address that is written of it.
        pub tls: Option<OriginTls>,
        /// Active health checks; none unless given.
        pub health: Option<Health>,
        /// When a failed request is tried again; not unless given. A request that failed on a connection the
        /// server had just closed is always tried once more, where that is safe: nothing of it had left or its method is
        /// idempotent, and its body, if it has one, came with its head, about 4 KiB in all.
        pub retry: Option<Retry>,
        /// When the upstream is given a rest; never unless given.
        pub breaker: Option<Breaker>,
        /// Connections kept to its servers.
        pub pool: Pool = {},
    }
}

section! {
    noun "endpoint";
    /// One server.
    pub struct Endpoint {
        /// `host:port`, where a name stands for all its addresses; `srv:_http._tcp.NAME`, which stands for all that the
        /// SRV records name, by their priorities and weights; or `unix:PATH`.
        pub address: String,
        /// Its share of the requests; at least 1. Each address of a name has it.
        pub weight: u32 = "1",
        /// Its group: those of a higher number are asked only when no endpoint of a lower one can be.
        pub priority: u32 = "0",
    }
}

section! {
    noun "tls";
    /// TLS to an upstream's servers: 1.2 with AEAD suites, and 1.3.
    pub struct OriginTls {
        /// Who vouches for the servers: `system`, or a PEM file of certificates, which is watched.
        pub roots: RootsFrom = "system",
        /// The host name or address that all servers have to prove, in place of what is written of each; host names are
        /// also asked for (SNI).
        pub server_name: Option<String>,
        /// A PEM file with the certificate and its chain that is shown to servers which ask; none is unless given.
        pub cert: Option<FilePath>,
        /// A PEM file with its private key.
        pub key: Option<FilePath>,
        /// Whether servers have to prove who they are. With `false` whoever answers at an address is believed.
        pub verify: bool = "true",
    }
}

/// Where the certificates are that vouch for servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootsFrom {
    /// Those of the system.
    System,
    /// A PEM file.
    File(FilePath),
}

impl Decode for RootsFrom {
    fn decode(node: &Node, reader: &mut Reader<'_>) -> Option<RootsFrom> {
        match node.shown() {
            Some("system") => Some(RootsFrom::System),
            _ => FilePath::decode(node, reader).map(RootsFrom::File),
        }
    }

    fn schema(defs: &mut Defs) -> Value {
        FilePath::schema(defs)
    }
}

words! {
    /// A version of the PROXY protocol.
    pub enum ProxyVersion {
        /// A line of text.
        V1 = "v1",
        /// Bytes.
        V2 = "v2",
    }
}

section! {
    noun "health";
    /// Active health checks of each endpoint, from one place whatever the number of shards, over the upstream's protocol and
    /// TLS. An endpoint that fails them gets requests only while no other is left.
    pub struct Health {
        /// The path that is asked for; 2xx and 3xx are healthy. This, or `grpc`.
        pub path: Option<String>,
        /// The service that is asked of by grpc.health.v1, "" for all of the server; SERVING is healthy. Needs
        /// `protocol: http2`.
        pub grpc: Option<String>,
        /// The host that is asked for, unlike what is written of each endpoint.
        pub host: Option<String>,
        /// The port that is asked at, unlike each endpoint's own.
        pub port: Option<u16>,
        /// From one check to the next.
        pub interval: Period = "2s",
        /// A check without an answer after this has failed, its connection included.
        pub timeout: Period = "500ms",
        /// Good checks in a row that bring an endpoint back.
        pub healthy: u32 = "2",
        /// Bad checks in a row that take an endpoint out.
        pub unhealthy: u32 = "3",
    }
}

section! {
    noun "retry";
    /// When a failed request is tried again.
    pub struct Retry {
        /// Tries in all, the first included.
        pub attempts: u32 = "2",
        /// What counts as failed: `connect`, `reset`, or a status.
        pub on: Vec<RetryOn>,
        /// Tries in flight at most, as a share of the requests in flight.
        pub budget: Percent = "20%",
        /// Bytes of a request body kept for another try; a longer body is sent once.
        pub body_buffer: Size = "64KiB",
    }
}

/// What counts as failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryOn {
    /// No connection was made.
    Connect,
    /// The connection broke before a reply head.
    Reset,
    /// The upstream answered with this status.
    Status(u16),
}

impl Scalar for RetryOn {
    const EXPECTS: &'static str = "a reason to try again";
    const FORM: &'static str = "write connect, reset, or a status from 400 to 599";

    fn parse(text: &str) -> Result<RetryOn, Option<String>> {
        match text {
            "connect" => Ok(RetryOn::Connect),
            "reset" => Ok(RetryOn::Reset),
            _ => match u16::parse(text) {
                Ok(status @ 400..=599) => Ok(RetryOn::Status(status)),
                _ => Err(None),
            },
        }
    }

    fn schema() -> Value {
        json!({ "anyOf": [
            { "enum": ["connect", "reset"] },
            { "type": "integer", "minimum": 400, "maximum": 599 },
        ] })
    }
}

section! {
    noun "breaker";
    /// When the upstream is given a rest.
    pub struct Breaker {
        /// The share of failures that opens it.
        pub failures: Percent = "50%",
        /// Requests within `window` below which it never opens.
        pub minimum: u32 = "20",
        /// The time that is looked at.
        pub window: Period = "10s",
        /// How long it stays open before a request is let through to try.
        pub open: Period = "5s",
    }
}

section! {
    noun "pool";
    /// Connections kept to an upstream.
    pub struct Pool {
        /// Connections of the whole process at most; requests wait for one, up to the connect
        /// timeout; past it 503.
        pub connections: u32 = "1024",
        /// An unused connection is closed after this; sooner where the server announces `Keep-Alive: timeout`.
        pub idle: Period = "60s",
        /// Age at which a connection is closed behind its exchange, or `none`; up to a tenth sooner, so that those that were
        /// made together are not made anew together.
        pub age: OrNone<Period> = "none",
        /// A connection of HTTP/2 that has requests on it and brings nothing for so long is asked whether it is there (PING), and
        /// closed if it does not answer within the same time, or 20s; `none` asks never. Servers of gRPC by default close
        /// connections on which they are asked more often than each 5m.
        pub ping: OrNone<Period> = "5m",
    }
}
