//! The gateway as the client of an exchange sees it. What a trusted proxy before it tells of the client's request
//! is believed: that proxy may be where TLS ends.

use super::context::Peer;
use crate::route::front::{Front, Scheme};
use crate::wire::field::Field;
use crate::wire::head::Head;
use crate::wire::uri::Authority;

/// The scheme and host that the client named.
pub fn front(peer: Peer, head: Head<'_>) -> Front<'_> {
    let told = |field: Field| if peer.trusted { head.field(field) } else { None };
    let is_https = told(Field::X_FORWARDED_PROTO).is_some_and(|proto| proto.eq_ignore_ascii_case(b"https"));
    let host = told(Field::X_FORWARDED_HOST).filter(|host| Authority::parse(host).is_some());
    Front {
        scheme: if is_https { Scheme::Https } else { Scheme::Http },
        host: host.unwrap_or_else(|| head.host()),
    }
}
