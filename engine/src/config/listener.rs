//! `listeners`: where clients connect, and what bounds them there.

use super::gateway::Network;
use super::read::decode::{Decode, Reader, Scalar};
use super::read::section::{section, words};
use super::read::tree::{Node, Shape};
use super::schema::Defs;
use super::units::{Period, Size};
use super::values::{FilePath, OneOrMore, OrNone};
use acme::Obtain;
use serde_json::{Value, json};

pub mod acme;

section! {
    noun "listener";
    /// Where clients connect.
    pub struct Listener {
        /// Its name, unique; `listener-1` and so on unless given.
        pub name: Option<String>,
        /// `address:port`, `unix:PATH`, or a list of them. `[::]:8080` takes IPv6 only; bind `0.0.0.0:8080` beside it for IPv4.
        pub bind: OneOrMore<String>,
        /// Protocols spoken: `[http1]`, with `tls` `[http1, http2]`. http2 without tls is h2c by prior knowledge.
        pub protocols: Option<Vec<Protocol>>,
        /// Certificates; plain text unless given.
        pub tls: Option<Tls>,
        /// Whether clients that did not come by https are sent there with a 308, before anything else is decided: `true`, or the
        /// port where it is spoken unless that is 443. By https come those of a listener with `tls`, and those of whom a trusted
        /// proxy says so.
        pub redirect_https: RedirectHttps = "false",
        /// Has each answer to a client that came by https say for how long it is to come by nothing else (RFC 6797), such as
        /// `365d`; says nothing unless given.
        pub hsts: Option<Hsts>,
        /// Proxies before this listener that send a PROXY header; none unless given.
        pub proxy_protocol: Option<ProxyProtocol>,
        /// What is done about paths that an origin may read otherwise than they are written.
        pub paths: Paths = {},
        /// What a client may send.
        pub limits: Limits = {},
        /// How long a client may take.
        pub timeouts: Timeouts = {},
        /// Policies of every request of this listener that a route takes, by name.
        pub policies: Vec<String> = [],
    }
}

/// Whether clients that came by http are sent to https, and to which port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedirectHttps(pub Option<u16>);

impl Scalar for RedirectHttps {
    const EXPECTS: &'static str = "true, false or a port";
    const FORM: &'static str = "write true for port 443, or the port, such as 8443";

    fn parse(text: &str) -> Result<RedirectHttps, Option<String>> {
        if let Ok(is_on) = bool::parse(text) {
            return Ok(RedirectHttps(is_on.then_some(443)));
        }
        match u16::parse(text) {
            Ok(port @ 1..) => Ok(RedirectHttps(Some(port))),
            _ => Err(bool::parse(text).err().flatten()),
        }
    }

    fn schema() -> Value {
        json!({ "anyOf": [{ "type": "boolean" }, { "type": "integer", "minimum": 1, "maximum": 65535 }] })
    }
}

section! {
    noun "hsts";
    /// For how long clients that were here by https come by nothing else (HTTP Strict Transport Security, RFC 6797).
    pub struct Strict {
        /// For how long, such as `365d`, and a second at least; `0s` has clients forget it.
        pub max_age: Period,
        /// Whether it holds for all hosts below the client's too.
        pub include_subdomains: bool = "false",
        /// Whether browsers may build it in. They ask for a year at least, and for `include_subdomains`.
        pub preload: bool = "false",
    }
}

/// A time, or the whole section.
#[derive(Debug, Clone, PartialEq)]
pub struct Hsts(pub Strict);

impl Decode for Hsts {
    fn decode(node: &Node, reader: &mut Reader<'_>) -> Option<Hsts> {
        if let Shape::Map(_) = node.shape {
            return Strict::decode(node, reader).map(Hsts);
        }
        let max_age = <Period as Decode>::decode(node, reader)?;
        Some(Hsts(Strict { max_age, include_subdomains: false, preload: false }))
    }

    fn schema(defs: &mut Defs) -> Value {
        json!({ "anyOf": [<Period as Decode>::schema(defs), Strict::schema(defs)] })
    }
}

section! {
    noun "proxy_protocol";
    /// Proxies that say of each connection whose it is (the PROXY protocol, version 1 or 2).
    pub struct ProxyProtocol {
        /// Addresses, networks such as `10.0.0.0/8`, or `unix` for every peer on a Unix socket. Each connection from them
        /// must begin with the header; from others none is read.
        pub from: Vec<Network>,
    }
}

section! {
    noun "paths";
    /// Paths that an origin may read otherwise than they are written: routes and policies go by what is written.
    pub struct Paths {
        /// `//`: it stays; or it is `/`, for routes, policies and the origin; or the answer is 400.
        pub double_slash: DoubleSlash = "keep",
        /// `%2F` and `%5C`, which some origins decode: they stay, or the answer is 400.
        pub escaped_slash: EscapedSlash = "keep",
    }
}

words! {
    /// What becomes of `//`.
    pub enum DoubleSlash {
        /// It stays.
        Keep = "keep",
        /// It is `/`.
        Merge = "merge",
        /// The answer is 400.
        Refuse = "refuse",
    }
}

