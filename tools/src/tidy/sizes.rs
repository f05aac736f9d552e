//! How large a part may grow: lines of a file and of a function without tests, Rust files in a folder. A breach is
//! mended by finding the noun for a part, not by cutting at the limit.

use super::Breach;
use super::law::{FILE_LINES_MAX, FOLDER_FILES_MAX, FUNCTION_LINES_MAX};
use super::source::{Source, close_of};
use std::collections::BTreeMap;

/// Holds one file to its limits.
pub fn check(source: &Source) -> Vec<Breach> {
    let mut breaches = functions(source);
    let tests: u32 = source.test_spans().iter().map(|span| span.last - span.first + 1).sum();
    let lines = source.lines.saturating_sub(tests);
    if lines > FILE_LINES_MAX && source.production().next().is_some() {
        let text = format!("{lines} lines without tests; {FILE_LINES_MAX} at most");
        breaches.push(Breach::new("file size", &source.path, 1, text));
    }
    breaches
}

/// Counts the Rust files of each folder.
pub fn check_folders(sources: &[Source]) -> Vec<Breach> {
    let mut files: BTreeMap<&str, usize> = BTreeMap::new();
    for source in sources {
        *files.entry(source.path.rsplit_once('/').map_or("", |(folder, _)| folder)).or_default() += 1;
    }
    let over = files.into_iter().filter(|(_, count)| *count > FOLDER_FILES_MAX);
    over.map(|(folder, count)| {
        let text = format!("{count} Rust files; {FOLDER_FILES_MAX} at most");
        Breach::new("folder size", folder, 1, text)
    })
    .collect()
}

fn functions(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (at, token) in source.production() {
        let Some(name) = source.code.get(at + 1).and_then(|t| t.word()).filter(|_| token.is_word("fn"))
        else {
            continue;
        };
        let Some(close) = body_end(source, at + 2) else { continue };
        let lines = source.code[close].line_end - token.line + 1;
        if lines > FUNCTION_LINES_MAX {
            let text = format!("`{name}` has {lines} lines; {FUNCTION_LINES_MAX} at most");
            breaches.push(Breach::new("function size", &source.path, token.line, text));
        }
    }
    breaches
}

/// The closing brace of the body behind a signature; none when the signature ends in `;`.
fn body_end(source: &Source, mut at: usize) -> Option<usize> {
    loop {
        let token = source.code.get(at)?;
        if token.is_mark('{') {
            return Some(close_of(&source.code, at));
        }
        if token.is_mark(';') {
            return None;
        }
        let opens = token.is_mark('(') || token.is_mark('[');
        at = if opens { close_of(&source.code, at) + 1 } else { at + 1 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        check(&Source::new("engine/src/base/x.rs", text)).into_iter().map(|b| b.text).collect()
    }

    #[test]
    fn a_function_counts_from_fn_to_brace() {
        let body = |lines: usize| format!("/// Doc.\nfn f() {{\n{}}}\n", "a();\n".repeat(lines));
        assert_eq!(texts(&body(68)), [""; 0]);
        assert_eq!(texts(&body(69)), ["`f` has 71 lines; 70 at most"]);
    }

    #[test]
    fn a_signature_without_body_and_a_pointer_type_have_no_lines() {
        let gap = "\n".repeat(80);
        assert_eq!(texts(&format!("trait A {{ fn f(a: [u8; 3]) -> u8; {gap} }} type B = fn(u8);")), [""; 0]);
    }

    #[test]
    fn tests_do_not_count() {
        let tests = format!("#[cfg(test)]\nmod tests {{\nfn f() {{\n{}}}\n}}\n", "a();\n".repeat(700));
        assert_eq!(texts(&format!("fn g() {{}}\n{tests}")), [""; 0]);
        let long = "fn g() {}\n".repeat(601);
        assert_eq!(texts(&format!("{long}{tests}")), ["601 lines without tests; 600 at most"]);
    }

    #[test]
    fn a_folder_holds_fourteen_files() {
        let files =
            |n: usize| -> Vec<Source> { (0..n).map(|i| Source::new(&format!("a/b/{i}.rs"), "")).collect() };
        assert_eq!(check_folders(&files(14)).len(), 0);
        let found = check_folders(&files(15));
        assert_eq!((found.len(), found[0].path.as_str()), (1, "a/b"));
    }
}
