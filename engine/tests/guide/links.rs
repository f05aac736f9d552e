//! Every page stands in the book, and every link leads to a file and a heading.

use super::{page, pages, root};
use std::path::Path;

/// As GitHub and mdbook make one of a heading.
fn anchor(heading: &str) -> String {
    let kept = |char: &char| char.is_alphanumeric() || matches!(char, '-' | '_' | ' ');
    heading.chars().filter(kept).collect::<String>().to_lowercase().replace(' ', "-")
}

fn has_anchor(text: &str, wanted: &str) -> bool {
    text.lines().any(|line| line.starts_with('#') && anchor(line.trim_start_matches('#').trim()) == wanted)
}

/// The targets of the links of a text, code left out.
fn targets(text: &str) -> Vec<String> {
    let mut targets = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        is_code ^= line.starts_with("```");
        if !is_code {
            targets
                .extend(line.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())));
        }
    }
    targets
}

#[test]
fn every_link_leads_somewhere() {
    let guide = root().join("docs/operator");
    let mut broken = Vec::new();
    for name in pages() {
        let text = page(&name);
        let folder = guide.join(&name).parent().unwrap_or(Path::new("")).to_owned();
        for target in targets(&text) {
            if target.starts_with("http") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let there = if path.is_empty() { guide.join(&name) } else { folder.join(path) };
            let leads = match anchor {
                "" => there.exists(),
                anchor => std::fs::read_to_string(&there).is_ok_and(|text| has_anchor(&text, anchor)),
            };
            if !leads {
                broken.push(format!("{name}: {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_page_stands_in_the_book_once() {
    let mut listed = targets(&page("SUMMARY.md"));
    listed.push("SUMMARY.md".to_owned());
    listed.sort();
    assert_eq!(listed, pages());
}
