//! The tree every format is read into: maps, lists and scalars as written, each with its place. Types are not
//! guessed here: a scalar keeps its text, and whoever decodes it knows what it should be. So `no` stays a
//! word and `0123` keeps its zero.

use std::ops::Range;

/// Where something stands in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Place {
    /// Index into the files that were read.
    pub file: u16,
    /// From 1; 0 when the place is not known.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// Characters covered on that line.
    pub width: u32,
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub shape: Shape,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Nothing, `~` or `null`.
    Null,
    /// A text.
    Scalar(Scalar),
    /// Items in file order.
    List(Vec<Node>),
    /// Entries in file order, keys unique.
    Map(Vec<Entry>),
}

/// A scalar's text.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    /// The text, escapes and `${...}` resolved.
    pub text: String,
    /// Written without quotes, or a bare number or boolean.
    pub plain: bool,
    /// Whether a part of it came from elsewhere.
    pub drawn: Drawn,
    /// Where `${...}` stands in it for a part of a request.
    pub asked: Vec<Range<usize>>,
}

/// What of a text came from the environment or another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawn {
    /// Nothing: it stands in the file, and may be shown.
    Nothing,
    /// Something, so it is never shown.
    Some,
    /// Something that was not to be had. That has been told; what the rest would mean is not asked.
    Failed,
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    /// The value.
    pub value: Node,
}

impl Node {
    /// A plain scalar, as a default is written.
    pub fn plain(text: &str, place: Place) -> Node {
        let scalar = Scalar { text: text.to_owned(), plain: true, drawn: Drawn::Nothing, asked: Vec::new() };
        Node { place, shape: Shape::Scalar(scalar) }
    }

    /// An empty map.
    pub fn empty_map(place: Place) -> Node {
        Node { place, shape: Shape::Map(Vec::new()) }
    }

    /// An empty list.
    pub fn empty_list(place: Place) -> Node {
        Node { place, shape: Shape::List(Vec::new()) }
    }

    /// The entry of `key`, if this is a map that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.shape {
            Shape::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The text, if this is a scalar that may be shown.
    pub fn shown(&self) -> Option<&str> {
        match &self.shape {
            Shape::Scalar(scalar) if scalar.drawn == Drawn::Nothing => Some(&scalar.text),
            _ => None,
        }
    }

    /// Whether a reference in it could not be resolved.
    pub fn failed(&self) -> bool {
        matches!(&self.shape, Shape::Scalar(scalar) if scalar.drawn == Drawn::Failed)
    }

    /// Whether it is a text that came from elsewhere, wholly or in part.
    pub fn is_drawn(&self) -> bool {
        matches!(&self.shape, Shape::Scalar(scalar) if scalar.drawn != Drawn::Nothing)
    }

    /// Adds to `out` the keys, with the ways to them from `at`, under which the two are written otherwise. Lists are told as a
    /// whole, and places count for nothing.
    pub fn differences(one: Option<&Node>, other: Option<&Node>, at: &str, out: &mut Vec<String>) {
        let shapes = (one.map(|node| &node.shape), other.map(|node| &node.shape));
        if let (Some(Shape::Map(have)), Some(Shape::Map(more))) = shapes {
            let only = more.iter().filter(|entry| !have.iter().any(|known| known.key == entry.key));
            for Entry { key, .. } in have.iter().chain(only) {
                let [one, other] = [one, other].map(|node| Some(&node?.entry(key)?.value));
                let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                Node::differences(one, other, &at, out);
            }
        } else if !same(one, other) {
            out.push(at.to_owned());
        }
    }

    /// Nodes in it, itself included.
    pub fn count(&self) -> usize {
        match &self.shape {
            Shape::Null | Shape::Scalar(_) => 1,
            Shape::List(items) => 1 + items.iter().map(Node::count).sum::<usize>(),
            Shape::Map(entries) => 1 + entries.iter().map(|entry| entry.value.count()).sum::<usize>(),
        }
    }

    /// Levels of it, itself included.
    pub fn depth(&self) -> usize {
        match &self.shape {
            Shape::Null | Shape::Scalar(_) => 1,
            Shape::List(items) => 1 + items.iter().map(Node::depth).max().unwrap_or(0),
            Shape::Map(entries) => 1 + entries.iter().map(|entry| entry.value.depth()).max().unwrap_or(0),
        }
    }

    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match &self.shape {
            Shape::Null => "nothing",
            Shape::Scalar(_) => "a text",
            Shape::List(_) => "a list",
            Shape::Map(_) => "a map",
        }
    }
}

/// Whether the two say the same, wherever they stand.
fn same(one: Option<&Node>, other: Option<&Node>) -> bool {
    match (one.map(|node| &node.shape), other.map(|node| &node.shape)) {
        (None | Some(Shape::Null), None | Some(Shape::Null)) => true,
        (Some(Shape::Scalar(one)), Some(Shape::Scalar(other))) => one.text == other.text,
        (Some(Shape::List(one)), Some(Shape::List(other))) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(Some(one), Some(other)))
        }
        (Some(Shape::Map(_)), Some(Shape::Map(_))) => {
            let mut found = Vec::new();
            Node::differences(one, other, "", &mut found);
            found.is_empty()
        }
        _ => false,
    }
}
