//! Frames: a byte of flags, a length of four, a message. Messages are counted, never looked at.

/// Bytes before a message.
const HEAD_BYTES: usize = 5;
/// The flag of a frame that carries trailers: the last one of a body (PROTOCOL-WEB.md, "Message framing").
const TRAILERS: u8 = 0x80;
/// The one flag that a message may have: it is compressed.
const COMPRESSED: u8 = 1;

/// A frame that is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoMessage;

/// Where in its frames a body is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Frames {
    head: [u8; HEAD_BYTES],
    /// Bytes of the head that have come; all of them while a message comes.
    got: u8,
    /// Bytes of the message that are still to come.
    left: u32,
}

impl Frames {
    /// Goes over the next bytes.
    ///
    /// # Errors
    /// A frame that is no message: where the next one begins is anybody's guess, and one that looks like trailers could be
    /// taken for ours.
    ///
    /// *Cost*: a step a frame.
    pub fn read(&mut self, mut bytes: &[u8]) -> Result<(), NoMessage> {
        while let Some(first) = bytes.first() {
            if usize::from(self.got) == HEAD_BYTES {
                let len = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= len as u32;
                bytes = &bytes[len..];
            } else {
                if self.got == 0 && *first > COMPRESSED {
                    return Err(NoMessage);
                }
                let got = usize::from(self.got);
                let len = (HEAD_BYTES - got).min(bytes.len());
                self.head[got..got + len].copy_from_slice(&bytes[..len]);
                self.got += len as u8;
                bytes = &bytes[len..];
                let [_, length @ ..] = self.head;
                self.left = u32::from_be_bytes(length);
            }
            if usize::from(self.got) == HEAD_BYTES && self.left == 0 {
                self.got = 0;
            }
        }
        Ok(())
    }

    /// Whether all that began has ended.
    pub fn is_between(&self) -> bool {
        self.got == 0
    }
}

/// Appends the frame that carries `lines`, trailer fields as `name: value` with CRLF each; their names in lower case.
pub fn trailers(lines: &[u8], out: &mut Vec<u8>) {
    let length =
        u32::try_from(lines.len()).expect("trailers are bounded far below 4 GiB by whoever read them");
    out.push(TRAILERS);
    out.extend_from_slice(&length.to_be_bytes());
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let name = memchr::memchr(b':', line).unwrap_or(0);
        out.extend(line[..name].iter().map(u8::to_ascii_lowercase));
        out.extend_from_slice(&line[name..]);
    }
}

/// Whether trailer fields tell how a call ended.
pub fn tell_status(lines: &[u8]) -> bool {
    const NAME: &[u8] = b"grpc-status:";
    let mut lines = lines.split(|byte| *byte == b'\n');
    lines.any(|line| line.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME)))
}
