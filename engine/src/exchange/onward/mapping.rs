//! The edits of an upstream's reply that hide where it came from: see `route/back`. Also where a sticky cookie is
//! issued. A reply without the fields in question costs one comparison of sets.

use crate::base::Address;
use crate::exchange::context::Context;
use crate::exchange::peer::front::front;
use crate::route::back::{Back, Inside, Rewritten};
use crate::route::split::CookieId;
use crate::table::End;
use crate::wire::edits::Edits;
use crate::wire::field::{Field, FieldSet};
use crate::wire::head::Head;
use std::net::SocketAddr;

/// Fields that name places.
const PLACES: FieldSet =
    FieldSet::of(&[Field::LOCATION, Field::CONTENT_LOCATION, Field::REFRESH, Field::SET_COOKIE]);

/// What became of a request on its way up.
#[derive(Clone, Copy)]
pub struct Way<'a> {
    /// Which pattern of its route's match took its path.
    pub at: usize,
    /// Its canonical path.
    pub path: &'a [u8],
    /// The Host that was sent.
    pub sent: &'a [u8],
    /// Whether it went over TLS.
    pub secured: bool,
    /// The sticky cookie to issue.
    pub issue: Option<CookieId>,
}

/// The address of an endpoint on a network.
fn tcp(addr: &Address) -> Option<SocketAddr> {
    match addr {
        Address::Tcp(addr) => Some(*addr),
        Address::Unix(_) => None,
    }
}

impl Way<'_> {
    /// Fills `edits` with what the client has to hear otherwise than the upstream said it in `reply`.
    #[inline]
    pub fn back(&self, ctx: &Context<'_>, reply: Head<'_>, edits: &mut Edits, space: &mut Vec<u8>) {
        edits.clear();
        if reply.seen().meets(PLACES) {
            self.map(ctx, reply, edits, space);
        }
        if let Some(id) = self.issue {
            self.issue(ctx, id, edits, space);
        }
    }

    fn map(&self, ctx: &Context<'_>, reply: Head<'_>, edits: &mut Edits, space: &mut Vec<u8>) {
        let picked = ctx.tried.endpoint.borrow();
        let (Some(head), Some(route), Some(picked)) = (ctx.head, ctx.route.get(), picked.as_ref()) else {
            return;
        };
        let rewrite = ctx.table.route(route).rewrite.as_ref();
        let by = rewrite.and_then(|rewrite| rewrite.path.as_ref());
        let inside = picked
            .set()
            .iter()
            .map(|endpoint| Inside { name: endpoint.host.as_bytes(), addr: tcp(&endpoint.addr) });
        let back = Back {
            front: front(ctx.peer, head, &ctx.table.gateway),
            sent: self.sent,
            port: if self.secured { 443 } else { 80 },
            inside,
            path: by.map(|by| Rewritten { by, at: self.at, asked: self.path }),
        };
        for field in [Field::LOCATION, Field::CONTENT_LOCATION] {
            each(reply, field, edits, space, |value, out| back.url(value, out));
        }
        each(reply, Field::REFRESH, edits, space, |value, out| back.refresh(value, out));
        each(reply, Field::SET_COOKIE, edits, space, |value, out| back.cookie(value, out));
    }

    #[cold]
    fn issue(&self, ctx: &Context<'_>, id: CookieId, edits: &mut Edits, space: &mut Vec<u8>) {
        if let Some(End::To(split)) = ctx.route.get().map(|id| &ctx.table.route(id).end)
            && let Some(sticky) = split.sticky()
        {
            space.clear();
            sticky.set_cookie(id, space);
            edits.append(Field::SET_COOKIE, space);
        }
    }
}

/// Maps all lines of `field`. If one of them changes, all are written anew, in their order: edits remove by name.
fn each(
    reply: Head<'_>,
    field: Field,
    edits: &mut Edits,
    space: &mut Vec<u8>,
    map: impl Fn(&[u8], &mut Vec<u8>) -> bool,
) {
    let mut mapped = |value: &[u8]| {
        space.clear();
        map(value, space)
    };
    if !reply.all(field).any(&mut mapped) {
        return;
    }
    edits.remove(field);
    for value in reply.all(field) {
        space.clear();
        let value = if map(value, space) { &space[..] } else { value };
        edits.append(field, value);
    }
}
