use super::*;
use crate::wire::http1::sample;

const LIMITS: ChunkLimits = ChunkLimits { extension_bytes: 64, trailer_bytes: 64 };

/// What a body came to: its data, its trailers, and the bytes it took; none for one that is not over yet.
type Outcome = Result<(Vec<u8>, Vec<u8>, Option<usize>), ChunkFault>;

/// Reads `pieces` one after the other.
fn read<'p>(pieces: impl IntoIterator<Item = &'p [u8]>, limits: ChunkLimits) -> Outcome {
    read_by(&mut Chunked::new(limits), pieces)
}

/// The same by a reader at the start of a body.
fn read_by<'p>(chunked: &mut Chunked, pieces: impl IntoIterator<Item = &'p [u8]>) -> Outcome {
    let (mut data, mut total) = (Vec::new(), 0);
    for piece in pieces {
        let mut at = 0;
        loop {
            let rest = &piece[at..];
            let step = chunked.step(rest)?;
            at += step.used();
            total += step.used();
            match step {
                Step::More { used } => {
                    assert_eq!(used, rest.len(), "more is asked for only when all was used");
                    break;
                }
                Step::Data { skip, len } => {
                    assert!(len > 0);
                    data.extend_from_slice(&rest[skip..skip + len]);
                }
                Step::End { .. } => {
                    assert!(chunked.is_ended());
                    return Ok((data, chunked.trailers().to_vec(), Some(total)));
                }
            }
        }
    }
    assert!(!chunked.is_ended());
    Ok((data, chunked.trailers().to_vec(), None))
}

/// The outcome of `body`, which is the same whole, torn in two at any byte, and byte by byte.
fn outcome(body: &[u8], limits: ChunkLimits) -> Outcome {
    let whole = read([body], limits);
    for at in 0..=body.len() {
        let (front, back) = body.split_at(at);
        assert_eq!(read([front, back], limits), whole, "{} torn at {at}", body.escape_ascii());
    }
    assert_eq!(read(body.chunks(1), limits), whole, "{} byte by byte", body.escape_ascii());
    whole
}

fn accepts(body: &[u8], data: &[u8], trailers: &[u8]) {
    let expected = Ok((data.to_vec(), trailers.to_vec(), Some(body.len())));
    assert_eq!(outcome(body, LIMITS), expected, "{}", body.escape_ascii());
    let longer = [body, b"GET / HTTP/1.1\r\n"].concat();
    assert_eq!(outcome(&longer, LIMITS), expected, "what follows is not touched");
    for end in 0..body.len() {
        let torn = read([&body[..end]], LIMITS);
        assert!(matches!(torn, Ok((_, _, None))), "{} to {end}: {torn:?}", body.escape_ascii());
    }
}

fn refuses(body: &[u8], fault: ChunkFault) {
    assert_eq!(outcome(body, LIMITS), Err(fault), "{}", body.escape_ascii());
}

