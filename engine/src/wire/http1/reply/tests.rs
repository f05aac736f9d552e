use super::*;
use crate::wire::head::Head;

#[test]
fn a_reply_is_given_in_its_parts() {
    let bytes = b"HTTP/1.1 404 Not Found\r\nServer: x\r\n\r\n";
    let mut lines = Lines::new();
    assert_eq!(parse(bytes, &mut lines, &HeadLimits::default()), Ok(Parsed::Complete { len: bytes.len() }));
    let head = Head::new(bytes, &lines);
    assert_eq!((head.status(), head.reason()), (404, &b"Not Found"[..]));
}
