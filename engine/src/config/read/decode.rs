//! Tree → types, with all that is wrong told at once: a decoder notes a fault and goes on. The sections
//! themselves are declared with `section!`.

use super::super::schema::Defs;
use super::tree::{Node, Shape};
use super::{Faults, Origin};
use serde_json::Value;

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
pub fn root<T: Decode>(node: &Node, origin: &Origin, faults: &mut Faults) -> Option<T> {
    let mut reader =
        Reader { origin, faults, labels: Vec::new(), field: "", step: Step::Field, secret: false };
    T::decode(node, &mut reader)
}

/// Where the decoder is, and where it notes faults.
#[derive(Debug)]
pub struct Reader<'r> {
    pub(crate) origin: &'r Origin,
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

impl Reader<'_> {
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
