use super::*;
use crate::wire::field::Field;
use crate::wire::head::Head;
use crate::wire::http1::{reference, sample};

fn parsed(bytes: &[u8]) -> Result<Parsed, ReplyFault> {
    parse(bytes, &mut Lines::new(), &HeadLimits::default())
}

fn refuses(bytes: &[u8], fault: ReplyFault) {
    assert_eq!(parsed(bytes), Err(fault), "{}", bytes.escape_ascii());
    for end in 0..bytes.len() {
        let torn = parsed(&bytes[..end]);
        assert!(!matches!(torn, Ok(Parsed::Complete { .. })), "{} to {end}", bytes.escape_ascii());
    }
}

fn accepts(bytes: &[u8], status: u16, reason: &[u8]) {
    let lines = sample::reply(bytes);
    let head = Head::new(bytes, &lines);
    assert_eq!((head.status(), head.reason()), (status, reason), "{}", bytes.escape_ascii());
    for end in 0..bytes.len() {
        assert_eq!(parsed(&bytes[..end]), Ok(Parsed::Partial), "{} to {end}", bytes.escape_ascii());
    }
}

#[test]
fn a_status_line_is_version_status_and_perhaps_a_reason() {
    accepts(b"HTTP/1.1 404 Not Found\r\nServer: x\r\n\r\n", 404, b"Not Found");
    accepts(b"HTTP/1.1 200 OK\r\n\r\n", 200, b"OK");
    accepts(b"HTTP/1.0 200 \r\nA: b\r\n\r\n", 200, b"");
    accepts(b"HTTP/1.1 200\r\nA: b\r\n\r\n", 200, b"");
    accepts(b"HTTP/1.1 200\r\n\r\n", 200, b"");
    accepts(b"HTTP/1.1 999 caf\xc3\xa9\t!\r\n\r\n", 999, b"caf\xc3\xa9\t!");
    accepts(b"HTTP/1.1 100 Continue\r\n\r\n", 100, b"Continue");
}

#[test]
fn what_is_no_status_line_is_never_taken_for_http_0_9() {
    for bytes in [
        &b"<html>"[..],
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"\nHTTP/1.1 200 OK\r\n\r\n",
        b" HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"HTTP/1.1\t200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 -20 OK\r\n\r\n",
        b"HTTP/1.1 200\tOK\r\n\r\n",
        b"HTTP/1.1200 OK\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"http/1.1 200 OK\r\n\r\n",
        b"HTTP/1 200 OK\r\n\r\n",
        b"HTTP/1.10 200 OK\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
    ] {
        refuses(bytes, ReplyFault::StatusLine);
    }
    refuses(b"HTTP/0.9 200 OK\r\n\r\n", ReplyFault::Version);
    refuses(b"HTTP/1.2 200 OK\r\n\r\n", ReplyFault::Version);
    refuses(b"HTTP/2.0 200 OK\r\n\r\n", ReplyFault::Version);
    refuses(b"HTTP/1.1 099 Low\r\n\r\n", ReplyFault::Status);
    refuses(b"HTTP/1.1 000 Zero\r\n\r\n", ReplyFault::Status);
}

