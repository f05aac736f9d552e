//! Laws of a reply head: the parser and the slow reference accept the same bytes and see the same in them; a front is
//! never complete; what is passed back parses again to the same reply.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ringgate::mem::{Class, Pool};
use ringgate::wire::http1::encode::{self, Backward, KeepAlive};
use ringgate::wire::http1::framing::{self, Length};
use ringgate::wire::http1::{HeadLimits, Parsed, ReplyFault, reply};
use ringgate::wire::{Edits, Field, Head, Lines, Method};

// Each target needs the start line of its own kind only.
#[allow(dead_code)]
#[path = "../../engine/src/wire/http1/reference.rs"]
mod reference;

const LIMITS: HeadLimits = HeadLimits { head_bytes: 16 * 1024, fields: 100, target_bytes: 1 };

fuzz_target!(|bytes: &[u8]| {
    let mut lines = Lines::new();
    let verdict = reply::parse(bytes, &mut lines, &LIMITS);
    for end in 0..bytes.len().min(512) {
        let front = reply::parse(&bytes[..end], &mut Lines::new(), &LIMITS);
        match (verdict, front) {
            (Ok(Parsed::Complete { len }), front) if end >= len => assert_eq!(front, verdict),
            (Ok(_), front) => assert_eq!(front, Ok(Parsed::Partial)),
            (Err(_), front) => assert!(!matches!(front, Ok(Parsed::Complete { .. }))),
        }
    }
    let seen = reference::head(bytes, 0);
    let seen = seen.as_ref().and_then(|seen| Some((seen, reference::status_line(&seen.start)?)));
    let Ok(Parsed::Complete { len }) = verdict else {
        assert!(seen.is_none() || limited(bytes, verdict), "{verdict:?}");
        return;
    };
    let (seen, line) = seen.expect("the reference accepts it too");
    let head = Head::new(bytes, &lines);
    assert_eq!((head.status(), head.reason()), line);
    assert_eq!(len, seen.len);
    let fields: Vec<_> = head.lines().map(|(_, name, value)| (name.to_vec(), value.to_vec())).collect();
    assert_eq!(fields, seen.fields);
    for method in [Method::Get, Method::Head] {
        if let Ok(length) = framing::reply_length(head, method) {
            passed_back(head, method, length);
        }
    }
    if (102..200).contains(&head.status()) || head.status() == 100 {
        interim(head);
    }
});

/// Whether a limit explains the verdict.
fn limited(bytes: &[u8], verdict: Result<Parsed, ReplyFault>) -> bool {
    let many = |head: &reference::Seen| {
        let options = head.fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"connection"));
        options.flat_map(|(_, value)| value.split(|byte| *byte == b',')).count() > 32
    };
    matches!(verdict, Err(ReplyFault::HeadTooLong | ReplyFault::TooManyFields))
        || reference::head(bytes, 0).is_some_and(|head| many(&head))
}

fn passed_back(head: Head<'_>, method: Method, length: Length) {
    let keep_alive = if length == Length::UntilClose { KeepAlive::Close } else { KeepAlive::Nothing };
    let backward = Backward { length, keep_alive, upgrade: None, version10: false, unix_seconds: 0 };
    let mut out = Pool::new().take(Class::Bulk);
    encode::reply(&mut out, head, &Edits::new(), &backward).expect("a bulk buffer has the room");
    let mut lines = Lines::new();
    let limits = HeadLimits { head_bytes: u32::MAX, fields: 200, ..LIMITS };
    assert_eq!(
        reply::parse(out.filled(), &mut lines, &limits),
        Ok(Parsed::Complete { len: out.filled().len() })
    );
    let read = Head::new(out.filled(), &lines);
    assert_eq!((read.status(), read.reason()), (head.status(), head.reason()));
    assert_eq!(framing::reply_length(read, method), Ok(length));
    assert!(read.has(Field::DATE));
    for field in [Field::UPGRADE, Field::KEEP_ALIVE, Field::TE, Field::PROXY_CONNECTION] {
        assert!(!read.has(field));
    }
    for option in framing::connection_options(head) {
        let usual = [&b"close"[..], b"keep-alive"].iter().any(|word| option.eq_ignore_ascii_case(word));
        let ours = [Field::CONTENT_LENGTH, Field::TRANSFER_ENCODING, Field::CONNECTION, Field::DATE];
        assert!(usual || ours.contains(&Field::of(option)) || read.named(option).is_none());
    }
}

fn interim(head: Head<'_>) {
    let mut out = Pool::new().take(Class::Bulk);
    encode::interim(&mut out, head, &Edits::new()).expect("a bulk buffer has the room");
    let mut lines = Lines::new();
    let limits = HeadLimits { head_bytes: u32::MAX, ..LIMITS };
    assert_eq!(
        reply::parse(out.filled(), &mut lines, &limits),
        Ok(Parsed::Complete { len: out.filled().len() })
    );
    let read = Head::new(out.filled(), &lines);
    assert_eq!(read.status(), head.status());
    assert!(
        !read.has(Field::CONTENT_LENGTH)
            && !read.has(Field::TRANSFER_ENCODING)
            && !read.has(Field::CONNECTION)
    );
}
