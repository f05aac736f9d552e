//! TOML text → the same tree. Numbers and booleans are kept as they are written.

use super::tree::{Drawn, Entry, Node, Place, Scalar, Shape};
use super::{Faults, NODES_MAX};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Reads `text`. What is wrong goes to `faults`. Behind a fault of the syntax nothing can be told: one is told, and nothing
/// read. With a key that stands twice all else comes back all the same.
pub fn read(text: &str, file: u16, faults: &mut Faults) -> Option<Node> {
    let lines = Lines::new(text, file);
    let (table, errors) = DeTable::parse_recoverable(text);
    let tell = |error: &toml::de::Error, faults: &mut Faults| {
        let place = lines.place(error.span().unwrap_or(0..0));
        faults.add(place, format!("not valid TOML: {}", error.message()), None);
    };
    if let Some(error) = errors.iter().find(|error| !error.message().contains("duplicate key")) {
        tell(error, faults);
        return None;
    }
    errors.iter().for_each(|error| tell(error, faults));
    let mut reader = Reader { lines, nodes: 0 };
    let start = Place { line: 1, column: 1, width: 1, file };
    let node = reader.table(table.into_inner(), start);
    if reader.nodes > NODES_MAX {
        faults.add(start, format!("more than {NODES_MAX} values"), None);
        return None;
    }
    Some(node)
}

struct Reader<'t> {
    lines: Lines<'t>,
    nodes: usize,
}

impl Reader<'_> {
    /// The parser bounds the nesting (80 levels), so this may recurse.
    fn node(&mut self, value: Spanned<DeValue<'_>>) -> Node {
        self.nodes += 1;
        let place = self.lines.place(value.span());
        let shape = match value.into_inner() {
            DeValue::String(text) => Shape::Scalar(Scalar {
                text: text.into_owned(),
                plain: false,
                drawn: Drawn::Nothing,
                asked: Vec::new(),
            }),
            DeValue::Integer(number) => bare(number.to_string()),
            DeValue::Float(number) => bare(number.to_string()),
            DeValue::Boolean(is) => bare(is.to_string()),
            DeValue::Datetime(moment) => bare(moment.to_string()),
            DeValue::Array(items) => Shape::List(items.into_iter().map(|item| self.node(item)).collect()),
            DeValue::Table(table) => return self.table(table, place),
        };
        Node { place, shape }
    }

    /// The parser refuses duplicate keys and sorts by key; places give the order of the file back.
    fn table(&mut self, table: DeTable<'_>, place: Place) -> Node {
        let mut entries: Vec<Entry> = table
            .into_iter()
            .map(|(key, value)| Entry {
                place: self.lines.place(key.span()),
                key: key.into_inner().into_owned(),
                value: self.node(value),
            })
            .collect();
        entries.sort_by_key(|entry| (entry.place.line, entry.place.column));
        Node { place, shape: Shape::Map(entries) }
    }
}

fn bare(text: String) -> Shape {
    Shape::Scalar(Scalar { text, plain: true, drawn: Drawn::Nothing, asked: Vec::new() })
}

/// Byte offsets → lines and columns.
struct Lines<'t> {
    text: &'t str,
    file: u16,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str, file: u16) -> Lines<'t> {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Lines { text, file, starts }
    }

    fn place(&self, span: Range<usize>) -> Place {
        let line = self.starts.partition_point(|start| *start <= span.start).max(1);
        let chars = |from: usize, to: usize| self.text.get(from..to).map_or(0, |text| text.chars().count());
        let line_end = self.starts.get(line).map_or(self.text.len(), |next| next - 1);
        let column = chars(self.starts[line - 1], span.start) + 1;
        let width = chars(span.start, span.end.min(line_end)).max(1);
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Place { file: self.file, line: count(line), column: count(column), width: count(width) }
    }
}
