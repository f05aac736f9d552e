//! `include:`: further files of the same language, merged into one tree. Lists (`listeners`, `routes`, ...) are
//! joined in the order of inclusion, what a pattern finds by name, maps of names (`upstreams`, `policies`, `acme`) are united; a section that is neither,
//! such as `gateway`, may stand in one file only. Relative paths start at the file that names them, and references in them
//! are resolved here, before those of all other values.

use super::source::File;
use super::tree::{Drawn, Entry, Node, Place, Shape};
use super::{FILE_BYTES_MAX, Faults, Origin, Pattern, Source, expand, toml, yaml};
use crate::config::problem::Problem;
use std::path::{Path, PathBuf};

/// Files of one configuration.
const FILES_MAX: usize = 1000;

/// Reads `path` and all it includes into one tree. `None` when the first file gave none.
pub fn gather(files: &mut dyn Source, path: &Path, origin: &mut Origin, faults: &mut Faults) -> Option<Node> {
    let mut root: Option<Node> = None;
    let mut waiting = vec![(path.to_owned(), None)];
    let mut known = vec![files.real(path)];
    // Depth first, so that what a file includes comes right behind it.
    while let Some((path, named_at)) = waiting.pop() {
        let Some(mut node) = read_file(files, &path, named_at, origin, faults) else { continue };
        let mut named = includes(&mut node, files, origin, faults);
        named.retain(|Named { path, place, found }| {
            let real = files.real(path);
            let fresh = !known.contains(&real);
            if fresh {
                known.push(real);
            } else if !found {
                faults.add(*place, format!("'{}' is included twice", path.display()), None);
            }
            fresh
        });
        if known.len() > FILES_MAX {
            faults.add(node.place, format!("more than {FILES_MAX} files"), None);
            break;
        }
        waiting.extend(named.into_iter().rev().map(|Named { path, place, .. }| (path, Some(place))));
        match &mut root {
            None => root = Some(node),
            Some(root) => merge(root, node, origin, faults),
        }
    }
    root
}

fn read_file(
    files: &mut dyn Source,
    path: &Path,
    named_at: Option<Place>,
    origin: &mut Origin,
    faults: &mut Faults,
) -> Option<Node> {
    let name = path.display().to_string();
    let text = files.read(path).and_then(|bytes| {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(format!("larger than {FILE_BYTES_MAX} bytes"));
        }
        String::from_utf8(bytes)
            .map_err(|error| format!("not UTF-8 at byte {}", error.utf8_error().valid_up_to()))
    });
    let text = match text {
        Ok(text) => text,
        Err(reason) => {
            let message = format!("cannot read '{name}': {reason}");
            match named_at {
                Some(place) => faults.add(place, message, None),
                None => {
                    let fix = (reason == "no such file").then(|| {
                        "name a file that is there; config/ringgate.yaml is one to begin with".to_owned()
                    });
                    faults.whole.push(Problem::of_file(&name, message, fix));
                }
            }
            return None;
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
    let index = u16::try_from(origin.files.len()).unwrap_or(u16::MAX);
    let is_toml = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml"));
    let reader = if is_toml { toml::read } else { yaml::read };
    let node = reader(&text, index, faults);
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    origin.files.push(File { name, folder, text });
    let place = Place { file: index, line: 1, column: 1, width: 1 };
    match node {
        // An empty file is a map without keys, so that what is missing is told like anywhere else.
        None if faults.is_empty() => Some(Node::empty_map(place)),
        Some(Node { shape: Shape::Null, .. }) => Some(Node::empty_map(place)),
        other => other,
    }
}

/// A file that is included.
struct Named {
    path: PathBuf,
    /// Where it is named.
    place: Place,
    /// Whether a pattern found it: then it may have been read already, as the file that includes it is.
    found: bool,
}

/// The files that the `include` of the file read last names. What is not a list of texts is told where it is decoded.
fn includes(node: &mut Node, files: &mut dyn Source, origin: &mut Origin, faults: &mut Faults) -> Vec<Named> {
    let Shape::Map(entries) = &mut node.shape else { return Vec::new() };
    let named = entries.iter_mut().find(|entry| entry.key == expand::INCLUDE);
    let Some(Entry { value: Node { shape: Shape::List(items), .. }, .. }) = named else {
        return Vec::new();
    };
    items.iter_mut().for_each(|item| expand::expand_value(item, files, origin, faults));
    let folder = origin.files.last().map(|file| file.folder.clone()).unwrap_or_default();
    let path = |item: &Node| match &item.shape {
        Shape::Scalar(scalar) if scalar.drawn != Drawn::Failed => Some(folder.join(&scalar.text)),
        _ => None,
    };
    let mut all = Vec::new();
    for (path, place) in items.iter().filter_map(|item| Some((path(item)?, item.place))) {
        let Some(pattern) = Pattern::of(&path) else {
            all.push(Named { path, place, found: false });
            continue;
        };
        match pattern.and_then(|pattern| files.find(&pattern)) {
            Ok(found) => all.extend(found.into_iter().map(|path| Named { path, place, found: true })),
            Err(reason) => faults.add(place, format!("cannot follow '{}': {reason}", path.display()), None),
        }
    }
    all
}

fn merge(root: &mut Node, more: Node, origin: &Origin, faults: &mut Faults) {
    let (Shape::Map(have), Shape::Map(more)) = (&mut root.shape, more.shape) else {
        faults.add(more_place(&origin.files), "an included file is a map of sections".into(), None);
        return;
    };
    for entry in more {
        let Some(known) = have.iter_mut().find(|known| known.key == entry.key) else {
            have.push(entry);
            continue;
        };
        merge_section(known, entry, origin, faults);
    }
}

fn merge_section(known: &mut Entry, more: Entry, origin: &Origin, faults: &mut Faults) {
    let name_of = |place: Place| origin.files.get(usize::from(place.file)).map_or("", |file| &file.name);
    match (&mut known.value.shape, more.value.shape) {
        (Shape::List(have), Shape::List(items)) => have.extend(items),
        (Shape::Map(have), Shape::Map(entries))
            if matches!(&*more.key, "upstreams" | "policies" | "acme") =>
        {
            for entry in entries {
                match have.iter().find(|known| known.key == entry.key) {
                    None => have.push(entry),
                    Some(first) => faults.add(
                        entry.place,
                        format!("duplicate key '{}'", entry.key),
                        Some(format!(
                            "it stands in {} line {} already; keep one of them",
                            name_of(first.place),
                            first.place.line
                        )),
                    ),
                }
            }
        }
        (Shape::Scalar(have), Shape::Scalar(text)) if *have == text => {}
        _ => faults.add(
            more.place,
            format!("'{}' stands in two files", more.key),
            Some(format!(
                "it stands in {} line {} already; keep one of them",
                name_of(known.place),
                known.place.line
            )),
        ),
    }
}

fn more_place(files: &[File]) -> Place {
    let file = u16::try_from(files.len().saturating_sub(1)).unwrap_or(u16::MAX);
    Place { file, line: 1, column: 1, width: 1 }
}
