//! The shapes that sections are made of: texts, numbers, lists, maps by name, and the wrappers "one or more"
//! and "or none".

use super::read::decode::{Decode, Reader, Scalar};
use super::read::tree::{Node, Shape};
use super::schema::Defs;
use serde_json::{Value, json};
use std::ops::Range;
use std::path::PathBuf;

impl Scalar for String {
    const EXPECTS: &'static str = "a text";
    const FORM: &'static str = "write a text";

    fn parse(text: &str) -> Result<String, Option<String>> {
        Ok(text.to_owned())
    }

    fn schema() -> Value {
        json!({ "type": "string" })
    }
}

impl Scalar for bool {
    const EXPECTS: &'static str = "true or false";
    const FORM: &'static str = "write true or false";

    fn parse(text: &str) -> Result<bool, Option<String>> {
        let meant = |word: &str| Err(Some(format!("'{text}' is a word, not a boolean; write {word}")));
        match text {
            "true" => Ok(true),
            "false" => Ok(false),
            "yes" | "on" | "True" | "TRUE" => meant("true"),
            "no" | "off" | "False" | "FALSE" => meant("false"),
            _ => Err(None),
        }
    }

    fn schema() -> Value {
        json!({ "type": "boolean" })
    }
}

macro_rules! whole_number {
    ($($type:ident $max:literal),*) => {$(
        impl Scalar for $type {
            const EXPECTS: &'static str = concat!("a whole number from 0 to ", $max);
            const FORM: &'static str = concat!("write a whole number from 0 to ", $max);

            fn parse(text: &str) -> Result<$type, Option<String>> {
                let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                if !digits {
                    return Err(None);
                }
                text.parse().map_err(|_| None)
            }

            fn schema() -> Value {
                json!({ "type": "integer", "minimum": 0, "maximum": $type::MAX })
            }
        }
    )*};
}
whole_number!(u16 "65535", u32 "4294967295");

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret(..)")
    }
}

impl Scalar for Secret {
    const EXPECTS: &'static str = "a secret";
    const FORM: &'static str = "write \"${env:NAME}\" or \"${file:PATH}\"";
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Secret, Option<String>> {
        if text.is_empty() { Err(None) } else { Ok(Secret(text.to_owned())) }
    }

    fn schema() -> Value {
        json!({ "type": "string", "minLength": 1 })
    }
}

/// A text in which `${...}` may stand for a part of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The text as written, what came from elsewhere put in.
    pub text: String,
    /// Where the references stand, each with its `${` and `}`.
    pub asked: Vec<Range<usize>>,
}

impl Decode for Template {
    fn decode(node: &Node, reader: &mut Reader<'_>) -> Option<Template> {
        let Shape::Scalar(scalar) = &node.shape else {
            reader.refuse(node, "a text", Some("write a text".into()));
            return None;
        };
        let template = Template { text: scalar.text.clone(), asked: scalar.asked.clone() };
        (!node.failed()).then_some(template)
    }

    fn schema(_: &mut Defs) -> Value {
        json!({ "type": "string" })
    }
}

/// A path, joined to the folder of the file that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePath(pub PathBuf);

impl Decode for FilePath {
    fn decode(node: &Node, reader: &mut Reader<'_>) -> Option<FilePath> {
        let text = String::decode(node, reader)?;
        if text.is_empty() || text.contains('\0') {
            reader.refuse(node, "a path", Some("write the path of a file".into()));
            return None;
        }
        Some(FilePath(reader.folder(node).unwrap_or_default().join(text)))
    }

    fn schema(_: &mut Defs) -> Value {
        json!({ "type": "string", "minLength": 1 })
    }
}

impl<T: Decode> Decode for Option<T> {
    const SECRET: bool = T::SECRET;

    fn decode(node: &Node, reader: &mut Reader<'_>) -> Option<Option<T>> {
        T::decode(node, reader).map(Some)
    }

    fn absent() -> Option<Option<T>> {
        Some(None)
    }

    fn schema(defs: &mut Defs) -> Value {
        T::schema(defs)
    }
}

impl<T: Decode> Decode for Vec<T> {
    const SECRET: bool = T::SECRET;

    fn decode(node: &Node, reader: &mut Reader<'_>) -> Option<Vec<T>> {
        let Shape::List(items) = &node.shape else {
            reader.refuse(node, "a list", Some("write a list: [a, b], or a line '- a' for each item".into()));
            return None;
        };
        // Each item is decoded, so that each tells its own faults.
        let values: Vec<Option<T>> =
            items.iter().enumerate().map(|(index, item)| reader.item(index, item)).collect();
        values.into_iter().collect()
    }

    fn schema(defs: &mut Defs) -> Value {
        json!({ "type": "array", "items": T::schema(defs) })
    }
}

/// One value, or a list of them; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOrMore<T>(pub Vec<T>);

impl<T: Decode> Decode for OneOrMore<T> {
    const SECRET: bool = T::SECRET;

    fn decode(node: &Node, reader: &mut Reader<'_>) -> Option<OneOrMore<T>> {
        match &node.shape {
            Shape::List(items) if items.is_empty() => {
                reader.fault(
                    node,
                    format!("{} is an empty list", reader.spot()),
                    Some("give at least one".into()),
                );
                None
            }
            Shape::List(_) => Vec::decode(node, reader).map(OneOrMore),
            _ => T::decode(node, reader).map(|value| OneOrMore(vec![value])),
        }
    }

    fn schema(defs: &mut Defs) -> Value {
        let one = T::schema(defs);
        json!({ "anyOf": [one, { "type": "array", "minItems": 1, "items": one }] })
    }
}

/// A value, or the word `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrNone<T>(pub Option<T>);

impl<T: Decode> Decode for OrNone<T> {
    const SECRET: bool = T::SECRET;

    fn decode(node: &Node, reader: &mut Reader<'_>) -> Option<OrNone<T>> {
        if node.shown() == Some("none") {
            return Some(OrNone(None));
        }
        T::decode(node, reader).map(|value| OrNone(Some(value)))
    }

    fn schema(defs: &mut Defs) -> Value {
        json!({ "anyOf": [{ "const": "none" }, T::schema(defs)] })
    }
}

/// Values by a name that the operator chose, in file order, names unique.
#[derive(Debug, Clone, PartialEq)]
pub struct Named<T>(pub Vec<(String, T)>);

impl<T> Named<T> {
    /// The names, in file order.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

impl<T: Decode> Decode for Named<T> {
    fn decode(node: &Node, reader: &mut Reader<'_>) -> Option<Named<T>> {
        let Shape::Map(entries) = &node.shape else {
            reader.refuse(node, "a map by name", Some("write 'name: value' for each".into()));
            return None;
        };
        let values: Vec<Option<(String, T)>> = entries
            .iter()
            .map(|entry| reader.named(&entry.key, &entry.value).map(|value| (entry.key.clone(), value)))
            .collect();
        values.into_iter().collect::<Option<_>>().map(Named)
    }

    fn schema(defs: &mut Defs) -> Value {
        json!({ "type": "object", "additionalProperties": T::schema(defs) })
    }
}
