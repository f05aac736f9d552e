//! What holds for the whole process: `gateway`, `admin`, `access_log`, `consumers`.

use super::read::decode::{Decode, Reader, Scalar};
use super::read::section::{section, words};
use super::read::tree::Node;
use super::schema::Defs;
use super::store::Store;
use super::units::Period;
use super::values::{FilePath, OrNone, Secret};
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};

section! {
    noun "gateway";
    /// What holds for the whole process.
    pub struct Gateway {
        /// Threads that serve requests, each pinned to a CPU: `auto` is one a CPU, or a number.
        pub shards: Shards = "auto",
        /// How a shard waits for the kernel.
        pub driver: Driver = "auto",
        /// How long a shard stays awake after what it did last, such as `50us`: waking a CPU that sleeps takes longer than a
        /// request. Costs CPU: all of one where requests come more often than that. `none` sleeps at once.
        pub spin: OrNone<Period> = "none",
        /// Client connections of the whole process at most; past it 503.
        pub connections: u32 = "50000",
        /// Peers whose forwarding fields are believed: addresses, networks such as `10.0.0.0/8`, or `unix` for every peer
        /// on a Unix socket.
        pub trusted_proxies: Vec<Network> = [],
        /// Which fields tell an upstream about the client.
        pub forwarded: Forwarded = "x_forwarded",
        /// Policies of every request that a route takes, by name; one that none takes (404, 405) gets the fields of `cors`.
        pub policies: Vec<String> = [],
        /// How the names of endpoints are resolved.
        pub resolver: Resolver = {},
        /// Where limits with `shared` are counted together with other machines; none unless given.
        pub store: Option<Store>,
        /// How the gateway ends.
        pub drain: Drain = {},
        /// Whether a change of a configuration file is taken by itself, once the file has settled. SIGHUP and
        /// `ringgate reload` work in any case.
        pub watch: bool = "true",
    }
}

section! {
    noun "drain";
    /// How the gateway ends after SIGTERM or `ringgate drain`.
    pub struct Drain {
        /// How long connections are still taken while `/readyz` fails already: until a load balancer has noticed.
        pub delay: Period = "0s",
        /// How long exchanges may take to end after that; what is open then is closed. At least 1ms.
        pub timeout: Period = "10s",
        /// How long tunnels (WebSocket) and streams (server-sent events, gRPC) may go on after the delay, be it longer or
        /// shorter; as long as `timeout` unless given.
        pub streams: Option<Period>,
    }
}

section! {
    noun "resolver";
    /// How the names of endpoints are resolved.
    pub struct Resolver {
        /// DNS servers, as `address` or `address:port`; none are those of `/etc/resolv.conf`.
        pub servers: Vec<NameServer> = [],
        /// A lookup without an answer after this has failed.
        pub timeout: Period = "2s",
        /// An answer is kept for this long at least, whatever its TTL; 100ms or more.
        pub ttl_min: Period = "1s",
        /// An answer is kept for this long at most, whatever its TTL.
        pub ttl_max: Period = "5m",
        /// How long past its time an answer is used while servers fail or say that the name is gone.
        pub stale: Period = "30s",
    }
}

/// A DNS server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameServer(pub SocketAddr);

impl Scalar for NameServer {
    const EXPECTS: &'static str = "a DNS server's address";
    const FORM: &'static str =
        "write an address, with its port unless it is 53, such as 10.0.0.2 or [fd00::2]:5353";

    fn parse(text: &str) -> Result<NameServer, Option<String>> {
        let alone = || text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
        let addr = text.parse::<SocketAddr>().or_else(|_| alone()).map_err(|_| None)?;
        if addr.port() == 0 || addr.ip().is_unspecified() { Err(None) } else { Ok(NameServer(addr)) }
    }

    fn schema() -> Value {
        json!({ "type": "string" })
    }
}

/// A number of shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shards {
    /// One a CPU that the process may run on.
    Auto,
    /// So many; at least 1.
    Count(u32),
}

impl Scalar for Shards {
    const EXPECTS: &'static str = "'auto' or a number of shards";
    const FORM: &'static str = "write auto, or a whole number from 1 to 1024";

    fn parse(text: &str) -> Result<Shards, Option<String>> {
        match text {
            "auto" => Ok(Shards::Auto),
            _ => match u32::parse(text) {
                Ok(count @ 1..=1024) => Ok(Shards::Count(count)),
                _ => Err(None),
            },
        }
    }

    fn schema() -> Value {
        json!({ "anyOf": [{ "const": "auto" }, { "type": "integer", "minimum": 1, "maximum": 1024 }] })
    }
}

words! {
    /// How a shard waits for the kernel.
    pub enum Driver {
        /// io_uring where it works, epoll where it is blocked.
        Auto = "auto",
        /// io_uring, or a refusal to start.
        IoUring = "io_uring",
        /// epoll.
        Epoll = "epoll",
    }
}

words! {
    /// Which fields tell an upstream about the client.
    pub enum Forwarded {
        /// X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host.
        XForwarded = "x_forwarded",
        /// Forwarded (RFC 7239).
        Rfc7239 = "rfc7239",
        /// None of them: what trusted proxies say in them passes as it came, what others say is removed.
        Off = "off",
    }
}

