//! Field blocks as the library reads them rightly. It forgets what made a block malformed (RFC 9113 §8.1.1) when the field
//! behind is cut by the end of a frame, and leaves pseudo-fields of trailers out in silence. So a block in several frames is
//! put together into one, and trailers of requests get a field before all others, behind which a pseudo-field is refused; of
//! a server's blocks only their fields tell which are trailers. Everything else passes as it is, where it lies. A block that
//! is larger than a frame may be is not touched: it is too large for a request, which is refused whatever else is wrong with
//! it.

use super::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADER_BYTES, HEADERS, PADDED, PREFACE, RST_STREAM,
    WITH_PRIORITY,
};

/// An empty `authorization`, by its number (RFC 7541 Appendix A): no trailer that is passed on.
const MARK: u8 = 0x80 | 23;
/// Requests that are known to go on at most. A client that ends none of them has those of the oldest forgotten.
const BODIES_MAX: usize = 1024;
/// Bytes of a dependency (RFC 9113 §6.2).
const PRIORITY_BYTES: usize = 5;

/// Bytes of a payload at most where nobody has said so (RFC 9113 §6.5.2): that of servers.
const FRAME_BYTES: usize = 16 * 1024;

/// What comes from a peer, on its way to the library.
#[derive(Debug)]
pub struct Blocks {
    /// Bytes that pass, whatever they are: the preface, or the rest of a payload.
    skip: usize,
    /// Streams whose requests have not ended: what comes as a head on one is trailers. Whatever else comes on a stream
    /// that was opened, or passed over, is an error that only the library tells rightly (RFC 9113 §5.1).
    bodies: Vec<u32>,
    /// Whether the peer is a client, whose trailers are known by their place.
    marks: bool,
    /// Bytes of a payload at most.
    frame_bytes: usize,
    /// Frames from the first one on that cannot pass yet.
    open: Vec<u8>,
}

/// A frame's header.
#[derive(Debug, Clone, Copy)]
struct Header {
    len: usize,
    kind: u8,
    flags: u8,
    stream: u32,
}

impl Header {
    fn of(bytes: &[u8]) -> Option<Header> {
        let [a, b, c, kind, flags, stream @ ..] = *bytes.first_chunk::<HEADER_BYTES>()?;
        let stream = u32::from_be_bytes(stream) & 0x7fff_ffff;
        Some(Header { len: u32::from_be_bytes([0, a, b, c]) as usize, kind, flags, stream })
    }

    fn ends_block(self) -> bool {
        self.flags & END_HEADERS != 0
    }

    fn whole(self) -> usize {
        HEADER_BYTES + self.len
    }
}

/// What is known of frames that may have to be put together.
enum Put {
    /// More has to come.
    Wait,
    /// So many bytes pass as they are.
    AsIs(usize),
    /// So many bytes are this frame.
    Frame(usize, Vec<u8>),
}

impl Blocks {
    /// Of a client, its preface first, whose frames may have `frame_bytes` of payload.
    pub fn of_client(frame_bytes: usize) -> Blocks {
        Blocks { skip: PREFACE.len(), bodies: Vec::new(), marks: true, frame_bytes, open: Vec::new() }
    }

    /// Of a server.
    pub fn of_server() -> Blocks {
        Blocks { skip: 0, bodies: Vec::new(), marks: false, frame_bytes: FRAME_BYTES, open: Vec::new() }
    }

    /// How many of `bytes`, which came next, pass as they are. The rest is given to [`Blocks::put`].
    pub fn passes(&mut self, bytes: &[u8]) -> usize {
        if !self.open.is_empty() {
            return 0;
        }
        let mut at = self.skip.min(bytes.len());
        self.skip -= at;
        while at < bytes.len() {
            match Header::of(&bytes[at..]) {
                Some(header) if !self.is_touched(header) => {
                    self.passed(header);
                    let here = header.whole().min(bytes.len() - at);
                    self.skip = header.whole() - here;
                    at += here;
                }
                _ => break,
            }
        }
        at
    }

    /// Takes what does not pass as it is, and puts what it came to behind `out`.
    pub fn put(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut open = std::mem::take(&mut self.open);
        open.extend_from_slice(bytes);
        let mut at = 0;
        loop {
            // What follows a block passes again, until the next one.
            let passes = self.passes(&open[at..]);
            out.extend_from_slice(&open[at..at + passes]);
            at += passes;
            if at == open.len() {
                break;
            }
            let used = match self.read(&open[at..]) {
                Put::Wait => {
                    open.drain(..at);
                    self.open = open;
                    break;
                }
                Put::AsIs(used) => {
                    out.extend_from_slice(&open[at..at + used]);
                    used
                }
                Put::Frame(used, frame) => {
                    out.extend_from_slice(&frame);
                    used
                }
            };
            at += used;
        }
    }

    /// Whether a frame begins a block that has to be changed.
    fn is_touched(&self, header: Header) -> bool {
        header.kind == HEADERS
            && header.stream != 0
            && header.len <= self.frame_bytes
            && (!header.ends_block() || self.bodies.contains(&header.stream))
    }

