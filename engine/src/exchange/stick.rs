//! What of a request its upstream's balancing goes by, and the cookie that brings a client back to its endpoint. `run`
//! calls both; upstreams that balance without looking at a request cost a branch each.

use super::context::Context;
use crate::balance::{id_of_text, text_of_id};
use crate::base::hash::stable;
use crate::table::{Key, Upstream};
use crate::wire::cookie::cookie;
use crate::wire::edits::Edits;
use crate::wire::field::Field;
use crate::wire::head::Head;
use std::net::IpAddr;

/// What balancing goes by: a hash, or an endpoint's id; 0 where it looks at nothing, or there is no id. `path` is the
/// canonical one.
pub fn key(ctx: &Context<'_>, head: Head<'_>, path: &[u8], upstream: &Upstream) -> u64 {
    match &upstream.balance.key {
        None => 0,
        Some(key) => read(ctx, head, path, key),
    }
}

#[inline(never)]
fn read(ctx: &Context<'_>, head: Head<'_>, path: &[u8], key: &Key) -> u64 {
    let part = match key {
        Key::Sticky(sticky) => return cookie(head, &sticky.name).map_or(0, id_of_text),
        Key::Header(name) => head.named(name),
        Key::Cookie(name) => cookie(head, name),
        Key::Path => Some(path),
        Key::ClientIp => None,
    };
    // What all clients without a key have in common would bring them all to one endpoint.
    match part.filter(|part| !part.is_empty()) {
        Some(part) => stable(part),
        None => match ctx.client_ip.get().map(|client| client.to_canonical()) {
            Some(IpAddr::V4(client)) => stable(&client.octets()),
            Some(IpAddr::V6(client)) => stable(&client.octets()),
            // A client on a Unix socket has no address.
            None => ctx.lent.upstream.random(),
        },
    }
}

/// Adds the cookie to a reply, if the endpoint that gave it is not the one that the client's cookie names. `value` is
/// working memory.
pub fn issue(ctx: &Context<'_>, upstream: &Upstream, key: u64, edits: &mut Edits, value: &mut Vec<u8>) {
    let Some(Key::Sticky(sticky)) = &upstream.balance.key else { return };
    let picked = ctx.tried.endpoint.borrow();
    let Some(picked) = picked.as_ref() else { return };
    // A client is not sent back to an endpoint that has left meanwhile.
    let id = ctx.table.station(upstream.id).staying(picked, |state, at| state.id(at)).flatten();
    if let Some(id) = id.filter(|&id| id != key) {
        value.clear();
        value.extend_from_slice(&sticky.name);
        value.push(b'=');
        value.extend_from_slice(&text_of_id(id));
        value.extend_from_slice(&sticky.attributes);
        edits.append_own(Field::SET_COOKIE, value);
    }
}
