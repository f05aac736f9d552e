use super::*;
use crate::route::finder::Slots;
use proptest::prelude::*;

fn strip(prefix: &str) -> Rewrite {
    Rewrite::Strip(prefix.into())
}

fn prefix(depth: u16, to: &str) -> Rewrite {
    Rewrite::Prefix { to: to.into(), depths: vec![depth] }
}

fn template(text: &str, patterns: &[&str]) -> Rewrite {
    let patterns: Vec<Pattern<'_>> = patterns.iter().map(|text| Pattern::Segments(text)).collect();
    Rewrite::Template(Template::parse(text, &patterns).expect("is a template"))
}

fn regex(expression: &str, to: &str) -> Rewrite {
    let expression = Finder::compile(expression, &mut Slots::new(1)).expect("is an expression");
    let to = Substitution::parse(to, &expression).expect("is a substitution");
    Rewrite::Regex { expression, to }
}

fn applied(rewrite: &Rewrite, at: usize, path: &str) -> Result<String, RewriteFault> {
    let mut out = b"-".to_vec();
    let changed = rewrite.apply(at, path.as_bytes(), &mut Caches::default(), &mut out)?;
    let out = String::from_utf8(out).expect("is text");
    assert_eq!(changed, out.len() > 1, "{path}");
    Ok(if changed { out[1..].to_owned() } else { path.to_owned() })
}

#[track_caller]
fn check(rewrite: &Rewrite, cases: &[(&str, &str)]) {
    for (path, expected) in cases {
        assert_eq!(applied(rewrite, 0, path).as_deref(), Ok(*expected), "{path}");
    }
}

// Gateway API, HTTPPathModifier.replacePrefixMatch: the table of its documentation, line by line: "Request Path,
// Prefix Match, Replace Prefix, Modified Path". A prefix match ignores a trailing slash, so `/foo` and `/foo/` of the
// table are both our `/foo/*`; and a trailing slash of the replacement is ignored too.
#[test]
fn replace_prefix_match_is_as_the_gateway_api_says() {
    check(&prefix(1, "/xyz"), &[("/foo/bar", "/xyz/bar"), ("/foo", "/xyz"), ("/foo/", "/xyz/")]);
    check(&prefix(1, ""), &[("/foo/bar", "/bar"), ("/foo/", "/"), ("/foo", "/")]);
}

// Gateway API, HTTPPathModifier.replaceFullPath: "the value with which to replace the full path of a request during a
// rewrite or redirect".
#[test]
fn replace_full_path_is_a_template_without_names() {
    let rewrite = template("/new/home", &["/foo/*", "/"]);
    check(&rewrite, &[("/foo", "/new/home"), ("/foo/bar/", "/new/home")]);
    assert_eq!(applied(&rewrite, 1, "/").as_deref(), Ok("/new/home"));
}

#[test]
fn a_prefix_is_stripped_only_at_a_segments_end() {
    let cases =
        [("/api", "/"), ("/api/", "/"), ("/api/x", "/x"), ("/apix", "/apix"), ("/", "/"), ("/api//x", "//x")];
    check(&strip("/api"), &cases);
}

#[test]
fn the_matched_prefix_may_hold_named_segments_and_depends_on_the_pattern() {
    let rewrite = Rewrite::Prefix { to: "/t".into(), depths: vec![2, 0] };
    check(&rewrite, &[("/users/7/orders", "/t/orders"), ("/users/7", "/t"), ("/users//x", "/t/x")]);
    assert_eq!(applied(&rewrite, 1, "/users/7").as_deref(), Ok("/t/users/7"));
}

#[test]
fn a_template_takes_its_names_from_the_pattern_that_matched() {
    let rewrite = template("/v2/{id}-{kind}/{id}", &["/{kind}/{id}", "/of/{id}/x/{kind}/*"]);
    check(&rewrite, &[("/orders/7", "/v2/7-orders/7"), ("/a%2Fb/%C3%A9", "/v2/%C3%A9-a%2Fb/%C3%A9")]);
    assert_eq!(applied(&rewrite, 1, "/of/7/x/y/z").as_deref(), Ok("/v2/7-y/7"));
    let expression = Finder::compile("^/(?P<kind>[a-z]+)-(?P<id>[0-9]+)$", &mut Slots::new(1)).unwrap();
    let named = Template::parse("/{kind}/{id}", &[Pattern::Regex(expression)]).expect("is a template");
    check(&Rewrite::Template(named), &[("/orders-17", "/orders/17")]);
}

