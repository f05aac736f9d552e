use super::*;
use crate::mem::{Class, Pool};
use crate::wire::head::Lines;
use crate::wire::http1::{HeadLimits, request as parse};

#[test]
fn a_request_that_needs_no_change_is_copied_as_it_is() {
    let bytes = b"GET / HTTP/1.1\r\nHost: h\r\nX-A: b\r\n\r\n";
    let mut lines = Lines::new();
    parse::parse(bytes, &mut lines, &HeadLimits::default()).unwrap();
    let mut out = Pool::new().take(Class::Small);
    let onward =
        Onward { target: b"/", host: b"h", length: Length::None, upgrade: None, expect_continue: false };
    request(&mut out, Head::new(bytes, &lines), &Edits::new(), &onward).unwrap();
    assert_eq!(out.filled(), bytes);
}

#[test]
fn chunk_heads_are_hexadecimal() {
    for len in [0, 1, 15, 16, 0x1a2b, usize::MAX] {
        let mut out = [0; 18];
        let n = chunk_head(len, &mut out);
        assert_eq!(out[..n], *format!("{len:x}\r\n").as_bytes());
    }
}
