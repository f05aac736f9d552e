//! A [`Document`] as the schema validator walks it.

use super::{Document, Number, Slot};
use jsonschema::JsonType;
use jsonschema::json::{self, JsonNumber, NodeIdentity};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The form of documents, for the validator.
#[derive(Debug)]
pub struct Form;

/// One value of a document, or a member's name that stands for one.
#[derive(Debug, Clone, Copy)]
pub enum Node<'t> {
    /// The value at a slot.
    At {
        /// The document.
        document: &'t Document<'t>,
        /// The slot.
        at: u32,
    },
    /// A name.
    Name(&'t str),
}

/// The members of an object, or the items of a list.
#[derive(Debug, Clone, Copy)]
pub struct Inner<'t> {
    document: &'t Document<'t>,
    /// The first slot in it.
    first: u32,
    count: u32,
}

/// Walks over [`Inner`].
#[derive(Debug)]
pub struct Walk<'t> {
    document: &'t Document<'t>,
    at: u32,
    left: u32,
}

impl<'t> Node<'t> {
    pub(super) fn root(document: &'t Document<'t>) -> Node<'t> {
        Node::At { document, at: 0 }
    }

    fn slot(self) -> Option<Slot> {
        match self {
            Node::At { document, at } => Some(document.slot(at)),
            Node::Name(_) => None,
        }
    }

    fn text(self) -> Option<&'t str> {
        match self {
            Node::Name(name) => Some(name),
            Node::At { document, at } => {
                matches!(document.slot(at), Slot::Plain(_) | Slot::Resolved(_)).then(|| document.text_at(at))
            }
        }
    }
}

impl json::Json for Form {
    type Node<'a> = Node<'a>;
    type PreparedKey = Box<str>;
    type StringBuffer = ();

    // A look-up walks over the members, so one pass over them is never worse than the look-ups it saves.
    const KEYS_PER_LOOKUP: usize = 1 << 20;
    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> Box<str> {
        key.into()
    }

    fn with_string_node<T>((): &mut (), string: &str, f: impl FnOnce(Node<'_>) -> T) -> T {
        f(Node::Name(string))
    }
}

impl<'t> json::Node<'t, Form> for Node<'t> {
    type Object = Inner<'t>;
    type Array = Inner<'t>;
    type Number = Number;

    fn as_object(&self) -> Option<Inner<'t>> {
        match *self {
            Node::At { document, at } => match document.slot(at) {
                Slot::Map { members, .. } => Some(Inner { document, first: at + 1, count: members }),
                _ => None,
            },
            Node::Name(_) => None,
        }
    }

    fn as_array(&self) -> Option<Inner<'t>> {
        match *self {
            Node::At { document, at } => match document.slot(at) {
                Slot::List { items, .. } => Some(Inner { document, first: at + 1, count: items }),
                _ => None,
            },
            Node::Name(_) => None,
        }
    }

    fn as_string(&self) -> Option<Cow<'t, str>> {
        self.text().map(Cow::Borrowed)
    }

    fn as_number(&self) -> Option<Number> {
        match self.slot()? {
            Slot::Number(number) => Some(number),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        match self.slot()? {
            Slot::Bool(is) => Some(is),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self.slot(), Some(Slot::Null))
    }

    fn json_type(&self) -> JsonType {
        match self.slot() {
            Some(Slot::Null) => JsonType::Null,
            Some(Slot::Bool(_)) => JsonType::Boolean,
            Some(Slot::Number(_)) => JsonType::Number,
            Some(Slot::List { .. }) => JsonType::Array,
            Some(Slot::Map { .. }) => JsonType::Object,
            Some(Slot::Plain(_) | Slot::Resolved(_)) | None => JsonType::String,
        }
    }

    fn string_length_within(&self, min: u64, max: u64) -> Option<bool> {
        let text = self.text()?;
        // A character takes one to four bytes, which often decides.
        let (most, least) = (text.len() as u64, (text.len() as u64).div_ceil(4));
        if most < min || least > max {
            return Some(false);
        }
        Some(min <= least && most <= max || (min..=max).contains(&(text.chars().count() as u64)))
    }

    fn equals_value(&self, expected: &Value) -> bool {
        match expected {
            Value::String(text) => self.text() == Some(text),
            Value::Null => self.is_null(),
            Value::Bool(is) => self.as_boolean() == Some(*is),
            // Neither a number nor what is compared with one allocates.
            Value::Number(_) | Value::Array(_) | Value::Object(_) if self.text().is_some() => false,
            _ => {
                json::Node::to_value(self).as_ref() == expected
                    || equal(&json::Node::to_value(self), expected)
            }
        }
    }

    /// Off the usual path: for what an error holds, and for comparing lists and objects.
    fn to_value(&self) -> Cow<'t, Value> {
        Cow::Owned(match *self {
            Node::Name(name) => Value::String(name.to_owned()),
            Node::At { document, at } => value(document, at),
        })
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(match *self {
            Node::At { document, at } => NodeIdentity::tagged(std::ptr::from_ref(document) as usize, at),
            // Far from every slot's: documents have less than 4 billion values.
            Node::Name(name) => NodeIdentity::tagged(name.as_ptr() as usize, u32::MAX),
        })
    }
}

