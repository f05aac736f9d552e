//! The JSON Schema of the language, from the same declarations that decode it, so that editors complete what
//! `check` accepts. Written to config/schema.json; a test keeps that file current.

use super::Config;
use super::read::decode::Decode;
use super::read::section::Default;
use serde_json::{Map, Value, json};

/// The schema as a text, keys sorted, a newline at its end.
pub fn schema() -> String {
    let mut defs = Defs(Map::new());
    let root = Config::schema(&mut defs);
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Ringgate configuration",
        "$defs": defs.0,
    });
    schema["$ref"] = root["$ref"].clone();
    let mut text = format!("{schema:#}");
    text.push('\n');
    text
}

/// Sections that were met, by name.
#[derive(Debug)]
pub struct Defs(Map<String, Value>);

/// One key of a section.
#[derive(Debug)]
pub struct Property<'p> {
    /// The key.
    pub key: &'p str,
    /// Its doc comment, a line each.
    pub doc: &'p [&'p str],
    /// Its default.
    pub default: Default<'p>,
    /// Whether it must be written.
    pub required: bool,
    /// What it takes.
    pub schema: Value,
}

impl Defs {
    /// A section: a map with known keys and no others. Gives a reference to it. `path` is its type's, since two
    /// rooms may have sections of one name.
    pub fn section<'p>(
        &mut self,
        path: &str,
        about: &[&str],
        properties: impl FnOnce(&mut Defs) -> Vec<Property<'p>>,
    ) -> Value {
        let names: Vec<&str> = path.rsplit("::").take(2).collect();
        let name = names.into_iter().rev().collect::<Vec<_>>().join(".");
        let reference = json!({ "$ref": format!("#/$defs/{name}") });
        if self.0.contains_key(&name) {
            return reference;
        }
        // Holds the name's place while the fields are read, so that a section within itself would end.
        self.0.insert(name.clone(), Value::Null);
        let mut keys = Map::new();
        let mut required = Vec::new();
        for property in properties(self) {
            let mut schema = property.schema;
            schema["description"] = Value::String(prose(property.doc));
            match property.default {
                Default::Text(text) => schema["default"] = typed(text),
                Default::List => schema["default"] = json!([]),
                Default::Map | Default::Absent => {}
            }
            if property.required {
                required.push(property.key.to_owned());
            }
            keys.insert(property.key.to_owned(), schema);
        }
        let mut section = json!({
            "type": "object",
            "description": prose(about),
            "properties": keys,
            "additionalProperties": false,
        });
        if !required.is_empty() {
            section["required"] = json!(required);
        }
        self.0.insert(name, section);
        reference
    }
}

/// The schema of an enum of words.
pub fn words(words: &[(&str, &[&str])]) -> Value {
    let choices: Vec<Value> =
        words.iter().map(|(word, doc)| json!({ "const": word, "description": prose(doc) })).collect();
    json!({ "oneOf": choices })
}

/// Doc lines as one text: a blank line parts paragraphs.
fn prose(lines: &[&str]) -> String {
    let lines: Vec<&str> = lines.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    lines.join("\n")
}

/// A default as JSON has it: numbers and booleans bare.
fn typed(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
        _ => Value::String(text.to_owned()),
    }
}
