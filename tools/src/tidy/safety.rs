//! Unsafe code: only in the rooms that may, a `SAFETY:` note directly above each site, and no more sites than
//! `docs/UNSAFE.md` states. The number is a ratchet: fewer asks for it to be lowered in the same change. Test code may
//! be unsafe anywhere, with a note.

use super::Breach;
use super::law::{UNSAFE_PAGE, UNSAFE_ROOMS};
use super::lexer::Kind;
use super::source::Source;
use std::collections::BTreeMap;

/// Holds one file to where unsafe may stand and to its notes.
pub fn check(source: &Source) -> Vec<Breach> {
    let may = room_of(source).is_some();
    let mut breaches = Vec::new();
    for (at, token) in source.code.iter().enumerate().filter(|(_, t)| t.is_word("unsafe")) {
        if !may && !source.is_test[at] {
            let text = format!("unsafe code may stand only in {}", UNSAFE_ROOMS.join(" and "));
            breaches.push(Breach::new("unsafe", &source.path, token.line, text));
        }
        if !has_note(source, token.line) && !has_note(source, statement_line(source, at)) {
            let text = "no `// SAFETY:` note directly above".to_string();
            breaches.push(Breach::new("unsafe", &source.path, token.line, text));
        }
    }
    breaches
}

/// Compares the sites of each room with the number in `page`, the text of `docs/UNSAFE.md`.
pub fn check_count(sources: &[Source], page: &str) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let stated = stated(page);
    for room in UNSAFE_ROOMS {
        let own = sources.iter().filter(|source| room_of(source) == Some(room));
        let sites: usize = own.map(|s| s.production().filter(|(_, t)| t.is_word("unsafe")).count()).sum();
        let number = stated.get(*room).copied().unwrap_or(0);
        let text = match sites.cmp(&number) {
            std::cmp::Ordering::Equal => continue,
            std::cmp::Ordering::Greater => format!("`{room}` has {sites} unsafe sites, {number} are stated"),
            std::cmp::Ordering::Less => {
                format!("`{room}` has {sites} unsafe sites: lower the {number} stated")
            }
        };
        breaches.push(Breach::new("unsafe", UNSAFE_PAGE, 1, text));
    }
    breaches
}

/// Numbers of the table's rows: `| net | 12 | …`.
fn stated(page: &str) -> BTreeMap<String, usize> {
    let rows = page.lines().filter_map(|line| line.trim().strip_prefix('|'));
    rows.filter_map(|row| {
        let mut cells = row.split('|').map(|cell| cell.trim().trim_matches('`'));
        Some((cells.next()?.to_string(), cells.next()?.parse().ok()?))
    })
    .collect()
}

fn room_of(source: &Source) -> Option<&'static &'static str> {
    let path = source.path.strip_prefix("engine/src/")?;
    let own = path.split('/').next()?.trim_end_matches(".rs");
    UNSAFE_ROOMS.iter().find(|room| **room == own)
}

/// Whether a comment with the note ends on the line above `line`, attributes between them allowed. The note may
/// be `# Safety` in the docs of an unsafe function.
fn has_note(source: &Source, line: u32) -> bool {
    let mut above = line.saturating_sub(1);
    while above > 0 {
        let comment = source.comments.iter().find(|c| c.line <= above && above <= c.line_end);
        if let Some((first, Kind::Comment(text))) = comment.map(|c| (c.line, &c.kind)) {
            if text.contains("SAFETY:") || text.contains("# Safety") {
                return true;
            }
            above = first - 1;
        } else if is_attribute_line(source, above) {
            above -= 1;
        } else {
            return false;
        }
    }
    false
}

fn is_attribute_line(source: &Source, line: u32) -> bool {
    let first = source.code.iter().find(|t| t.line <= line && line <= t.line_end);
    first.is_some_and(|t| t.is_mark('#'))
}

/// The line on which the statement or item around the token at `at` starts.
fn statement_line(source: &Source, at: usize) -> u32 {
    let ends = |t: &super::lexer::Token| [';', '{', '}', ','].iter().any(|m| t.is_mark(*m));
    let start = source.code[..at].iter().rposition(ends).map_or(0, |end| end + 1);
    source.code[start].line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<(u32, String)> {
        check(&Source::new(path, text)).into_iter().map(|b| (b.line, b.text)).collect()
    }

    #[test]
    fn unsafe_stands_only_in_its_rooms() {
        let text = "// SAFETY: x is valid.\nunsafe { f(x) }";
        assert_eq!(found("engine/src/net/stream.rs", text), []);
        assert_eq!(found("engine/src/mem.rs", text), []);
        for path in ["engine/src/wire/head.rs", "tools/src/main.rs", "engine/src/network/a.rs"] {
            assert_eq!(found(path, text).len(), 1, "{path}");
        }
        assert_eq!(found("engine/src/wire/head.rs", "// unsafe\nconst A: &str = \"unsafe\";"), []);
    }

    #[test]
    fn test_code_is_unsafe_anywhere_with_a_note() {
        assert_eq!(
            found("engine/tests/alloc.rs", "// SAFETY: forwards.\nunsafe impl GlobalAlloc for A {}"),
            []
        );
        assert_eq!(found("engine/tests/alloc.rs", "unsafe impl GlobalAlloc for A {}").len(), 1);
    }

    #[test]
    fn each_site_has_a_note_directly_above() {
        let net = "engine/src/net/stream.rs";
        for text in [
            "// SAFETY: because\n// of this.\nunsafe { a() }",
            "/// Reads.\n///\n/// # Safety\n/// `a` is valid.\n#[inline]\npub unsafe fn f() {}",
            "// SAFETY: a.\nlet x =\n    unsafe { a() };",
            "/* SAFETY: a. */\n#[cfg(\n  any(a, b)\n)]\nunsafe impl A for B {}",
        ] {
            assert_eq!(found(net, text), [], "{text}");
        }
        for text in [
            "unsafe { a() }",
            "// SAFETY: a.\n\nunsafe { a() }",
            "// SAFETY: a.\nb();\nunsafe { a() }",
            "// safe\nunsafe { a() }",
            "unsafe { a() } // SAFETY: behind",
        ] {
            assert_eq!(found(net, text).len(), 1, "{text}");
        }
    }

    #[test]
    fn the_number_of_sites_only_falls() {
        let sources = [
            Source::new("engine/src/net/a.rs", "unsafe {} unsafe {} #[cfg(test)] mod tests { unsafe {} }"),
            Source::new("engine/src/mem/a.rs", "unsafe {}"),
        ];
        let texts =
            |page: &str| -> Vec<String> { check_count(&sources, page).into_iter().map(|b| b.text).collect() };
        assert_eq!(texts("| room | sites |\n|---|---|\n| `net` | 2 | x |\n| mem | 1 |"), [""; 0]);
        assert_eq!(texts("| net | 1 |\n| mem | 1 |"), ["`net` has 2 unsafe sites, 1 are stated"]);
        assert_eq!(texts("| net | 3 |\n| mem | 1 |"), ["`net` has 2 unsafe sites: lower the 3 stated"]);
        assert_eq!(texts("").len(), 2);
    }
}
