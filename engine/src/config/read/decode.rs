//! Tree → types, with all that is wrong told at once: a decoder notes a fault and goes on. The sections
//! themselves are declared with `section!`.

use super::super::schema::Defs;
use super::source::File;
use super::tree::{Drawn, Node, Place, Shape};
use super::{Faults, Origin, Source, yaml};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What can be read from the tree.
pub trait Decode: Sized {
    /// Reads `node`; notes what is wrong and gives `None`.
    fn decode(node: &Node, reader: &mut Reader<'_>) -> Option<Self>;

    /// Never shown in messages, neither the value nor the line it stands in.
    const SECRET: bool = false;

    /// The value of a key that is not written and has no default; `None` where it must be written.
    fn absent() -> Option<Self> {
        None
    }

    /// Its JSON Schema.
    fn schema(defs: &mut Defs) -> Value;
}

/// What is read from one text.
pub trait Scalar: Sized {
    /// What is expected, with its article: "a duration".
    const EXPECTS: &'static str;
    /// How it is written, as a whole sentence's end: "write a number and a unit, such as 75s".
    const FORM: &'static str;
    /// Never shown in messages.
    const SECRET: bool = false;

    /// Reads `text`.
    ///
    /// # Errors
    /// A better fix than [`Scalar::FORM`], where there is one.
    fn parse(text: &str) -> Result<Self, Option<String>>;

    /// Its JSON Schema.
    fn schema() -> Value;
}

impl<T: Scalar> Decode for T {
    const SECRET: bool = <T as Scalar>::SECRET;

    fn decode(node: &Node, reader: &mut Reader<'_>) -> Option<T> {
        let Shape::Scalar(scalar) = &node.shape else {
            reader.refuse(node, T::EXPECTS, Some(T::FORM.into()));
            return None;
        };
        if node.failed() {
            return None;
        }
        if let Some(asked) = scalar.asked.first() {
            let message =
                format!("'{}' in {} has no request to read from", &scalar.text[asked.clone()], reader.spot());
            let fix = "parts of a request stand in the values of 'headers' only; write $${ for a literal ${";
            reader.fault(node, message, Some(fix.into()));
            return None;
        }
        match T::parse(&scalar.text) {
            Ok(value) => Some(value),
            Err(_) if reader.secret && scalar.text.is_empty() => {
                let what = match scalar.drawn {
                    Drawn::Nothing => "is empty",
                    _ => "is empty: so is the file or the variable that it is read from",
                };
                reader.fault(
                    node,
                    format!("the value of {} {what}", reader.spot()),
                    Some(T::FORM.to_owned()),
                );
                None
            }
            // A better fix would quote the value.
            Err(_) if reader.secret || node.shown().is_none() => {
                let message = format!("the value of {} is not {}", reader.spot(), T::EXPECTS);
                reader.fault(node, message, Some(T::FORM.to_owned()));
                None
            }
            Err(fix) => {
                reader.refuse(node, T::EXPECTS, Some(fix.unwrap_or_else(|| T::FORM.to_owned())));
                None
            }
        }
    }

    fn schema(_: &mut Defs) -> Value {
        <T as Scalar>::schema()
    }
}

/// Decodes the root of the tree.
pub fn root<T: Decode>(
    node: &Node,
    files: &mut dyn Source,
    origin: &mut Origin,
    faults: &mut Faults,
) -> Option<T> {
    let mut reader =
        Reader { files, origin, faults, labels: Vec::new(), field: "", step: Step::Field, secret: false };
    T::decode(node, &mut reader)
}

/// Bytes of a document that a value names.
const DOCUMENT_BYTES_MAX: usize = 1024 * 1024;

/// Where the decoder is, and where it notes faults.
pub struct Reader<'r> {
    files: &'r mut dyn Source,
    pub(crate) origin: &'r mut Origin,
    pub(super) faults: &'r mut Faults,
    /// The sections around, the outermost first.
    pub(super) labels: Vec<String>,
    /// The key that is decoded now, and whether its value may be shown.
    pub(super) field: &'static str,
    pub(super) secret: bool,
    pub(super) step: Step,
}