    /// Takes in what a frame means for its stream.
    fn passed(&mut self, header: Header) {
        let ends = match header.kind {
            HEADERS | DATA => header.flags & END_STREAM != 0,
            RST_STREAM => true,
            _ => return,
        };
        let known = self.bodies.iter().position(|stream| *stream == header.stream);
        match known {
            Some(at) if ends => drop(self.bodies.swap_remove(at)),
            None if self.marks && !ends && header.kind == HEADERS => {
                if self.bodies.len() == BODIES_MAX {
                    self.bodies.remove(0);
                }
                self.bodies.push(header.stream);
            }
            _ => {}
        }
    }

    /// Reads a block at the front of `bytes`.
    fn read(&mut self, bytes: &[u8]) -> Put {
        let Some(first) = Header::of(bytes) else { return Put::Wait };
        debug_assert!(self.is_touched(first), "all else passes");
        let mut at = first.whole();
        let mut rest = Vec::new();
        let (mut last, mut len) = (first, first.len);
        while at <= bytes.len() && !last.ends_block() {
            let Some(next) = Header::of(&bytes[at..]) else { return Put::Wait };
            len += next.len;
            if next.kind != CONTINUATION || next.stream != first.stream || len > self.frame_bytes {
                // An error, or too large: the library's to tell.
                self.passed(first);
                return Put::AsIs(at);
            }
            rest.push(at + HEADER_BYTES..at + next.whole());
            at += next.whole();
            last = next;
        }
        if at > bytes.len() {
            return Put::Wait;
        }
        let Some(front) = unpadded(first, &bytes[HEADER_BYTES..first.whole()]) else {
            self.passed(first);
            return Put::AsIs(at);
        };
        let mut block = vec![0; HEADER_BYTES];
        block.extend_from_slice(front);
        for fragment in rest {
            block.extend_from_slice(&bytes[fragment]);
        }
        if self.bodies.contains(&first.stream) {
            block.insert(HEADER_BYTES + updates(&block[HEADER_BYTES..]), MARK);
        }
        self.passed(first);
        let len = block.len() - HEADER_BYTES;
        if len > self.frame_bytes {
            return Put::AsIs(at);
        }
        let [_, a, b, c] = (len as u32).to_be_bytes();
        block[..5].copy_from_slice(&[a, b, c, HEADERS, first.flags & END_STREAM | END_HEADERS]);
        block[5..HEADER_BYTES].copy_from_slice(&first.stream.to_be_bytes());
        Put::Frame(at, block)
    }
}

/// The fragment in a HEADERS frame's payload; none if the payload is none.
fn unpadded(header: Header, payload: &[u8]) -> Option<&[u8]> {
    let (mut start, mut end) = (0, payload.len());
    if header.flags & PADDED != 0 {
        start = 1;
        end = end.checked_sub(usize::from(*payload.first()?))?;
    }
    if header.flags & WITH_PRIORITY != 0 {
        start += PRIORITY_BYTES;
    }
    payload.get(start..end)
}

