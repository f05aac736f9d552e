//! The two messages of grpc.health.v1, in the frames of gRPC: `HealthCheckRequest { string service = 1; }` and
//! `HealthCheckResponse { ServingStatus status = 1; }`.

use std::fmt;

/// Bytes before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;
/// `SERVING` of `ServingStatus`.
const SERVING: u64 = 1;

/// A request for `service`, in its frame.
pub fn request(service: &str) -> Vec<u8> {
    let mut message = Vec::with_capacity(service.len() + 6);
    if !service.is_empty() {
        message.push(1 << 3 | 2);
        put_varint(&mut message, service.len() as u64);
        message.extend_from_slice(service.as_bytes());
    }
    let mut frame = vec![0];
    frame.extend_from_slice(&(message.len() as u32).to_be_bytes());
    frame.extend_from_slice(&message);
    frame
}

/// Whether the server answers that it serves.
///
/// # Errors
/// What it says instead, or that it cannot be read.
pub fn reply(frame: &[u8]) -> Result<(), Unwell> {
    let (prefix, message) = frame.split_at_checked(PREFIX).ok_or(Unwell::Garbled)?;
    let len = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]);
    if prefix[0] != 0 || u32::try_from(message.len()) != Ok(len) {
        return Err(Unwell::Garbled);
    }
    match status(message).ok_or(Unwell::Garbled)? {
        SERVING => Ok(()),
        other => Err(Unwell::Status(other)),
    }
}

/// Why a server does not serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwell {
    /// It says so, by this status.
    Status(u64),
    /// The message cannot be read.
    Garbled,
}

impl fmt::Display for Unwell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unwell::Status(0) => f.write_str("the server answers UNKNOWN"),
            Unwell::Status(2) => f.write_str("the server answers NOT_SERVING"),
            Unwell::Status(3) => f.write_str("the server answers SERVICE_UNKNOWN"),
            Unwell::Status(other) => write!(f, "the server answers status {other}"),
            Unwell::Garbled => f.write_str("the server's answer is no HealthCheckResponse"),
        }
    }
}

/// The last `status` of a message; 0 where there is none, as Protocol Buffers have it. Fields of other numbers are passed over.
fn status(mut message: &[u8]) -> Option<u64> {
    let mut status = 0;
    while !message.is_empty() {
        let tag = take_varint(&mut message)?;
        match (tag >> 3, tag & 7) {
            (1, 0) => status = take_varint(&mut message)?,
            (0, _) => return None,
            (_, 0) => drop(take_varint(&mut message)?),
            (_, 1) => message = message.get(8..)?,
            (_, 5) => message = message.get(4..)?,
            (_, 2) => {
                let len = usize::try_from(take_varint(&mut message)?).ok()?;
                message = message.get(len..)?;
            }
            _ => return None,
        }
    }
    Some(status)
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for at in 0..10 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(7 * at)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_as_protoc_makes_them() {
        assert_eq!(request(""), [0, 0, 0, 0, 0]);
        assert_eq!(request("ab.C"), *b"\0\0\0\0\x06\x0a\x04ab.C");
        let long = request(&"x".repeat(300));
        assert_eq!(long[..8], *b"\0\0\0\x01\x2f\x0a\xac\x02");
    }

    #[test]
    fn replies_say_whether_a_server_serves() {
        for (frame, said) in [
            (&b"\0\0\0\0\x02\x08\x01"[..], Ok(())),
            (b"\0\0\0\0\x02\x08\x02", Err(Unwell::Status(2))),
            (b"\0\0\0\0\x02\x08\x03", Err(Unwell::Status(3))),
            // The default of an enumeration is not written.
            (b"\0\0\0\0\0", Err(Unwell::Status(0))),
            // Fields of a later version, of each kind, before and behind.
            (b"\0\0\0\0\x07\x12\x03abc\x08\x01", Ok(())),
            (
                b"\0\0\0\0\x1a\x08\x01\x10\xff\x01\x19\0\0\0\0\0\0\0\0\x25\0\0\0\0\x2a\x01x\x30\x00\x08\x01",
                Ok(()),
            ),
            // The last one counts.
            (b"\0\0\0\0\x04\x08\x01\x08\x02", Err(Unwell::Status(2))),
            (b"", Err(Unwell::Garbled)),
            (b"\0\0\0\0", Err(Unwell::Garbled)),
            (b"\x01\0\0\0\x02\x08\x01", Err(Unwell::Garbled)),
            (b"\0\0\0\0\x03\x08\x01", Err(Unwell::Garbled)),
            (b"\0\0\0\0\x01\x08", Err(Unwell::Garbled)),
            (b"\0\0\0\0\x02\x12\x7f", Err(Unwell::Garbled)),
            (b"\0\0\0\0\x02\x0b\x00", Err(Unwell::Garbled)),
            (b"\0\0\0\0\x0c\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", Err(Unwell::Garbled)),
        ] {
            assert_eq!(reply(frame), said, "{frame:?}");
        }
    }
}
