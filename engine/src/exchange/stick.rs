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
/// canonical one, `client` who the client is, and `random` is asked where nobody is known.
pub fn key(
    upstream: &Upstream,
    head: Head<'_>,
    path: &[u8],
    client: Option<IpAddr>,
    random: impl FnOnce() -> u64,
) -> u64 {
    match &upstream.balance.key {
        None => 0,
        Some(key) => hashed(part(key, head, path, client), random),
    }
}

/// The part of a request that balancing goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'h> {
    /// The id of a sticky cookie; 0 where there is none.
    Id(u64),
    /// A field, a cookie or the path.
    Bytes(&'h [u8]),
    /// The client's address, also where what is asked for is missing: what all clients without it have in common
    /// would bring them all to one endpoint.
    Client(IpAddr),
    /// A client on a Unix socket has no address.
    Nobody,
}

/// The part that `key` asks for.
#[inline(never)]
pub fn part<'h>(key: &Key, head: Head<'h>, path: &'h [u8], client: Option<IpAddr>) -> Part<'h> {
    let part = match key {
        Key::Sticky(sticky) => return Part::Id(cookie(head, &sticky.name).map_or(0, id_of_text)),
        Key::Header(name) => head.named(name),
        Key::Cookie(name) => cookie(head, name),
        Key::Path => Some(path),
        Key::ClientIp => None,
    };
    match (part.filter(|part| !part.is_empty()), client) {
        (Some(part), _) => Part::Bytes(part),
        (None, Some(client)) => Part::Client(client.to_canonical()),
        (None, None) => Part::Nobody,
    }
}

fn hashed(part: Part<'_>, random: impl FnOnce() -> u64) -> u64 {
    match part {
        Part::Id(id) => id,
        Part::Bytes(bytes) => stable(bytes),
        Part::Client(IpAddr::V4(client)) => stable(&client.octets()),
        Part::Client(IpAddr::V6(client)) => stable(&client.octets()),
        Part::Nobody => random(),
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
