//! Why an exchange ended as it did: one closed list for the access log, the metric label and `Proxy-Status`.
//! Whoever ends an exchange names the reason; a new way to end is a new line here and nowhere else.

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $name:ident $(($detail:ty))? = $text:literal,)*) => {
        /// Why an exchange ended as it did.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Reason {
            $($(#[doc = $doc])* $name $(($detail))?,)*
        }

        /// The variants without their details, so that each has a number.
        enum Number {
            $($name,)*
        }

        impl Reason {
            /// All names, in the order of [`Reason::index`].
            pub const NAMES: [&'static str; Reason::COUNT] = [$($text,)*];
            /// How many reasons there are: the length of an array indexed by [`Reason::index`].
            pub const COUNT: usize = [$($text,)*].len();

            /// Each of them, without a detail, and when an exchange ends with it: for the operator's page.
            pub fn all() -> [(Reason, &'static str); Reason::COUNT] {
                [$((Reason::$name $((<$detail>::default()))?, concat!($($doc),*)),)*]
            }

            /// A dense number below [`Reason::COUNT`], for arrays of counts. Not stable between releases.
            pub fn index(self) -> usize {
                match self {
                    $(Reason::$name { .. } => Number::$name as usize,)*
                }
            }
        }
    };
}

reasons! {
    /// Nothing went wrong here: the answer is the upstream's own or one that the route asks for.
    Ok = "ok",
    /// The request head did not come within `timeouts.head`.
    HeadTimeout = "head_timeout",
    /// The request body was silent for `timeouts.body`; or nothing of the reply was read for as long, which cuts it.
    BodyTimeout = "body_timeout",
    /// The request head is longer than `limits.header_bytes`.
    HeadTooLarge = "head_too_large",
    /// The request has more fields than `limits.headers`.
    TooManyFields = "too_many_fields",
    /// The request target is too long.
    TargetTooLong = "target_too_long",
    /// The request body is longer than `limits.body_bytes`.
    BodyTooLarge = "body_too_large",
    /// The request breaks the protocol, in the way that the detail names.
    BadRequest(&'static str) = "bad_request",
    /// A version of HTTP that is not spoken on this port.
    VersionNotSupported = "version_not_supported",
    /// The connection did not begin with the PROXY header that its listener requires of its peer.
    ProxyProtocol(&'static str) = "proxy_protocol",
    /// The handshake of TLS failed, in the way that the detail names.
    TlsHandshake(&'static str) = "tls_handshake",
    /// The host is not one of the certificate that the connection was made with. Or its client would not be let in any more, as
    /// the detail says, and it ends: the client's certificate is over (`certificate_over`) or no longer accepted
    /// (`certificate_refused`).
    Misdirected(&'static str) = "misdirected",
    /// An expectation other than `100-continue`.
    ExpectationFailed = "expectation_failed",
    /// The method CONNECT, which a gateway does not serve.
    ConnectRefused = "connect_refused",
    /// No route takes this host and path.
    NoRoute = "no_route",
    /// Routes take this path, but none takes its method; `Allow` names those that are taken.
    MethodNotAllowed = "method_not_allowed",
    /// The client's address is one that a policy refuses.
    AddressDenied = "address_denied",
    /// A preflight from an origin, for a method or with fields that the CORS policy does not name.
    CorsDenied(&'static str) = "cors_denied",
    /// Nobody known asks, for the reason that the detail names.
    Unauthenticated(&'static str) = "unauthenticated",
    /// Whoever asks lacks what the detail names.
    Forbidden(&'static str) = "forbidden",
    /// A limit is reached.
    RateLimited(&'static str) = "rate_limited",
    /// What is sent is not what a policy accepts.
    Invalid(&'static str) = "invalid",
    /// The body is not of a kind that a policy accepts.
    MediaType(&'static str) = "media_type",
    /// The body is larger than a policy reads.
    PolicyBodyTooLarge = "policy_body_too_large",
    /// A policy could not decide, since whom it asks gave no answer.
    PolicyUndecided(&'static str) = "policy_undecided",
    /// A tunnel asked for over HTTP/2 met an answer of 2xx, which would have opened it with nobody behind.
    UpgradeRefused = "upgrade_refused",
    /// No endpoint of the upstream may be picked.
    NoEndpoint = "no_endpoint",
    /// No connection to an endpoint could be made; the detail names how the last one tried failed.
    UpstreamConnect(&'static str) = "upstream_connect",
    /// No socket could be opened for an upstream: the gateway has no more of what the detail names.
    NoSocket(&'static str) = "no_socket",
    /// No connection to an endpoint was made within `timeouts.connect`.
    UpstreamConnectTimeout = "upstream_connect_timeout",
    /// The certificate of the last endpoint tried breaks the rule that the detail names.
    UpstreamCertificate(&'static str) = "upstream_certificate",
    /// The upstream refused the TLS handshake or broke TLS, in the way that the detail names.
    UpstreamTls(&'static str) = "upstream_tls",
    /// The TLS handshake with an endpoint was not done within `timeouts.connect`.
    UpstreamTlsTimeout = "upstream_tls_timeout",
    /// The upstream closed or reset the connection before its reply head.
    UpstreamReset = "upstream_reset",
    /// The reply breaks the protocol, in the way that the detail names; cut if its head was passed on already.
    UpstreamMalformed(&'static str) = "upstream_malformed",
    /// The reply head did not come within `timeouts.first_byte`.
    UpstreamTimeout = "upstream_timeout",
    /// The reply body was silent for `timeouts.between_bytes`; cut if anything of it had left already.
    UpstreamBodyTimeout = "upstream_body_timeout",
    /// The upstream closed the connection within its reply body; cut if anything of it had left already.
    UpstreamCut = "upstream_cut",
    /// The upstream answered with an error of this status, and a policy put the gateway's own body in place of its.
    UpstreamError(u16) = "upstream_error",
    /// The client closed or reset its connection before the end of the exchange, or within the head of its request.
    ClientGone = "client_gone",
    /// The client of an HTTP/2 connection was silent, read nothing, and did not answer a PING either.
    ClientSilent = "client_silent",
    /// The exchange was not over within `timeouts.total`; cut if the reply had begun.
    TotalTimeout = "total_timeout",
    /// All connections that the upstream may have are busy.
    PoolFull = "pool_full",
    /// The process or the listener has all connections that it may have.
    ConnectionCap = "connection_cap",
    /// The listener has all tunnels that it may have.
    TunnelCap = "tunnel_cap",
    /// The exchange panicked: a bug of ours, which costs this one connection.
    Panic = "panic",
    /// The process is ending: nothing of an answer had left yet, or a tunnel or a stream was cut.
    Draining = "draining",
    /// A tunnel was silent for `timeouts.tunnel_idle`.
    TunnelIdle = "tunnel_idle",
    /// A tunnel was as old as `timeouts.tunnel_age` lets one become.
    TunnelAge = "tunnel_age",
}

impl Reason {
    /// The name in snake case, as logs, metric labels and `Proxy-Status` show it.
    pub fn as_str(self) -> &'static str {
        Reason::NAMES[self.index()]
    }

    /// Whether it is told of what a client asked. Else its connection was refused before it could ask anything.
    #[inline]
    pub fn is_of_request(self) -> bool {
        !matches!(self, Reason::TlsHandshake(_) | Reason::ProxyProtocol(_) | Reason::ConnectionCap)
    }

    /// What exactly was wrong, for the reasons that tell; else empty.
    pub fn detail(self) -> &'static str {
        match self {
            Reason::BadRequest(detail)
            | Reason::Misdirected(detail)
            | Reason::CorsDenied(detail)
            | Reason::Unauthenticated(detail)
            | Reason::Forbidden(detail)
            | Reason::RateLimited(detail)
            | Reason::Invalid(detail)
            | Reason::MediaType(detail)
            | Reason::PolicyUndecided(detail)
            | Reason::UpstreamConnect(detail)
            | Reason::NoSocket(detail)
            | Reason::UpstreamCertificate(detail)
            | Reason::UpstreamTls(detail)
            | Reason::UpstreamMalformed(detail)
            | Reason::ProxyProtocol(detail)
            | Reason::TlsHandshake(detail) => detail,
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_in_snake_case() {
        let unique: HashSet<_> = Reason::NAMES.iter().collect();
        assert_eq!(unique.len(), Reason::COUNT);
        for name in Reason::NAMES {
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
        }
    }

    #[test]
    fn a_name_does_not_depend_on_the_detail() {
        assert_eq!(Reason::BadRequest("two hosts").as_str(), "bad_request");
        assert_eq!(Reason::BadRequest("two hosts").detail(), "two hosts");
        assert_eq!(Reason::BadRequest("a").index(), Reason::BadRequest("b").index());
        assert_eq!((Reason::Ok.index(), Reason::Ok.as_str(), Reason::Ok.detail()), (0, "ok", ""));
        assert_eq!(Reason::TunnelAge.index(), Reason::COUNT - 1);
    }
}
