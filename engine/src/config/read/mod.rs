//! Text → tree → types. `read` follows `include:`, resolves `${env:NAME}` and `${file:PATH}`, merges the files
//! into one tree and decodes it, and tells all that is wrong at once. It opens nothing by itself: bytes and
//! environment come from a [`Source`].

use super::Config;
use super::problem::{Problem, Problems, Severity};
use std::path::Path;

pub mod decode;
mod expand;
mod include;
mod memory;
mod pattern;
pub mod section;
mod shown;
pub mod source;
pub mod suggest;
mod toml;
pub mod tree;
mod yaml;

pub use memory::Memory;
pub use pattern::Pattern;
pub use shown::NOT_SHOWN;
pub use source::{Origin, Part, Pointer, Source};
use tree::{Node, Place, Shape};

#[cfg(test)]
mod tests;

/// Levels of nesting, so that nothing that walks the tree can overflow the stack.
const DEPTH_MAX: usize = 64;
/// Values of a whole file, aliases counted as often as they are used.
const NODES_MAX: usize = 2_000_000;
/// Bytes of one file of configuration.
const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Problems told; past it the rest is noise.
const PROBLEMS_MAX: usize = 200;

/// Reads the configuration that starts at `path`: YAML, or TOML or JSON by the file's ending.
///
/// # Errors
/// All problems, in reading order.
pub fn read(files: &mut dyn Source, path: &Path) -> Result<Config, Problems> {
    let (mut origin, mut faults) = (Origin::default(), Faults::default());
    match include::gather(files, path, &mut origin, &mut faults) {
        Some(root) => decoded(root, files, origin, faults),
        None => Err(faults.told(&mut origin)),
    }
}

/// As [`read`], of one section alone: what is wrong with others, or is not to be had here, such as the environment of the
/// gateway that runs, is not asked.
///
/// # Errors
/// What is wrong with it, or why there is nothing to read.
pub fn read_section(files: &mut dyn Source, path: &Path, key: &str) -> Result<Config, Problems> {
    let (mut origin, mut faults) = (Origin::default(), Faults::default());
    let Some(mut root) = include::gather(files, path, &mut origin, &mut faults) else {
        return Err(faults.told(&mut origin));
    };
    if let Shape::Map(entries) = &mut root.shape {
        entries.retain(|entry| entry.key == key);
    }
    decoded(root, files, origin, Faults::default())
}

/// What the tree of all files says.
fn decoded(
    mut root: Node,
    files: &mut dyn Source,
    mut origin: Origin,
    mut faults: Faults,
) -> Result<Config, Problems> {
    expand::expand(&mut root, files, &mut origin, &mut faults);
    let config = decode::root::<Config>(&root, files, &mut origin, &mut faults);
    origin.root = Some(root);
    match config {
        Some(mut config) if faults.is_empty() => {
            origin.hidden = faults.hidden;
            config.origin = origin;
            Ok(config)
        }
        _ => Err(faults.told(&mut origin)),
    }
}

/// What is wrong so far, by place.
#[derive(Debug, Default)]
pub struct Faults {
    placed: Vec<(Place, String, Option<String>)>,
    /// Files that could not be read at all.
    whole: Vec<Problem>,
    /// Where secrets stand that are written as they are.
    hidden: Vec<Place>,
}

impl Faults {
    /// Notes one.
    pub fn add(&mut self, place: Place, message: String, fix: Option<String>) {
        if self.placed.len() < PROBLEMS_MAX {
            self.placed.push((place, message, fix));
        }
    }

    /// Notes that `node` and its lines are not to be shown.
    fn hide(&mut self, node: &Node) {
        match &node.shape {
            Shape::Null => {}
            Shape::Scalar(_) if node.shown().is_some() => self.hidden.push(node.place),
            Shape::Scalar(_) => {}
            Shape::List(items) => items.iter().for_each(|item| self.hide(item)),
            Shape::Map(entries) => entries.iter().for_each(|entry| self.hide(&entry.value)),
        }
    }

    /// How many there are.
    fn count(&self) -> usize {
        self.placed.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.placed.is_empty() && self.whole.is_empty()
    }

    /// All of them, in reading order.
    fn told(self, origin: &mut Origin) -> Problems {
        origin.hidden = self.hidden;
        let placed = self
            .placed
            .into_iter()
            .map(|(place, message, fix)| origin.problem(Severity::Error, place, message, fix));
        Problems(self.whole.into_iter().chain(placed).collect()).sorted()
    }
}
