use super::*;
use jsonschema::json::{Array as _, Json as _, JsonNumber as _, Node as _, Object as _};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What `text` is read as.
fn read(text: &[u8], depth: u16) -> Result<Value, Unread> {
    let mut tape = Tape::default();
    let document = tape.read(text, depth)?;
    Ok(document.root().to_value().into_owned())
}

#[track_caller]
fn check(text: &str, expected: Value) {
    assert_eq!(read(text.as_bytes(), 64), Ok(expected), "{text}");
}

#[track_caller]
fn refused(text: impl AsRef<[u8]>, flaw: Flaw, at: usize, pointer: &str) {
    let text = text.as_ref();
    let unread = read(text, 8).expect_err(&String::from_utf8_lossy(text));
    let found = (unread.flaw, unread.at, unread.pointer());
    assert_eq!(found, (flaw, at, pointer.to_owned()), "{}", String::from_utf8_lossy(text));
}

#[test]
fn documents_are_read_as_they_stand() {
    check(" null\n", json!(null));
    check("[true,false , null]", json!([true, false, null]));
    check("{}", json!({}));
    check("[[],{},[[]]]", json!([[], {}, [[]]]));
    check("{\"a\":{\"b\":[1,{\"c\":\"d\"}]},\"e\":2}", json!({ "a": { "b": [1, { "c": "d" }] }, "e": 2 }));
    check("\"é€😀\"", json!("é€😀"));
    check(r#""\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00 x""#, json!("\"\\/\u{8}\u{c}\n\r\tAé😀 x"));
    check(r#"{"\u0061":1,"b\n":2}"#, json!({ "a": 1, "b\n": 2 }));
}

#[test]
fn numbers_keep_their_value_or_are_refused() {
    for text in [
        "0",
        "-0",
        "1",
        "-1",
        "18446744073709551615",
        "-9223372036854775808",
        "1.5",
        "-1.5e3",
        "1E+2",
        "0.1",
        "100000000000000000000",
        "1e300",
        "-18446744073709551616",
        "5e-324",
        "0e0",
        "9007199254740993",
    ] {
        let expected: Value = serde_json::from_str(text).expect("is JSON");
        let found = read(text.as_bytes(), 1).expect(text);
        assert_eq!(found.as_f64(), expected.as_f64(), "{text}");
        assert_eq!(
            found.to_string().trim_start_matches('-'),
            expected
                .to_string()
                .trim_start_matches('-')
                .replace("0.0", if text == "-0" { "0" } else { "0.0" }),
            "{text}"
        );
    }
    for text in ["100000000000000000001", "18446744073709551617", "-9223372036854775809", "1e400", "-1e309"] {
        refused(text, Flaw::Inexact, 0, "");
    }
    refused("{\"a\":[1,18446744073709551617]}", Flaw::Inexact, 8, "/a/1");
    for (text, at) in [("01", 0), ("-", 1), ("-01", 1), ("1.", 2), ("1.e1", 2), ("1e", 2), ("1e+", 3)] {
        refused(text, Flaw::BadNumber, at, "");
    }
}

#[test]
fn what_is_not_json_is_refused_where_it_is_not() {
    refused("", Flaw::Ended, 0, "");
    refused("[1,", Flaw::Ended, 3, "/1");
    refused("[1", Flaw::Ended, 2, "");
    refused("{\"a\"", Flaw::Ended, 4, "");
    refused("{\"a\":", Flaw::Ended, 5, "/a");
    refused("\"abc", Flaw::Ended, 4, "");
    refused("\"ab\\", Flaw::Ended, 4, "");
    for (text, at, pointer) in [
        ("[1,]", 3, "/1"),
        ("[,1]", 1, "/0"),
        ("{,}", 1, ""),
        ("{\"a\":1,}", 7, ""),
        ("{a:1}", 1, ""),
        ("{\"a\" 1}", 5, ""),
        ("{1:1}", 1, ""),
        ("[1 2]", 3, ""),
        ("nul", 0, ""),
        ("True", 0, ""),
        ("NaN", 0, ""),
        ("+1", 0, ""),
        (".5", 0, ""),
        ("'a'", 0, ""),
        ("// x\n1", 0, ""),
        ("{\"a\":{\"b\":[0,x]}}", 13, "/a/b/1"),
        ("\u{feff}1", 0, ""),
        ("\u{a0}1", 0, ""),
    ] {
        refused(text, Flaw::Unexpected, at, pointer);
    }
    for (text, at) in [("1 2", 2), ("{} {}", 3), ("[]]", 2), ("null,", 4), ("1\0", 1)] {
        refused(text, Flaw::Trailing, at, "");
    }
    refused("[\"a\nb\"]", Flaw::Control, 3, "/0");
    refused("\"a\0\"", Flaw::Control, 2, "");
    for text in [
        r#""\x""#,
        r#""\u12""#,
        r#""\ud800""#,
        r#""\ud800\u0041""#,
        r#""\udc00""#,
        r#""\ud800\ud800""#,
        r#""\u+123""#,
    ] {
        refused(text, Flaw::Escape, 1, "");
    }
    refused(b"[\"\xff\"]", Flaw::NotUtf8, 2, "");
    refused(b"\"\xed\xa0\x80\"", Flaw::NotUtf8, 1, "");
}

#[test]
fn a_key_that_stands_twice_is_refused_however_it_is_spelt() {
    refused(r#"{"a":1,"a":2}"#, Flaw::DuplicateKey, 1, "/a");
    refused(r#"{"a":1,"\u0061":2}"#, Flaw::DuplicateKey, 1, "/a");
    refused(r#"[{"x":{"b/~":{"a":[1]},"b/~":2}}]"#, Flaw::DuplicateKey, 7, "/0/x/b~1~0");
    for count in [2, 11, 12, 13, 14, 200] {
        let mut members: Vec<String> =
            (0..count).map(|index| format!("\"k{index}\":{{\"k0\":[0]}}")).collect();
        assert!(read(format!("{{{}}}", members.join(",")).as_bytes(), 8).is_ok(), "{count}");
        members.push(format!("\"k{}\":0", count / 2));
        let text = format!("{{{}}}", members.join(","));
        refused(text, Flaw::DuplicateKey, 1, &format!("/k{}", count / 2));
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(read(nested(8).as_bytes(), 8).is_ok());
    refused(nested(9), Flaw::TooDeep, 8, "/0/0/0/0/0/0/0/0");
    assert!(read(nested(128).as_bytes(), u16::MAX).is_ok());
    assert!(read(nested(129).as_bytes(), u16::MAX).is_err_and(|unread| unread.flaw == Flaw::TooDeep));
    assert!(read("[".repeat(1_000_000).as_bytes(), u16::MAX).is_err());
    assert!(read(b"1", 0).is_ok(), "a number has no level");
}

#[test]
fn a_message_names_line_and_byte() {
    let text = b"{\n  \"a\": 1,\n  \"b\": x\n}";
    let unread = read(text, 8).expect_err("is not JSON");
    assert_eq!(unread.message(text), "is not JSON (line 3, byte 8)");
    assert_eq!(unread.pointer(), "/b");
}

#[test]
fn a_node_is_what_the_validator_takes_it_for() {
    let text = br#"{"object":{"a":1,"b":[10,20]},"text":"h\u00e9llo","wide":"\ud83e\udd80\ud83e\udd80","real":1.0,"list":[1,2,3]}"#;
    let mut tape = Tape::default();
    let document = tape.read(text, 8).expect("is JSON");
    let object = document.root().as_object().expect("is an object");
    let member = |name: &str| object.get(&Form::prepare_key(name)).expect("is there");
    assert_eq!(object.members().count(), 5);
    assert!(object.get(&Form::prepare_key("texts")).is_none());
    assert_eq!(member("text").as_string().as_deref(), Some("héllo"));
    assert_eq!((member("text").string_length(), member("wide").string_length()), (Some(5), Some(2)));
    for (min, max, expected) in [(0, 1, false), (2, 2, true), (0, 8, true), (3, 9, false), (9, 10, false)] {
        assert_eq!(member("wide").string_length_within(min, max), Some(expected), "{min} {max}");
    }
    assert!(member("real").as_number().is_some_and(|number| number.is_integer()));
    assert_eq!(member("list").as_array().map(|list| list.elements().count()), Some(3));
    let inner = member("object").as_object().expect("is an object");
    assert_eq!(inner.members().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "b"]);
    for (name, value, expected) in [
        ("real", json!(1), true),
        ("text", json!("héllo"), true),
        ("text", json!(["héllo"]), false),
        ("list", json!([1.0, 2, 3]), true),
        ("list", json!([1, 2]), false),
        ("object", json!({ "b": [10, 20.0], "a": 1 }), true),
        ("object", json!({ "b": [10, 21], "a": 1 }), false),
    ] {
        assert_eq!(member(name).equals_value(&value), expected, "{name} {value}");
    }
    let identities: Vec<_> = ["object", "text", "list"].map(|name| member(name).identity()).into();
    assert!(identities.iter().all(Option::is_some) && identities[0] != identities[1]);
    assert_eq!(member("object").identity(), identities[0]);
}

#[test]
fn whole_numbers_of_64_bits_are_told_apart_and_from_doubles_beside_them() {
    for (text, value, expected) in [
        ("9007199254740993", json!(9007199254740992_u64), false),
        ("9007199254740993", json!(9007199254740992.0), false),
        ("9007199254740992", json!(9007199254740992.0), true),
        ("18446744073709551615", json!(u64::MAX), true),
        ("18446744073709551615", json!(18446744073709551616.0), false),
        ("-1", json!(-1.0), true),
    ] {
        let mut tape = Tape::default();
        let document = tape.read(text.as_bytes(), 1).expect("is JSON");
        assert_eq!(document.root().equals_value(&value), expected, "{text} {value}");
    }
}

/// Documents, with keys and texts that need escapes.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |real| real.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::String),
    ];
    leaf.prop_recursive(5, 64, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::Array),
            prop::collection::btree_map(any::<String>(), inner, 0..20)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(value in value(), pretty in any::<bool>()) {
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        prop_assert_eq!(read(text.as_bytes(), 64), Ok(value));
    }

    #[test]
    fn what_is_read_serde_json_reads_to_the_same(text in r#"[\[\]{}:,"\\ux0-9eE.+\-a-c \n\t]{0,24}"#) {
        let found = read(text.as_bytes(), 64);
        match (found, serde_json::from_str::<Value>(&text)) {
            (Ok(found), Ok(expected)) => prop_assert_eq!(found.to_string().replace("-0.0", "0"), expected.to_string().replace("-0.0", "0")),
            (Ok(found), Err(error)) => prop_assert!(false, "{} is {} and not: {}", text, found, error),
            (Err(unread), Ok(_)) => {
                prop_assert!(matches!(unread.flaw, Flaw::DuplicateKey | Flaw::Inexact), "{} is refused: {}", text, unread);
            }
            (Err(_), Err(_)) => {}
        }
    }

    #[test]
    fn a_tape_keeps_nothing_of_the_document_before(first in value(), second in value()) {
        let mut tape = Tape::default();
        let _ = tape.read(first.to_string().as_bytes(), 64);
        let text = second.to_string();
        let document = tape.read(text.as_bytes(), 64).expect("is JSON");
        prop_assert_eq!(document.root().to_value().into_owned(), second);
    }
}
