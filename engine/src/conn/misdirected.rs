//! Requests that came on a connection that was not made for them: 421, so that their client makes another one (RFC 9110
//! §15.5.20). And whom a connection's client is known as, by the certificate that it showed when it was made.

use crate::base::Certificate;
use crate::certs::Terms;
use crate::net::{Stream, clock};
use crate::observe::Reason;
use crate::table::Listener;
use crate::wire::head::Head;

/// Why a request is not served on its connection: it is for a host that this was not made for, or its client would not be let
/// in any more: the authorities or the lists of revoked certificates may be others since it was, its certificate may be over,
/// and what is spoken here TLS, or no TLS any more. What clients are asked for is the same for all hosts of a listener. *Cost*:
/// two comparisons; where clients are asked a look at the clock, and after a change one verification for each connection.
#[inline]
pub(super) fn misdirected(stream: &Stream, listener: &Listener, head: Head<'_>) -> Option<Reason> {
    if listener.tls.is_some() != stream.is_covered() {
        return Some(Reason::Misdirected(""));
    }
    let terms = listener.tls.as_ref()?;
    if let Some(client) = stream.proven() {
        if terms.ask() && client.is_over((clock::unix_ms() / 1000).cast_signed()) {
            return Some(Reason::Misdirected("certificate_over"));
        }
        if !client.holds_to(terms.number(), |certificate| terms.admit(certificate)) {
            return Some(Reason::Misdirected("certificate_refused"));
        }
    }
    let is_elsewhere = stream.asked().is_some_and(|asked| !terms.covers(asked, head.host()));
    is_elsewhere.then_some(Reason::Misdirected(""))
}

/// The certificate of a connection's client, as long as its listener asks for one: where it does not any more, nobody is known
/// by what was asked for before.
#[inline]
pub(super) fn certificate<'s>(stream: &'s Stream, listener: &Listener) -> Option<&'s Certificate> {
    stream.certificate().filter(|_| listener.tls.as_ref().is_some_and(Terms::ask))
}
