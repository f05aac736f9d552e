//! The operator's guide holds what it says: its first page runs line by line, its configurations build, its tables are those
//! of the code, its links lead somewhere, and the units it hands out work. `RINGGATE_BLESS=1` writes what is generated.

// The whole crate is a test; clippy knows only functions marked as one.
#![allow(clippy::unwrap_used)]
// Deadlines of tests are real time, and their threads share what pipes say.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod configurations;
mod console;
mod container;
mod demo;
mod generated;
mod links;
mod log;
mod service;
mod start;
#[path = "../support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the sockets' tests need more of it")]
mod support;

use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the engine stands in the repository").to_owned()
}

/// A page of the guide.
fn page(name: &str) -> String {
    let path = root().join("docs/operator").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every page, by its path within the guide.
fn pages() -> Vec<String> {
    let guide = root().join("docs/operator");
    let mut pages = Vec::new();
    let mut folders = vec![guide.clone()];
    while let Some(folder) = folders.pop() {
        for entry in
            std::fs::read_dir(folder).expect("a folder of the guide").map(|entry| entry.unwrap().path())
        {
            match entry.extension().is_some_and(|ending| ending == "md") {
                true => pages.push(entry.strip_prefix(&guide).unwrap().to_str().unwrap().to_owned()),
                false if entry.is_dir() && !entry.ends_with("book") => folders.push(entry),
                false => {}
            }
        }
    }
    pages.sort();
    pages
}

/// A fenced block of a page.
#[derive(Debug)]
struct Block {
    /// What stands behind the fence.
    kind: String,
    /// The line of the page that its first line is, from 1.
    line: usize,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_within = false;
    for (index, line) in page.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if is_within => is_within = false,
            Some(kind) => {
                is_within = true;
                blocks.push(Block { kind: kind.trim().to_owned(), line: index + 2, text: String::new() });
            }
            None if is_within => {
                let block = blocks.last_mut().expect("a block has begun");
                block.text += line;
                block.text.push('\n');
            }
            None => {}
        }
    }
    assert!(!is_within, "a block does not end");
    blocks
}

/// Compares a generated text with the one that is committed; with `RINGGATE_BLESS` it is written.
fn check_text(path: &str, current: &str) {
    let place = root().join(path);
    if std::env::var_os("RINGGATE_BLESS").is_some() {
        std::fs::write(&place, current).expect("a writable working copy");
    }
    let committed = std::fs::read_to_string(&place).unwrap_or_default();
    assert!(
        committed == current,
        "{path} is not current: RINGGATE_BLESS=1 cargo test -p ringgate --test guide"
    );
}
