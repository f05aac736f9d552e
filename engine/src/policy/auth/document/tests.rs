//! What is a document, what is not, and what is found in it; serde_json is the second reader.

use super::*;
use proptest::prelude::*;
use serde_json::Value as Json;

fn read(text: &[u8]) -> Result<Document, Flaw> {
    let mut document = Document::default();
    document.read(text).map(|()| document)
}

/// The document as serde_json would hold it.
fn as_json(value: Value<'_>) -> Json {
    let text = || std::str::from_utf8(value.bytes()).expect("was UTF-8").to_owned();
    match value.kind() {
        Kind::String => Json::String(text()),
        Kind::Array => Json::Array(value.items().map(as_json).collect()),
        Kind::Object => Json::Object(
            value
                .items()
                .map(|item| (String::from_utf8(item.name().to_vec()).expect("was UTF-8"), as_json(item)))
                .collect(),
        ),
        _ => serde_json::from_str(&text()).expect("is JSON"),
    }
}

#[test]
fn what_is_taken_is_read_as_another_reader_reads_it() {
    for text in [
        r#"{}"#,
        r#" { "a" : [ 1 , -0.5e+10, true , false, null, {"b":"c"} ] , "d":"" } "#,
        r#""alone""#,
        "12",
        r#"{"esc":"\"\\\/\b\f\n\r\tA\u00e9\ud83d\ude00 behind","na\u006de":1,"é":"ü"}"#,
        r#"{"long":"0123456789abcdef0123456789abcdef\u0041and on and on","x":"1234567"}"#,
        r#"[[],{},[[]],"12345678","123456789012345"]"#,
    ] {
        let document = read(text.as_bytes()).unwrap_or_else(|flaw| panic!("{text}: {flaw:?}"));
        let expected: Json = serde_json::from_str(text).expect("is JSON");
        assert_eq!(as_json(document.root().expect("has a root")), expected, "{text}");
    }
}

