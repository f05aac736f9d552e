//! The PROXY protocol (haproxy.org, proxy-protocol.txt, versions 1 and 2): what a proxy says first on a connection of
//! whose it is. [`parse`] reads it, strictly, from however much has come; [`Announce`] writes it. `conn/proxied` calls
//! the one, upstream the other. Bounds: 107 bytes of version 1, 4096 of version 2.

use crate::base::ClientAddr;

mod encode;
mod v1;
mod v2;

#[cfg(test)]
mod tests;

pub use encode::{Announce, Version};

/// Bytes of a header that is read at most. Version 2 could have 64 KiB of additions, which are all skipped: no proxy
/// sends more than a few hundred bytes, but for those that pass a client's certificate on.
pub const HEADER_BYTES_MAX: usize = 4096;

/// Bytes of a header that [`Announce`] writes at most.
pub const ANNOUNCE_BYTES_MAX: usize = v1::LINE_BYTES_MAX;

/// A header that has come whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Whose connection it is; none where it is the proxy's own (LOCAL, as for health checks) or the proxy does not
    /// know (UNKNOWN, UNSPEC).
    pub client: Option<ClientAddr>,
    /// Its bytes; what follows them is the client's.
    pub len: usize,
}

/// Why a connection does not begin with a header. The texts are the access log's details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The first bytes are of neither version.
    Missing,
    /// A line without its end within 107 bytes, or a version 2 header that says it is longer than 4096.
    TooLong,
    /// A line that breaks the grammar of version 1.
    Line,
    /// A version 2 header of a version, command or family that does not exist.
    Unknown,
    /// A version 2 header too short for its addresses.
    Short,
}

impl Fault {
    /// Its name in the access log.
    pub fn reason(self) -> &'static str {
        match self {
            Fault::Missing => "missing",
            Fault::TooLong => "too_long",
            Fault::Line => "bad_line",
            Fault::Unknown => "unknown_kind",
            Fault::Short => "too_short",
        }
    }
}

/// Reads the header at the front of `bytes`; none when more of them must come first. What was said of some bytes holds
/// for every longer run that begins with them: a fault stays, and so does a header.
///
/// # Errors
/// As soon as no further bytes could mend it. *Cost*: a look at each byte of the header; no allocation.
pub fn parse(bytes: &[u8]) -> Result<Option<Header>, Fault> {
    if begins(bytes, v1::SIGNATURE) {
        return v1::parse(bytes);
    }
    if begins(bytes, v2::SIGNATURE) {
        return v2::parse(bytes);
    }
    Err(Fault::Missing)
}

/// Whether `bytes` and `signature` agree as far as both go.
fn begins(bytes: &[u8], signature: &[u8]) -> bool {
    let len = bytes.len().min(signature.len());
    bytes[..len] == signature[..len]
}