/// Equality of JSON Schema: numbers by their value.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => match (left.as_f64(), right.as_f64()) {
            _ if left == right => true,
            // Both whole and within 64 bits, and yet not the same.
            _ if !left.is_f64() && !right.is_f64() => false,
            (Some(real), Some(other)) => real == other && whole_alike(left, right),
            _ => false,
        },
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| equal(value, other)))
        }
        _ => left == right,
    }
}

/// Whether a whole number of 64 bits and a double that look alike as doubles are the same number.
fn whole_alike(left: &serde_json::Number, right: &serde_json::Number) -> bool {
    let exact = |number: &serde_json::Number| {
        number.as_i128().or_else(|| {
            let real = number.as_f64()?;
            (real.fract() == 0.0 && real.abs() < 1e38).then_some(real as i128)
        })
    };
    match (exact(left), exact(right)) {
        (Some(left), Some(right)) => left == right,
        _ => true,
    }
}

/// Deep recursion is bounded by the depth of the document.
fn value(document: &Document<'_>, at: u32) -> Value {
    let inner = |first, count| Walk { document, at: first, left: count };
    match document.slot(at) {
        Slot::Null => Value::Null,
        Slot::Bool(is) => Value::Bool(is),
        Slot::Number(number) => Value::Number(number.to_number().into_owned()),
        Slot::Plain(_) | Slot::Resolved(_) => Value::String(document.text_at(at).to_owned()),
        Slot::List { items, .. } => {
            Value::Array(inner(at + 1, items).items().map(|at| value(document, at)).collect())
        }
        Slot::Map { members, .. } => {
            let pairs = inner(at + 1, members).members();
            let pairs = pairs.map(|(key, at)| (document.text_at(key).to_owned(), value(document, at)));
            Value::Object(pairs.collect::<Map<String, Value>>())
        }
    }
}

impl<'t> Walk<'t> {
    /// The slots of items.
    fn items(mut self) -> impl Iterator<Item = u32> + use<'t> {
        std::iter::from_fn(move || {
            self.left = self.left.checked_sub(1)?;
            let at = self.at;
            self.at = self.document.behind(at);
            Some(at)
        })
    }

    /// The slots of keys and values.
    fn members(mut self) -> impl Iterator<Item = (u32, u32)> + use<'t> {
        std::iter::from_fn(move || self.member())
    }

    fn member(&mut self) -> Option<(u32, u32)> {
        self.left = self.left.checked_sub(1)?;
        let key = self.at;
        self.at = self.document.behind(key + 1);
        Some((key, key + 1))
    }
}

impl<'t> Inner<'t> {
    fn walk(self) -> Walk<'t> {
        Walk { document: self.document, at: self.first, left: self.count }
    }
}

impl<'t> json::Object<'t, Form> for Inner<'t> {
    type Node = Node<'t>;
    type MemberName = &'t str;
    type MembersIter = Members<'t>;

    fn len(&self) -> usize {
        self.count as usize
    }

    fn get(&self, key: &Box<str>) -> Option<Node<'t>> {
        let found = self.walk().members().find(|(name, _)| self.document.text_at(*name) == &**key);
        found.map(|(_, at)| Node::At { document: self.document, at })
    }

    fn members(&self) -> Members<'t> {
        Members(self.walk())
    }
}

impl<'t> json::Array<'t, Form> for Inner<'t> {
    type Node = Node<'t>;
    type ElementsIter = Items<'t>;

    fn len(&self) -> usize {
        self.count as usize
    }

    fn elements(&self) -> Items<'t> {
        Items(self.walk())
    }
}

/// The members of an object.
#[derive(Debug)]
pub struct Members<'t>(Walk<'t>);

impl<'t> Iterator for Members<'t> {
    type Item = (&'t str, Node<'t>);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, at) = self.0.member()?;
        Some((self.0.document.text_at(key), Node::At { document: self.0.document, at }))
    }
}

/// The items of a list.
#[derive(Debug)]
pub struct Items<'t>(Walk<'t>);

impl<'t> Iterator for Items<'t> {
    type Item = Node<'t>;

    fn next(&mut self) -> Option<Node<'t>> {
        let walk = &mut self.0;
        walk.left = walk.left.checked_sub(1)?;
        let at = walk.at;
        walk.at = walk.document.behind(at);
        Some(Node::At { document: walk.document, at })
    }
}

impl JsonNumber for Number {
    fn as_u64(&self) -> Option<u64> {
        if let Number::Natural(natural) = *self { Some(natural) } else { None }
    }

    fn as_i64(&self) -> Option<i64> {
        match *self {
            Number::Natural(natural) => i64::try_from(natural).ok(),
            Number::Negative(negative) => Some(negative),
            Number::Real(_) => None,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        Some(match *self {
            Number::Natural(natural) => natural as f64,
            Number::Negative(negative) => negative as f64,
            Number::Real(real) => real,
        })
    }

    fn as_str(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_number().to_string())
    }

    fn to_number(&self) -> Cow<'_, serde_json::Number> {
        Cow::Owned(match *self {
            Number::Natural(natural) => natural.into(),
            Number::Negative(negative) => negative.into(),
            // The reader takes finite numbers only.
            Number::Real(real) => serde_json::Number::from_f64(real).unwrap_or_else(|| 0.into()),
        })
    }

    fn is_integer(&self) -> bool {
        match *self {
            Number::Real(real) => real.fract() == 0.0,
            _ => true,
        }
    }

    fn is_written_as_integer(&self) -> bool {
        !matches!(self, Number::Real(_))
    }
}