#[test]
fn data_is_given_without_its_framing() {
    accepts(b"0\r\n\r\n", b"", b"");
    accepts(b"3\r\nabc\r\n0\r\n\r\n", b"abc", b"");
    accepts(b"3\r\nabc\r\nA\r\n0123456789\r\n000\r\n\r\n", b"abc0123456789", b"");
    accepts(b"a\r\n0123456789\r\n1\r\n\n\r\n0\r\n\r\n", b"0123456789\n", b"");
    accepts(b"0000000000000003\r\nabc\r\n0000000000000000\r\n\r\n", b"abc", b"");
    accepts(b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n", b"");
}

#[test]
fn a_size_is_hexadecimal_bounded_and_alone_on_its_line() {
    for body in [
        &b"\r\n"[..],
        b"x\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b" 1\r\n",
        b"\t1\r\n",
        b"0x1\r\n",
        b"1g\r\n",
        b"1,\r\n",
        b"1_0\r\n",
        b";a\r\n",
        b"\"1\"\r\n",
        b"1.\r\n",
        b"\x801\r\n",
        b"1\x80\r\n",
        b"1:2\r\n",
        b"1\x0b\r\n",
    ] {
        refuses(body, ChunkFault::Size);
    }
    refuses(b"00000000000000003\r\n", ChunkFault::SizeOverflow);
    refuses(b"fffffffffffffffff\r\n", ChunkFault::SizeOverflow);
    let largest = read([&b"ffffffffffffffff\r\nab"[..]], LIMITS);
    assert_eq!(largest, Ok((b"ab".to_vec(), vec![], None)));
}

#[test]
fn a_line_ends_in_cr_lf_and_nothing_else() {
    refuses(b"3\nabc\r\n0\r\n\r\n", ChunkFault::Line(LineFault::BareLf));
    refuses(b"\n", ChunkFault::Line(LineFault::BareLf));
    refuses(b"3;a\nabc\r\n0\r\n\r\n", ChunkFault::Line(LineFault::BareLf));
    refuses(b"3;a=\"\n\"\r\nabc\r\n0\r\n\r\n", ChunkFault::Line(LineFault::BareLf));
    refuses(b"3\rabc\r\n0\r\n\r\n", ChunkFault::Line(LineFault::BareCr));
    refuses(b"3\r\r\nabc\r\n0\r\n\r\n", ChunkFault::Line(LineFault::BareCr));
    refuses(b"3;a\rb\r\n", ChunkFault::Line(LineFault::BareCr));
    refuses(b"3\0\r\n", ChunkFault::Line(LineFault::Nul));
    refuses(b"3;a\0\r\n", ChunkFault::Line(LineFault::Nul));
    refuses(b"0\r\n\n", ChunkFault::Line(LineFault::BareLf));
    refuses(b"0\n\r\n", ChunkFault::Line(LineFault::BareLf));
    refuses(b"0\r\n\r\r\n", ChunkFault::Line(LineFault::BareCr));
}

#[test]
fn data_ends_where_its_size_says() {
    for body in [
        &b"3\r\nabcd\r\n0\r\n\r\n"[..],
        b"3\r\nab\r\n0\r\n\r\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"3\r\nabc\r0\r\n",
        b"3\r\nabc0\r\n\r\n",
        b"3\r\nabc\n\r\n",
        b"3\r\nabc \r\n",
        b"3\r\nabc\r\r\n",
        b"1\r\na\0\r\n",
    ] {
        refuses(body, ChunkFault::DataEnd);
    }
}

#[test]
fn extensions_follow_the_grammar_and_are_dropped() {
    for line in [
        "3;a",
        "3;a=b",
        "3;a=\"b;\\\" c\"",
        "3;a;b=c;d",
        "3 ;a",
        "3\t; a",
        "3; a = b",
        "3;a=b ;c",
        "3;a=\"\"",
        "3;a=\"b\" ; c",
    ] {
        let body = format!("{line}\r\nabc\r\n0;last=\"\u{e9}\"\r\n\r\n");
        accepts(body.as_bytes(), b"abc", b"");
    }
    for line in [
        "3 ",
        "3\t",
        "3 x",
        "3 4",
        "3 =b",
        "3;",
        "3; ",
        "3;;a",
        "3;=b",
        "3;a=",
        "3;a= ",
        "3;a=;",
        "3;a=b=c",
        "3;a b",
        "3;a=b c",
        "3;a ",
        "3;a=b ",
        "3;a=\"b\"c",
        "3;a=\"b\" ",
        "3;a=\x7f",
        "3;a=\"\x07\"",
        "3;a=\"\\\x07\"",
        "3;(a)",
        "3;a=b,c",
        "3;\u{e9}",
        "3;a=\"b",
    ] {
        let body = format!("{line}\r\nabc\r\n0\r\n\r\n");
        let found = outcome(body.as_bytes(), LIMITS);
        let expected = [ChunkFault::Extension, ChunkFault::Line(LineFault::BareCr)];
        assert!(found.is_err_and(|fault| expected.contains(&fault)), "{line:?}");
    }
}

#[test]
fn extensions_are_bounded_however_they_are_spread() {
    let line = |bytes: usize| format!("1;{}\r\na\r\n", "x".repeat(bytes - 1));
    let body = |line: &str| format!("{line}0\r\n\r\n");
    assert!(outcome(body(&line(64)).as_bytes(), LIMITS).is_ok());
    refuses(body(&line(65)).as_bytes(), ChunkFault::ExtensionTooLong);
    refuses(format!("1{}", " ".repeat(65)).as_bytes(), ChunkFault::ExtensionTooLong);
    // Each byte of data pays for one: the first chunk leaves one of two unpaid.
    assert!(outcome(body(&line(2).repeat(62)).as_bytes(), LIMITS).is_ok());
    refuses(body(&line(2).repeat(70)).as_bytes(), ChunkFault::ExtensionTooLong);
    let paid = "64;".to_owned() + &"x".repeat(60) + "\r\n" + &"d".repeat(100) + "\r\n";
    assert!(read([paid.repeat(20).as_bytes()], LIMITS).is_ok());
}

#[test]
fn trailers_are_kept_but_for_what_decides_something() {
    accepts(b"0\r\nX-A: b\r\nx-c:\td \r\nE:\r\n\r\n", b"", b"X-A: b\r\nx-c: d\r\nE: \r\n");
    accepts(
        b"1\r\na\r\n0\r\nServer-Timing: a\r\nGrpc-Status: 0\r\n\r\n",
        b"a",
        b"Server-Timing: a\r\nGrpc-Status: 0\r\n",
    );
    for name in [
        "Content-Length",
        "Transfer-Encoding",
        "Host",
        "Connection",
        "Keep-Alive",
        "TE",
        "Trailer",
        "Upgrade",
        "Proxy-Connection",
        "Proxy-Authorization",
        "Proxy-Authenticate",
        "Authorization",
        "WWW-Authenticate",
        "Cookie",
        "Set-Cookie",
        "Expect",
        "Content-Type",
        "Content-Encoding",
        "Content-Range",
        "Range",
        "If-Match",
        "Max-Forwards",
        "Cache-Control",
        "Location",
        "Forwarded",
        "X-Forwarded-For",
        "X-Real-IP",
        "X-Request-Id",
        "Via",
        "X-API-Key",
        "Date",
        "Vary",
        "Age",
        "Retry-After",
    ] {
        let body = format!("0\r\nA: b\r\n{}: c\r\nD: e\r\n\r\n", name.to_lowercase());
        accepts(body.as_bytes(), b"", b"A: b\r\nD: e\r\n");
    }
}

#[test]
fn whitespace_behind_a_size_is_taken_in_replies_alone() {
    for (body, data) in [
        (&b"5  \r\nhello\r\n0 \r\n\r\n"[..], &b"hello"[..]),
        (b"5\t\r\nhello\r\n0\t \r\nA: b\r\n\r\n", b"hello"),
        (b"5 ;a=b \r\nhello\r\n0 ; c=\"d\" \r\n\r\n", b"hello"),
    ] {
        refuses(body, ChunkFault::Extension);
        for cut in 0..=body.len() {
            let mut lenient = Chunked::new(LIMITS).lenient();
            let read = read_by(&mut lenient, [&body[..cut], &body[cut..]]).expect("is taken");
            assert_eq!((&read.0[..], read.2), (data, Some(body.len())), "torn at {cut}");
        }
    }
    for body in [
        &b" 5\r\nhello\r\n"[..],
        b"5 5\r\nhello\r\n",
        b"5 \nhello\r\n",
        b"5 x\r\nhello\r\n",
        b"5 ;\r\n",
        b"5;a \r\n",
    ] {
        assert!(
            read_by(&mut Chunked::new(LIMITS).lenient(), [body]).is_err(),
            "{:?}",
            body.escape_ascii().to_string()
        );
    }
    let long = [b"5".as_slice(), &[b' '; 65], b"\r\n"].concat();
    assert_eq!(read_by(&mut Chunked::new(LIMITS).lenient(), [&long[..]]), Err(ChunkFault::ExtensionTooLong));
}

#[test]
fn a_reader_can_begin_again_at_any_byte() {
    let body = b"5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nA: b\r\nC: d\r\n\r\n";
    for cut in 0..=body.len() {
        let mut chunked = Chunked::new(LIMITS);
        read_by(&mut chunked, [&body[..cut]]).expect("is right as far as it goes");
        chunked.restart();
        let again = read_by(&mut chunked, [&body[..]]);
        assert_eq!(
            again,
            Ok((b"hello world".to_vec(), b"A: b\r\nC: d\r\n".to_vec(), Some(body.len()))),
            "at {cut}"
        );
    }
}

#[test]
fn trailers_named_in_connection_are_dropped() {
    let bytes = b"PUT / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Mine\r\nConnection: etag\r\n\r\n";
    let lines = sample::request(bytes);
    let mut chunked = Chunked::new(LIMITS);
    chunked.drop_named(Head::new(bytes, &lines));
    let body = b"0\r\nx-mine: a\r\nX-Mine-Too: b\r\nETag: c\r\nclose: d\r\n\r\n";
    assert_eq!(chunked.step(body), Ok(Step::End { used: body.len() }));
    assert_eq!(chunked.trailers(), b"X-Mine-Too: b\r\nclose: d\r\n");
}

#[test]
fn lines_of_trailers_are_as_strict_as_of_heads() {
    for (line, fault) in [
        (&b" A: b"[..], LineFault::ObsFold),
        (b"A: b\r\n c", LineFault::ObsFold),
        (b"A : b", LineFault::SpaceBeforeColon),
        (b": b", LineFault::EmptyName),
        (b"A", LineFault::NoColon),
        (b"A b: c", LineFault::BadName),
        (b"\"A\": c", LineFault::BadName),
        (b"A: b\x07", LineFault::BadValue),
        (b"A: b\0", LineFault::Nul),
        (b"A: b\nC: d", LineFault::BareLf),
        (b"A: b\rC: d", LineFault::BareCr),
        (b"A\r: b", LineFault::BareCr),
        (b"GET / HTTP/1.1", LineFault::NoColon),
    ] {
        refuses(&[b"0\r\n", line, b"\r\n\r\n"].concat(), ChunkFault::Line(fault));
    }
}

#[test]
fn the_trailer_section_is_bounded() {
    let body = |bytes: usize| format!("0\r\nA: {}\r\n\r\n", "b".repeat(bytes - 5));
    assert!(outcome(body(64).as_bytes(), LIMITS).is_ok());
    refuses(body(67).as_bytes(), ChunkFault::TrailerTooLong);
    refuses(format!("0\r\n{}", "A: b\r\n".repeat(20)).as_bytes(), ChunkFault::TrailerTooLong);
    refuses(format!("0\r\n{}", "a".repeat(100)).as_bytes(), ChunkFault::TrailerTooLong);
    assert_eq!(ChunkFault::TrailerTooLong.status(), 431);
}

#[test]
fn every_mutant_has_one_outcome_however_it_is_torn() {
    for body in [&b"3;a=\"b\"\r\nabc\r\n0\r\nX: y\r\n\r\n"[..], b"A ; c\r\n0123456789\r\n0\r\n\r\n"] {
        sample::mutants(body, |mutant| {
            // The outcome itself is not asserted: that it is one is what `outcome` asserts.
            let _ = outcome(mutant, LIMITS);
        });
    }
}
