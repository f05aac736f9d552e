//! gRPC-Web (PROTOCOL-WEB.md of gRPC): a call as browsers can make it, over any HTTP, which origins see as one of gRPC. This
//! file tells such calls by their fields and says what becomes of those; the bodies are translated in `up` and `down`, around
//! the two sides of whatever protocol the client speaks, so that `run` serves them as it does all others.

use super::down::WebReplies;
use super::up::WebBody;
use crate::exchange::downstream::Replies;
use crate::net::body::BodySource;
use crate::wire::edits::Edits;
use crate::wire::field::Field;
use crate::wire::grpc::KIND;
use crate::wire::head::Head;
use crate::wire::http1::framing::Length;
use crate::wire::method::Method;
use crate::wire::token;

/// How frames stand in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As they are.
    Binary,
    /// In base64.
    Text,
}

/// A call, as its fields describe it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Web<'h> {
    /// The request's body.
    up: Form,
    /// The reply's.
    down: Form,
    /// What the messages are, as `+proto`; empty where that is not said.
    suffix: &'h [u8],
}

impl<'h> Web<'h> {
    /// The call that a request is, if it is one.
    pub fn of(head: Head<'h>) -> Option<Web<'h>> {
        if head.method() != Method::Post || head.repeats(Field::CONTENT_TYPE) {
            return None;
        }
        let (up, suffix) = media_type(head.field(Field::CONTENT_TYPE)?)?;
        // The reply's form may be asked for, as libraries do that can only read text; else it is the request's.
        let asked = head.all(Field::ACCEPT).flat_map(token::list).filter_map(media_type);
        let down = asked.map(|(form, _)| form).reduce(|one, other| if one == up { one } else { other });
        Some(Web { up, down: down.unwrap_or(up), suffix })
    }

    /// Has the origin see a call of gRPC.
    pub fn ask(&self, edits: &mut Edits) {
        let is_valid = edits.set(Field::CONTENT_TYPE, &[b"application/grpc", self.suffix].concat());
        debug_assert!(is_valid, "the suffix is of a field that was read");
        // It asks for what only the gateway gives.
        edits.remove(Field::ACCEPT);
    }

    /// The length of the body that the origin gets, where the client's has this one.
    pub fn length(&self, length: Length) -> Length {
        match (self.up, length) {
            (Form::Text, Length::Exact(1..)) => Length::Chunked,
            _ => length,
        }
    }

    /// The body that the origin gets.
    pub fn body<'b, B: BodySource>(&self, body: &'b mut B) -> WebBody<'b, B> {
        WebBody::new(body, self.up)
    }

    /// The replies that the client gets.
    pub fn replies<'r, R: Replies>(&'r self, replies: &'r mut R) -> WebReplies<'r, R> {
        WebReplies::new(replies, self)
    }

    /// The form of the reply's body.
    pub fn down(&self) -> Form {
        self.down
    }

    /// Has the client see a reply of gRPC-Web. `said` is what the origin says of its messages, as `+proto`.
    pub fn answer(&self, said: &[u8], edits: &mut Edits) {
        let kind: &[u8] = match self.down {
            Form::Binary => b"application/grpc-web",
            Form::Text => b"application/grpc-web-text",
        };
        let suffix = if said.is_empty() { self.suffix } else { said };
        let is_valid = edits.set(Field::CONTENT_TYPE, &[kind, suffix].concat());
        debug_assert!(is_valid, "the suffix is of a field that was read");
    }
}

/// The form that a media type names, and what it says of messages; none if it is not one of gRPC-Web.
fn media_type(value: &[u8]) -> Option<(Form, &[u8])> {
    let rest = after(value, b"application/grpc-web")?;
    match after(rest, b"-text") {
        Some(rest) => Some((Form::Text, suffix(rest)?)),
        None => Some((Form::Binary, suffix(rest)?)),
    }
}

