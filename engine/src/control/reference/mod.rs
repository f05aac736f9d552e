//! `ringgate schema --markdown`: the operator's reference, every key of the language with what it takes, its default and its
//! meaning. It is drawn from the JSON Schema, which comes from the types that decode the configuration, so it says what
//! `check` accepts. The guide's page is this text; a test keeps the two the same (`engine/tests/guide`).

use crate::config;
use crate::table;
use serde_json::Value;
use std::fmt::Write;

const HEAD: &str = "\
<!-- Written by `ringgate schema --markdown` from the configuration's types: do not edit. -->
# Every key

What stands here is what `ringgate check` accepts, drawn from the same types. How values are written is told under
[The configuration](configuration.md); `ringgate schema` prints the JSON Schema that editors complete by.
";

/// The page.
pub fn markdown() -> String {
    let schema: Value = serde_json::from_str(&config::schema()).unwrap_or_default();
    let mut page =
        Page { defs: &schema["$defs"], waiting: Vec::new(), shown: Vec::new(), text: HEAD.to_owned() };
    page.see(&schema, &[]);
    // Each section once, where it is met first; the schema has as many as there are types.
    while let Some((name, way)) = page.waiting.pop() {
        let before = page.waiting.len();
        page.section(&name, &way);
        // What a section refers to follows it, in its own order.
        page.waiting[before..].reverse();
    }
    page.text
}

struct Page<'s> {
    defs: &'s Value,
    /// Sections that are still to be shown, each with the way that leads there, last one next.
    waiting: Vec<(String, Vec<String>)>,
    /// Names of the sections met, with their headings.
    shown: Vec<(String, String)>,
    text: String,
}

impl Page<'_> {
    fn section(&mut self, name: &str, way: &[String]) {
        let Value::Object(properties) = &self.defs[name]["properties"] else { return };
        let _ = write!(self.text, "\n## {}\n\n", heading(way));
        if let Some(missing) = missing(way) {
            let _ = write!(self.text, "**Not in this version:** {missing} not available yet.\n\n");
        }
        let _ = write!(self.text, "{}\n\n", flowing(&self.defs[name]));
        self.text += "| key | takes | default | meaning |\n|---|---|---|---|\n";
        let required = self.defs[name]["required"].as_array().cloned().unwrap_or_default();
        for (key, schema) in properties {
            let way = [way, std::slice::from_ref(key)].concat();
            let takes = self.takes(schema, &way);
            let default = match &schema["default"] {
                _ if required.iter().any(|name| name == key) => "required".to_owned(),
                Value::Null => "–".to_owned(),
                Value::String(text) if text.is_empty() => "empty".to_owned(),
                Value::String(text) => format!("`{text}`"),
                value => format!("`{value}`"),
            };
            let meaning = meaning(schema, missing(&way));
            let _ = writeln!(self.text, "| `{key}` | {takes} | {default} | {meaning} |");
            self.see(schema, &way);
        }
    }

    /// Notes the sections that `schema` refers to, the first one first.
    fn see(&mut self, schema: &Value, way: &[String]) {
        for (name, way) in references(schema, way) {
            if !self.shown.iter().any(|(known, _)| *known == name) {
                self.shown.push((name.clone(), heading(&way)));
                self.waiting.push((name, way));
            }
        }
    }

    /// What a value may be.
    fn takes(&self, schema: &Value, way: &[String]) -> String {
        if let Some((name, way)) = references(schema, way).first().filter(|_| schema.get("$ref").is_some()) {
            return self.link(name, way);
        }
        if schema["$ref"].is_string() {
            return "JSON Schema".to_owned();
        }
        if let Some(Value::Array(choices)) = schema.get("anyOf").or(schema.get("oneOf")) {
            let mut each: Vec<String> = choices.iter().map(|choice| self.takes(choice, way)).collect();
            each.dedup();
            return each.join(" or ");
        }
        if let Some(value) = schema.get("const") {
            return format!("`{}`", bare(value));
        }
        if let Some(Value::Array(words)) = schema.get("enum") {
            return words.iter().map(|word| format!("`{}`", bare(word))).collect::<Vec<_>>().join(" or ");
        }
        match schema["type"].as_str() {
            Some("array") => format!("list of {}", self.takes(&schema["items"], &beneath(way))),
            Some("object") if schema["additionalProperties"].is_object() => {
                format!("map of names to {}", self.takes(&schema["additionalProperties"], &beneath(way)))
            }
            Some("integer") => number(schema),
            Some("boolean") => "`true` or `false`".to_owned(),
            _ => text_form(schema["pattern"].as_str().unwrap_or_default()).to_owned(),
        }
    }

    fn link(&self, name: &str, way: &[String]) -> String {
        let own = heading(way);
        let heading = self.shown.iter().find(|(known, _)| known == name).map_or(&own, |(_, heading)| heading);
        let plain = heading.trim_matches('`');
        format!("[{heading}](#{})", anchor(plain))
    }
}

