//! Messages torn at every byte boundary: a prefix is sent, the shard has looked at it, then the rest is sent. All
//! boundaries of a message at once, each on connections of its own, so that one barrier serves many. Three fresh
//! requests follow for each.

use super::fresh::fresh;
use super::{Client, Gateway, Ids, barrier};
use tools::upstream::Origin;

/// Torn exchanges at once.
const AT_ONCE: usize = 48;

/// Sends the request that `with_id` makes torn at each inner boundary. `read` is given each client, in turn, with
/// the boundary and the id of its request.
pub fn torn_request(
    gateway: &Gateway,
    with_id: impl Fn(&str) -> Vec<u8>,
    read: impl FnMut(&mut Client, usize, &str),
) {
    torn_over(gateway, || gateway.connect(), with_id, read);
}

/// As [`torn_request`], over connections that `connect` makes.
pub fn torn_over(
    gateway: &Gateway,
    connect: impl Fn() -> Client,
    with_id: impl Fn(&str) -> Vec<u8>,
    mut read: impl FnMut(&mut Client, usize, &str),
) {
    let len = with_id(&Ids::next()).len();
    let mut watch = gateway.connect();
    let boundaries: Vec<usize> = (1..len).collect();
    for batch in boundaries.chunks(AT_ONCE) {
        let mut torn: Vec<(usize, String, Client)> =
            batch.iter().map(|at| (*at, Ids::next(), connect())).collect();
        barrier(&mut watch);
        for (at, id, client) in &mut torn {
            client.send(&with_id(id)[..*at]);
        }
        barrier(&mut watch);
        for (at, id, client) in &mut torn {
            // What is refused at its first bytes may be closed by now.
            drop(client.try_send(&with_id(id)[*at..]));
        }
        for (at, id, client) in &mut torn {
            read(client, *at, id);
        }
        fresh(gateway, 3 * torn.len());
    }
}

/// Has the origin answer with `reply` torn at each inner boundary, then close if `close`. `ask` sends a request for
/// the target it is given; `read` reads what came of it.
pub fn torn_reply(
    gateway: &Gateway,
    origin: &Origin,
    reply: &[u8],
    close: bool,
    ask: impl Fn(&mut Client, &str),
    mut read: impl FnMut(&mut Client, usize, &str),
) {
    let name = Ids::next();
    origin.script(&name, reply);
    let way = if close { "held-close" } else { "held" };
    let mut watch = gateway.connect();
    let boundaries: Vec<usize> = (1..reply.len()).collect();
    for batch in boundaries.chunks(AT_ONCE) {
        let mut torn: Vec<(usize, String, Client)> =
            batch.iter().map(|at| (*at, Ids::next(), gateway.connect())).collect();
        for (at, id, client) in &mut torn {
            ask(client, &format!("/{way}/{at}/{name}?{id}"));
        }
        assert!(origin.wait_held(torn.len()), "every request reached the origin");
        barrier(&mut watch);
        origin.release();
        for (at, id, client) in &mut torn {
            read(client, *at, id);
        }
        fresh(gateway, 3 * torn.len());
    }
}
