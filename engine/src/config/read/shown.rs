//! A configuration as it may be shown to whoever operates the gateway: the tree that was read, all files merged, without
//! its secrets. What came from the environment or another file is never in it, nor what a key takes that is a secret.

use super::Origin;
use super::tree::{Node, Place, Scalar, Shape};
use serde_json::{Map, Number, Value};
use std::collections::HashSet;

/// What stands in the place of a text that is not shown.
pub const NOT_SHOWN: &str = "(not shown)";

impl Origin {
    /// The tree without its secrets; null where nothing was read.
    pub fn shown(&self) -> Value {
        let secrets: HashSet<Place> = self.hidden.iter().copied().collect();
        self.root().map_or(Value::Null, |root| shown(root, &secrets))
    }
}

fn shown(node: &Node, secrets: &HashSet<Place>) -> Value {
    match &node.shape {
        Shape::Null => Value::Null,
        Shape::Scalar(_) if node.is_drawn() || secrets.contains(&node.place) => NOT_SHOWN.into(),
        Shape::Scalar(scalar) => value(scalar),
        Shape::List(items) => items.iter().map(|item| shown(item, secrets)).collect(),
        Shape::Map(entries) => {
            let entries = entries.iter().map(|entry| (entry.key.clone(), shown(&entry.value, secrets)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

/// A scalar as JSON would have it written: the language has no other numbers than whole ones.
fn value(scalar: &Scalar) -> Value {
    match scalar.text.as_str() {
        "true" if scalar.plain => true.into(),
        "false" if scalar.plain => false.into(),
        text => match text.parse::<u64>() {
            // `007` is a text that happens to be of digits.
            Ok(number) if scalar.plain && number.to_string() == text => Number::from(number).into(),
            _ => text.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Memory;
    use serde_json::json;

    #[test]
    fn secrets_are_not_shown_whichever_way_they_came() {
        let text = "admin: { bind: '127.0.0.1:9900', token: written-as-it-is }\n\
            gateway: { shards: 2, spin: '${env:SPIN}' }\n\
            consumers: [{ name: '007', api_keys: [plain, \"${file:key}\"] }]\n\
            routes: [{ name: a, match: { path: 7 }, to: \"x-${env:SPIN}\" }]\n";
        let memory = Memory::default().file("a.yaml", text).env("SPIN", "50us").file("key", "hush\n");
        let config = memory.read("a.yaml").expect("is read");
        let expected = json!({
            "admin": { "bind": "127.0.0.1:9900", "token": NOT_SHOWN },
            "gateway": { "shards": 2, "spin": NOT_SHOWN },
            "consumers": [{ "name": "007", "api_keys": [NOT_SHOWN, NOT_SHOWN] }],
            "routes": [{ "name": "a", "match": { "path": 7 }, "to": NOT_SHOWN }],
        });
        assert_eq!(config.origin.shown(), expected);
    }
}
