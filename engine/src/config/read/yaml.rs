//! YAML 1.2 text → tree, by the events of `granit-parser` (the parser `serde-saphyr` reads with; taken by
//! itself, since only events give every place and every duplicate). JSON is a part of YAML 1.2 and comes the
//! same way. Anchors and aliases are resolved within bounds; tags, `<<` and several documents are refused.

use super::tree::{Drawn, Entry, Node, Place, Scalar, Shape};
use super::{DEPTH_MAX, Faults, NODES_MAX};
use granit_parser::{Event, Parser, ScalarStyle, Span};
use std::collections::{HashMap, HashSet};

/// Values that aliases stand for.
const ALIASED_MAX: usize = 100_000;

/// Reads `text`. What is wrong goes to `faults`; `None` when there is no tree at all.
pub fn read(text: &str, file: u16, faults: &mut Faults) -> Option<Node> {
    let options = granit_parser::options! {
        emit_comments: false,
        disallow_directives: true,
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
    };
    let mut builder = Builder { file, ..Builder::default() };
    for next in Parser::new_from_str_with_options(text, options) {
        match next {
            Ok((event, span)) => {
                if !builder.take(event, span, faults) {
                    return None;
                }
            }
            Err(error) => {
                let mark = error.marker();
                let place = Place { file, line: count(mark.line()), column: count(mark.col() + 1), width: 1 };
                faults.add(place, format!("not valid YAML: {}", error.info()), fix_of(text, place));
                return None;
            }
        }
    }
    builder.root
}

/// What was probably meant, since YAML's own words seldom name the mistake.
fn fix_of(text: &str, place: Place) -> Option<String> {
    let line = text.lines().nth((place.line as usize).checked_sub(1)?)?;
    let at =
        line.char_indices().nth((place.column as usize).checked_sub(1)?).map_or(line.len(), |(at, _)| at);
    let indent = line.len() - line.trim_start().len();
    let quoted = |what: &str| Some(format!("put quotes round a text that {what}"));
    if line[..indent].contains('\t') {
        Some("indent with spaces, YAML takes no tabs".into())
    } else if line.contains("${") {
        quoted("holds ${...}")
    } else if line.contains("/{") {
        quoted("holds braces, such as \"/users/{id}\"")
    } else if line[..at].ends_with(']') {
        quoted("begins with '[', such as \"[::]:8080\"")
    } else if let Some(first @ ('*' | '&' | '%' | '@' | '`' | '!' | '|' | '>')) = line[at..].chars().next() {
        quoted(&format!("begins with '{first}'"))
    } else {
        Some(
            "look for a missing ':', quote or bracket, and at the indentation, here and in the line above"
                .into(),
        )
    }
}

/// A collection that is still open.
enum Open {
    List {
        place: Place,
        anchor: usize,
        items: Vec<Node>,
    },
    Map {
        place: Place,
        anchor: usize,
        entries: Vec<Entry>,
        seen: HashSet<String>,
        key: Option<(String, Place)>,
    },
}

#[derive(Default)]
struct Builder {
    file: u16,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    aliased: usize,
    documents: usize,
    root: Option<Node>,
}

impl Builder {
    /// Takes an event; false when reading cannot go on.
    fn take(&mut self, event: Event<'_>, span: Span, faults: &mut Faults) -> bool {
        let place = self.place(&span);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let fix = "use include: for further files";
                    faults.add(place, "a second document in one file".into(), Some(fix.into()));
                    return false;
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                refuse_tag(tag.is_some(), place, faults);
                let plain = style == ScalarStyle::Plain;
                let nothing = plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let shape = if nothing {
                    Shape::Null
                } else {
                    Shape::Scalar(Scalar {
                        text: text.into_owned(),
                        plain,
                        drawn: Drawn::Nothing,
                        asked: Vec::new(),
                    })
                };
                return self.put(Node { place, shape }, anchor, faults);
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse_tag(tag.is_some(), place, faults);
                self.open.push(Open::List { place, anchor, items: Vec::new() });
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse_tag(tag.is_some(), place, faults);
                self.open.push(Open::Map {
                    place,
                    anchor,
                    entries: Vec::new(),
                    seen: HashSet::new(),
                    key: None,
                });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (node, anchor) = match self.open.pop() {
                    Some(Open::List { place, anchor, items }) => {
                        (Node { place, shape: Shape::List(items) }, anchor)
                    }
                    Some(Open::Map { place, anchor, entries, .. }) => {
                        (Node { place, shape: Shape::Map(entries) }, anchor)
                    }
                    None => return false,
                };
                return self.put(node, anchor, faults);
            }
            Event::Alias(id) => return self.alias(id, place, faults),
            _ => {}
        }
        true
    }

    /// Puts a copy of what an alias names.
    fn alias(&mut self, id: usize, place: Place, faults: &mut Faults) -> bool {
        let Some(node) = self.anchors.get(&id) else {
            faults.add(place, "an alias inside of what it names".into(), None);
            return false;
        };
        // Counted before it is copied: aliases of aliases grow without bound.
        self.aliased += node.count();
        if self.aliased > ALIASED_MAX {
            faults.add(place, format!("aliases stand for more than {ALIASED_MAX} values"), None);
            return false;
        }
        if node.depth() + self.open.len() > DEPTH_MAX {
            faults.add(place, format!("nested deeper than {DEPTH_MAX} levels"), None);
            return false;
        }
        let node = node.clone();
        self.put(node, 0, faults)
    }

    /// Puts a finished node where it belongs.
    fn put(&mut self, node: Node, anchor: usize, faults: &mut Faults) -> bool {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            faults.add(node.place, format!("more than {NODES_MAX} values"), None);
            return false;
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, seen, key, .. }) => match key.take() {
                None => *key = Some(key_of(node, faults)),
                Some((name, place)) => {
                    add_entry(entries, seen, Entry { key: name, place, value: node }, faults)
                }
            },
        }
        true
    }

    fn place(&self, span: &Span) -> Place {
        let one_line = span.start.line() == span.end.line();
        let width = if one_line { span.end.col().saturating_sub(span.start.col()) } else { 1 };
        Place {
            file: self.file,
            line: count(span.start.line()),
            column: count(span.start.col() + 1),
            width: count(width.max(1)),
        }
    }
}

/// Adds an entry, or says that its key stands there already.
pub(super) fn add_entry(
    entries: &mut Vec<Entry>,
    seen: &mut HashSet<String>,
    entry: Entry,
    faults: &mut Faults,
) {
    if entry.key == "<<" {
        faults.add(entry.place, "'<<' merges are not read (YAML 1.2 has none)".into(), None);
    } else if seen.insert(entry.key.clone()) {
        entries.push(entry);
    } else {
        let first = entries.iter().find(|known| known.key == entry.key).map_or(0, |known| known.place.line);
        let fix = format!("it stands in line {first} already; keep one of them");
        faults.add(entry.place, format!("duplicate key '{}'", entry.key), Some(fix));
    }
}

fn key_of(node: Node, faults: &mut Faults) -> (String, Place) {
    match node.shape {
        Shape::Scalar(scalar) => (scalar.text, node.place),
        _ => {
            faults.add(node.place, format!("{} as a key", node.kind()), Some("a key is a text".into()));
            (String::new(), node.place)
        }
    }
}

fn refuse_tag(tagged: bool, place: Place, faults: &mut Faults) {
    if tagged {
        faults.add(
            place,
            "a YAML tag".into(),
            Some("remove it; the key says what type its value has".into()),
        );
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
