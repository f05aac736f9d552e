//! A JSON document that the operator gives: written where it belongs, as YAML, TOML or JSON, or in a file of its own that
//! is named there. Read together with the configuration, so that what is wrong in it has its file, line and column.

use crate::config::read::decode::{Decode, Reader};
use crate::config::read::tree::{Drawn, Node, Place, Scalar, Shape};
use crate::config::schema::Defs;
use serde_json::{Map, Value, json};
use std::path::{Component, Path};

/// A document and where each part of it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// What it says.
    pub value: Value,
    /// Where it is, as a reference relative to it is resolved: `config:///schemas/order.json`. One that stands in the
    /// configuration has that file's folder, with a `/` at its end.
    pub base: String,
    /// The folder of the file that names it, in the same form.
    pub folder: String,
    node: Node,
}

impl Document {
    /// Where the part that `pointer` (RFC 6901) names stands, or the nearest thing above it.
    pub fn place(&self, pointer: &str) -> Place {
        let mut node = &self.node;
        let mut place = node.place;
        for step in pointer.split('/').skip(1) {
            let key = step.replace("~1", "/").replace("~0", "~");
            if let Some(entry) = node.entry(&key) {
                node = &entry.value;
                place = if node.place.line == entry.place.line { node.place } else { entry.place };
            } else if let Shape::List(items) = &node.shape
                && let Some(item) = key.parse().ok().and_then(|index: usize| items.get(index))
            {
                node = item;
                place = item.place;
            } else {
                break;
            }
        }
        place
    }

    /// Whether it is a file of its own.
    pub fn is_file(&self) -> bool {
        !self.base.ends_with('/')
    }
}

impl Decode for Document {
    fn decode(node: &Node, reader: &mut Reader<'_>) -> Option<Document> {
        const FIX: &str = "write the schema here as a map, or the path of a JSON or YAML file with it";
        match &node.shape {
            Shape::Map(_) => {
                let value = value(node, reader)?;
                let folder = base(&reader.folder(node).unwrap_or_default(), None);
                Some(Document { value, base: folder.clone(), folder, node: node.clone() })
            }
            Shape::Scalar(scalar) if !scalar.text.is_empty() && !scalar.text.contains('\0') => {
                if node.failed() {
                    return None;
                }
                let folder = reader.folder(node).unwrap_or_default();
                let path = folder.join(&scalar.text);
                let root = reader.document(node, &path)?;
                let value = value(&root, reader)?;
                if !value.is_object() && !value.is_boolean() {
                    let fix = "write a map, as {\"type\": \"object\"}";
                    reader.fault(&root, format!("{} where a schema belongs", root.kind()), Some(fix.into()));
                    return None;
                }
                let base = base(Path::new(""), Some(&path));
                Some(Document { value, base, folder: self::base(&folder, None), node: root })
            }
            _ => {
                reader.refuse(node, "a schema", Some(FIX.into()));
                None
            }
        }
    }

    fn schema(_: &mut Defs) -> Value {
        let here = json!({ "$ref": "https://json-schema.org/draft/2020-12/schema" });
        json!({ "anyOf": [here, { "type": "string", "minLength": 1 }] })
    }
}

/// The place of a folder or of a file as a URI. Nothing is looked up on a disk: `..` is taken off by itself.
fn base(folder: &Path, file: Option<&Path>) -> String {
    let mut segments: Vec<String> = Vec::new();
    for part in file.unwrap_or(folder).components() {
        match part {
            Component::Normal(name) => segments.push(escaped(&name.to_string_lossy())),
            Component::ParentDir if segments.last().is_some_and(|last| last != ABOVE) => {
                segments.pop();
            }
            Component::ParentDir => segments.push(ABOVE.to_owned()),
            _ => {}
        }
    }
    let mut base = format!("config:///{}", segments.join("/"));
    if file.is_none() && !base.ends_with('/') {
        base.push('/');
    }
    base
}

/// Stands for a folder above the one that the process runs in, which a URI cannot name.
const ABOVE: &str = "_above";

