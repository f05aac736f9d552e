//! `section!` declares a section of the language in one place: its fields with type, default and doc comment give
//! the struct, the decoder, the list of accepted keys and the JSON Schema. `words!` does the same for an enum
//! of words.

use super::decode::{Decode, Reader, Step, shortened};
use super::suggest::nearest;
use super::tree::{Node, Shape};

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
pub struct Fields<'n> {
    node: &'n Node,
    /// Keys that were written otherwise; that they are missing need not be told too.
    misspelt: Vec<String>,
}

/// What requests are known by, as it is often written beside the `match` of a route.
const MATCHED: [&str; 8] = ["listener", "listeners", "host", "hosts", "path", "paths", "methods", "query"];

/// Opens a section: checks that `node` is a map and that all its keys are accepted.
pub fn open<'n>(
    node: &'n Node,
    reader: &mut Reader<'_>,
    noun: &'static str,
    accepted: &[&str],
) -> Option<Fields<'n>> {
    let Shape::Map(entries) = &node.shape else {
        let fix = match node.shown() {
            Some(text) if noun == "endpoint" => format!("write {{ address: \"{}\" }}", shortened(text)),
            Some(text) if text.contains(':') => "a space belongs behind the ':'".to_owned(),
            _ => "write 'key: value' for each".to_owned(),
        };
        reader.refuse(node, &format!("a map of {}", accepted.join(", ")), Some(fix));
        return None;
    };
    if !noun.is_empty() {
        let label = label(&reader.step, noun, node);
        reader.labels.push(label);
    }
    let mut misspelt = Vec::new();
    for entry in entries.iter().filter(|entry| !accepted.contains(&entry.key.as_str())) {
        let key = shortened(&entry.key);
        let message = match reader.labels.is_empty() {
            true => format!("unknown key '{key}' at the top level"),
            false => format!("unknown key '{key}' in {}", reader.within()),
        };
        let fix = match nearest(&entry.key, accepted.iter().copied()) {
            _ if noun == "route" && MATCHED.contains(&entry.key.as_str()) => {
                "it stands in 'match'".to_owned()
            }
            Some(meant) => {
                misspelt.push(meant.to_owned());
                match entry.key.as_str() {
                    "backup" => {
                        "write 'priority: 1': it is asked while no endpoint of priority 0 can be".to_owned()
                    }
                    _ => format!("did you mean '{meant}'?"),
                }
            }
            None => format!("accepted keys: {}", accepted.join(", ")),
        };
        reader.faults.add(entry.place, message, Some(fix));
    }
    Some(Fields { node, misspelt })
}

/// "listener 'public'", "endpoint 2", "pool".
fn label(step: &Step, noun: &str, node: &Node) -> String {
    match step {
        Step::Field => noun.to_owned(),
        Step::Name(name) => format!("{noun} '{}'", shortened(name)),
        Step::Item(index) => match node.entry("name").and_then(|entry| entry.value.shown()) {
            Some(name) => format!("{noun} '{}'", shortened(name)),
            None => format!("{noun} {}", index + 1),
        },
    }
}

impl Fields<'_> {
    /// Decodes the field `name`.
    pub fn take<T: Decode>(
        &mut self,
        name: &'static str,
        default: Default<'_>,
        reader: &mut Reader<'_>,
    ) -> Option<T> {
        let before = (reader.field, reader.secret, std::mem::replace(&mut reader.step, Step::Field));
        (reader.field, reader.secret) = (name, T::SECRET);
        let value = match self.node.entry(name) {
            Some(entry) => {
                if T::SECRET {
                    reader.faults.hide(&entry.value);
                }
                match entry.value.shape {
                    // "has no value" belongs to the key; the value has no place of its own.
                    Shape::Null => T::decode(&Node { place: entry.place, shape: Shape::Null }, reader),
                    _ => T::decode(&entry.value, reader),
                }
            }
            None => self.unwritten(name, default, reader),
        };
        (reader.field, reader.secret, reader.step) = before;
        value
    }

    fn unwritten<T: Decode>(&self, name: &str, default: Default<'_>, reader: &mut Reader<'_>) -> Option<T> {
        let place = self.node.place;
        match default {
            Default::Text(text) => T::decode(&Node::plain(text, place), reader),
            Default::Map => T::decode(&Node::empty_map(place), reader),
            Default::List => T::decode(&Node::empty_list(place), reader),
            Default::Absent if self.misspelt.iter().any(|meant| meant == name) => None,
            Default::Absent => T::absent().or_else(|| {
                let message = match reader.labels.is_empty() {
                    true => format!("there is no '{name}'"),
                    false => format!("{} has no '{name}'", reader.within()),
                };
                reader.faults.add(place, message, Some(format!("add '{name}'")));
                None
            }),
        }
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
                use $crate::config::read::section::{key_of, open};
                let mut fields = open(node, reader, $noun, &[$(key_of(stringify!($field))),*])?;
                $(let $field = fields.take::<$type>(
                    key_of(stringify!($field)),
                    $crate::config::read::section::section!(@default $($default)?),
                    reader,
                );)*
                fields.close(reader, $noun);
                Some($name { $($field: $field?,)* $($extra: <$extra_type>::default(),)? })
            }

            fn schema(defs: &mut $crate::config::schema::Defs) -> serde_json::Value {
                defs.section(concat!(module_path!(), "::", stringify!($name)), &[$($about),+], |defs| vec![$(
                    $crate::config::schema::Property {
                        key: $crate::config::read::section::key_of(stringify!($field)),
                        doc: &[$($doc),+],
                        default: $crate::config::read::section::section!(@default $($default)?),
                        required: $crate::config::read::section::section!(@written $($default)?)
                            && <$type as $crate::config::read::decode::Decode>::absent().is_none(),
                        schema: <$type as $crate::config::read::decode::Decode>::schema(defs),
                    },
                )*])
            }
        }
    };
    (@default) => { $crate::config::read::section::Default::Absent };
    (@default {}) => { $crate::config::read::section::Default::Map };
    (@default []) => { $crate::config::read::section::Default::List };
    (@default $text:literal) => { $crate::config::read::section::Default::Text($text) };
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
            const EXPECTS: &'static str =
                $crate::config::read::section::words!(@list "" "one of " $($text)+);
            const FORM: &'static str =
                $crate::config::read::section::words!(@list "write " "one of " $($text)+);

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
    (@list $lead:literal $several:literal $only:literal) => {
        concat!($lead, "'", $only, "'")
    };
    (@list $lead:literal $several:literal $first:literal $($rest:literal)+) => {
        concat!($lead, $several, $first $(, ", ", $rest)+)
    };
}
pub(crate) use words;
