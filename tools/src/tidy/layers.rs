//! The layer table: what a room imports of the others, and which crates it names. Paths are read wherever they
//! stand: `use crate::x`, `use crate::{a, b::c}`, `crate::x::f()` and `super::super::x`. Test code may import anything.

use super::Breach;
use super::law::{EXTERNALS, External, ROOMS, Room};
use super::source::{Source, close_of};

const ENGINE: &str = "engine/src/";

/// A room or crate that a file names.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    name: String,
    line: u32,
}

/// Holds `source` to the layer table. Files outside `engine/src` and `lib.rs` (which declares all rooms) are free.
pub fn check(source: &Source) -> Vec<Breach> {
    let Some(path) = source.path.strip_prefix(ENGINE) else { return Vec::new() };
    let own = path.split('/').next().unwrap_or(path).trim_end_matches(".rs");
    if own == "lib" {
        return Vec::new();
    }
    let Some(room) = find(own) else {
        let text = format!("`{own}` is no room of the layer table");
        return vec![Breach::new("layer", &source.path, 1, text)];
    };
    let mut breaches = Vec::new();
    for named in imports(source, depth(path)) {
        if let Err(why) = may_import(room, &named.name) {
            breaches.push(Breach::new("layer", &source.path, named.line, why));
        }
    }
    for named in externals(source) {
        let listed = EXTERNALS.iter().find(|e| e.names.contains(&named.name.as_str()));
        if let Some(external) = listed.filter(|e| !is_place_of(e, path)) {
            let text = format!("`{}` may be named only in {}", named.name, external.places.join(", "));
            breaches.push(Breach::new("crate", &source.path, named.line, text));
        }
    }
    breaches
}

fn find(name: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|room| room.name == name)
}

fn may_import(room: &Room, name: &str) -> Result<(), String> {
    if name == room.name {
        return Ok(());
    }
    let Some(other) = find(name) else {
        return Err(format!("`crate::{name}` is no room of the layer table; name the room a thing lives in"));
    };
    let below = other.layer < room.under && !room.except.contains(&name);
    if below || room.also.contains(&name) {
        return Ok(());
    }
    Err(format!("`{}` (layer {}) may not import `{name}` (layer {})", room.name, room.layer, other.layer))
}

