use super::*;
use crate::wire::head::{Form, Head};
use crate::wire::http1::{reference, sample};

fn parsed(bytes: &[u8]) -> Result<Parsed, RequestFault> {
    parse(bytes, &mut Lines::new(), &HeadLimits::default())
}

/// What becomes of bytes that come one at a time, parsed only when it may help, as conn does.
fn dribbled(bytes: &[u8]) -> Result<Parsed, RequestFault> {
    let (mut lines, limits) = (Lines::new(), HeadLimits::default());
    for end in 1..=bytes.len() {
        let came = &bytes[..end];
        screen(came, &limits)?;
        if may_be_complete(came, end - 1) {
            match parse(came, &mut lines, &limits)? {
                Parsed::Partial => {}
                complete => return Ok(complete),
            }
        }
    }
    Ok(Parsed::Partial)
}

/// `bytes` is refused with `fault`, whole and torn at every byte: never complete, and never partial once there is an empty line.
fn refuses(bytes: &[u8], fault: RequestFault) {
    let text = bytes.escape_ascii();
    assert_eq!(parsed(bytes), Err(fault), "{text}");
    assert!(dribbled(bytes).is_err() || !may_be_complete(bytes, 0), "{text} dribbled");
    for end in 0..bytes.len() {
        assert!(!matches!(parsed(&bytes[..end]), Ok(Parsed::Complete { .. })), "{text} to {end}");
    }
}

fn refuses_line(bytes: &[u8], fault: LineFault) {
    refuses(bytes, RequestFault::Line(fault));
}

/// `bytes` is a whole head, and partial when torn at any byte.
fn accepts(bytes: &[u8]) -> Lines {
    let lines = sample::request(bytes);
    for end in 0..bytes.len() {
        assert_eq!(parsed(&bytes[..end]), Ok(Parsed::Partial), "{} to {end}", bytes.escape_ascii());
    }
    assert_eq!(dribbled(bytes), Ok(Parsed::Complete { len: bytes.len() }));
    lines
}

#[test]
fn a_request_is_given_in_its_parts() {
    let bytes = b"\r\nGET /a?b HTTP/1.1\r\nHost: h:1\r\nX-A:  v \t\r\nEmpty:\r\nx-a:w\r\nSpaces:  \r\n\r\n";
    let lines = accepts(bytes);
    let head = Head::new(bytes, &lines);
    assert_eq!((head.method(), head.method_bytes(), head.target()), (Method::Get, &b"GET"[..], &b"/a?b"[..]));
    assert_eq!((head.form(), head.path(), head.query()), (Form::Origin, &b"/a"[..], Some(&b"b"[..])));
    assert_eq!((head.version(), head.host()), (Version::Http11, &b"h:1"[..]));
    assert_eq!(head.authority(), Some(Authority { host: b"h", port: Some(1) }));
    assert_eq!(head.named(b"X-a"), Some(&b"v"[..]));
    assert_eq!(head.named(b"hOST"), Some(&b"h:1"[..]));
    assert_eq!((head.named(b"empty"), head.named(b"Spaces")), (Some(&b""[..]), Some(&b""[..])));
    assert_eq!((head.named(b"none"), head.field(Field::VIA)), (None, None));
    assert_eq!(head.all_named(b"X-a").collect::<Vec<_>>(), [b"v", b"w"]);
    assert_eq!((head.field_count(), head.head_len()), (5, bytes.len()));
    let second = head.lines().nth(1);
    assert_eq!(second, Some((Field::OTHER, &b"X-A"[..], &b"v"[..])));
}

#[test]
fn what_follows_the_head_is_not_looked_at() {
    let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for next in [&b"\0\r\n\nGET"[..], b"\n\n", b"\x16\x03", &[b'x'; 40_000]] {
        assert_eq!(parsed(&[head, next].concat()), Ok(Parsed::Complete { len: head.len() }));
    }
}

