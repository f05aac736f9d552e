//! Version 2: sixteen bytes, addresses by family, and additions that are skipped (section 2.2).

use super::{Fault, HEADER_BYTES_MAX, Header};
use crate::base::ClientAddr;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

pub const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version and command, family, and the length of what follows.
pub const FIXED_BYTES: usize = 16;

/// Version 2, command LOCAL: the proxy's own connection, whatever the addresses say.
const LOCAL: u8 = 0x20;
/// Version 2, command PROXY.
pub const PROXY: u8 = 0x21;

/// An address family with the kind of its sockets: stream or datagram, since a proxy may carry HTTP/3 here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Unspecified,
    Ipv4,
    Ipv6,
    Unix,
}

impl Family {
    fn of(byte: u8) -> Result<Family, Fault> {
        match (byte >> 4, byte & 15) {
            (0..=3, 3..) | (4.., _) => Err(Fault::Unknown),
            // Without a kind, nothing is known of the connection.
            (0, _) | (_, 0) => Ok(Family::Unspecified),
            (1, _) => Ok(Family::Ipv4),
            (2, _) => Ok(Family::Ipv6),
            (_, _) => Ok(Family::Unix),
        }
    }

    /// Bytes of both addresses and ports.
    pub const fn bytes(self) -> usize {
        match self {
            Family::Unspecified => 0,
            Family::Ipv4 => 2 * 4 + 4,
            Family::Ipv6 => 2 * 16 + 4,
            Family::Unix => 2 * 108,
        }
    }
}

/// Reads the header at the front of `bytes`, which begin with as much of [`SIGNATURE`] as there is of them.
pub fn parse(bytes: &[u8]) -> Result<Option<Header>, Fault> {
    let command = bytes.get(SIGNATURE.len());
    let is_local = match command {
        Some(&LOCAL) => true,
        Some(&PROXY) | None => false,
        Some(_) => return Err(Fault::Unknown),
    };
    // Of a LOCAL header even the family is to be ignored (section 2.2).
    let family = match bytes.get(SIGNATURE.len() + 1) {
        Some(_) if is_local => Family::Unspecified,
        Some(&byte) => Family::of(byte)?,
        None => return Ok(None),
    };
    let Some((&[high, low], rest)) = bytes[SIGNATURE.len() + 2..].split_first_chunk() else {
        return Ok(None);
    };
    let len = usize::from(u16::from_be_bytes([high, low]));
    if len < family.bytes() {
        return Err(Fault::Short);
    }
    if FIXED_BYTES + len > HEADER_BYTES_MAX {
        return Err(Fault::TooLong);
    }
    Ok(rest.get(..len).map(|rest| Header { client: client(family, rest), len: FIXED_BYTES + len }))
}

/// The source among the addresses at the front of `bytes`: first both addresses, then both ports.
fn client(family: Family, bytes: &[u8]) -> Option<ClientAddr> {
    let port = |at: usize| Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let addr = match family {
        Family::Unspecified => return None,
        Family::Unix => return Some(ClientAddr::Unix),
        Family::Ipv4 => SocketAddr::from((Ipv4Addr::from(*bytes.first_chunk::<4>()?), port(8)?)),
        Family::Ipv6 => SocketAddr::from((Ipv6Addr::from(*bytes.first_chunk::<16>()?), port(32)?)),
    };
    Some(addr.into())
}
