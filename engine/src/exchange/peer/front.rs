//! The gateway as the client of an exchange sees it. What a trusted proxy before it tells of the client's request
//! is believed, in the fields that the gateway is set to: that proxy may be where TLS ends.

use super::Peer;
use super::client;
use crate::route::front::{Front, Scheme};
use crate::table::{Forwarding, Gateway};
use crate::wire::field::Field;
use crate::wire::head::Head;
use crate::wire::uri::Authority;

/// The scheme and host that the client named. A proxy that is set to Forwarded passes X-Forwarded-Proto and -Host on as
/// whoever sent them, so that with `rfc7239` they tell nothing.
pub fn front<'h>(peer: Peer, head: Head<'h>, gateway: &Gateway) -> Front<'h> {
    let (scheme, host) = match gateway.forwarding {
        _ if !peer.trusted => (None, None),
        Forwarding::Forwarded => client::named(head, peer.addr.ip(), &gateway.trusted),
        Forwarding::XForwarded | Forwarding::Off => {
            (head.field(Field::X_FORWARDED_PROTO), head.field(Field::X_FORWARDED_HOST))
        }
    };
    let scheme = scheme.and_then(|proto| match proto {
        _ if proto.eq_ignore_ascii_case(b"https") => Some(Scheme::Https),
        _ if proto.eq_ignore_ascii_case(b"http") => Some(Scheme::Http),
        _ => None,
    });
    let host = host.filter(|host| Authority::parse(host).is_some());
    Front { scheme: scheme.unwrap_or(peer.scheme), host: host.unwrap_or_else(|| head.host()) }
}
