//! Requests that came on a connection that was not made for them: 421, so that their client makes another one (RFC 9110
//! §15.5.20). And whom a connection's client is known as, by the certificate that it showed when it was made.

use crate::base::Certificate;
use crate::certs::Terms;
use crate::net::{Stream, clock};
use crate::table::Listener;
use crate::wire::head::Head;

/// Whether a request is for a host that its connection was not made for, or its client would not be let in any more: the
/// authorities or the lists of revoked certificates may be others since it was, its certificate may be over, and what is spoken
/// here TLS, or no TLS any more. What clients are asked for is the same for all hosts of a listener. *Cost*: two comparisons;
/// where clients are asked a look at the clock, and after a change one verification for each connection.
#[inline]
pub(super) fn is_misdirected(stream: &Stream, listener: &Listener, head: Head<'_>) -> bool {
    if listener.tls.is_some() != stream.is_covered() {
        return true;
    }
    let Some(terms) = &listener.tls else { return false };
    let holds = stream.proven().is_none_or(|client| {
        let is_over = terms.ask() && client.is_over((clock::unix_ms() / 1000).cast_signed());
        !is_over && client.holds_to(terms.number(), |certificate| terms.admit(certificate))
    });
    !holds || stream.asked().is_some_and(|asked| !terms.covers(asked, head.host()))
}

/// The certificate of a connection's client, as long as its listener asks for one: where it does not any more, nobody is known
/// by what was asked for before.
#[inline]
pub(super) fn certificate<'s>(stream: &'s Stream, listener: &Listener) -> Option<&'s Certificate> {
    stream.certificate().filter(|_| listener.tls.as_ref().is_some_and(Terms::ask))
}
