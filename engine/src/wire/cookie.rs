//! The Cookie field of a request, read as servers read it (RFC 6265 §5.4 writes it, §4.2.1 is its grammar): pairs
//! parted by `;`, name and value parted by the first `=`. A pair that breaks the grammar is passed over, no other.

use super::field::Field;
use super::head::Head;
use super::token::trim;

/// The pairs of all Cookie lines, in order: name, and value as sent. No allocation.
pub fn cookies(head: Head<'_>) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
    head.all(Field::COOKIE).flat_map(|line| line.split(|byte| *byte == b';')).filter_map(pair)
}

/// The value of the first cookie named `name`; names have a case (RFC 6265 §5.3).
pub fn cookie<'h>(head: Head<'h>, name: &[u8]) -> Option<&'h [u8]> {
    if !head.has(Field::COOKIE) {
        return None;
    }
    cookies(head).find(|(known, _)| *known == name).map(|(_, value)| value)
}

fn pair(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = text.iter().position(|byte| *byte == b'=')?;
    let name = trim(&text[..equals]);
    (!name.is_empty()).then(|| (name, trim(&text[equals + 1..])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::head::Lines;
    use crate::wire::http1::{HeadLimits, request};

    #[test]
    fn a_cookie_is_found_by_its_whole_name_in_any_line() {
        let text = "GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1; bb = 2 ;c;=4;d=\r\nCookie: b=x=y; a=5\r\n\r\n";
        let mut lines = Lines::new();
        request::parse(text.as_bytes(), &mut lines, &HeadLimits::default()).expect("parses");
        let head = Head::new(text.as_bytes(), &lines);
        for (name, value) in [
            ("a", Some("1")),
            ("bb", Some("2")),
            ("b", Some("x=y")),
            ("d", Some("")),
            ("c", None),
            ("A", None),
        ] {
            assert_eq!(cookie(head, name.as_bytes()), value.map(str::as_bytes), "{name}");
        }
        assert_eq!(cookies(head).count(), 5);
    }
}