/// Peers by where they connect from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// A network, or a single address as the network that holds only it. None of IPv4 is written as IPv6.
    Ip(ipnet::IpNet),
    /// Every peer on a Unix socket.
    Unix,
}

impl Scalar for Network {
    const EXPECTS: &'static str = "an address, a network or 'unix'";
    const FORM: &'static str =
        "write an address or ADDRESS/BITS, such as 10.0.0.0/8 or 2001:db8::/32, or unix";

    fn parse(text: &str) -> Result<Network, Option<String>> {
        if text == "unix" {
            return Ok(Network::Unix);
        }
        let single = || text.parse::<std::net::IpAddr>().map(ipnet::IpNet::from);
        let network = text.parse::<ipnet::IpNet>().or_else(|_| single()).map_err(|_| None)?;
        if network.addr() != network.network() {
            return Err(Some(format!("did you mean '{}'?", network.trunc())));
        }
        Ok(Network::Ip(canonical(network)))
    }

    fn schema() -> Value {
        json!({ "type": "string" })
    }
}

/// A network of IPv4 that was written as IPv6 is one of IPv4: so are the addresses that are looked up in it.
fn canonical(network: ipnet::IpNet) -> ipnet::IpNet {
    let ipnet::IpNet::V6(v6) = network else { return network };
    match (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) {
        (Some(v4), Some(bits)) => ipnet::Ipv4Net::new(v4, bits).map_or(network, ipnet::IpNet::V4),
        _ => network,
    }
}

section! {
    noun "admin";
    /// The administration interface.
    pub struct Admin {
        /// `host:port`, or `unix:PATH`.
        pub bind: String,
        /// What callers must send as a bearer token; required unless `bind` is loopback or a Unix socket.
        pub token: Option<Secret>,
        /// Series of metrics at most, 1000 or more. Routes, upstreams and endpoints past it are counted together as `(overflow)`.
        pub series: u32 = "500000",
    }
}

/// Where access log lines go.
#[derive(Debug, Clone, PartialEq)]
pub enum AccessLog {
    /// Nowhere.
    Off,
    /// Somewhere.
    On(AccessLogTo),
}

section! {
    noun "access_log";
    /// Where access log lines go, and their form.
    pub struct AccessLogTo {
        /// `stdout`, or the path of a file, which is appended to; a new one has mode 640.
        pub path: LogPath = "stdout",
        /// `json`, `combined`, or a pattern of `%{name}`.
        pub format: String = "json",
    }
}

impl Decode for AccessLog {
    fn decode(node: &Node, reader: &mut Reader<'_>) -> Option<AccessLog> {
        if node.shown() == Some("off") {
            return Some(AccessLog::Off);
        }
        if node.shown().is_some() {
            reader.refuse(
                node,
                "'off' or a map of path and format",
                Some("write off, or { path: stdout }".into()),
            );
            return None;
        }
        AccessLogTo::decode(node, reader).map(AccessLog::On)
    }

    fn schema(defs: &mut Defs) -> Value {
        json!({ "anyOf": [{ "const": "off" }, AccessLogTo::schema(defs)] })
    }
}

/// `stdout`, or a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPath {
    /// The standard output.
    Stdout,
    /// A file, appended to.
    File(FilePath),
}

impl Decode for LogPath {
    fn decode(node: &Node, reader: &mut Reader<'_>) -> Option<LogPath> {
        match node.shown() {
            Some("stdout") => Some(LogPath::Stdout),
            Some("stderr") => {
                let fix = "write stdout; ./stderr is a file of that name";
                reader.refuse(node, "where exchanges are logged", Some(fix.into()));
                None
            }
            Some(path) if path.starts_with("syslog:") => {
                let fix = format!(
                    "write stdout, which the service manager may send there; ./{path} is a file of that name"
                );
                reader.refuse(node, "where exchanges are logged", Some(fix));
                None
            }
            _ => FilePath::decode(node, reader).map(LogPath::File),
        }
    }

    fn schema(defs: &mut Defs) -> Value {
        FilePath::schema(defs)
    }
}

section! {
    noun "consumer";
    /// One who calls, known by credentials.
    pub struct Consumer {
        /// Its name, unique.
        pub name: String,
        /// The keys it may call with, each as it is or as `sha256:` and 64 hexadecimal digits.
        pub api_keys: Vec<Secret> = [],
        /// The certificates it may show (see `client_auth`): `sha256:HEX`, `spiffe://DOMAIN/PATH`, `subject:NAME` as RFC 4514 writes
        /// it, `uri:URI`, `email:ADDRESS`, `dns:NAME` or `ip:ADDRESS`.
        pub certificates: Vec<String> = [],
        /// Its tier, a word that limits may be keyed by.
        pub tier: Option<String>,
        /// The scopes granted to it when it calls with a key, a password or a certificate.
        pub scopes: Vec<String> = [],
        /// The roles it holds then.
        pub roles: Vec<String> = [],
    }
}