/// What `application/grpc` says of messages; none if `value` is something else.
pub fn suffix_of_grpc(value: &[u8]) -> Option<&[u8]> {
    suffix(after(value, KIND)?)
}

/// What follows `front`, in any case.
fn after<'v>(value: &'v [u8], front: &[u8]) -> Option<&'v [u8]> {
    let (found, rest) = value.split_at_checked(front.len())?;
    found.eq_ignore_ascii_case(front).then_some(rest)
}

/// `+proto` at the front of what may be followed by parameters; empty where there is none.
fn suffix(rest: &[u8]) -> Option<&[u8]> {
    let end = rest.iter().position(|byte| matches!(byte, b';' | b' ' | b'\t')).unwrap_or(rest.len());
    match &rest[..end] {
        [] => Some(&[]),
        suffix @ [b'+', kind @ ..] if token::is_token(kind) => Some(suffix),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::with_head;
    use super::*;

    #[test]
    fn a_call_is_known_by_its_content_type_and_its_reply_by_what_is_asked_for() {
        use Form::{Binary, Text};
        for (fields, expected) in [
            ("Content-Type: application/grpc-web\r\n", Some((Binary, Binary, ""))),
            ("Content-Type: application/grpc-web+proto\r\n", Some((Binary, Binary, "+proto"))),
            ("Content-Type: Application/gRPC-Web+json; charset=utf-8\r\n", Some((Binary, Binary, "+json"))),
            ("Content-Type: application/grpc-web-text\r\n", Some((Text, Text, ""))),
            (
                "Content-Type: application/grpc-web-text+proto\r\nAccept: */*\r\n",
                Some((Text, Text, "+proto")),
            ),
            (
                "Content-Type: application/grpc-web\r\nAccept: application/grpc-web-text\r\n",
                Some((Binary, Text, "")),
            ),
            (
                "Content-Type: application/grpc-web-text\r\nAccept: application/grpc-web+proto\r\n",
                Some((Text, Binary, "")),
            ),
            (
                "Content-Type: application/grpc-web-text\r\nAccept: application/grpc-web, application/grpc-web-text\r\n",
                Some((Text, Text, "")),
            ),
            ("Content-Type: application/grpc\r\n", None),
            ("Content-Type: application/grpc-webby\r\n", None),
            ("Content-Type: application/grpc-web+\r\n", None),
            ("Content-Type: application/grpc-web+a/b\r\n", None),
            ("Content-Type: application/grpc-web\r\nContent-Type: application/grpc-web\r\n", None),
            ("", None),
        ] {
            let seen = with_head(fields, |head| {
                Web::of(head).map(|web| (web.up, web.down, String::from_utf8_lossy(web.suffix).into_owned()))
            });
            assert_eq!(seen, expected.map(|(up, down, suffix)| (up, down, suffix.to_owned())), "{fields:?}");
        }
    }

    #[test]
    fn both_sides_see_their_own_content_type() {
        let web = Web { up: Form::Text, down: Form::Text, suffix: b"+proto" };
        let mut edits = Edits::new();
        web.ask(&mut edits);
        assert_eq!(edits.value(Field::CONTENT_TYPE), Some(&b"application/grpc+proto"[..]));
        assert!(edits.removes(Field::ACCEPT, b"Accept"));
        web.answer(b"", &mut edits);
        assert_eq!(edits.value(Field::CONTENT_TYPE), Some(&b"application/grpc-web-text+proto"[..]));
        web.answer(b"+json", &mut edits);
        assert_eq!(edits.value(Field::CONTENT_TYPE), Some(&b"application/grpc-web-text+json"[..]));
        assert_eq!(web.length(Length::Exact(8)), Length::Chunked);
        assert_eq!(web.length(Length::Exact(0)), Length::Exact(0));
        assert_eq!(web.length(Length::None), Length::None);
        let web = Web { up: Form::Binary, ..web };
        assert_eq!(web.length(Length::Exact(8)), Length::Exact(8));
    }
}
