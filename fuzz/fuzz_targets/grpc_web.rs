//! Laws of gRPC-Web: the first byte seeds where the rest is torn. As text: whole, torn and byte by byte it has one reading,
//! that of a slow reference. As bytes: torn and flushed anywhere they become text that says them. As frames: they end where
//! the reference sees them end. As trailers: one frame with the same lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ringgate::wire::grpc::frame::{Frames, trailers};
use ringgate::wire::grpc::text::{Decoder, Encoder};
use ringgate::wire::http1::trailer;

#[path = "../../engine/src/wire/grpc/reference.rs"]
mod reference;

fuzz_target!(|bytes: &[u8]| {
    let Some((seed, body)) = bytes.split_first() else { return };
    let torn = || Torn { rest: body, seed: u32::from(*seed) };
    let said = reference::bytes(body);
    for read in [decoded([body]), decoded(body.chunks(1)), decoded(torn())] {
        assert_eq!(read, said, "{}", body.escape_ascii());
    }
    encoded(torn(), body);
    framed(body, || torn());
    // What text says are frames more often than what is not.
    if let Some(said) = said {
        framed(&said, || Torn { rest: &said, seed: u32::from(*seed) });
    }
    lines(body);
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

fn decoded<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Option<Vec<u8>> {
    let (mut decoder, mut out) = (Decoder::default(), Vec::new());
    for piece in pieces {
        decoder.decode(piece, &mut out).ok()?;
    }
    decoder.is_between().then_some(out)
}

fn encoded<'p>(pieces: impl IntoIterator<Item = &'p [u8]>, body: &[u8]) {
    let (mut encoder, mut text, mut given) = (Encoder::default(), Vec::new(), 0);
    for piece in pieces {
        encoder.encode(piece, &mut text);
        given += piece.len();
        if piece.len() % 3 == 1 {
            encoder.pad(&mut text);
            assert_eq!(decoded([&text[..]]).as_deref(), Some(&body[..given]), "all that was given has left");
        }
    }
    encoder.pad(&mut text);
    assert_eq!(reference::bytes(&text).as_deref(), Some(body));
}

fn framed<'p, P: Iterator<Item = &'p [u8]>>(body: &'p [u8], torn: impl Fn() -> P) {
    let (messages, rest) = reference::messages(body);
    let expected = if rest.first().is_some_and(|flags| *flags > 1) { None } else { Some(rest.is_empty()) };
    let read = |pieces: &mut dyn Iterator<Item = &'p [u8]>| {
        let mut frames = Frames::default();
        for piece in pieces {
            frames.read(piece).ok()?;
        }
        Some(frames.is_between())
    };
    for seen in [read(&mut [body].into_iter()), read(&mut body.chunks(1)), read(&mut torn())] {
        assert_eq!(seen, expected, "{}", body.escape_ascii());
    }
    assert!(messages.iter().map(|message| message.len() + 5).sum::<usize>() + rest.len() == body.len());
}

fn lines(body: &[u8]) {
    let (mut kept, mut expected) = (Vec::new(), Vec::new());
    for line in body.split(|byte| *byte == b'\n').take(64) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
        let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        let is_value = |byte: &u8| !matches!(byte, 0..=31 | 127);
        if name.is_empty() || !name.iter().all(is_token) || !value.iter().all(is_value) {
            continue;
        }
        let before = kept.len();
        trailer::keep(&mut kept, name, value);
        if kept.len() > before {
            expected.push((String::from_utf8_lossy(name).to_ascii_lowercase(), value.to_vec()));
        }
    }
    let mut frame = Vec::new();
    trailers(&kept, &mut frame);
    assert_eq!(reference::trailers(&frame), Some(expected));
}
