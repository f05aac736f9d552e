//! The gateway as the client of an exchange sees it. What a trusted proxy before it tells of the client's request
//! is believed: that proxy may be where TLS ends.

use crate::exchange::context::Peer;
use crate::route::front::{Front, Scheme};
use crate::wire::field::Field;
use crate::wire::head::Head;
use crate::wire::uri::Authority;

/// The scheme and host that the client named.
pub fn front(peer: Peer, head: Head<'_>) -> Front<'_> {
    let told = |field: Field| if peer.trusted { head.field(field) } else { None };
    let scheme = told(Field::X_FORWARDED_PROTO).and_then(|proto| match proto {
        _ if proto.eq_ignore_ascii_case(b"https") => Some(Scheme::Https),
        _ if proto.eq_ignore_ascii_case(b"http") => Some(Scheme::Http),
        _ => None,
    });
    let host = told(Field::X_FORWARDED_HOST).filter(|host| Authority::parse(host).is_some());
    Front { scheme: scheme.unwrap_or(peer.scheme), host: host.unwrap_or_else(|| head.host()) }
}