#[test]
fn what_is_refused_has_its_place() {
    for (text, at, what) in [
        ("", 0, "a value belongs here"),
        ("{", 1, "a name in quotes belongs here"),
        (r#"{"a":1,"a":2}"#, 7, "a name stands here a second time"),
        (r#"{"a":{"b":1,"\u0062":2}}"#, 12, "a name stands here a second time"),
        (r#"{"a":1,}"#, 7, "a name in quotes belongs here"),
        (r#"{"a":1} x"#, 8, "something stands behind the value"),
        (r#"{"a":01}"#, 6, "this is not a number"),
        (r#"{"a":-}"#, 6, "this is not a number"),
        (r#"{"a":1.}"#, 7, "a digit belongs here"),
        (r#"{"a":1e}"#, 7, "a digit belongs here"),
        (r#"{"a":+1}"#, 5, "a value belongs here"),
        (r#"{"a":NaN}"#, 5, "a value belongs here"),
        (r#"{"a":nul}"#, 5, "a value belongs here"),
        (r#"{a:1}"#, 1, "a name in quotes belongs here"),
        (r#"{'a':1}"#, 1, "a name in quotes belongs here"),
        (r#"{"a" 1}"#, 5, "a colon belongs here"),
        (r#"[1 2]"#, 3, "a comma or a closing bracket belongs here"),
        (r#""\ud800""#, 1, "this escape stands for no character"),
        (r#""\ud800\u0041""#, 1, "this escape stands for no character"),
        (r#""\udc00""#, 1, "this escape stands for no character"),
        (r#""\x41""#, 1, "this escape is not one of JSON"),
        (r#""\u00g0""#, 1, "this escape stands for no character"),
        ("\"a\nb\"", 2, "a control character stands in a string"),
        ("\"aaaaaaaaaaaa\u{1}\"", 13, "a control character stands in a string"),
        ("\"open", 5, "a string does not end"),
        ("\"open\\", 6, "a string does not end"),
        ("\"12345678", 9, "a string does not end"),
        ("\u{feff}{}", 0, "a value belongs here"),
        ("// c\n{}", 0, "a value belongs here"),
    ] {
        assert_eq!(read(text.as_bytes()).expect_err(text), Flaw { at, what }, "{text}");
    }
    assert_eq!(read(b"\"a\xff\"").expect_err("is no UTF-8"), Flaw { at: 2, what: "is not UTF-8" });
    // A surrogate or an overlong form written as bytes is no UTF-8 either.
    assert!(read(b"\"\xed\xa0\x80\"").is_err() && read(b"\"\xc0\xaf\"").is_err());
}

#[test]
fn bounds_hold() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(nested(DEPTH_MAX).as_bytes()).is_ok());
    assert!(read(nested(DEPTH_MAX + 1).as_bytes()).is_err());
    assert!(read(nested(100_000).as_bytes()).is_err());
    let list = |items: usize| format!("[{}]", vec!["1"; items].join(","));
    assert!(read(list(NODES_MAX - 1).as_bytes()).is_ok());
    assert!(read(list(NODES_MAX).as_bytes()).is_err());
    let members = |count: usize| {
        let members: Vec<String> = (0..count).map(|at| format!("\"{at}\":1")).collect();
        format!("{{{}}}", members.join(","))
    };
    assert!(read(members(MEMBERS_MAX).as_bytes()).is_ok());
    assert!(read(members(MEMBERS_MAX + 1).as_bytes()).is_err());
}

#[test]
fn parts_are_found_and_a_refused_text_leaves_nothing() {
    let mut document = read(br#"{"a":{"b":["x","y"]},"n":7,"mixed":["x",1]}"#).expect("parses");
    let b = document.member(b"a").and_then(|a| a.member(b"b")).expect("is there");
    assert_eq!(b.strings().expect("are strings").collect::<Vec<_>>(), [b"x", b"y"]);
    assert!(document.member(b"mixed").expect("is there").strings().is_none());
    assert!(document.member(b"n").expect("is there").strings().is_none());
    assert!(document.member(b"b").is_none() && document.member(b"n").and_then(|n| n.member(b"a")).is_none());
    let mut copy = Document::default();
    copy.copy_from(&document);
    assert_eq!(copy.member(b"n").map(Value::bytes), Some(&b"7"[..]));
    assert!(document.read(b"{").is_err());
    assert!(document.root().is_none() && document.member(b"a").is_none());
}

/// Strings are looked at eight bytes at a time: what ends or breaks one must be found wherever it stands among them.
#[test]
fn what_is_special_in_a_string_is_found_at_every_place() {
    let specials = [
        "\"",
        "\\n",
        "\\q",
        "\n",
        "\u{1f}",
        "\u{0}",
        " ",
        "\u{7f}",
        "\u{80}",
        "\u{e9}",
        "\u{1f600}",
        "!",
        "[",
        "]",
    ];
    for (before, after) in (0..20).flat_map(|before| (0..20).map(move |after| (before, after))) {
        for special in specials {
            for lead in ["", " ", "[1,"] {
                let end = if lead == "[1," { "]" } else { "" };
                let text = format!("{lead}\"{}{special}{}\"{end}", "a".repeat(before), "z".repeat(after));
                let theirs: Result<Json, _> = serde_json::from_str(&text);
                let ours = read(text.as_bytes()).map(|ours| as_json(ours.root().expect("has a root")));
                assert_eq!(ours.ok(), theirs.ok(), "{text:?}");
            }
        }
    }
}

#[test]
fn names_are_told_apart_wherever_they_differ() {
    for (one, other) in
        [("exp", "exq"), ("exp", "fxp"), ("exp", "eyp"), ("a", "b"), ("", "a"), ("exp", "expp")]
    {
        assert!(read(format!("{{\"{one}\":1,\"{other}\":2}}").as_bytes()).is_ok(), "{one} {other}");
        let twice = format!("{{\"{one}\":1,\"{other}\":2,\"{one}\":3}}");
        assert_eq!(
            read(twice.as_bytes()).map(|_| ()).map_err(|flaw| flaw.what),
            Err("a name stands here a second time")
        );
    }
}

/// Text that is often JSON, with what the reader must tell apart.
fn json_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(","),
        Just(":"),
        Just("\"a\""),
        Just("\"b\""),
        Just("\""),
        Just("\\"),
        Just("\\u0061"),
        Just("1"),
        Just("-0.5"),
        Just("1e9"),
        Just("true"),
        Just("null"),
        Just(" "),
        Just("abcdefgh"),
        Just("\u{e9}"),
        Just("\n"),
    ];
    proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// serde_json takes the last of two members of one name; all else is the same.
    #[test]
    fn both_readers_take_the_same_texts(text in json_like()) {
        let ours = read(text.as_bytes());
        let theirs: Result<Json, _> = serde_json::from_str(&text);
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => prop_assert_eq!(as_json(ours.root().expect("has a root")), theirs),
            (Err(flaw), Ok(_)) => prop_assert_eq!(flaw.what, "a name stands here a second time"),
            // A number that no double holds is one all the same; whoever needs its value decides.
            (Ok(_), Err(error)) if error.to_string().contains("number out of range") => {}
            (Ok(_), Err(error)) => return Err(TestCaseError::fail(format!("taken: {text}: {error}"))),
            (Err(flaw), Err(_)) => prop_assert!(flaw.at <= text.len()),
        }
    }
}
