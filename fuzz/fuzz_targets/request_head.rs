//! Laws of a request head: the parser and the slow reference accept the same bytes and see the same in them; a head
//! that comes torn has the verdict of the whole; what is forwarded parses again to the same request.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ringgate::mem::{Class, Pool};
use ringgate::wire::http1::encode::{self, Onward};
use ringgate::wire::http1::framing::{self, Length};
use ringgate::wire::http1::{HeadLimits, Parsed, RequestFault, request};
use ringgate::wire::uri::{self, Authority};
use ringgate::wire::{Edits, Field, Head, Lines, Method};

// Each target needs the start line of its own kind only.
#[allow(dead_code)]
#[path = "../../engine/src/wire/http1/reference.rs"]
mod reference;

const LIMITS: HeadLimits = HeadLimits { head_bytes: 16 * 1024, fields: 100, target_bytes: 8 * 1024 };

fuzz_target!(|bytes: &[u8]| {
    let mut lines = Lines::new();
    let verdict = request::parse(bytes, &mut lines, &LIMITS);
    torn(bytes, verdict);
    let Ok(Parsed::Complete { len }) = verdict else {
        assert!(refused_by_reference(bytes, verdict));
        outlined(bytes);
        return;
    };
    let head = Head::new(bytes, &lines);
    assert_eq!(head.head_len(), len);
    same_as_reference(bytes, head);
    if let Ok(length) = framing::request_length(head) {
        forwarded(head, length);
    }
    let _ = (framing::expects_continue(head), framing::upgrade_tokens(head).count());
});

/// What is told of a head that is no request is a request line all the same.
fn outlined(bytes: &[u8]) {
    let mut lines = Lines::new();
    if !request::outline(bytes, &mut lines, &LIMITS) {
        return;
    }
    let head = Head::new(bytes, &lines);
    assert!(uri::target(head.method(), head.target()).is_some());
    assert!(head.host().is_empty() || Authority::parse(head.host()).is_some());
    assert_eq!(head.lines().count(), 0);
}

/// A front of the head is never complete, and byte by byte the end is the same.
fn torn(bytes: &[u8], whole: Result<Parsed, RequestFault>) {
    let mut lines = Lines::new();
    let mut came = Ok(Parsed::Partial);
    // Beyond this a quadratic walk teaches nothing more.
    let bytes = &bytes[..bytes.len().min(2048)];
    for end in 1..=bytes.len() {
        let front = &bytes[..end];
        came = request::screen(front, &LIMITS).map(|()| Parsed::Partial);
        if came.is_ok() && request::may_be_complete(front, end - 1) {
            came = request::parse(front, &mut lines, &LIMITS);
        }
        if came != Ok(Parsed::Partial) {
            break;
        }
    }
    match (whole, came) {
        (Ok(Parsed::Complete { len }), _) if len > bytes.len() => {}
        (Ok(_), _) => assert_eq!(came, whole),
        (Err(_), Ok(Parsed::Complete { .. })) => panic!("refused whole, accepted torn"),
        (Err(_), _) => {}
    }
}

fn refused_by_reference(bytes: &[u8], verdict: Result<Parsed, RequestFault>) -> bool {
    let limited = [RequestFault::HeadTooLong, RequestFault::TargetTooLong, RequestFault::TooManyFields];
    if matches!(verdict, Err(fault) if limited.contains(&fault)) {
        return true;
    }
    let Some(seen) = reference::head(bytes, 4) else { return true };
    let Some((method, target, version)) = reference::request_line(&seen.start) else { return true };
    let hosts: Vec<_> = seen.fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"host")).collect();
    let options = seen.fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"connection"));
    let many = options.flat_map(|(_, value)| value.split(|byte| *byte == b',')).count() > 32;
    many || uri::target(Method::of(method), target).is_none()
        || hosts.len() > 1
        || (hosts.is_empty() && version == b"HTTP/1.1")
        || hosts.iter().any(|(_, host)| Authority::parse(host).is_none())
}