#[test]
fn a_template_names_only_what_every_path_of_the_match_has() {
    let told = |text: &str| {
        let patterns = [Pattern::Segments("/users/{id}"), Pattern::Segments("/u/{id}/{kind}/*")];
        Template::parse(text, &patterns).err().unwrap_or_default()
    };
    assert_eq!(told("/{id}"), "");
    assert_eq!(told("/{kind}"), "names 'kind', which the path '/users/{id}' of the match has not");
    assert_eq!(told("/{id"), "has a '{' without its '}'");
    assert_eq!(told("/id}"), "has a '}' without its '{'");
    assert_eq!(told("/a?x={id}"), "holds '?' or '#'; the query stays as it was sent");
    assert_eq!(told("{id}"), "does not begin with '/'");
    for text in ["/a/../{id}", "/%2e", "/%", "/a/."] {
        assert!(told(text).starts_with("is not in canonical form"), "{text}");
    }
    assert_eq!(told("/a b"), "holds a byte that no path holds");
}

#[test]
fn a_regex_replaces_what_it_finds_with_its_groups() {
    check(&regex("^/a/(.*)$", "/b/$1"), &[("/a/x/y", "/b/x/y"), ("/a/", "/b/"), ("/c", "/c")]);
    check(&regex("/v([0-9]+)/", "/api-${1}0/"), &[("/x/v2/v3/y", "/x/api-20/v3/y")]);
    check(&regex("^/(?P<a>[^/]+)/(?P<b>[^/]+)", "/${b}/${a}$$"), &[("/x/y/z", "/y/x$/z")]);
    check(&regex("-old", ""), &[("/a-old/b-old", "/a/b-old"), ("/a", "/a")]);
    check(&regex("[.]php$", ".html"), &[("/a.php", "/a.html")]);
    check(&regex("^(/a)(/b)?/c$", "$1$2"), &[("/a/c", "/a"), ("/a/b/c", "/a/b")]);
}

#[test]
fn a_substitution_names_only_groups_that_there_are() {
    let expression = Finder::compile("^/(?P<a>x)(y)", &mut Slots::new(1)).unwrap();
    let told = |text: &str| Substitution::parse(text, &expression).err().unwrap_or_default();
    assert_eq!(told("/$0$1${2}${a}"), "");
    assert_eq!(told("/$3"), "names the group '3', which the expression has not");
    assert_eq!(told("/$10"), "names the group '10', which the expression has not");
    assert_eq!(told("/${b}"), "names the group 'b', which the expression has not");
    assert_eq!(told("/$"), "has a '$' with neither a group nor another '$' behind it");
    assert_eq!(told("/${a"), "has a '${' without its '}'");
    assert_eq!(told("/a#$1"), "holds '?' or '#'; the query stays as it was sent");
    assert!(told("/../$1").starts_with("is not in canonical form"));
    assert!(told("/b%$1").starts_with("is not in canonical form"));
    assert_eq!(told("a$1"), "does not begin with '/'");
}

#[test]
fn no_capture_smuggles_a_dot_segment_or_half_an_escape() {
    for (rewrite, path) in [
        (template("/files/.{id}", &["/{id}"]), "/."),
        (template("/files/.{id}/x", &["/{id}"]), "/."),
        (regex("^/a(.*)$", "/b/.$1"), "/a./c"),
        (regex("^/x-(.*)$", "/b/$1/c"), "/x-.."),
        (regex("^/a(%2)", "/b$1"), "/a%2F"),
        (regex("^/a(%2)F", "/b${1}e"), "/a%2F"),
        (regex("(x)|/a", "$1"), "/ab"),
    ] {
        // `/.` itself is not canonical, and never comes here; parts of canonical paths do.
        let found = applied(&rewrite, 0, path);
        assert!(
            matches!(found, Err(RewriteFault::NotCanonical)) || found == Ok("/b%2F".into()),
            "{path}: {found:?}"
        );
    }
}

#[test]
fn what_grows_past_every_buffer_is_refused() {
    let long = format!("/{}", "x".repeat(15_000));
    assert_eq!(
        applied(&regex("^/(.*)$", "/$1$1$1$1$1$1$1$1$1$1$1$1$1$1$1$1$1$1"), 0, &long),
        Err(RewriteFault::TooLong)
    );
}

/// A path there and back again: what the upstream names in the words of its own paths, in the client's.
#[track_caller]
fn check_back(rewrite: &Rewrite, asked: &str, cases: &[(&str, Option<&str>)]) {
    for (named, expected) in cases {
        let mut out = Vec::new();
        let mapped = rewrite.invert(0, asked.as_bytes(), named.as_bytes(), &mut out);
        let found = mapped.then(|| String::from_utf8(out).expect("is text"));
        assert_eq!(found.as_deref(), *expected, "{named}");
    }
}

#[test]
fn a_stripped_prefix_is_put_back() {
    let cases = [("/", Some("/api/")), ("/x", Some("/api/x")), ("/apix", Some("/api/apix"))];
    check_back(&strip("/api"), "/api/orders", &cases);
    // An upstream that knows of the prefix has put it there itself.
    check_back(&strip("/api"), "/api/orders", &[("/api", None), ("/api/x", None)]);
    // Nothing was taken off this one.
    check_back(&strip("/api"), "/other", &[("/x", None)]);
}

