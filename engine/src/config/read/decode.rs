//! Tree → types, with all that is wrong told at once: a decoder notes a fault and goes on. `section!` declares a
//! section in one place: its fields with type, default and doc comment give the struct, the decoder, the list
//! of accepted keys and the JSON Schema. `words!` does the same for an enum of words.

use super::super::schema::Defs;
use super::suggest::nearest;
use super::tree::{Node, Shape};
use super::{Faults, Origin};
use serde_json::Value;

/// What can be read from the tree.
pub trait Decode: Sized {
    /// Reads `node`; notes what is wrong and gives `None`.
    fn decode(node: &Node, reader: &mut Reader<'_>) -> Option<Self>;

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
    fn decode(node: &Node, reader: &mut Reader<'_>) -> Option<T> {
        let Shape::Scalar(scalar) = &node.shape else {
            reader.refuse(node, T::EXPECTS, Some(T::FORM.into()));
            return None;
        };
        if node.failed() {
            return None;
        }
        match T::parse(&scalar.text) {
            Ok(value) => Some(value),
            // A better fix would quote the value.
            Err(_) if T::SECRET || node.shown().is_none() => {
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
    let mut reader = Reader { origin, faults, labels: Vec::new(), field: "", step: Step::Field };
    T::decode(node, &mut reader)
}

/// Where the decoder is, and where it notes faults.
#[derive(Debug)]
pub struct Reader<'r> {
    pub(crate) origin: &'r Origin,
    faults: &'r mut Faults,
    labels: Vec<String>,
    field: &'static str,
    step: Step,
}

/// How the node that is decoded now was reached.
#[derive(Debug, Clone)]
enum Step {
    Field,
    Item(usize),
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
        let message = match (&node.shape, node.shown()) {
            (Shape::Null, _) => format!("{spot} has no value"),
            (_, Some(text)) => format!("'{}' in {spot} is not {expects}", shortened(text)),
            (Shape::Scalar(_), None) => format!("the value of {spot} is not {expects}"),
            _ => format!("{} in {spot} where {expects} belongs", node.kind()),
        };
        self.fault(node, message, fix);
    }

    /// "'idle' of timeouts of listener 'public'".
    pub fn spot(&self) -> String {
        let field = format!("'{}'", self.field);
        if self.labels.is_empty() { field } else { format!("{field} of {}", self.within()) }
    }

    /// "timeouts of listener 'public'".
    fn within(&self) -> String {
        let labels: Vec<&str> = self.labels.iter().rev().map(String::as_str).collect();
        labels.join(" of ")
    }

    fn label(&self, noun: &str, node: &Node) -> String {
        match &self.step {
            Step::Field => noun.to_owned(),
            Step::Name(name) => format!("{noun} '{name}'"),
            Step::Item(index) => match node.entry("name").and_then(|entry| entry.value.shown()) {
                Some(name) => format!("{noun} '{}'", shortened(name)),
                None => format!("{noun} {}", index + 1),
            },
        }
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

fn shortened(text: &str) -> String {
    if text.chars().count() <= SHOWN_CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(SHOWN_CHARS_MAX).chain("...".chars()).collect()
}

/// What a field is when its key is not written.
#[derive(Debug, Clone, Copy)]
pub enum Default<'d> {
    /// [`Decode::absent`] decides.
    Absent,
    /// As if this text were written.
    Text(&'d str),
    /// As if `{}` were written.
    Map,
    /// As if `[]` were written.
    List,
}

/// The fields of a section that is being decoded.
#[derive(Debug)]
pub struct Fields<'n>(&'n Node);

/// Opens a section: checks that `node` is a map and that all its keys are accepted.
pub fn open<'n>(
    node: &'n Node,
    reader: &mut Reader<'_>,
    noun: &'static str,
    accepted: &[&str],
) -> Option<Fields<'n>> {
    let Shape::Map(entries) = &node.shape else {
        reader.refuse(node, &format!("a map of {}", accepted.join(", ")), None);
        return None;
    };
    if !noun.is_empty() {
        let label = reader.label(noun, node);
        reader.labels.push(label);
    }
    for entry in entries {
        if accepted.contains(&entry.key.as_str()) {
            continue;
        }
        let message = if reader.labels.is_empty() {
            format!("unknown key '{}' at the top level", shortened(&entry.key))
        } else {
            format!("unknown key '{}' in {}", shortened(&entry.key), reader.within())
        };
        let fix = match nearest(&entry.key, accepted.iter().copied()) {
            Some(meant) => format!("did you mean '{meant}'?"),
            None => format!("accepted keys: {}", accepted.join(", ")),
        };
        reader.faults.add(entry.place, message, Some(fix));
    }
    Some(Fields(node))
}

impl Fields<'_> {
    /// Decodes the field `name`.
    pub fn take<T: Decode>(
        &mut self,
        name: &'static str,
        default: Default<'_>,
        reader: &mut Reader<'_>,
    ) -> Option<T> {
        let before =
            (std::mem::replace(&mut reader.field, name), std::mem::replace(&mut reader.step, Step::Field));
        let value = match (self.0.entry(name), default) {
            (Some(entry), _) => {
                let mut node = &entry.value;
                let placed;
                // "has no value" belongs to the key, the value has no place of its own.
                if node.shape == Shape::Null {
                    placed = Node { place: entry.place, shape: Shape::Null };
                    node = &placed;
                }
                T::decode(node, reader)
            }
            (None, Default::Text(text)) => T::decode(&Node::plain(text, self.0.place), reader),
            (None, Default::Map) => T::decode(&Node::empty_map(self.0.place), reader),
            (None, Default::List) => T::decode(&Node::empty_list(self.0.place), reader),
            (None, Default::Absent) => {
                let value = T::absent();
                if value.is_none() {
                    let message = match reader.labels.is_empty() {
                        true => format!("there is no '{name}'"),
                        false => format!("{} has no '{name}'", reader.within()),
                    };
                    reader.faults.add(self.0.place, message, Some(format!("add '{name}'")));
                }
                value
            }
        };
        (reader.field, reader.step) = before;
        value
    }