fn same_as_reference(bytes: &[u8], head: Head<'_>) {
    let seen = reference::head(bytes, 4).expect("the reference accepts it too");
    let (method, target, _) = reference::request_line(&seen.start).expect("with its request line");
    assert_eq!((head.method_bytes(), head.target(), head.head_len()), (method, target, seen.len));
    let fields: Vec<_> = head.lines().map(|(_, name, value)| (name.to_vec(), value.to_vec())).collect();
    assert_eq!(fields, seen.fields);
    for (field, name, _) in head.lines() {
        assert_eq!(head.all(field).next(), head.field(field));
        assert!(field == Field::OTHER || name.eq_ignore_ascii_case(field.name().as_bytes()));
        assert_eq!(head.named(name), head.all_named(name).next());
    }
}

/// Writes the head with a few edits and reads it again.
fn forwarded(head: Head<'_>, length: Length) {
    let mut edits = Edits::new();
    let (_, removed, value) = head.lines().next().unwrap_or((Field::OTHER, b"none", b""));
    edits.remove(removed);
    assert!(edits.set("X-Set", value), "a parsed value can stand in a field");
    let host = if head.host().is_empty() { b"h" } else { head.host() };
    let target = match head.method() {
        Method::Connect => head.target(),
        _ => head.path(),
    };
    let onward = Onward { target, host, length, upgrade: None, expect_continue: false };
    let mut out = Pool::new().take(Class::Bulk);
    encode::request(&mut out, head, &edits, &onward).expect("a bulk buffer has the room");

    let mut lines = Lines::new();
    let again = request::parse(out.filled(), &mut lines, &HeadLimits { head_bytes: u32::MAX, ..LIMITS });
    let len = out.filled().len();
    assert!(again == Ok(Parsed::Complete { len }) || again == Err(RequestFault::TooManyFields), "{again:?}");
    if again.is_err() {
        return;
    }
    let read = Head::new(out.filled(), &lines);
    assert_eq!((read.method_bytes(), read.target(), read.host()), (head.method_bytes(), target, host));
    assert_eq!(framing::request_length(read), Ok(length));
    assert!(framing::keep_alive(read));

    let options: Vec<&[u8]> = framing::connection_options(head).collect();
    let ours = |name: &[u8]| {
        let decided =
            ["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade", "expect"];
        let more =
            ["http2-settings", "proxy-authorization", "proxy-authenticate", "proxy-authentication-info"];
        let framing = ["host", "content-length"];
        let lower = name.to_ascii_lowercase();
        [&decided[..], &more, &framing].concat().iter().any(|other| other.as_bytes() == lower)
    };
    // What tells the origin who asks stays whatever Connection says.
    let told = |name: &[u8]| {
        let way = ["via", "forwarded", "x-real-ip", "x-request-id", "traceparent", "tracestate"];
        let who = ["authorization", "x-api-key"];
        let hops = ["for", "proto", "host", "port", "prefix"].map(|hop| format!("x-forwarded-{hop}"));
        let lower = name.to_ascii_lowercase();
        way.iter().chain(&who).any(|other| other.as_bytes() == lower)
            || hops.iter().any(|other| other.as_bytes() == lower)
    };
    let gone = |name: &[u8]| {
        let named = options.iter().any(|option| option.eq_ignore_ascii_case(name));
        let usual = [&b"close"[..], b"keep-alive"].iter().any(|option| option.eq_ignore_ascii_case(name));
        ours(name)
            || (named && !usual && !told(name))
            || name.eq_ignore_ascii_case(removed)
            || name.eq_ignore_ascii_case(b"x-set")
    };
    let mut expected: Vec<_> = head.lines().filter(|(_, name, _)| !gone(name)).collect();
    expected.push((Field::OTHER, b"X-Set", value));
    let kept: Vec<_> = read.lines().filter(|(_, name, _)| !ours(name)).collect();
    assert_eq!(kept, expected);
}