#[test]
fn a_replaced_prefix_becomes_the_one_of_the_request() {
    let cases =
        [("/v2/x", Some("/p/x")), ("/v2", Some("/p")), ("/v2/", Some("/p/")), ("/v20", None), ("/x", None)];
    check_back(&prefix(1, "/v2"), "/p/a", &cases);
    check_back(&prefix(0, "/v2"), "/a", &[("/v2", Some("/")), ("/v2//x", Some("//x")), ("/", None)]);
    check_back(&prefix(2, "/v2"), "/users/7/a", &[("/v2/b", Some("/users/7/b"))]);
    check_back(&prefix(1, ""), "/p/a", &[("/x", Some("/p/x")), ("/p/x", None)]);
    check_back(&prefix(0, ""), "/a", &[("/x", None)]);
}

#[test]
fn a_template_is_read_backwards_where_it_names_whole_segments() {
    let rewrite = template("/v2/{id}/of/{kind}", &["/{tenant}/{kind}/{id}"]);
    check_back(
        &rewrite,
        "/t/orders/7",
        &[("/v2/8/of/books", Some("/t/books/8")), ("/v2/8/of/", None), ("/v2/8", None)],
    );
    check_back(&rewrite, "/t/orders/7", &[("/v2/8/of/books/x", None), ("/v3/8/of/books", None)]);
    check_back(&template("/new", &["/old"]), "/old", &[("/new", Some("/old")), ("/newer", None)]);
    check_back(&template("/{id}/{id}", &["/x/{id}"]), "/x/1", &[("/2/2", Some("/x/2")), ("/2/3", None)]);
    check_back(&template("/v-{id}", &["/x/{id}"]), "/x/1", &[("/v-2", None)]);
    check_back(&template("/new", &["/old/*"]), "/old/x", &[("/new", None)]);
    check_back(&regex("^/a/(.*)$", "/b/$1"), "/a/x", &[("/b/y", None)]);
}

/// Paths that look for trouble: dots, escapes whole and halved, doubled slashes.
fn paths() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "/", "/", ".", "..", "%2F", "%2E", "%", "2", "e", "a", "-", "x/y", "/api", "/v2",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #[test]
    fn whatever_is_rewritten_is_a_canonical_path(path in paths()) {
        let mut scratch = Vec::new();
        let Ok(path) = uri::canonical(path.as_bytes(), &mut scratch) else { return Ok(()) };
        for rewrite in [
            strip("/api"),
            prefix(1, "/v2"),
            prefix(0, "/v2"),
            prefix(2, ""),
            template("/v2/.{b}/{a}.", &["/{a}/{b}/*"]),
            regex("^/(.*)-(.*)$", "/$2$1"),
            regex("/", "/."),
            regex("(..)", "$1$1"),
            regex("[.]", ""),
        ] {
            let mut out = Vec::new();
            let changed = rewrite.apply(0, path, &mut Caches::default(), &mut out);
            if changed == Ok(true) {
                let parsed = uri::target(Method::Get, &out);
                prop_assert!(uri::is_canonical(&out), "{rewrite:?}: {}", String::from_utf8_lossy(&out));
                prop_assert!(parsed.is_some_and(|target| target.path == out && target.query.is_none()));
            }
        }
    }

    /// What an upstream says of the very path that it was asked for is the path that the client asked for.
    #[test]
    fn the_way_back_is_the_inverse_of_the_way_there(path in paths()) {
        let mut scratch = Vec::new();
        let Ok(path) = uri::canonical(path.as_bytes(), &mut scratch) else { return Ok(()) };
        for rewrite in [
            strip("/api"),
            prefix(1, "/v2"),
            prefix(0, "/v2"),
            prefix(2, "/v2"),
            template("/v2/{b}/{a}", &["/{a}/{b}"]),
            template("/v2/{b}", &["/{a}/{b}"]),
        ] {
            let (mut there, mut back) = (Vec::new(), Vec::new());
            let changed = rewrite.apply(0, path, &mut Caches::default(), &mut there);
            if changed == Ok(true) && rewrite.invert(0, path, &there, &mut back) {
                // A prefix alone, with its slash or without, is the same place: `/p` may come back as `/p/`.
                let same = back == path || back.strip_suffix(b"/") == Some(path);
                let fits = !matches!(&rewrite, Rewrite::Template(_)) || path.split(|byte| *byte == b'/').count() == 3;
                prop_assert!(same || !fits, "{rewrite:?}: {}", String::from_utf8_lossy(&back));
            }
        }
    }
}