#[test]
fn the_parser_and_the_reference_agree_on_every_mutant() {
    for text in [
        &b"GET /p?q HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n"[..],
        b"\r\nOPTIONS * HTTP/1.0\r\n\r\n",
        b"PUT http://a:1/ HTTP/1.1\r\nA:\r\nHost:b\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nHost: [::1]:2\r\n\r\n",
    ] {
        sample::mutants(text, agree);
    }
}

/// The parser accepts what the reference accepts, and sees the same in it.
fn agree(bytes: &[u8]) {
    let mut lines = Lines::new();
    let found = parse(bytes, &mut lines, &HeadLimits::default());
    let text = bytes.escape_ascii();
    let expected = reference::head(bytes, 4).filter(|seen| {
        let hosts: Vec<_> =
            seen.fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"host")).collect();
        reference::request_line(&seen.start).is_some_and(|(method, target, version)| {
            uri::target(Method::of(method), target).is_some()
                && (hosts.len() == 1 || (hosts.is_empty() && version == b"HTTP/1.0"))
                && hosts.iter().all(|(_, host)| Authority::parse(host).is_some())
        })
    });
    let Some(seen) = expected else {
        assert!(!matches!(found, Ok(Parsed::Complete { .. })), "{text}");
        return;
    };
    assert_eq!(found, Ok(Parsed::Complete { len: seen.len }), "{text}");
    let head = Head::new(bytes, &lines);
    let fields: Vec<_> = head.lines().map(|(_, name, value)| (name.to_vec(), value.to_vec())).collect();
    assert_eq!(fields, seen.fields, "{text}");
    let start = [head.method_bytes(), head.target()].join(&b' ');
    assert!(seen.start.starts_with(&start), "{text}");
    assert_eq!(dribbled(bytes), found, "{text} dribbled");
}

