//! Max-Forwards (RFC 9110 §7.6.2): how many more hops an OPTIONS or TRACE may take. Each hop counts it down; whoever is
//! reached by 0 answers in the origin's place. On other methods the field means nothing and passes as it is.

use crate::wire::edits::Edits;
use crate::wire::field::Field;
use crate::wire::head::Head;
use crate::wire::method::Method;

/// The hops that `head` has left; none where it says nothing, or nothing that can be read as a number.
fn left(head: Head<'_>) -> Option<u64> {
    if !head.has(Field::MAX_FORWARDS) || !matches!(head.method(), Method::Options | Method::Trace) {
        return None;
    }
    let value = head.field(Field::MAX_FORWARDS).filter(|_| !head.repeats(Field::MAX_FORWARDS))?;
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // More than there are numbers for is more hops than there are.
    Some(std::str::from_utf8(value).ok()?.parse().unwrap_or(u64::MAX))
}

/// Whether the request may go no further.
pub fn ends_here(head: Head<'_>) -> bool {
    left(head) == Some(0)
}

/// Tells the next hop of one hop less.
pub fn count_down(head: Head<'_>, edits: &mut Edits) {
    if let Some(left) = left(head).filter(|left| *left > 0) {
        edits.set_own(Field::MAX_FORWARDS, itoa::Buffer::new().format(left - 1).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::head::Lines;
    use crate::wire::http1::{HeadLimits, request};

    fn told(method: &str, lines: &str) -> (bool, Option<String>) {
        let text = format!("{method} /a HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        let mut parsed = Lines::new();
        request::parse(text.as_bytes(), &mut parsed, &HeadLimits::default()).expect("parses");
        let (head, mut edits) = (Head::new(text.as_bytes(), &parsed), Edits::new());
        count_down(head, &mut edits);
        let value = edits.value(Field::MAX_FORWARDS).map(|value| String::from_utf8_lossy(value).into_owned());
        (ends_here(head), value)
    }

    #[test]
    fn each_hop_counts_down_and_zero_ends_here() {
        for (method, lines, ends, next) in [
            ("OPTIONS", "Max-Forwards: 3\r\n", false, Some("2")),
            ("TRACE", "Max-Forwards: 1\r\n", false, Some("0")),
            ("OPTIONS", "Max-Forwards: 0\r\n", true, None),
            ("TRACE", "Max-Forwards: 00\r\n", true, None),
            ("OPTIONS", "Max-Forwards: 99999999999999999999\r\n", false, Some("18446744073709551614")),
            ("OPTIONS", "", false, None),
            ("OPTIONS", "Max-Forwards: -1\r\n", false, None),
            ("OPTIONS", "Max-Forwards: 1\r\nMax-Forwards: 0\r\n", false, None),
            ("GET", "Max-Forwards: 0\r\n", false, None),
        ] {
            assert_eq!(told(method, lines), (ends, next.map(String::from)), "{method} {lines}");
        }
    }
}