/// Bytes of the table's new sizes at the front of a block, which have to stay there (RFC 7541 §4.2).
fn updates(block: &[u8]) -> usize {
    let mut at = 0;
    while let Some(first) = block.get(at)
        && first & 0xe0 == 0x20
    {
        at += 1;
        if first & 0x1f == 0x1f {
            at += block[at..].iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
        }
    }
    at.min(block.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let len = (payload.len() as u32).to_be_bytes();
        [&[len[1], len[2], len[3], kind, flags], &stream.to_be_bytes()[..], payload].concat()
    }

    /// What the library gets of `bytes` in pieces.
    fn given(bytes: &[u8], piece: usize, frame_bytes: usize) -> Vec<u8> {
        let mut blocks = Blocks::of_client(frame_bytes);
        let mut out = Vec::new();
        for piece in [PREFACE, bytes].concat().chunks(piece) {
            let passes = blocks.passes(piece);
            out.extend_from_slice(&piece[..passes]);
            if passes < piece.len() {
                blocks.put(&piece[passes..], &mut out);
            }
        }
        assert!(out.starts_with(PREFACE));
        out.split_off(PREFACE.len())
    }

    fn check(name: &str, bytes: &[u8], expected: &[u8]) {
        for piece in [1, 2, 3, 8, 9, 10, 11, 30, 1000] {
            assert_eq!(given(bytes, piece, 100), expected, "{name} in pieces of {piece}");
        }
    }

    #[test]
    fn a_block_in_several_frames_is_one_and_all_else_is_as_it_was() {
        let head = |flags| frame(HEADERS, flags | END_HEADERS, 1, b"abcdef");
        let data = frame(0, 0, 1, &[7; 200]);
        check(
            "one frame",
            &[head(0), data.clone(), head(END_STREAM)[..3].to_vec()].concat(),
            &[head(0), data.clone()].concat(),
        );
        let cut = [
            frame(HEADERS, END_STREAM, 1, b"ab"),
            frame(CONTINUATION, 0, 1, b""),
            frame(CONTINUATION, END_HEADERS, 1, b"cdef"),
        ];
        check(
            "three frames",
            &[cut.concat(), data.clone()].concat(),
            &[head(END_STREAM), data.clone()].concat(),
        );
        let padded = [
            frame(HEADERS, PADDED | WITH_PRIORITY, 1, b"\x02ppppPab\0\0"),
            frame(CONTINUATION, END_HEADERS, 1, b"cdef"),
        ];
        check("padding and a priority", &padded.concat(), &head(0));
        let larger = [frame(HEADERS, 0, 1, &[1; 60]), frame(CONTINUATION, END_HEADERS, 1, &[2; 60])].concat();
        check("larger than a frame", &larger, &larger);
        let within =
            [frame(HEADERS, 0, 1, b"ab"), frame(6, 0, 0, &[0; 8]), frame(CONTINUATION, END_HEADERS, 1, b"c")]
                .concat();
        check("a PING within", &within, &within);
        let strange = [frame(HEADERS, 0, 1, b"ab"), frame(CONTINUATION, END_HEADERS, 3, b"c")].concat();
        check("another stream's", &strange, &strange);
        let false_padding =
            [frame(HEADERS, PADDED, 1, b"\x09ab"), frame(CONTINUATION, END_HEADERS, 1, b"c")].concat();
        check("padding that is none", &false_padding, &false_padding);
        let of_none = [frame(HEADERS, 0, 0, b"ab"), frame(CONTINUATION, END_HEADERS, 0, b"c")].concat();
        check("stream 0", &of_none, &of_none);
        check("a frame too large", &frame(HEADERS, 0, 1, &[3; 101]), &frame(HEADERS, 0, 1, &[3; 101]));
    }

    #[test]
    fn blocks_of_servers_are_put_together_and_not_marked() {
        let bytes = [
            frame(HEADERS, END_HEADERS, 1, b"interim"),
            frame(HEADERS, 0, 1, b"he"),
            frame(CONTINUATION, END_HEADERS, 1, b"ad"),
            frame(DATA, 0, 1, b"body"),
            frame(HEADERS, END_STREAM, 1, b"trail"),
            frame(CONTINUATION, END_HEADERS, 1, b"ers"),
        ];
        let expected = [
            frame(HEADERS, END_HEADERS, 1, b"interim"),
            frame(HEADERS, END_HEADERS, 1, b"head"),
            frame(DATA, 0, 1, b"body"),
            frame(HEADERS, END_STREAM | END_HEADERS, 1, b"trailers"),
        ];
        for piece in [1, 7, 9, 10, 20, 1000] {
            let (mut blocks, mut out) = (Blocks::of_server(), Vec::new());
            for piece in bytes.concat().chunks(piece) {
                let passes = blocks.passes(piece);
                out.extend_from_slice(&piece[..passes]);
                if passes < piece.len() {
                    blocks.put(&piece[passes..], &mut out);
                }
            }
            assert_eq!(out, expected.concat(), "in pieces of {piece}");
        }
    }

    #[test]
    fn trailers_get_a_field_behind_the_sizes_of_the_table() {
        let head = frame(HEADERS, END_HEADERS, 3, b"abc");
        for (block, expected) in [
            (&b"xyz"[..], &b"\x97xyz"[..]),
            (b"", b"\x97"),
            (b"\x20\x3f\xe1\x1fxyz", b"\x20\x3f\xe1\x1f\x97xyz"),
            (b"\x3f\xe1", b"\x3f\xe1\x97"),
        ] {
            let given = [head.clone(), frame(HEADERS, END_HEADERS | END_STREAM, 3, block)].concat();
            let taken = [head.clone(), frame(HEADERS, END_HEADERS | END_STREAM, 3, expected)].concat();
            check("trailers", &given, &taken);
            let cut = block.len() / 2;
            let parts = [
                frame(HEADERS, END_STREAM, 3, &block[..cut]),
                frame(CONTINUATION, END_HEADERS, 3, &block[cut..]),
            ];
            check("trailers in two frames", &[head.clone(), parts.concat()].concat(), &taken);
        }
        // What is no trailers is the library's: a request, one behind an end, one on a stream that was passed over.
        let ended = frame(HEADERS, END_HEADERS | END_STREAM, 3, b"abc");
        for behind in [vec![], frame(DATA, END_STREAM, 3, b""), frame(RST_STREAM, 0, 3, &[0; 4])] {
            let opened = if behind.is_empty() { &ended } else { &head };
            for stream in [1, 3, 5] {
                let next = frame(HEADERS, END_HEADERS | END_STREAM, stream, b"abc");
                let given = [&opened[..], &behind, &next].concat();
                check("no trailers", &given, &given);
            }
        }
        let next = [head.clone(), frame(HEADERS, END_HEADERS, 5, b"abc")].concat();
        check("another stream", &next, &next);
    }
}
