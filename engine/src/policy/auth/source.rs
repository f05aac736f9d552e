//! Where in a request credentials are looked for. Those that came twice, in one place or in two, are refused: another
//! reader may take the other one (RFC 6750 §3.1).

use super::denial::Denial;
use crate::wire::cookie::cookies;
use crate::wire::field::Field;
use crate::wire::head::Head;
use crate::wire::http1::encode;
use crate::wire::uri::is_named;

/// A place of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `Authorization: Bearer`.
    Bearer,
    /// A field, by its name in lower case.
    Field(Box<[u8]>),
    /// A cookie.
    Cookie(Box<[u8]>),
    /// A query parameter.
    Query(Box<[u8]>),
}

impl Place {
    /// A field by its name; `Authorization` carries its scheme.
    pub fn field(name: &str) -> Place {
        match name.eq_ignore_ascii_case("authorization") {
            true => Place::Bearer,
            false => Place::Field(name.to_ascii_lowercase().into_bytes().into()),
        }
    }

    /// Its kind and name, as a challenge tells them.
    pub fn told(&self) -> (&'static str, &[u8]) {
        match self {
            Place::Bearer => ("header", b"authorization"),
            Place::Field(name) => ("header", name),
            Place::Cookie(name) => ("cookie", name),
            Place::Query(name) => ("query", name),
        }
    }

    /// What stands there, if anything does. An empty value is none, but for an empty `Authorization: Bearer`.
    ///
    /// # Errors
    /// It came twice.
    #[inline]
    pub fn find<'h>(&self, head: Head<'h>) -> Result<Option<&'h [u8]>, Denial> {
        match self {
            Place::Bearer => credentials(head, b"bearer"),
            // What the client named in Connection the origin does not get: it is not there.
            Place::Field(name) if encode::is_nominated(head, name) => Ok(None),
            Place::Field(name) => once(head.all_named(name)).map(|value| value.map(without_scheme)),
            Place::Cookie(name) => {
                once(cookies(head).filter(|(known, _)| *known == &**name).map(|(_, value)| value))
            }
            Place::Query(name) => match head.query() {
                None => Ok(None),
                Some(query) => once(query.split(|byte| *byte == b'&').filter_map(|pair| named(pair, name))),
            },
        }
        .map(|value| value.filter(|value| !value.is_empty() || *self == Place::Bearer))
    }
}

/// What stands in one of `places`, and in which.
///
/// # Errors
/// It came twice, in one place or in two (RFC 6750 §2): one of them would be verified, and the other go on.
#[inline]
pub fn find_in<'p, 'h>(places: &'p [Place], head: Head<'h>) -> Result<Option<(&'p Place, &'h [u8])>, Denial> {
    let mut found = None;
    for place in places {
        let Some(value) = place.find(head)? else { continue };
        if found.replace((place, value)).is_some() {
            return Err(Denial::Repeated);
        }
    }
    Ok(found)
}

/// The value of a pair of this name, which is compared decoded: a second one cannot hide behind an escape that an origin
/// takes away.
fn named<'q>(pair: &'q [u8], name: &[u8]) -> Option<&'q [u8]> {
    let end = memchr::memchr(b'=', pair).unwrap_or(pair.len());
    is_named(&pair[..end], name).then(|| pair.get(end + 1..).unwrap_or_default())
}

fn once<'v>(mut values: impl Iterator<Item = &'v [u8]>) -> Result<Option<&'v [u8]>, Denial> {
    let first = values.next();
    if values.next().is_some() { Err(Denial::Repeated) } else { Ok(first) }
}

/// What follows `scheme` in the field Authorization; none if there is no such field or it has another scheme. Schemes
/// have no case (RFC 9110 §11.1).
///
/// # Errors
/// The field came twice.
#[inline]
pub fn credentials<'h>(head: Head<'h>, scheme: &[u8]) -> Result<Option<&'h [u8]>, Denial> {
    let Some(value) = head.field(Field::AUTHORIZATION) else { return Ok(None) };
    if head.repeats(Field::AUTHORIZATION) {
        return Err(Denial::Repeated);
    }
    Ok(after_scheme(value, scheme))
}

fn after_scheme<'v>(value: &'v [u8], scheme: &[u8]) -> Option<&'v [u8]> {
    let (front, rest) = value.split_at_checked(scheme.len())?;
    if !front.eq_ignore_ascii_case(scheme) {
        return None;
    }
    match rest {
        [] => Some(rest),
        [b' ', ..] => Some(&rest[rest.iter().take_while(|byte| **byte == b' ').count()..]),
        _ => None,
    }
}

/// `text` with its escapes decoded once, in `room`, which is as long at least. None where an escape is broken.
pub(super) fn percent_decoded<'r>(text: &[u8], room: &'r mut [u8]) -> Option<&'r [u8]> {
    let (mut from, mut to) = (0, 0);
    while let Some(byte) = text.get(from) {
        let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
        (room[to], from) = match byte {
            b'%' => (u8::try_from(digit(from + 1)? << 4 | digit(from + 2)?).ok()?, from + 3),
            byte => (*byte, from + 1),
        };
        to += 1;
    }
    Some(&room[..to])
}

