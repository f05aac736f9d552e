//! What is known of one exchange at its end. The exchange and the connection fill it with borrowed bytes; it
//! lives for the one call of [`record`](super::record()) and allocates nothing.

use super::Reason;
use crate::base::ClientAddr;
use crate::wire::head::Version;
use std::net::IpAddr;

/// One exchange. An empty slice stands for what the request did not bring, or what was never parsed because
/// the request was refused before.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Wall clock when the head was complete, in milliseconds since 1970 (UTC).
    pub at_unix_ms: u64,
    /// The shard that served it.
    pub shard: u16,
    /// The table it was served by.
    pub generation: u64,
    /// The listener's name.
    pub listener: &'a str,
    /// The peer of the connection, or whom its PROXY header named.
    pub client: ClientAddr,
    /// The client as trusted proxies tell it; `client`'s own address when there are none, and none behind a Unix socket.
    pub client_ip: Option<IpAddr>,
    /// The method as received.
    pub method: &'a [u8],
    /// The host the request was for: of an absolute target, else of the Host field.
    pub host: &'a [u8],
    /// The target as received, query included.
    pub path: &'a [u8],
    /// The version that the request came by.
    pub version: Version,
    /// The route's name, if one was found.
    pub route: Option<&'a str>,
    /// The upstream's name, if one was chosen.
    pub upstream: Option<&'a str>,
    /// The address of the last try's endpoint.
    pub endpoint: Option<&'a str>,
    /// The status sent to the client; 0 if none was.
    pub status: u16,
    /// Why the exchange ended as it did.
    pub reason: Reason,
    /// Bytes of the request body, chunk framing not counted; of a tunnel, bytes from the client.
    pub bytes_in: u64,
    /// Bytes of the reply body, chunk framing not counted; of a tunnel, bytes to the client.
    pub bytes_out: u64,
    /// The X-Request-Id made or passed.
    pub request_id: &'a [u8],
    /// The User-Agent field.
    pub user_agent: &'a [u8],
    /// The Referer field.
    pub referer: &'a [u8],
    /// Times the request was sent; 0 if it never was.
    pub tries: u8,
    /// Whether the last try went over a connection that had served before.
    pub reused: bool,
    /// First byte of the head to the last byte of the answer, in microseconds.
    pub total_us: u64,
    /// Request sent to reply head, in microseconds; 0 if there was none.
    pub first_byte_us: u64,
    /// Request sent to the last byte of the reply, in microseconds; 0 if it never was.
    pub upstream_us: u64,
    /// The consumer that called; none where nobody has to sign in.
    pub consumer: Option<&'a str>,
    /// The user that the caller's credentials name.
    pub user: &'a [u8],
    /// The policy that refused the request.
    pub policy: Option<&'a str>,
    /// Policies in shadow mode that would have refused it, by name with commas between.
    pub shadow: &'a [u8],
    /// Whether a reply's head came.
    pub replied: bool,
    /// Whether the exchange became a tunnel.
    pub tunnel: bool,
}
