//! `${env:NAME}` and `${file:PATH}` in values, resolved once at load; `$${` writes a literal `${`. What stands for a part
//! of a request, such as `${header.NAME}`, is only marked, and in the text that takes the place of what an expression found `${1}`
//! and `${name}` are its groups. What is put in is marked and never shown. A text that was put in is not searched again.

use super::suggest::part_of_request;
use super::tree::{Drawn, Node, Place, Scalar, Shape};
use super::{Faults, Origin, Source};

/// Bytes of a file that a value takes in.
const VALUE_BYTES_MAX: usize = 1024 * 1024;

/// The key whose references are resolved while files are gathered.
pub const INCLUDE: &str = "include";

/// Resolves every reference of the tree of all files.
pub fn expand(root: &mut Node, files: &mut dyn Source, origin: &mut Origin, faults: &mut Faults) {
    match &mut root.shape {
        Shape::Map(entries) => entries.iter_mut().filter(|entry| entry.key != INCLUDE).for_each(|entry| {
            expand_value(&mut entry.value, files, origin, faults);
        }),
        _ => expand_value(root, files, origin, faults),
    }
}

/// Resolves every reference of a value at the top.
pub fn expand_value(node: &mut Node, files: &mut dyn Source, origin: &mut Origin, faults: &mut Faults) {
    expand_at(node, Inside::Elsewhere, files, origin, faults);
}

/// What of the file a value is, as far as it matters here: `rewrite.regex.to` has references of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Elsewhere,
    Rewrite,
    Regex,
    Groups,
}

impl Inside {
    fn of(self, key: &str) -> Inside {
        match (self, key) {
            (_, "rewrite") => Inside::Rewrite,
            (Inside::Rewrite, "regex") => Inside::Regex,
            (Inside::Regex, "to") => Inside::Groups,
            _ => Inside::Elsewhere,
        }
    }
}

fn expand_at(
    node: &mut Node,
    inside: Inside,
    files: &mut dyn Source,
    origin: &mut Origin,
    faults: &mut Faults,
) {
    match &mut node.shape {
        Shape::Null => {}
        Shape::List(items) => {
            items.iter_mut().for_each(|item| expand_at(item, inside, files, origin, faults));
        }
        Shape::Map(entries) => entries.iter_mut().for_each(|entry| {
            expand_at(&mut entry.value, inside.of(&entry.key), files, origin, faults);
        }),
        Shape::Scalar(scalar) if scalar.text.contains("${") => {
            let expanded = expand_text((&scalar.text, inside), node.place, files, origin, faults);
            if expanded.drawn == Drawn::Some && !expanded.text.is_empty() {
                origin.drawn.push(expanded.text.clone());
            }
            *scalar = expanded;
        }
        Shape::Scalar(_) => {}
    }
}

fn expand_text(
    (text, inside): (&str, Inside),
    place: Place,
    files: &mut dyn Source,
    origin: &Origin,
    faults: &mut Faults,
) -> Scalar {
    let mut out = Scalar {
        text: String::with_capacity(text.len()),
        plain: false,
        drawn: Drawn::Nothing,
        asked: Vec::new(),
    };
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if let Some(before) = rest[..at].strip_suffix('$') {
            out.text.push_str(before);
            out.text.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        out.text.push_str(&rest[..at]);
        rest = &rest[at + 2..];
        let Some(end) = rest.find('}') else {
            faults.add(place, "'${' without its '}'".into(), Some("write $${ for a literal ${".into()));
            out.drawn = Drawn::Failed;
            return out;
        };
        let is_group = inside == Inside::Groups && !rest[..end].contains(':');
        if is_group || is_asked(&rest[..end]) {
            let start = out.text.len();
            out.text.push_str("${");
            out.text.push_str(&rest[..=end]);
            if !is_group {
                out.asked.push(start..out.text.len());
            }
            rest = &rest[end + 1..];
            continue;
        }
        match resolve(&rest[..end], place, files, origin) {
            Ok(value) => {
                out.drawn = if out.drawn == Drawn::Failed { Drawn::Failed } else { Drawn::Some };
                out.text.push_str(&value);
            }
            Err((message, fix)) => {
                out.drawn = Drawn::Failed;
                faults.add(place, message, fix);
            }
        }
        rest = &rest[end + 1..];
    }
    out.text.push_str(rest);
    out
}

/// Words with which a reference to a part of a request begins. It is not resolved here; what is no template refuses it.
const ASKED: [&str; 15] = [
    "header", "query", "cookie", "path", "claim", "client", "request", "method", "host", "scheme",
    "listener", "route", "consumer", "tier", "user",
];

fn is_asked(reference: &str) -> bool {
    ASKED.contains(&reference.split('.').next().unwrap_or_default())
}

type Refusal = (String, Option<String>);

fn resolve(
    reference: &str,
    place: Place,
    files: &mut dyn Source,
    origin: &Origin,
) -> Result<String, Refusal> {
    if let Some(name) = reference.strip_prefix("env:") {
        return files.env(name).ok_or_else(|| {
            let fix = match name.split_once(':') {
                Some((name, _)) => {
                    format!("there are no defaults: write ${{env:{name}}}, and export {name}=...")
                }
                None => format!("export {name}=..."),
            };
            (format!("the environment variable '{name}' is not set"), Some(fix))
        });
    }
    let Some(path) = reference.strip_prefix("file:") else {
        let fix = if reference.contains(':') {
            "only ${env:NAME} and ${file:PATH} are read; write $${ for a literal ${".to_owned()
        } else if let Some(part) = part_of_request(reference) {
            format!("did you mean '{part}', or '${{env:{reference}}}'? Write $${{ for a literal ${{")
        } else {
            format!("did you mean '${{env:{reference}}}'? Write $${{ for a literal ${{")
        };
        return Err((format!("'${{{reference}}}' is not a reference"), Some(fix)));
    };
    let folder =
        origin.files.get(usize::from(place.file)).map(|file| file.folder.clone()).unwrap_or_default();
    let path = folder.join(path);
    let refuse = |reason: &str| (format!("cannot read '{}': {reason}", path.display()), None);
    let bytes = files.read(&path).map_err(|reason| refuse(&reason))?;
    if bytes.len() > VALUE_BYTES_MAX {
        return Err(refuse("larger than 1 MiB"));
    }
    let mut text = String::from_utf8(bytes).map_err(|_| refuse("not UTF-8"))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}