fn is_place_of(external: &External, path: &str) -> bool {
    let stem = path.trim_end_matches(".rs");
    external.places.iter().any(|place| {
        let rest = stem.strip_prefix(place);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// How many modules lie between the crate's root and the code of the file: 1 for `net/mod.rs`, 2 for `net/timer.rs`.
fn depth(path: &str) -> usize {
    let parts = path.split('/').count();
    if path.ends_with("/mod.rs") { parts - 1 } else { parts }
}

/// Rooms named by `crate::` and by `super::` chains that leave the room. `*` stands for a glob of the root.
fn imports(source: &Source, file_depth: usize) -> Vec<Named> {
    let mut found = Vec::new();
    let depths = inline_depths(source, file_depth);
    for (at, token) in source.production() {
        if token.is_word("crate") && source.is_path_mark(at + 1) {
            heads(source, at + 3, &mut found);
        } else if token.is_word("crate") && source.code.get(at + 1).is_some_and(|t| t.is_word("as")) {
            found.push(Named { name: "*".to_string(), line: token.line });
        } else if token.is_word("super") && !follows_path_mark(source, at) {
            let (supers, next) = climb(source, at);
            if supers >= depths[at] {
                heads(source, next, &mut found);
            }
        }
    }
    found
}

/// Counts `super ::` from `at`, and says where the path goes on.
fn climb(source: &Source, mut at: usize) -> (usize, usize) {
    let mut supers = 0;
    while source.code.get(at).is_some_and(|t| t.is_word("super")) && source.is_path_mark(at + 1) {
        supers += 1;
        at += 3;
    }
    (supers, at)
}

/// `self::super::x` starts a path at `self`, all else behind `::` goes on with one.
fn follows_path_mark(source: &Source, at: usize) -> bool {
    at >= 2 && source.is_path_mark(at - 2) && !(at >= 3 && source.code[at - 3].is_word("self"))
}

/// The first names of the path or the group of paths at `at`.
fn heads(source: &Source, at: usize, found: &mut Vec<Named>) {
    let Some(token) = source.code.get(at) else { return };
    if let Some(word) = token.word() {
        found.push(Named { name: word.to_string(), line: token.line });
    } else if token.is_mark('*') {
        found.push(Named { name: "*".to_string(), line: token.line });
    } else if token.is_mark('{') {
        let close = close_of(&source.code, at);
        let mut inner = at + 1;
        while inner < close {
            heads(source, inner, found);
            inner = comma_after(source, inner, close) + 1;
        }
    }
}

/// The comma that ends the group member at `at`, or `close`.
fn comma_after(source: &Source, mut at: usize, close: usize) -> usize {
    while at < close && !source.code[at].is_mark(',') {
        at = if source.code[at].is_mark('{') { close_of(&source.code, at) + 1 } else { at + 1 };
    }
    at
}

/// For each token, how many modules deep it stands: the file's depth and the inline `mod x {` around it.
fn inline_depths(source: &Source, file_depth: usize) -> Vec<usize> {
    let mut depths = vec![file_depth; source.code.len()];
    for at in 0..source.code.len() {
        let is_inline =
            source.code[at].is_word("mod") && source.code.get(at + 2).is_some_and(|t| t.is_mark('{'));
        if is_inline {
            let close = close_of(&source.code, at + 2);
            depths[at + 2..=close].iter_mut().for_each(|depth| *depth += 1);
        }
    }
    depths
}

/// Listed crates that are named, where no module or import of this file has the same name.
fn externals(source: &Source) -> Vec<Named> {
    let local = local_names(source);
    let mut found = Vec::new();
    for (at, token) in source.production() {
        let Some(word) = token.word().filter(|w| EXTERNALS.iter().any(|e| e.names.contains(w))) else {
            continue;
        };
        let is_global = at >= 2 && source.is_path_mark(at - 2) && !(at >= 3 && ends_path(source, at - 3));
        let is_inner = at >= 2 && source.is_path_mark(at - 2) && !is_global;
        let is_named = source.is_path_mark(at + 1) || is_use_head(source, at);
        if is_global || (is_named && !is_inner && !local.iter().any(|l| l == word)) {
            found.push(Named { name: word.to_string(), line: token.line });
        }
    }
    found
}

/// Whether a `::` behind this token goes on with a path, rather than starting one at the list of crates.
fn ends_path(source: &Source, at: usize) -> bool {
    let token = &source.code[at];
    token.is_mark('>')
        || token.word().is_some_and(|w| !["use", "return", "in", "as", "dyn", "impl"].contains(&w))
}

/// `use x`, `extern crate x`, and a member of `use {x, y}`.
fn is_use_head(source: &Source, at: usize) -> bool {
    let before = |n: usize| at.checked_sub(n).map(|at| &source.code[at]);
    if before(1).is_some_and(|t| t.is_word("use") || t.is_word("crate")) {
        return true;
    }
    let mut at = at;
    while let Some(previous) = at.checked_sub(1).map(|at| &source.code[at]) {
        if previous.is_mark('{') {
            return at >= 2 && source.code[at - 2].is_word("use");
        }
        if !(previous.is_mark(',') || previous.is_mark(':') || previous.word().is_some()) {
            return false;
        }
        at -= 1;
    }
    false
}

/// Names bound in this file by `mod x` or by an import from our own crate: they hide a crate of the same name.
fn local_names(source: &Source) -> Vec<String> {
    let mut names = Vec::new();
    for (at, token) in source.code.iter().enumerate() {
        let next = source.code.get(at + 1).and_then(|t| t.word());
        if token.is_word("mod") {
            names.extend(next.map(str::to_string));
        }
        if token.is_word("use") && matches!(next, Some("crate" | "self" | "super")) {
            let tree = source.code[at..].iter().take_while(|t| !t.is_mark(';'));
            let tree: Vec<_> = tree.collect();
            for (leaf, token) in tree.iter().enumerate() {
                let ends = tree.get(leaf + 1).is_none_or(|t| t.is_mark(',') || t.is_mark('}'));
                names.extend(token.word().filter(|_| ends).map(str::to_string));
            }
        }
    }
    names
}

#[cfg(test)]
mod tests;