words! {
    /// What becomes of `%2F` and `%5C`.
    pub enum EscapedSlash {
        /// They stay.
        Keep = "keep",
        /// The answer is 400.
        Refuse = "refuse",
    }
}

words! {
    /// A protocol.
    pub enum Protocol {
        /// HTTP/1.1 and HTTP/1.0.
        Http1 = "http1",
        /// HTTP/2.
        Http2 = "http2",
    }
}

/// Where the keys of tickets come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tickets {
    /// There are no tickets.
    Off,
    /// Files.
    Files(OneOrMore<FilePath>),
}

impl Decode for Tickets {
    fn decode(node: &Node, reader: &mut Reader<'_>) -> Option<Tickets> {
        match node.shown() {
            Some("off") => Some(Tickets::Off),
            _ => OneOrMore::decode(node, reader).map(Tickets::Files),
        }
    }

    fn schema(defs: &mut Defs) -> Value {
        json!({ "anyOf": [{ "const": "off" }, OneOrMore::<FilePath>::schema(defs)] })
    }
}

section! {
    noun "tls";
    /// Certificates of a listener.
    pub struct Tls {
        /// Certificates; the name a client asks for picks one, the first serves the rest.
        pub certs: Vec<Cert> = [],
        /// Certificates that the gateway obtains and renews by itself, one or several; they come behind those of `certs`.
        pub acme: Option<OneOrMore<Obtain>>,
        /// Keys of the tickets by which clients come back without a whole handshake, so that several gateways take each other's: a
        /// file of 48 bytes or of some times 80, as `openssl rand 80` makes it, or several. The first key seals, all open. Unless
        /// given they are the process's own and change by themselves. `off` gives no tickets: every handshake is a whole one.
        pub tickets: Option<Tickets>,
        /// Whether clients show certificates of their own.
        pub client_auth: ClientAuth = "off",
        /// Who vouches for clients: a PEM file with the certificates of authorities. Needed where clients are asked.
        pub client_ca: Option<FilePath>,
        /// Lists of certificates that are revoked (CRL), PEM or DER: a file or several. Given one, each authority of a client's
        /// chain needs its own, and none may be overdue; of several of one authority the newest counts.
        pub crl: Option<OneOrMore<FilePath>>,
    }
}

section! {
    noun "cert";
    /// A certificate and its key.
    pub struct Cert {
        /// A PEM file with the certificate and its chain.
        pub cert: FilePath,
        /// A PEM file with its private key.
        pub key: FilePath,
    }
}

words! {
    /// Whether clients show certificates.
    pub enum ClientAuth {
        /// They are not asked.
        Off = "off",
        /// They are asked, and may decline.
        Optional = "optional",
        /// They are refused without one.
        Required = "required",
    }
}

section! {
    noun "limits";
    /// What a client may send. Each refusal has its own status and reaches the access log.
    pub struct Limits {
        /// Connections at once on the whole machine; past it 503.
        pub connections: u32 = "50000",
        /// Tunnels (WebSocket) at once on the whole machine, those that are being opened included; past it 503.
        pub tunnels: u32 = "50000",
        /// TLS handshakes under way at once on the whole machine; past it a connection is closed without one.
        pub handshakes: u32 = "10000",
        /// Bytes of a request head, request line included; past it 431. From 1KiB to 60KiB.
        pub header_bytes: Size = "32KiB",
        /// Fields of a request head; past it 431.
        pub headers: u16 = "100",
        /// Bytes of a request target, path and query; past it 414. From 64B to 60KiB.
        pub target_bytes: Size = "16KiB",
        /// Bytes of a request body, or `none`; past it 413.
        pub body_bytes: OrNone<Size> = "none",
        /// HTTP/2 streams at once on one connection.
        pub streams_per_connection: u32 = "128",
    }
}

section! {
    noun "timeouts";
    /// How long a client may take.
    pub struct Timeouts {
        /// First byte of a head to its end; past it 408.
        pub head: Period = "10s",
        /// Longest silence within a request body, past it 408; or of a client that reads so little of its reply that
        /// the system takes no more of it, past it the connection is closed.
        pub body: Period = "30s",
        /// Last answer to the next byte; past it the connection is closed.
        pub idle: Period = "75s",
        /// Longest silence of a tunnel (WebSocket), both ways.
        pub tunnel_idle: Period = "1h",
        /// Age at which a tunnel is closed, or `none`; up to a tenth sooner, each at another time. A client that stays keeps for as
        /// long the configuration under which it was let in.
        pub tunnel_age: OrNone<Period> = "none",
        /// Age of a connection at which its client is told to open another one, or `none`; up to a tenth sooner, so that
        /// those that came together do not go together. The request in hand is answered, over HTTP/2 all of them; what was
        /// pipelined behind it is for the client to send again (RFC 9112 §9.3.2). A tunnel is left alone.
        pub age: OrNone<Period> = "none",
    }
}