    /// Ends the section.
    pub fn close(self, reader: &mut Reader<'_>, noun: &'static str) {
        if !noun.is_empty() {
            reader.labels.pop();
        }
    }
}

/// Declares a section: struct, decoder, accepted keys and schema from one list of fields. A field with
/// `= literal`, `= {}` or `= []` has that default, as the operator would write it; one without must be written,
/// unless its type is an `Option`. What follows `;` is not read from the file.
macro_rules! section {
    (
        noun $noun:literal;
        $(#[doc = $about:literal])+
        pub struct $name:ident {
            $($(#[doc = $doc:literal])+ pub $field:ident: $type:ty $(= $default:tt)?,)*
            $(; $(#[doc = $extra_doc:literal])+ pub $extra:ident: $extra_type:ty)?
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $field: $type,)*
            $($(#[doc = $extra_doc])+ pub $extra: $extra_type,)?
        }

        impl $crate::config::read::decode::Decode for $name {
            fn decode(
                node: &$crate::config::read::tree::Node,
                reader: &mut $crate::config::read::decode::Reader<'_>,
            ) -> Option<Self> {
                use $crate::config::read::decode::{key_of, open};
                let mut fields = open(node, reader, $noun, &[$(key_of(stringify!($field))),*])?;
                $(let $field = fields.take::<$type>(
                    key_of(stringify!($field)),
                    $crate::config::read::decode::section!(@default $($default)?),
                    reader,
                );)*
                fields.close(reader, $noun);
                Some($name { $($field: $field?,)* $($extra: <$extra_type>::default(),)? })
            }

            fn schema(defs: &mut $crate::config::schema::Defs) -> serde_json::Value {
                defs.section(stringify!($name), &[$($about),+], |defs| vec![$(
                    $crate::config::schema::Property {
                        key: $crate::config::read::decode::key_of(stringify!($field)),
                        doc: &[$($doc),+],
                        default: $crate::config::read::decode::section!(@default $($default)?),
                        required: $crate::config::read::decode::section!(@written $($default)?)
                            && <$type as $crate::config::read::decode::Decode>::absent().is_none(),
                        schema: <$type as $crate::config::read::decode::Decode>::schema(defs),
                    },
                )*])
            }
        }
    };
    (@default) => { $crate::config::read::decode::Default::Absent };
    (@default {}) => { $crate::config::read::decode::Default::Map };
    (@default []) => { $crate::config::read::decode::Default::List };
    (@default $text:literal) => { $crate::config::read::decode::Default::Text($text) };
    (@written) => { true };
    (@written $default:tt) => { false };
}
pub(crate) use section;

/// The key of a field: `r#match` is written `match`.
pub fn key_of(field: &'static str) -> &'static str {
    field.strip_prefix("r#").unwrap_or(field)
}

/// Declares an enum of words.
macro_rules! words {
    (
        $(#[doc = $about:literal])+
        pub enum $name:ident { $($(#[doc = $doc:literal])+ $word:ident = $text:literal,)+ }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[doc = $doc])+ $word,)+ }

        impl $crate::config::read::decode::Scalar for $name {
            const EXPECTS: &'static str = concat!("one of:" $(, " ", $text)+);
            const FORM: &'static str = concat!("accepted:" $(, " ", $text)+);

            fn parse(text: &str) -> Result<Self, Option<String>> {
                match text {
                    $($text => Ok($name::$word),)+
                    _ => Err($crate::config::read::suggest::nearest(text, [$($text),+].into_iter())
                        .map(|meant| format!("did you mean '{meant}'?"))),
                }
            }

            fn schema() -> serde_json::Value {
                $crate::config::schema::words(&[$(($text, &[$($doc),+])),+])
            }
        }
    };
}
pub(crate) use words;
