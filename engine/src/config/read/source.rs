//! Where the reader takes its bytes and its environment from, and what it keeps of them: the files that were
//! read and the tree, so that whoever checks a configuration later can name the place of any key.

use super::pattern::Pattern;
use super::tree::{Node, Place, Shape};
use crate::config::problem::{Problem, Severity};
use std::path::{Component, Path, PathBuf};

/// Lends the reader files and environment, so that this room opens nothing and tests need no disk.
pub trait Source {
    /// The whole file.
    ///
    /// # Errors
    /// A reason fit for an operator, such as "no such file".
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, String>;

    /// The files that `pattern` takes, by name.
    ///
    /// # Errors
    /// Why its folder cannot be looked into, fit for an operator.
    fn find(&mut self, pattern: &Pattern) -> Result<Vec<PathBuf>, String>;

    /// `path` as every spelling of it leads there.
    fn real(&self, path: &Path) -> PathBuf {
        let mut plain = PathBuf::new();
        for part in path.components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir if plain.file_name().is_some() => drop(plain.pop()),
                _ => plain.push(part),
            }
        }
        plain
    }

    /// The value of an environment variable; `None` when it is not set.
    fn env(&mut self, name: &str) -> Option<String>;

    /// The certificates that vouch for others on this system, each as DER.
    ///
    /// # Errors
    /// Why there are none, fit for an operator.
    fn roots(&mut self) -> Result<Vec<Vec<u8>>, String> {
        Ok(Vec::new())
    }
}

/// One file that was read.
#[derive(Clone, PartialEq)]
pub struct File {
    /// As it is named in problems.
    pub name: String,
    /// What relative paths in it start at.
    pub folder: PathBuf,
    /// Its text.
    pub text: String,
}

/// What a configuration was read from.
#[derive(Clone, Default, PartialEq)]
pub struct Origin {
    pub(crate) files: Vec<File>,
    pub(super) root: Option<Node>,
    /// Where secrets stand that are written as they are. No problem shows their lines.
    pub(super) hidden: Vec<Place>,
    /// Texts that came from the environment or another file, wholly or in part.
    pub(super) drawn: Vec<String>,
}

/// The tree may hold secrets, so it is never printed.
impl std::fmt::Debug for Origin {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.files.iter().map(|file| file.name.as_str()).collect();
        out.debug_tuple("Origin").field(&names).finish()
    }
}

/// The way to a value: a JSON pointer (RFC 6901).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pointer(String);

impl Pointer {
    /// The way to `key` of this map.
    pub fn key(&self, key: &str) -> Pointer {
        Pointer(format!("{}/{}", self.0, key.replace('~', "~0").replace('/', "~1")))
    }

    /// The way to an item of this list.
    pub fn item(&self, index: usize) -> Pointer {
        Pointer(format!("{}/{index}", self.0))
    }
}

/// What of an entry is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its key.
    Key,
    /// Its value.
    Value,
}

impl Origin {
    /// The tree, all files merged.
    pub fn root(&self) -> Option<&Node> {
        self.root.as_ref()
    }

    /// Whether a list was written where `pointer` leads.
    pub fn is_list(&self, pointer: &Pointer) -> bool {
        let (node, _, whole) = self.follow(pointer, Part::Value);
        whole && matches!(node.map(|node| &node.shape), Some(Shape::List(_)))
    }

    /// Whether something was written where `pointer` leads.
    pub fn is_written(&self, pointer: &Pointer) -> bool {
        self.follow(pointer, Part::Value).2
    }

    /// Where `pointer` leads, or the nearest thing above it that was written.
    pub fn place(&self, pointer: &Pointer, part: Part) -> Place {
        self.follow(pointer, part).1
    }

    /// How to find a place: its file and line.
    pub fn told(&self, place: Place) -> String {
        let name = self.files.get(usize::from(place.file)).map_or("", |file| &file.name);
        format!("{name} line {}", place.line)
    }

    /// Whether what stands where `pointer` leads came from the environment or another file.
    pub fn is_drawn(&self, pointer: &Pointer) -> bool {
        let (node, _, whole) = self.follow(pointer, Part::Value);
        whole && node.is_some_and(Node::is_drawn)
    }

    /// `text` without the values that came from the environment or another file, where it quotes them.
    pub fn redacted(&self, text: String) -> String {
        self.drawn.iter().fold(text, |text, drawn| match text.contains(drawn.as_str()) {
            true => text.replace(&format!("'{drawn}'"), "'...'"),
            false => text,
        })
    }

    /// Where byte `offset` of the text at `pointer` stands, as long as it is written there letter by letter.
    pub fn place_within(&self, pointer: &Pointer, offset: usize) -> Place {
        let (node, place, whole) = self.follow(pointer, Part::Value);
        let Some(before) = node.and_then(Node::shown).filter(|_| whole).and_then(|text| text.get(..offset))
        else {
            return place;
        };
        let text = node.and_then(Node::shown).unwrap_or_default();
        let extra = (place.width as usize).checked_sub(text.chars().count());
        let quotes = match extra {
            Some(0) => 0,
            Some(2) => 1,
            _ => return place,
        };
        let shift = u32::try_from(before.chars().count() + quotes).unwrap_or(0);
        Place { column: place.column + shift, width: 1, ..place }
    }

    /// The node that `pointer` leads to or the nearest above it, its place, and whether it leads all the way.
    fn follow(&self, pointer: &Pointer, part: Part) -> (Option<&Node>, Place, bool) {
        let Some(mut node) = self.root() else { return (None, Place::default(), false) };
        let mut place = node.place;
        for step in pointer.0.split('/').skip(1) {
            let key = step.replace("~1", "/").replace("~0", "~");
            if let Some(entry) = node.entry(&key) {
                node = &entry.value;
                // A block value begins on a later line than its key, where a reader would not look for it.
                let on_key = part == Part::Key || node.place.line != entry.place.line;
                place = if on_key { entry.place } else { node.place };
            } else if let Shape::List(items) = &node.shape
                && let Some(item) = key.parse().ok().and_then(|index: usize| items.get(index))
            {
                node = item;
                place = item.place;
            } else {
                return (Some(node), place, false);
            }
        }
        (Some(node), place, true)
    }

    /// The keys under which what stands at `at` is written otherwise in another configuration, at `there`. A key that is
    /// left out in one of them differs from its default that is written.
    pub fn differences(&self, at: &Pointer, other: &Origin, there: &Pointer) -> Vec<String> {
        let [one, other] = [(self, at), (other, there)].map(|(origin, at)| {
            let (node, _, whole) = origin.follow(at, Part::Value);
            node.filter(|_| whole)
        });
        let mut found = Vec::new();
        Node::differences(one, other, "", &mut found);
        found
    }

    /// A problem at `place`.
    pub fn problem(&self, severity: Severity, place: Place, message: String, fix: Option<String>) -> Problem {
        let file = self.files.get(usize::from(place.file));
        let hidden = self.hidden.iter().any(|secret| (secret.file, secret.line) == (place.file, place.line));
        let line = (place.line as usize).checked_sub(1).filter(|_| !hidden);
        let excerpt =
            file.zip(line).and_then(|(file, line)| file.text.lines().nth(line)).map(ToOwned::to_owned);
        Problem {
            severity,
            file: file.map(|file| file.name.clone()).unwrap_or_default(),
            line: place.line,
            column: place.column,
            width: place.width.max(1),
            message,
            fix,
            excerpt,
        }
    }
}
