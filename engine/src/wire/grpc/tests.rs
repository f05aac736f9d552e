//! The codecs against the slow reference, whole and torn at every byte.

use super::frame::{Frames, NoMessage, tell_status, trailers};
use super::reference;
use super::text::{Decoder, Encoder};

/// What `pieces` say together, if they end where text may end.
fn decoded<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Option<Vec<u8>> {
    let (mut decoder, mut out) = (Decoder::default(), Vec::new());
    for piece in pieces {
        decoder.decode(piece, &mut out).ok()?;
    }
    decoder.is_between().then_some(out)
}

fn check_text(text: &[u8], expected: Option<&[u8]>) {
    let name = text.escape_ascii();
    assert_eq!(reference::bytes(text).as_deref(), expected, "the reference: {name}");
    assert_eq!(decoded([text]).as_deref(), expected, "{name}");
    assert_eq!(decoded(text.chunks(1)).as_deref(), expected, "byte by byte: {name}");
    for at in 0..=text.len() {
        let (front, rest) = text.split_at(at);
        assert_eq!(decoded([front, rest]).as_deref(), expected, "torn at {at}: {name}");
    }
}

#[test]
fn text_has_one_reading_whole_and_torn() {
    for (text, bytes) in [
        ("", &b""[..]),
        ("AAAAAAA=", b"\0\0\0\0\0"),
        ("QQ==", b"A"),
        ("QUI=", b"AB"),
        ("QUJD", b"ABC"),
        ("+/+/", b"\xfb\xff\xbf"),
        ("QQ==QUI=QUJDQQ==", b"AABABCA"),
        ("QUJDQQ==QUJD", b"ABCAABC"),
    ] {
        check_text(text.as_bytes(), Some(bytes));
    }
}

#[test]
fn text_that_is_no_base64_is_refused() {
    for text in [
        "Q",
        "QQ",
        "QQ=",
        "QUI",
        "QUJDQ",
        "QQ=A",
        "Q===",
        "====",
        "=QQQ",
        "QQ==Q",
        "QUJD=",
        "QR==",
        "QUJ=",
        "QUJ-",
        "QU D",
        "QQ==\n",
        "QUJD\r\n",
        "QUJ\0",
        "QUJ\u{ff}",
        "Q=UI",
        "QUJDQ===",
    ] {
        check_text(text.as_bytes(), None);
    }
}

#[test]
fn bytes_become_text_that_says_them_wherever_they_are_torn_and_flushed() {
    let bytes: Vec<u8> = (0..=255).rev().chain(0..=255).collect();
    for len in [0, 1, 2, 3, 4, 5, 6, 7, 64, 511, 512] {
        for piece in [1, 2, 3, 4, 5, 7, 16, 1000] {
            for flush in [1, 2, 3, 1000] {
                let (mut encoder, mut text) = (Encoder::default(), Vec::new());
                for (number, piece) in bytes[..len].chunks(piece).enumerate() {
                    encoder.encode(piece, &mut text);
                    if number % flush == flush - 1 {
                        encoder.pad(&mut text);
                        let said = reference::bytes(&text).expect("all that was given has left");
                        assert!(bytes.starts_with(&said));
                    }
                }
                encoder.pad(&mut text);
                assert_eq!(reference::bytes(&text).as_deref(), Some(&bytes[..len]), "{len} {piece} {flush}");
            }
        }
    }
}

fn over<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Result<bool, NoMessage> {
    let mut frames = Frames::default();
    pieces.into_iter().try_for_each(|piece| frames.read(piece))?;
    Ok(frames.is_between())
}

#[test]
fn frames_end_where_the_reference_sees_them_end() {
    for (body, expected) in [
        (&b""[..], Ok(true)),
        (b"\0\0\0\0\0", Ok(true)),
        (b"\0\0\0\0\x03abc", Ok(true)),
        (b"\x01\0\0\0\x01a\0\0\0\0\0\0\0\0\0\x02bc", Ok(true)),
        (b"\0", Ok(false)),
        (b"\0\0\0\0", Ok(false)),
        (b"\0\0\0\0\x03ab", Ok(false)),
        (b"\0\0\0\0\0\0", Ok(false)),
        (b"\0\xff\xff\xff\xff\x80", Ok(false)),
        (b"\x80\0\0\0\0", Err(NoMessage)),
        (b"\x02\0\0\0\0", Err(NoMessage)),
        (b"\0\0\0\0\x01a\x81", Err(NoMessage)),
    ] {
        let name = body.escape_ascii();
        let seen = reference::frames(body).map(|(_, rest)| rest.is_empty()).ok_or(NoMessage);
        assert_eq!(seen, expected, "the reference: {name}");
        assert_eq!(over([body]), expected, "{name}");
        assert_eq!(over(body.chunks(1)), expected, "byte by byte: {name}");
        for at in 0..=body.len() {
            let (front, rest) = body.split_at(at);
            assert_eq!(over([front, rest]), expected, "torn at {at}: {name}");
        }
    }
}

#[test]
fn trailers_are_one_frame_with_names_in_lower_case() {
    let mut out = b"before".to_vec();
    trailers(b"Grpc-Status: 0\r\nX-Mixed: Kept As It Is: so\r\nempty: \r\n", &mut out);
    let frame = out.strip_prefix(b"before").expect("is appended");
    assert_eq!(frame[..5], [0x80, 0, 0, 0, 56]);
    let pair = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    let expected = vec![pair("grpc-status", "0"), pair("x-mixed", "Kept As It Is: so"), pair("empty", "")];
    assert_eq!(reference::trailers(frame), Some(expected));
}

#[test]
fn a_status_is_found_in_any_case_and_only_as_a_name() {
    for (lines, tells) in [
        (&b"grpc-status: 0\r\n"[..], true),
        (b"x: y\r\nGrpc-Status:0\r\n", true),
        (b"", false),
        (b"x: grpc-status: 0\r\n", false),
        (b"grpc-status-details-bin: AA\r\n", false),
    ] {
        assert_eq!(tell_status(lines), tells, "{}", lines.escape_ascii());
    }
}
