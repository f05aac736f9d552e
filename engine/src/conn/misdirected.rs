//! Requests that came on a connection that was not made for them: 421, so that their client makes another one (RFC 9110
//! §15.5.20).

use crate::net::Stream;
use crate::table::Listener;
use crate::wire::head::Head;

/// Whether a request is for a host that its connection was not made for, or its client would not be let in any more: the
/// authorities or the lists of revoked certificates may be others since it was, and what is spoken here TLS, or no TLS any
/// more. What clients are asked for is the same for
/// all hosts of a listener. *Cost*: two comparisons, and after a change one verification for each connection.
#[inline]
pub(super) fn is_misdirected(stream: &Stream, listener: &Listener, head: Head<'_>) -> bool {
    if listener.tls.is_some() != stream.is_covered() {
        return true;
    }
    let Some(terms) = &listener.tls else { return false };
    let holds = stream
        .proven()
        .is_none_or(|client| client.holds_to(terms.number(), |certificate| terms.admit(certificate)));
    !holds || stream.asked().is_some_and(|asked| !terms.covers(asked, head.host()))
}
