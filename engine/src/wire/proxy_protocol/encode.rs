//! Writing a header. The destination is the address that the client connected to; where that is not known, or of the
//! other family than the client's, it is left unspecified, since the client is what an origin asks for.

use super::v1::SIGNATURE as V1;
use super::v2::{self, Family};
use crate::base::ClientAddr;
use crate::mem::Buf;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Which header an origin is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// A line of text.
    V1,
    /// Bytes.
    V2,
}

/// What an origin is told of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announce {
    /// In which form.
    pub version: Version,
    /// Whose it is.
    pub client: ClientAddr,
    /// Where the client connected to, if that is known.
    pub local: Option<SocketAddr>,
}

impl Announce {
    /// Appends the header to `out`; false, and nothing appended, when it does not fit. No allocation.
    #[must_use]
    pub fn put(&self, out: &mut Buf) -> bool {
        let mut header = [0; super::ANNOUNCE_BYTES_MAX];
        let room = header.len();
        let mut left = &mut header[..];
        let whole = match self.version {
            Version::V1 => self.line(&mut left),
            Version::V2 => self.bytes(&mut left),
        };
        let len = room - left.len();
        debug_assert!(whole.is_ok(), "the longest header fits");
        whole.is_ok() && out.put(&header[..len])
    }

    /// Source and destination; none of a client without an address.
    fn ends(&self) -> Option<(SocketAddr, SocketAddr)> {
        let ClientAddr::Ip(client) = self.client else { return None };
        let unspecified = match client.ip() {
            IpAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            IpAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let local = self.local.filter(|local| local.is_ipv4() == client.is_ipv4());
        Some((client, local.unwrap_or(unspecified)))
    }

    fn line(&self, out: &mut &mut [u8]) -> std::io::Result<()> {
        out.write_all(V1)?;
        let Some((from, to)) = self.ends() else { return out.write_all(b"UNKNOWN\r\n") };
        let kind = if from.is_ipv4() { "TCP4" } else { "TCP6" };
        write!(out, "{kind} {} {} {} {}\r\n", from.ip(), to.ip(), from.port(), to.port())
    }

    fn bytes(&self, out: &mut &mut [u8]) -> std::io::Result<()> {
        /// A stream, in the low half of the byte whose high half is the family.
        const STREAM: u8 = 1;
        let ends = self.ends();
        let (family, kind) = match ends {
            None => (Family::Unspecified, 0),
            Some((from, _)) if from.is_ipv4() => (Family::Ipv4, 1 << 4 | STREAM),
            Some(_) => (Family::Ipv6, 2 << 4 | STREAM),
        };
        out.write_all(v2::SIGNATURE)?;
        out.write_all(&[v2::PROXY, kind])?;
        out.write_all(&(family.bytes() as u16).to_be_bytes())?;
        let Some((from, to)) = ends else { return Ok(()) };
        for ip in [from.ip(), to.ip()] {
            match ip {
                IpAddr::V4(ip) => out.write_all(&ip.octets())?,
                IpAddr::V6(ip) => out.write_all(&ip.octets())?,
            }
        }
        out.write_all(&from.port().to_be_bytes())?;
        out.write_all(&to.port().to_be_bytes())
    }
}