#[test]
fn a_line_ends_in_cr_lf_and_nothing_else() {
    refuses_line(b"GET / HTTP/1.1\nHost: a\r\n\r\n", LineFault::BareLf);
    refuses_line(b"GET / HTTP/1.1\r\nHost: a\n\r\n", LineFault::BareLf);
    refuses_line(b"GET / HTTP/1.1\r\nHost: a\r\n\n", LineFault::BareLf);
    refuses_line(b"GET / HTTP/1.1\nHost: a\n\n", LineFault::BareLf);
    refuses_line(b"GET / HTTP/1.1\r\nHost: a\r\nX: b\nY: c\r\n\r\n", LineFault::BareLf);
    refuses_line(b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", LineFault::BareLf);
    refuses_line(b"\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", LineFault::BareLf);
    refuses_line(b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", LineFault::BareCr);
    refuses_line(b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\r\n\r\n", LineFault::BareCr);
    refuses_line(b"GET / HTTP/1.1\r\nHost: a\r\nX: \rb\r\n\r\n", LineFault::BareCr);
    refuses_line(b"GET / HTTP/1.1\r\nHost: a\r\nX\r: b\r\n\r\n", LineFault::BareCr);
    refuses_line(b"GET / HTTP/1.1\rHost: a\r\n\r\n", LineFault::BareCr);
    refuses_line(b"GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", LineFault::BareCr);
    refuses_line(b"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", LineFault::BareCr);
    refuses_line(b"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", LineFault::BareCr);
    refuses_line(b"GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", LineFault::BareCr);
}

#[test]
fn zero_and_control_bytes_stand_nowhere() {
    refuses_line(b"GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n", LineFault::Nul);
    refuses_line(b"GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n", LineFault::Nul);
    refuses_line(b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", LineFault::Nul);
    refuses_line(b"G\0T / HTTP/1.1\r\nHost: a\r\n\r\n", LineFault::Nul);
    for byte in (1..0x20).chain([0x7f]).filter(|byte| !b"\t\r\n".contains(byte)) {
        let value = [&b"GET / HTTP/1.1\r\nHost: a\r\nX: b"[..], &[byte], b"c\r\n\r\n"].concat();
        refuses_line(&value, LineFault::BadValue);
        let name = [&b"GET / HTTP/1.1\r\nHost: a\r\nX"[..], &[byte], b": c\r\n\r\n"].concat();
        refuses_line(&name, LineFault::BadName);
        let target = [&b"GET /"[..], &[byte], b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        refuses(&target, RequestFault::Target);
        let method = [&b"G"[..], &[byte], b" / HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        refuses(&method, RequestFault::Method);
    }
    accepts(b"GET / HTTP/1.1\r\nHost: a\r\nX: b\tc \x80\xff\r\n\r\n");
}

#[test]
fn a_line_is_a_name_a_colon_and_a_value() {
    refuses_line(b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", LineFault::ObsFold);
    refuses_line(b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n", LineFault::ObsFold);
    refuses_line(b"GET / HTTP/1.1\r\nHost: a\r\nX:\r\n b\r\n\r\n", LineFault::ObsFold);
    refuses_line(b"GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n", LineFault::ObsFold);
    refuses_line(b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", LineFault::LeadingSpace);
    refuses_line(b"GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", LineFault::LeadingSpace);
    refuses_line(b"GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n", LineFault::LeadingSpace);
    refuses_line(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", LineFault::SpaceBeforeColon);
    refuses_line(b"GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", LineFault::SpaceBeforeColon);
    refuses_line(
        b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n",
        LineFault::SpaceBeforeColon,
    );
    refuses_line(b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", LineFault::EmptyName);
    refuses_line(b"GET / HTTP/1.1\r\n:\r\nHost: a\r\n\r\n", LineFault::EmptyName);
    refuses_line(b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", LineFault::NoColon);
    refuses_line(b"GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n", LineFault::BadName);
    for byte in b"\"(),/;<=>?@[\\]{}\x80\xff" {
        let name = [&b"GET / HTTP/1.1\r\nHost: a\r\nX"[..], &[*byte], b": c\r\n\r\n"].concat();
        refuses_line(&name, LineFault::BadName);
    }
    accepts(b"GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~09azAZ::\r\n\r\n");
}

#[test]
fn a_few_empty_lines_come_before_a_request() {
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for count in 0..=4 {
        accepts(&[&b"\r\n".repeat(count), &request[..]].concat());
    }
    for count in [5, 6, 100] {
        refuses(&[&b"\r\n".repeat(count), &request[..]].concat(), RequestFault::EmptyLines);
    }
}

#[test]
fn one_space_parts_the_request_line() {
    for (line, fault) in [
        (&b"GET  / HTTP/1.1"[..], RequestFault::Target),
        (b"GET /  HTTP/1.1", RequestFault::NotHttp),
        (b"GET\t/ HTTP/1.1", RequestFault::Method),
        (b"GET /\tHTTP/1.1", RequestFault::Target),
        (b"GET / HTTP/1.1 ", RequestFault::NotHttp),
        (b"GET / HTTP/1.1\t", RequestFault::NotHttp),
        (b" GET / HTTP/1.1", RequestFault::Method),
        (b"\tGET / HTTP/1.1", RequestFault::Method),
        (b"GET /a b HTTP/1.1", RequestFault::NotHttp),
        (b"GET / HTTP/1.1 HTTP/1.1", RequestFault::NotHttp),
        (b"GET /\x0bHTTP/1.1", RequestFault::Target),
    ] {
        refuses(&[line, b"\r\nHost: a\r\n\r\n"].concat(), fault);
    }
}

#[test]
fn only_http_1_0_and_1_1_are_spoken() {
    for (version, fault) in [
        (&b"HTTP/0.9"[..], RequestFault::Version),
        (b"HTTP/1.2", RequestFault::Version),
        (b"HTTP/1.9", RequestFault::Version),
        (b"HTTP/2.0", RequestFault::Version),
        (b"HTTP/3.0", RequestFault::Version),
        (b"HTTP/9.9", RequestFault::Version),
        (b"HTTP/2", RequestFault::Version),
        (b"HTTP/1", RequestFault::NotHttp),
        (b"HTTP/1.", RequestFault::NotHttp),
        (b"HTTP/1.10", RequestFault::NotHttp),
        (b"HTTP/11.1", RequestFault::NotHttp),
        (b"HTTP/01.1", RequestFault::NotHttp),
        (b"HTTP/1.1x", RequestFault::NotHttp),
        (b"http/1.1", RequestFault::NotHttp),
        (b"Http/1.1", RequestFault::NotHttp),
        (b"HTTP-1.1", RequestFault::NotHttp),
        (b"HTTP/1,1", RequestFault::NotHttp),
        (b"HTTP /1.1", RequestFault::NotHttp),
        (b"HTTP/ 1.1", RequestFault::NotHttp),
        (b"HTTPS/1.1", RequestFault::NotHttp),
        (b"ICY/1.1", RequestFault::NotHttp),
        (b"", RequestFault::NotHttp),
    ] {
        refuses(&[b"GET / ", version, b"\r\nHost: a\r\n\r\n"].concat(), fault);
    }
    refuses(b"GET /\r\n", RequestFault::NotHttp);
    refuses(b"GET /\r\nHost: a\r\n\r\n", RequestFault::NotHttp);
    assert_eq!(RequestFault::Version.status(), 505);
    assert_eq!(RequestFault::NotHttp.status(), 400);
}

#[test]
fn other_protocols_are_refused_at_once() {
    refuses(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", RequestFault::Http2Preface);
    refuses(b"PRI * HTTP/2.0\r\n", RequestFault::Http2Preface);
    refuses(b"PRI * HTTP/2", RequestFault::Http2Preface);
    refuses(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", RequestFault::Tls);
    refuses(b"\x16", RequestFault::Tls);
    for first in (0..=255).filter(|byte| !is_token_byte(*byte) && !b"\0\r\n\x16".contains(byte)) {
        refuses(&[first], RequestFault::Method);
    }
}

#[test]
fn a_method_is_a_token_of_at_most_32_bytes() {
    for method in ["get", "PROPFIND", "M-SEARCH", "!#$%&'*+-.^_`|~", &"M".repeat(32)] {
        let bytes = [method.as_bytes(), b" / HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        let lines = accepts(&bytes);
        assert_eq!(Head::new(&bytes, &lines).method(), Method::Other);
    }
    for method in ["G/T", "G,T", "G:", "\"GET\"", "(GET)", "G\u{e9}T", &"M".repeat(33), &"M".repeat(30_000)] {
        refuses(&[method.as_bytes(), b" / HTTP/1.1\r\nHost: a\r\n\r\n"].concat(), RequestFault::Method);
    }
}

#[test]
fn a_target_is_of_a_form_its_method_allows() {
    for (line, path, host) in [
        ("GET / HTTP/1.1", "/", "field"),
        ("GET http://target:8080 HTTP/1.1", "/", "target:8080"),
        ("GET HTTPS://target/p?q HTTP/1.1", "/p", "target"),
        ("GET http://[::1]:1?q HTTP/1.1", "/", "[::1]:1"),
        ("OPTIONS * HTTP/1.1", "*", "field"),
        ("OPTIONS http://target HTTP/1.1", "*", "target"),
        ("OPTIONS http://target/ HTTP/1.1", "/", "target"),
        ("CONNECT target:443 HTTP/1.1", "", "target:443"),
    ] {
        let bytes = [line.as_bytes(), b"\r\nHost: field\r\n\r\n"].concat();
        let lines = accepts(&bytes);
        let head = Head::new(&bytes, &lines);
        assert_eq!((head.path(), head.host()), (path.as_bytes(), host.as_bytes()), "{line}");
    }
    for line in [
        "GET * HTTP/1.1",
        "CONNECT / HTTP/1.1",
        "CONNECT target HTTP/1.1",
        "CONNECT http://target:443/ HTTP/1.1",
        "GET target:443 HTTP/1.1",
        "GET a HTTP/1.1",
        "GET http:/// HTTP/1.1",
        "GET http:///p HTTP/1.1",
        "GET http://u@target/ HTTP/1.1",
        "GET http://a\"b/ HTTP/1.1",
        "GET ftp://target/ HTTP/1.1",
        "GET /#f HTTP/1.1",
        "GET /p#f HTTP/1.1",
        "GET http://target/#f HTTP/1.1",
        "GET /\" HTTP/1.1",
        "GET /<b> HTTP/1.1",
        "GET /\\..\\ HTTP/1.1",
        "GET /\u{e9} HTTP/1.1",
        "GET ?q HTTP/1.1",
    ] {
        refuses(&[line.as_bytes(), b"\r\nHost: field\r\n\r\n"].concat(), RequestFault::Target);
    }
}

#[test]
fn there_is_exactly_one_valid_host() {
    refuses(b"GET / HTTP/1.1\r\n\r\n", RequestFault::HostMissing);
    refuses(b"GET / HTTP/1.1\r\nX-Host: a\r\n\r\n", RequestFault::HostMissing);
    refuses(b"GET http://a/ HTTP/1.1\r\n\r\n", RequestFault::HostMissing);
    refuses(b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", RequestFault::HostTwice);
    refuses(b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\nhOST: c\r\n\r\n", RequestFault::HostTwice);
    refuses(b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", RequestFault::HostTwice);
    refuses(b"GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", RequestFault::HostTwice);
    refuses(b"CONNECT a:1 HTTP/1.1\r\n\r\n", RequestFault::HostMissing);
    for host in [
        "",
        " ",
        ":80",
        "a b",
        "a, b",
        "u@a",
        "a/b",
        "a?b",
        "a#b",
        "\"a\"",
        "a:b",
        "a:70000",
        "[::1",
        "::1",
        "a\\b",
        "<a>",
        "http://a",
        "a:80:80",
        "%zz",
        "\u{e9}",
        "a\tb",
        "[fe80::1%25eth0]",
        "{a}",
        "a|b",
        "^",
    ] {
        for line in ["GET / HTTP/1.1", "GET / HTTP/1.0", "GET http://a/ HTTP/1.1", "OPTIONS * HTTP/1.1"] {
            let bytes = format!("{line}\r\nHost: {host}\r\n\r\n");
            refuses(bytes.as_bytes(), RequestFault::HostInvalid);
        }
    }
    let bytes = b"GET / HTTP/1.0\r\n\r\n";
    let lines = accepts(bytes);
    assert_eq!((Head::new(bytes, &lines).host(), Head::new(bytes, &lines).authority()), (&b""[..], None));
}

#[test]
fn limits_refuse_as_soon_as_they_show() {
    let limits = HeadLimits { head_bytes: 100, fields: 3, target_bytes: 10 };
    let parse = |bytes: &[u8]| parse(bytes, &mut Lines::new(), &limits);
    let host = "HTTP/1.1\r\nHost: a\r\n\r\n";
    assert!(parse(format!("GET /{} {host}", "a".repeat(9)).as_bytes()).is_ok());
    for target in [10, 11, 200] {
        let whole = format!("GET /{} {host}", "a".repeat(target));
        assert_eq!(parse(whole.as_bytes()), Err(RequestFault::TargetTooLong));
        assert_eq!(parse(&whole.as_bytes()[..15]), Err(RequestFault::TargetTooLong));
        assert_eq!(screen(&whole.as_bytes()[..15], &limits), Err(RequestFault::TargetTooLong));
        assert_eq!(parse(&whole.as_bytes()[..14]), Ok(Parsed::Partial));
    }

    let field = |bytes: usize| format!("GET / HTTP/1.1\r\nHost: a\r\nA: {}\r\n\r\n", "b".repeat(bytes));
    assert_eq!(parse(field(68).as_bytes()), Ok(Parsed::Complete { len: 100 }));
    assert_eq!(parse(field(69).as_bytes()), Err(RequestFault::HeadTooLong));
    assert_eq!(parse(&field(68).as_bytes()[..99]), Ok(Parsed::Partial));
    assert_eq!(parse(&field(69).as_bytes()[..100]), Err(RequestFault::HeadTooLong));
    assert_eq!(screen(&field(69).as_bytes()[..100], &limits), Err(RequestFault::HeadTooLong));

    let fields = |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(count));
    assert!(matches!(parse(fields(2).as_bytes()), Ok(Parsed::Complete { .. })));
    assert_eq!(parse(fields(3).as_bytes()), Err(RequestFault::TooManyFields));
    for (fault, status) in [
        (RequestFault::TargetTooLong, 414),
        (RequestFault::HeadTooLong, 431),
        (RequestFault::TooManyFields, 431),
        (RequestFault::HostMissing, 400),
    ] {
        assert_eq!(fault.status(), status);
    }
}

#[test]
fn more_fields_than_fit_the_stack_are_parsed_too() {
    let limits = HeadLimits { fields: 500, ..HeadLimits::default() };
    let bytes = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(499));
    let mut lines = Lines::new();
    assert_eq!(parse(bytes.as_bytes(), &mut lines, &limits), Ok(Parsed::Complete { len: bytes.len() }));
    assert_eq!(lines.list().len(), 500);
}

#[test]
fn connection_has_at_most_32_options() {
    let list = |count: usize| vec!["x"; count].join(",");
    let head = |connection: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{connection}\r\n");
    accepts(head(&format!("Connection: {}\r\n", list(32))).as_bytes());
    accepts(head(&format!("Connection: {}\r\n", ",".repeat(500))).as_bytes());
    accepts(head(&format!("Connection: {}\r\nConnection: {}\r\n", list(16), list(16))).as_bytes());
    let fault = LineFault::ManyOptions;
    refuses_line(head(&format!("Connection: {}\r\n", list(33))).as_bytes(), fault);
    refuses_line(
        head(&format!("Connection: {}\r\nconnection: {}\r\n", list(16), list(17))).as_bytes(),
        fault,
    );
    refuses_line(head(&"Connection: x\r\n".repeat(33)).as_bytes(), fault);
}

#[test]
fn lines_that_are_used_again_hold_nothing_of_the_last_head() {
    let (mut lines, limits) = (Lines::new(), HeadLimits::default());
    let first = b"GET http://a/b?c HTTP/1.0\r\nHost: a\r\nVia: x\r\nVia: y\r\nCookie: z\r\n\r\n";
    let second = b"POST / HTTP/1.1\r\nHost: b\r\nVia: x\r\n\r\n";
    parse(first, &mut lines, &limits).unwrap();
    parse(second, &mut lines, &limits).unwrap();
    let head = Head::new(second, &lines);
    assert_eq!((head.method(), head.host(), head.query()), (Method::Post, &b"b"[..], None));
    assert_eq!((head.has(Field::COOKIE), head.repeats(Field::VIA), head.field_count()), (false, false, 2));
    assert!(parse(b"GET / HTTP/1.1\r\nHos", &mut lines, &limits).is_ok());
    assert_eq!(lines.list().len(), 0);
}

#[test]
fn an_unknown_version_is_one_wherever_it_is_torn() {
    for version in ["1.2", "2.0", "2", "9."] {
        let bytes = format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n").into_bytes();
        for end in 1..=bytes.len() {
            let found = parsed(&bytes[..end]);
            assert!(matches!(found, Ok(Parsed::Partial) | Err(RequestFault::Version)), "{end}: {found:?}");
        }
        assert_eq!(parsed(&bytes), Err(RequestFault::Version));
    }
}