/// The sections that a schema refers to, through lists and maps, with the ways there.
fn references(schema: &Value, way: &[String]) -> Vec<(String, Vec<String>)> {
    if let Some(name) = schema["$ref"].as_str() {
        // What is defined elsewhere, JSON Schema itself, is no section.
        let name = name.strip_prefix("#/$defs/").map(|name| (name.to_owned(), way.to_vec()));
        return name.into_iter().collect();
    }
    let choices = ["anyOf", "oneOf"].into_iter().filter_map(|key| schema[key].as_array()).flatten();
    let mut found: Vec<_> = choices.flat_map(|choice| references(choice, way)).collect();
    for within in ["items", "additionalProperties"].into_iter().filter_map(|key| schema.get(key)) {
        found.extend(references(within, &beneath(way)));
    }
    found
}

fn beneath(way: &[String]) -> Vec<String> {
    [way, &["*".to_owned()]].concat()
}

/// `upstreams.NAME.endpoints[]`.
fn heading(way: &[String]) -> String {
    let mut text = String::new();
    for (index, key) in way.iter().enumerate() {
        match (key.as_str(), way[..index].last().map(String::as_str)) {
            ("*", Some("upstreams" | "policies")) => text += ".NAME",
            ("*", _) => text += "[]",
            (key, None) => text += key,
            (key, Some(_)) => {
                text.push('.');
                text += key;
            }
        }
    }
    if text.is_empty() { "The top level".to_owned() } else { format!("`{text}`") }
}

/// As GitHub and mdbook make one of a heading.
fn anchor(heading: &str) -> String {
    let kept = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | ' ');
    heading.chars().filter(|char| kept(*char)).collect::<String>().to_lowercase().replace(' ', "-")
}

fn missing(way: &[String]) -> Option<&'static str> {
    let way: Vec<&str> = way.iter().map(String::as_str).collect();
    table::missing_at(&way)
}

fn meaning(schema: &Value, missing: Option<&str>) -> String {
    let mut text = flowing(schema);
    let words = schema["oneOf"].as_array().into_iter().chain(schema["anyOf"].as_array()).flatten();
    let told = words.flat_map(|word| word["oneOf"].as_array().cloned().unwrap_or_else(|| vec![word.clone()]));
    for word in told.filter(|word| word["const"].is_string() && word["description"].is_string()) {
        let _ = write!(text, " `{}`: {}", bare(&word["const"]), flowing(&word));
    }
    if let Some(missing) = missing {
        let _ = write!(text, " **Not in this version:** {missing} not available yet.");
    }
    text.replace('|', "\\|")
}

/// A description on one line.
fn flowing(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn number(schema: &Value) -> String {
    let bound = |key: &str| schema[key].as_u64();
    match (bound("minimum"), bound("maximum")) {
        // The bounds of the type say nothing to an operator.
        (Some(least), Some(most)) if most < u64::from(u16::MAX) => format!("number from {least} to {most}"),
        _ => "number".to_owned(),
    }
}

/// What a text with such a pattern is called.
fn text_form(pattern: &str) -> &'static str {
    match pattern {
        "" => "text",
        _ if pattern.contains(")$") && pattern.contains('/') => "rate",
        _ if pattern.contains("KiB") => "size",
        _ if pattern.contains("us|ms") => "duration",
        _ if pattern.contains('%') => "percentage",
        _ => "text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Map;

    #[test]
    fn every_key_of_the_schema_stands_in_the_page_once() {
        let page = markdown();
        let schema: Value = serde_json::from_str(&config::schema()).unwrap();
        let defs: &Map<String, Value> = schema["$defs"].as_object().unwrap();
        let keys = defs.values().map(|def| def["properties"].as_object().unwrap().len()).sum::<usize>();
        let rows = page.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(rows, keys);
        assert_eq!(page.lines().filter(|line| line.starts_with("## ")).count(), defs.len());
    }

    #[test]
    fn links_lead_to_headings_and_cells_say_what_is_taken() {
        let page = markdown();
        let anchors: Vec<String> = page
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .map(|line| anchor(&line.replace('`', "")))
            .collect();
        for link in page.split("](#").skip(1) {
            let link = link.split(')').next().unwrap();
            assert!(anchors.iter().any(|anchor| anchor == link), "{link}");
        }
        for row in [
            "| `total` | `none` or duration | `none` | The whole exchange, or `none`; past it 504, or the reply is cut. |",
            "| `body_bytes` | `none` or size | `none` | Bytes of a request body, or `none`; past it 413. |",
            "| `endpoints` | list of [`upstreams.NAME.endpoints[]`](#upstreamsnameendpoints) | `[]` | Its servers. |",
        ] {
            assert!(page.contains(row), "{row}");
        }
    }
}
