//! What the language has and this version does not run yet. Each line names a place of the configuration; what
//! stands there is an error, never silently ignored. Whoever builds a part deletes its lines.

use crate::config::read::tree::{Node, Shape};
use crate::config::read::{Origin, tree::Place};

/// A place that this version does not serve.
struct Missing {
    /// Keys from the root; `*` is any key or item.
    at: &'static [&'static str],
    /// Only values that begin with this; empty is any.
    begins: &'static str,
    /// What is missing, with its verb.
    what: &'static str,
}

const fn any(at: &'static [&'static str], what: &'static str) -> Missing {
    Missing { at, begins: "", what }
}

const MISSING: &[Missing] = &[
    any(&["upstreams", "*", "retry"], "retrying is"),
    any(&["upstreams", "*", "breaker"], "breakers are"),
    any(&["routes", "*", "priority"], "priority is"),
];

/// What is missing at `way`, keys from the root with `*` for any key or item; none where it is served.
pub fn at(way: &[&str]) -> Option<&'static str> {
    MISSING.iter().find(|missing| missing.at == way && missing.begins.is_empty()).map(|missing| missing.what)
}

/// Each place of the configuration that this version does not serve, and what is missing there.
pub fn find(origin: &Origin) -> Vec<(Place, &'static str)> {
    let mut found = Vec::new();
    if let Some(root) = origin.root() {
        for missing in MISSING {
            look(root, root.place, missing.at, missing, &mut found);
        }
    }
    found
}

fn look(node: &Node, place: Place, way: &[&str], missing: &Missing, found: &mut Vec<(Place, &'static str)>) {
    let Some((step, way)) = way.split_first() else {
        let begins =
            missing.begins.is_empty() || node.shown().is_some_and(|text| text.starts_with(missing.begins));
        if begins {
            found.push((place, missing.what));
        }
        return;
    };
    match &node.shape {
        Shape::Map(entries) => {
            for entry in entries.iter().filter(|entry| *step == "*" || entry.key == *step) {
                // A value's own place where the value is at fault, else the key's.
                let place = if missing.begins.is_empty() { entry.place } else { entry.value.place };
                look(&entry.value, place, way, missing, found);
            }
        }
        Shape::List(items) if *step == "*" => {
            for item in items {
                look(item, item.place, way, missing, found);
            }
        }
        _ => {}
    }
}
