//! Fields between the two forms that they have: lines of text, as all heads here are, and the map that the library takes.

use crate::mem::Buf;
use crate::wire::token::trim;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Whether nobody may guess the values of a field by what compression makes of them: they are never indexed, by anybody on the
/// way either (RFC 7541 §7.1.3). Which other fields came so the library does not tell.
fn is_secret(name: &HeaderName) -> bool {
    use header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE};
    matches!(*name, AUTHORIZATION | COOKIE | PROXY_AUTHORIZATION | SET_COOKIE)
}

/// Puts the lines of `text` from byte `from` on into `fields`, up to an empty one; their values stay where they are.
pub fn put_lines(text: &Bytes, from: usize, fields: &mut HeaderMap) {
    let mut at = from;
    while let Some(end) = memchr::memchr(b'\n', &text[at..]).map(|end| at + end) {
        let line = &text[at..end.saturating_sub(1).max(at)];
        if let Some(colon) = memchr::memchr(b':', line)
            && let Ok(name) = HeaderName::from_bytes(&line[..colon])
        {
            // The space around a value is none of it (RFC 9110 §5.5), and has no place here (RFC 9113 §8.2.1).
            let value = text.slice_ref(trim(&line[colon + 1..]));
            // Both were valid in HTTP/1.1; what is not here has no place in HTTP/2 either.
            if let Ok(mut value) = HeaderValue::from_maybe_shared(value) {
                value.set_sensitive(is_secret(&name));
                fields.append(name, value);
            }
        }
        at = end + 1;
    }
}

/// Appends `fields` to `out` as lines; false where they do not fit.
pub fn lines(fields: &HeaderMap, out: &mut Buf) -> bool {
    fields.iter().all(|(name, value)| {
        [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].into_iter().all(|part| out.put(part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::{Class, Pool};

    #[test]
    fn lines_become_fields_in_order_with_names_in_lower_case() {
        let text = Bytes::from_static(
            b"HTTP/1.1 200 OK\r\nDate:  now \t\r\nSet-Cookie: a\r\nset-cookie:b\r\nX-Empty: \t \r\nX-Two:\ta  b\r\n\r\n",
        );
        let mut fields = HeaderMap::new();
        put_lines(&text, 17, &mut fields);
        let mut out = Pool::new().take(Class::Small);
        assert!(lines(&fields, &mut out));
        assert_eq!(
            out.filled(),
            b"date: now\r\nset-cookie: a\r\nset-cookie: b\r\nx-empty: \r\nx-two: a  b\r\n"
        );
    }
}
