//! What keeps clients on https: those that came by http are sent there before anything else is decided, and those that came
//! by https are told to come by nothing else, in every answer (RFC 6797 §7.2: in those alone).

use crate::exchange::context::Context;
use crate::exchange::end::{Own, location};
use crate::exchange::peer::Peer;
use crate::exchange::peer::front::front;
use crate::observe::Reason;
use crate::route::finder::Caches;
use crate::route::front::Scheme;
use crate::table::Table;
use crate::wire::edits::Edits;
use crate::wire::field::Field;
use crate::wire::head::Head;

/// The answer to a client of a listener that has all come by https, if this one did not. It is made in `edits` and `space`.
///
/// # Errors
/// When the client names no host to be sent to.
#[inline]
pub fn redirected<'a>(
    ctx: &Context<'_>,
    (head, path): (Head<'_>, &[u8]),
    edits: &'a mut Edits,
    space: &mut Vec<u8>,
) -> Result<Option<Own<'a>>, Reason> {
    if ctx.table.listeners[ctx.peer.listener.index()].to_https.is_none() {
        return Ok(None);
    }
    space.clear();
    let caches = &mut ctx.lent.caches.borrow_mut();
    let Some(status) = elsewhere(ctx.table, (ctx.peer, head, path), caches, space)? else { return Ok(None) };
    edits.clear();
    // Every part was checked when it was parsed or loaded.
    if !edits.set(Field::LOCATION, space) {
        return Err(Reason::BadRequest("rewrite_not_canonical"));
    }
    Ok(Some(Own { status, edits, content: b"" }))
}

/// Appends where a client is sent that did not come by https, and gives the status; none where it may stay.
///
/// # Errors
/// As [`redirected`].
pub fn elsewhere(
    table: &Table,
    (peer, head, path): (Peer, Head<'_>, &[u8]),
    caches: &mut Caches,
    out: &mut Vec<u8>,
) -> Result<Option<u16>, Reason> {
    let Some(redirect) = &table.listeners[peer.listener.index()].to_https else { return Ok(None) };
    let front = front(peer, head, &table.gateway);
    if front.scheme == Scheme::Https {
        return Ok(None);
    }
    if front.authority().is_none() {
        return Err(Reason::BadRequest("host_missing"));
    }
    location(redirect, (front, head, path, 0), caches, out)?;
    Ok(Some(redirect.status))
}

impl Context<'_> {
    /// Whether its client is told to come by nothing but https.
    #[inline]
    pub(in crate::exchange) fn is_strict(&self) -> bool {
        self.table.listeners[self.peer.listener.index()].hsts.is_some()
    }

    /// Has `edits` of an answer tell it, unless they do so already by a policy that says it otherwise.
    #[inline]
    pub(in crate::exchange) fn tell_strict(&self, edits: &mut Edits) {
        if let Some(value) = &self.table.listeners[self.peer.listener.index()].hsts {
            self.put_strict(value, edits);
        }
    }

    #[inline(never)]
    fn put_strict(&self, value: &[u8], edits: &mut Edits) {
        let told = |head| front(self.peer, head, &self.table.gateway).scheme;
        let scheme = self.head.map_or(self.peer.scheme, told);
        if scheme == Scheme::Https && edits.value(STRICT).is_none() {
            let is_valid = edits.set(STRICT, value);
            debug_assert!(is_valid, "numbers and words can stand in a field");
        }
    }
}

/// The field that tells it.
const STRICT: &str = "Strict-Transport-Security";
