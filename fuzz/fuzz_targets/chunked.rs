//! Laws of a chunked body: the first byte seeds where the rest is torn; whole, torn and byte by byte it has one
//! outcome; a slow reference reads the same from what is accepted, which a lenient reader accepts, too; what is kept of the
//! trailers is a field section.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ringgate::wire::http1::chunked::{ChunkLimits, Chunked, Step};
use ringgate::wire::http1::{HeadLimits, Parsed, encode, reply};
use ringgate::wire::{Field, Head, Lines};

const LIMITS: ChunkLimits = ChunkLimits { extension_bytes: 256, trailer_bytes: 512 };

/// Data, trailers, and the bytes taken if the body is over.
type Outcome = Result<(Vec<u8>, Vec<u8>, Option<usize>), &'static str>;

fuzz_target!(|bytes: &[u8]| {
    let Some((seed, body)) = bytes.split_first() else { return };
    let whole = read([body], LIMITS);
    assert_eq!(read(body.chunks(1), LIMITS), whole);
    assert_eq!(read(Torn { rest: body, seed: u32::from(*seed) }, LIMITS), whole);
    let mut lenient = Chunked::new(LIMITS).lenient();
    let padded = read_by(&mut lenient, [body]);
    assert!(whole.is_err() || padded == whole, "what a strict reader takes, a lenient one reads the same");
    if let Ok((data, _, Some(used))) = &padded {
        assert_eq!(reference(&body[..*used]).as_ref(), Some(data));
    }
    lenient.restart();
    assert_eq!(read_by(&mut lenient, [body]), padded);
    let Ok((data, trailers, Some(_))) = whole else { return };
    check_trailers(&trailers);

    let mut again = Vec::new();
    for part in data.chunks(usize::from(*seed) + 1) {
        let mut line = [0; 18];
        let len = encode::chunk_head(part.len(), &mut line);
        again.extend_from_slice(&[&line[..len], part, b"\r\n"].concat());
    }
    again.extend_from_slice(&[encode::LAST_CHUNK, &trailers, b"\r\n"].concat());
    let len = again.len();
    // A kept line may be a space longer than it came.
    let limits = ChunkLimits { trailer_bytes: 2 * LIMITS.trailer_bytes, ..LIMITS };
    assert_eq!(read([&again[..]], limits), Ok((data, trailers, Some(len))));
});

/// Pieces of up to some bytes, by a small generator.
struct Torn<'a> {
    rest: &'a [u8],
    seed: u32,
}

impl<'a> Iterator for Torn<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let len = (self.seed >> 24) as usize % 9;
        let (piece, rest) = self.rest.split_at(len.min(self.rest.len()));
        if self.rest.is_empty() {
            return None;
        }
        self.rest = rest;
        Some(piece)
    }
}

fn read<'p>(pieces: impl IntoIterator<Item = &'p [u8]>, limits: ChunkLimits) -> Outcome {
    read_by(&mut Chunked::new(limits), pieces)
}

fn read_by<'p>(chunked: &mut Chunked, pieces: impl IntoIterator<Item = &'p [u8]>) -> Outcome {
    let (mut data, mut total) = (Vec::new(), 0);
    for piece in pieces {
        let mut at = 0;
        loop {
            let rest = &piece[at..];
            let step = chunked.step(rest).map_err(|fault| fault.reason())?;
            at += step.used();
            total += step.used();
            match step {
                Step::More { used } => {
                    assert_eq!(used, rest.len());
                    break;
                }
                Step::Data { skip, len } => {
                    assert!(len > 0);
                    data.extend_from_slice(&rest[skip..skip + len]);
                }
                Step::End { .. } => return Ok((data, chunked.trailers().to_vec(), Some(total))),
            }
        }
    }
    Ok((data, chunked.trailers().to_vec(), None))
}

/// The data of a whole body, read a line at a time; none if it is not well formed as far as sizes go.
fn reference(body: &[u8]) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    let mut rest = body;
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let line = std::str::from_utf8(rest[..end].split(|byte| *byte == b';').next()?).ok()?;
        let size = usize::from_str_radix(line.trim_end_matches([' ', '\t']), 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            break;
        }
        data.extend_from_slice(rest.get(..size)?);
        rest = rest[size..].strip_prefix(b"\r\n")?;
    }
    (rest == b"\r\n" || rest.ends_with(b"\r\n\r\n")).then_some(data)
}

fn check_trailers(trailers: &[u8]) {
    let head = [b"HTTP/1.1 200 OK\r\n", trailers, b"\r\n"].concat();
    let mut lines = Lines::new();
    let limits = HeadLimits { fields: 1000, ..HeadLimits::default() };
    assert_eq!(reply::parse(&head, &mut lines, &limits), Ok(Parsed::Complete { len: head.len() }));
    for (field, ..) in Head::new(&head, &lines).lines() {
        let forbidden = [
            Field::CONTENT_LENGTH,
            Field::TRANSFER_ENCODING,
            Field::HOST,
            Field::CONNECTION,
            Field::AUTHORIZATION,
            Field::COOKIE,
            Field::X_FORWARDED_FOR,
        ];
        assert!(!forbidden.contains(&field));
    }
}
