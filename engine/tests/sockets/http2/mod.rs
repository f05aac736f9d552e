//! HTTP/2 from clients, in exact frames: a file holds a family of rules. A second reader of frames and of their
//! compression stands beside the library's own, and each exchange is followed by fresh ones.

mod clients;
mod ends;
mod floods;
pub(crate) mod frames;
pub(crate) mod hpack;
mod messages;
mod origins;
mod policies;
mod refusals;
mod rules;
mod server;
mod shared;
mod stalls;

use crate::support::{Client, Driver, Gateway, Setup};
use frames::Peer;
use tools::upstream::Origin;

/// A gateway that speaks both versions without TLS.
fn gateway(driver: Driver, origin: &Origin) -> Gateway {
    Gateway::start(driver, &both(origin))
}

fn both(origin: &Origin) -> Setup {
    Setup { listener: "protocols: [http1, http2]", ..Setup::of(origin) }
}

/// A connection that has greeted.
fn peer(gateway: &Gateway) -> Peer {
    Peer::greeted(Client::connect(gateway.addr()))
}
