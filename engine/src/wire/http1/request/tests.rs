use super::*;
use crate::wire::head::Head;

fn parsed(bytes: &[u8]) -> Result<Parsed, RequestFault> {
    parse(bytes, &mut Lines::new(), &HeadLimits::default())
}

#[test]
fn a_request_is_given_in_its_parts() {
    let bytes = b"\r\nGET /a?b HTTP/1.1\r\nHost: h:1\r\nX-A:  v \t\r\nx-a:w\r\n\r\nbody";
    let mut lines = Lines::new();
    let len = bytes.len() - 4;
    assert_eq!(parse(bytes, &mut lines, &HeadLimits::default()), Ok(Parsed::Complete { len }));
    let head = Head::new(bytes, &lines);
    assert_eq!((head.method(), head.method_bytes(), head.target()), (Method::Get, &b"GET"[..], &b"/a?b"[..]));
    assert_eq!((head.path(), head.query(), head.host()), (&b"/a"[..], Some(&b"b"[..]), &b"h:1"[..]));
    assert_eq!(head.named(b"X-a"), Some(&b"v"[..]));
    assert_eq!(head.all_named(b"X-a").collect::<Vec<_>>(), [b"v", b"w"]);
    assert_eq!((head.field_count(), head.head_len()), (3, len));
}

#[test]
fn a_torn_request_is_partial_until_its_last_byte() {
    let bytes = b"\r\nPOST http://a/b HTTP/1.0\r\nHost: a\r\nA: b\r\n\r\n";
    for end in 0..bytes.len() {
        assert_eq!(parsed(&bytes[..end]), Ok(Parsed::Partial), "{end}");
    }
    assert_eq!(parsed(bytes), Ok(Parsed::Complete { len: bytes.len() }));
}

#[test]
fn first_refusals() {
    for (bytes, fault) in [
        (&b"GET / HTTP/1.1\nHost: a\n\n"[..], RequestFault::Line(LineFault::BareLf)),
        (b"GET / HTTP/1.1\r\n\r\n", RequestFault::HostMissing),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", RequestFault::HostTwice),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", RequestFault::Version),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", RequestFault::Http2Preface),
        (b"\x16\x03\x01", RequestFault::Tls),
    ] {
        assert_eq!(parsed(bytes), Err(fault), "{bytes:?}");
    }
}