/// How the node that is decoded now was reached.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// By a key of the language.
    Field,
    /// As an item of a list.
    Item(usize),
    /// By a key that the operator chose.
    Name(String),
}

/// Values longer than this are not shown whole.
const SHOWN_CHARS_MAX: usize = 60;

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("Reader").field(&self.spot()).finish()
    }
}

impl Reader<'_> {
    /// The folder that a relative path at `node` starts at.
    pub fn folder(&self, node: &Node) -> Option<PathBuf> {
        self.origin.files.get(usize::from(node.place.file)).map(|file| file.folder.clone())
    }

    /// The tree of another file, which the value at `node` names: JSON or YAML, taken as it stands. `None` when there is
    /// none, which is noted.
    pub fn document(&mut self, node: &Node, path: &Path) -> Option<Node> {
        let shown = node.shown().map(|_| path.display().to_string());
        let name = shown.as_deref().unwrap_or("what it names");
        let text = self.files.read(path).and_then(|bytes| match bytes.len() <= DOCUMENT_BYTES_MAX {
            true => String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned()),
            false => Err("larger than 1 MiB".to_owned()),
        });
        let text = match text {
            Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned(),
            Err(reason) => {
                self.fault(node, format!("cannot read '{name}': {reason}"), None);
                return None;
            }
        };
        let Ok(index) = u16::try_from(self.origin.files.len()) else {
            self.fault(node, "there are too many files".into(), None);
            return None;
        };
        let told = self.faults.count();
        let root = yaml::read(&text, index, self.faults);
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        self.origin.files.push(File { name: path.display().to_string(), folder, text });
        let nothing = Place { file: index, line: 1, column: 1, width: 1 };
        match root {
            _ if self.faults.count() > told => None,
            None => Some(Node { place: nothing, shape: Shape::Null }),
            root => root,
        }
    }

    /// Notes a fault at `node`.
    pub fn fault(&mut self, node: &Node, message: String, fix: Option<String>) {
        if !node.failed() {
            self.faults.add(node.place, message, fix);
        }
    }

    /// Notes that `node` is not what is expected.
    pub fn refuse(&mut self, node: &Node, expects: &str, fix: Option<String>) {
        let spot = self.spot();
        let shown = if self.secret { None } else { node.shown() };
        let message = match (&node.shape, shown) {
            (Shape::Null, _) => format!("{spot} has no value"),
            (_, Some(text)) => format!("'{}' in {spot} is not {expects}", shortened(text)),
            (Shape::Scalar(_), None) => format!("the value of {spot} is not {expects}"),
            _ => format!("{} in {spot} where {expects} belongs", node.kind()),
        };
        self.fault(node, message, fix);
    }

    /// "'idle' of timeouts of listener 'public'".
    pub fn spot(&self) -> String {
        let mut spot = match (&self.step, self.field) {
            (_, "") => return "the configuration".to_owned(),
            (Step::Name(name), field) => format!("'{}' in '{field}'", shortened(name)),
            (_, field) => format!("'{field}'"),
        };
        if !self.labels.is_empty() {
            spot = format!("{spot} of {}", self.within());
        }
        spot
    }

    /// "timeouts of listener 'public'"; empty at the top level.
    pub(super) fn within(&self) -> String {
        let labels: Vec<&str> = self.labels.iter().rev().map(String::as_str).collect();
        labels.join(" of ")
    }

    /// Decodes an item of a list.
    pub fn item<T: Decode>(&mut self, index: usize, node: &Node) -> Option<T> {
        let before = std::mem::replace(&mut self.step, Step::Item(index));
        let value = T::decode(node, self);
        self.step = before;
        value
    }

    /// Decodes the value of an entry whose key the operator chose.
    pub fn named<T: Decode>(&mut self, name: &str, node: &Node) -> Option<T> {
        let before = std::mem::replace(&mut self.step, Step::Name(name.to_owned()));
        let value = T::decode(node, self);
        self.step = before;
        value
    }
}

/// A text as it is shown.
pub(super) fn shortened(text: &str) -> String {
    if text.chars().count() <= SHOWN_CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(SHOWN_CHARS_MAX).chain("...".chars()).collect()
}