fn escaped(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    name.bytes()
        .map(|byte| if plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The JSON that a tree stands for. A plain scalar is a number or a boolean if it looks like one in JSON; what only YAML
/// takes for one is refused, since the next reader would take it for a text.
fn value(node: &Node, reader: &mut Reader<'_>) -> Option<Value> {
    match &node.shape {
        Shape::Null => Some(Value::Null),
        Shape::Scalar(scalar) => plain(node, scalar, reader),
        Shape::List(items) => {
            let values: Vec<Option<Value>> = items.iter().map(|item| value(item, reader)).collect();
            values.into_iter().collect::<Option<Vec<Value>>>().map(Value::Array)
        }
        Shape::Map(entries) => {
            let members: Vec<Option<(String, Value)>> = entries
                .iter()
                .map(|entry| value(&entry.value, reader).map(|value| (entry.key.clone(), value)))
                .collect();
            members.into_iter().collect::<Option<Map<String, Value>>>().map(Value::Object)
        }
    }
}

fn plain(node: &Node, scalar: &Scalar, reader: &mut Reader<'_>) -> Option<Value> {
    if node.failed() {
        return None;
    }
    let text = &scalar.text;
    // What came from the environment is a text, whatever it looks like.
    if !scalar.plain || scalar.drawn != Drawn::Nothing {
        return Some(Value::String(text.clone()));
    }
    if let Ok(value @ (Value::Number(_) | Value::Bool(_))) = serde_json::from_str(text) {
        return Some(value);
    }
    if looks_like_a_number(text) || matches!(text.as_str(), "True" | "TRUE" | "False" | "FALSE") {
        let message = format!("'{text}' is no value of JSON");
        let fix = "write it as JSON does, such as 16, 0.5 or true, or put quotes round a text";
        reader.fault(node, message, Some(fix.into()));
        return None;
    }
    Some(Value::String(text.clone()))
}

/// What YAML 1.2 takes for a number and JSON does not: `+1`, `.5`, `0x10`, `0o7`, `.inf`, `01`, `1e999`.
fn looks_like_a_number(text: &str) -> bool {
    let bare = text.strip_prefix(['+', '-']).unwrap_or(text);
    let radix = bare.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
        || bare
            .strip_prefix("0o")
            .is_some_and(|octal| octal.bytes().all(|byte| (b'0'..b'8').contains(&byte)));
    let special = matches!(bare.to_ascii_lowercase().as_str(), ".inf" | ".nan");
    let begins = bare.strip_prefix('.').unwrap_or(bare).starts_with(|first: char| first.is_ascii_digit());
    special || begins && (radix || bare.parse::<f64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Memory;

    fn schema_of(memory: Memory) -> Result<Document, String> {
        let config = memory.read("etc/x.yaml").map_err(|problems| problems.to_string())?;
        let policy = &config.policies.0[0].1;
        Ok(policy.validate.as_ref().and_then(|validate| validate.body.schema.clone()).expect("has a schema"))
    }

    fn inline(schema: &str) -> Result<Document, String> {
        let text = format!("policies: {{ p: {{ validate: {{ body: {{ schema: {schema} }} }} }} }}");
        schema_of(Memory::default().file("etc/x.yaml", text))
    }

    #[test]
    fn plain_scalars_are_what_json_takes_them_for() {
        for (text, expected) in [
            ("{ a: 1 }", json!({ "a": 1 })),
            ("{ a: -1.5e3 }", json!({ "a": -1500.0 })),
            ("{ a: \"1\" }", json!({ "a": "1" })),
            ("{ a: true, b: \"true\", c: no }", json!({ "a": true, "b": "true", "c": "no" })),
            ("{ a: null, b: \"null\", c: [~] }", json!({ "a": null, "b": "null", "c": [null] })),
            ("{ a: 18446744073709551615 }", json!({ "a": u64::MAX })),
            ("{ a: 2024-01-01, b: 1.2.3 }", json!({ "a": "2024-01-01", "b": "1.2.3" })),
            ("{ \"$ref\": \"#/x\", pattern: \"^$${\" }", json!({ "$ref": "#/x", "pattern": "^${" })),
        ] {
            assert_eq!(inline(text).map(|document| document.value), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_only_yaml_takes_for_a_value_is_refused_at_its_place() {
        for text in
            ["0x10", "0o17", "+1", ".5", "1.", "01", ".inf", "-.INF", ".nan", "1e999", "True", "FALSE"]
        {
            let told = inline(&format!("{{ a: {text} }}")).expect_err(text);
            assert!(
                told.contains(&format!("etc/x.yaml:1:51: error: '{text}' is no value of JSON")),
                "{told}"
            );
        }
    }

    #[test]
    fn a_file_is_read_from_beside_the_file_that_names_it() {
        let memory = Memory::default()
            .file("etc/x.yaml", "policies: { p: { validate: { body: { schema: ../s/order.json } } } }")
            .file("etc/../s/order.json", "{\n  \"type\": \"object\",\n  \"required\": [\"a\"]\n}\n");
        let document = schema_of(memory).expect("is read");
        assert_eq!((document.base.as_str(), document.is_file()), ("config:///s/order.json", true));
        let place = document.place("/required/0");
        assert_eq!((place.file, place.line, place.column), (1, 3, 16));
        assert_eq!(inline("{ a: 1 }").map(|document| document.base), Ok("config:///etc/".to_owned()));
    }

    #[test]
    fn a_file_that_is_not_there_or_no_schema_is_told() {
        for (text, expected) in [
            (None, "etc/x.yaml:1:46: error: cannot read 'etc/order.json': no such file"),
            (Some("[]"), "etc/order.json:1:1: error: a list where a schema belongs"),
            (Some("{ \"a\": 1, \"a\": 2 }"), "etc/order.json:1:11: error: duplicate key 'a'"),
            (Some("{"), "etc/order.json:"),
            (Some(""), "etc/order.json:1:1: error: nothing where a schema belongs"),
        ] {
            let mut memory = Memory::default()
                .file("etc/x.yaml", "policies: { p: { validate: { body: { schema: order.json } } } }");
            if let Some(text) = text {
                memory = memory.file("etc/order.json", text);
            }
            let told = schema_of(memory).expect_err(expected);
            assert!(told.contains(expected), "{told}");
        }
    }

    #[test]
    fn a_base_names_a_place_without_looking_at_a_disk() {
        for (path, expected) in [
            ("a/b.json", "config:///a/b.json"),
            ("/etc/a b.json", "config:///etc/a%20b.json"),
            ("a/./c/../b.json", "config:///a/b.json"),
            ("../../b.json", "config:///_above/_above/b.json"),
        ] {
            assert_eq!(base(Path::new(""), Some(Path::new(path))), expected);
        }
    }
}