#[test]
fn lines_of_replies_are_as_strict_as_of_requests() {
    for (bytes, fault) in [
        (&b"HTTP/1.1 200 OK\nA: b\r\n\r\n"[..], LineFault::BareLf),
        (b"HTTP/1.1 200\nA: b\r\n\r\n", LineFault::BareLf),
        (b"HTTP/1.1 200 OK\r\nA: b\n\r\n", LineFault::BareLf),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n\n", LineFault::BareLf),
        (b"HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n", LineFault::BareLf),
        (b"HTTP/1.1 200 O\rK\r\n\r\n", LineFault::BareCr),
        (b"HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n", LineFault::BareCr),
        (b"HTTP/1.1 200 OK\r\nA: b\r\r\n\r\n", LineFault::BareCr),
        (b"HTTP/1.1 200 O\0K\r\n\r\n", LineFault::Nul),
        (b"HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", LineFault::Nul),
        (b"HTTP/1.1 200 OK\r\nA\0: b\r\n\r\n", LineFault::Nul),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", LineFault::ObsFold),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n\tc\r\n\r\n", LineFault::ObsFold),
        (b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n", LineFault::LeadingSpace),
        (b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", LineFault::SpaceBeforeColon),
        (b"HTTP/1.1 200 OK\r\n: b\r\n\r\n", LineFault::EmptyName),
        (b"HTTP/1.1 200 OK\r\nA\r\n\r\n", LineFault::NoColon),
        (b"HTTP/1.1 200 OK\r\nA b: c\r\n\r\n", LineFault::BadName),
        (b"HTTP/1.1 200 OK\r\n\"A\": c\r\n\r\n", LineFault::BadName),
        (b"HTTP/1.1 200 OK\r\nA: b\x07\r\n\r\n", LineFault::BadValue),
        (b"HTTP/1.1 200 OK\r\nA: b\x7f\r\n\r\n", LineFault::BadValue),
    ] {
        refuses(bytes, ReplyFault::Line(fault));
    }
    refuses(b"HTTP/1.1 200 O\x07K\r\n\r\n", ReplyFault::StatusLine);
}

#[test]
fn the_parser_and_the_reference_agree_on_every_mutant() {
    for text in [
        &b"HTTP/1.1 200 OK\r\nServer: a\r\nB:\r\n\r\n"[..],
        b"HTTP/1.0 404\r\nA:b\r\n\r\n",
        b"HTTP/1.1 204 \r\n\r\n",
    ] {
        sample::mutants(text, agree);
    }
}

fn agree(bytes: &[u8]) {
    let mut lines = Lines::new();
    let found = parse(bytes, &mut lines, &HeadLimits::default());
    let text = bytes.escape_ascii();
    let seen = reference::head(bytes, 0);
    let Some((seen, (status, reason))) =
        seen.as_ref().and_then(|s| Some((s, reference::status_line(&s.start)?)))
    else {
        assert!(!matches!(found, Ok(Parsed::Complete { .. })), "{text}");
        return;
    };
    assert_eq!(found, Ok(Parsed::Complete { len: seen.len }), "{text}");
    let head = Head::new(bytes, &lines);
    assert_eq!((head.status(), head.reason()), (status, reason), "{text}");
    let fields: Vec<_> = head.lines().map(|(_, name, value)| (name.to_vec(), value.to_vec())).collect();
    assert_eq!(fields, seen.fields, "{text}");
}

#[test]
fn limits_refuse_as_soon_as_they_show() {
    let limits = HeadLimits { head_bytes: 40, fields: 2, target_bytes: 1 };
    let parse = |bytes: &[u8]| parse(bytes, &mut Lines::new(), &limits);
    let field = |bytes: usize| format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "b".repeat(bytes));
    assert_eq!(parse(field(16).as_bytes()), Ok(Parsed::Complete { len: 40 }));
    assert_eq!(parse(field(17).as_bytes()), Err(ReplyFault::HeadTooLong));
    assert_eq!(parse(&field(17).as_bytes()[..40]), Err(ReplyFault::HeadTooLong));
    assert_eq!(parse(&field(17).as_bytes()[..39]), Ok(Parsed::Partial));
    assert_eq!(parse(b"HTTP/1.1 200 OK\r\nA:\r\nA:\r\nA:\r\n\r\n"), Err(ReplyFault::TooManyFields));
}

#[test]
fn fields_are_found_by_number_and_by_name() {
    let bytes = b"HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nX: 1\r\nset-cookie: b\r\n\r\n";
    let lines = sample::reply(bytes);
    let head = Head::new(bytes, &lines);
    assert_eq!(head.all(Field::SET_COOKIE).collect::<Vec<_>>(), [b"a", b"b"]);
    assert!(head.repeats(Field::SET_COOKIE) && !head.has(Field::SERVER));
    assert_eq!(head.named(b"x"), Some(&b"1"[..]));
}