/// Fields of their own are written with and without the scheme.
fn without_scheme(value: &[u8]) -> &[u8] {
    after_scheme(value, b"bearer").filter(|rest| !rest.is_empty()).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::head::Lines;
    use crate::wire::http1::{HeadLimits, request};

    fn check(place: &Place, lines: &str, expected: Result<Option<&str>, Denial>) {
        let text = format!("GET /a?token=q1&b=2&token2=x&%63=3%2f{lines}\r\n\r\n");
        let mut parsed = Lines::new();
        request::parse(text.as_bytes(), &mut parsed, &HeadLimits::default()).expect("parses");
        let found = place.find(Head::new(text.as_bytes(), &parsed));
        assert_eq!(found, expected.map(|value| value.map(str::as_bytes)), "{place:?} {lines}");
    }

    #[test]
    fn bearer_has_no_case_and_comes_once() {
        let front = " HTTP/1.1\r\nHost: a\r\n";
        for (lines, expected) in [
            ("Authorization: Bearer abc", Ok(Some("abc"))),
            ("authorization: bEARER   abc ", Ok(Some("abc"))),
            ("Authorization: Bearer", Ok(Some(""))),
            ("Authorization: Bearer a b", Ok(Some("a b"))),
            ("Authorization: Bearerabc", Ok(None)),
            ("Authorization: Basic abc", Ok(None)),
            ("Authorization: abc", Ok(None)),
            ("X: y", Ok(None)),
            ("Authorization: Bearer abc\r\nAuthorization: Bearer abd", Err(Denial::Repeated)),
        ] {
            check(&Place::field("AUTHORIZATION"), &format!("{front}{lines}"), expected);
        }
    }

    #[test]
    fn a_token_is_sent_in_one_way() {
        let places = [Place::Bearer, Place::Cookie((*b"t").into()), Place::Query((*b"token").into())];
        for (target, lines, expected) in [
            ("/", "X: y", Ok(None)),
            ("/", "Authorization: Bearer a", Ok(Some((0, "a")))),
            ("/", "Cookie: t=b", Ok(Some((1, "b")))),
            ("/?token=c", "X: y", Ok(Some((2, "c")))),
            ("/", "Authorization: Basic a\r\nCookie: t=b", Ok(Some((1, "b")))),
            // An empty one is none.
            ("/?token=", "Authorization: Bearer a\r\nCookie: t=", Ok(Some((0, "a")))),
            ("/", "Authorization: Bearer a\r\nCookie: t=b", Err(Denial::Repeated)),
            ("/?token=a", "Authorization: Bearer a", Err(Denial::Repeated)),
            ("/?token=c", "Cookie: t=b", Err(Denial::Repeated)),
        ] {
            let text = format!("GET {target} HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n");
            let mut parsed = Lines::new();
            request::parse(text.as_bytes(), &mut parsed, &HeadLimits::default()).expect("parses");
            let found = find_in(&places, Head::new(text.as_bytes(), &parsed));
            let expected = expected.map(|found| found.map(|(at, value)| (&places[at], value.as_bytes())));
            assert_eq!(found, expected, "{target} {lines}");
        }
    }

    #[test]
    fn other_places_are_read_by_whole_names() {
        let front = " HTTP/1.1\r\nHost: a\r\n";
        for (place, lines, expected) in [
            (Place::field("X-Token"), "x-token: abc", Ok(Some("abc"))),
            (Place::field("X-Token"), "x-token: bearer abc", Ok(Some("abc"))),
            (Place::field("X-Token"), "x-token:", Ok(None)),
            (Place::field("X-Token"), "x-token: abc\r\nConnection: close, X-TOKEN", Ok(None)),
            (Place::field("X-API-Key"), "x-api-key: abc\r\nConnection: x-api-key", Ok(Some("abc"))),
            (Place::field("X-Token"), "x-token: a\r\nX-TOKEN: b", Err(Denial::Repeated)),
            (Place::Cookie((*b"t").into()), "Cookie: tt=1; t=2", Ok(Some("2"))),
            (Place::Cookie((*b"t").into()), "Cookie: t=1\r\nCookie: t=2", Err(Denial::Repeated)),
            (Place::Cookie((*b"t").into()), "X: t=1", Ok(None)),
            (Place::Query((*b"token").into()), "X: y", Ok(Some("q1"))),
            (Place::Query((*b"tok").into()), "X: y", Ok(None)),
            (Place::Query((*b"b").into()), "X: y", Ok(Some("2"))),
            (Place::Query((*b"c").into()), "X: y", Ok(Some("3%2f"))),
        ] {
            check(&place, &format!("{front}{lines}"), expected);
        }
        for again in ["&token=q2", "&%74oken=q2", "&to%6Ben", "&t%6f%6B%65n="] {
            let lines = format!("{again} HTTP/1.1\r\nHost: a");
            check(&Place::Query((*b"token").into()), &lines, Err(Denial::Repeated));
        }
    }
}
