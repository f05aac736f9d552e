//! The gates of the tree, as a program and as a test: layers, sizes, unsafe, bans and licences, words that may not
//! stand. It reads the files that git tracks or would track, never the build's output. `law` holds what is demanded,
//! as data; each other file reads one kind of thing. `tools tidy` prints all breaches at once.

use std::path::Path;
use std::process::Command;

mod crates;
pub mod law;
mod layers;
mod lexer;
mod pages;
mod safety;
mod sizes;
mod source;
mod words;

use source::Source;

/// One place that breaks one law.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Breach {
    /// Path from the root of the tree, or a crate's name and version.
    pub path: String,
    /// Its line, counted from 1.
    pub line: u32,
    /// The law's name.
    pub law: &'static str,
    /// What is wrong, and what is demanded.
    pub text: String,
}

impl Breach {
    fn new(law: &'static str, path: &str, line: u32, text: String) -> Breach {
        Breach { path: path.to_string(), line, law, text }
    }
}

impl std::fmt::Display for Breach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.law, self.text)
    }
}

/// All breaches of the tree at `root`, in order of path and line.
///
/// # Errors
/// When the tree cannot be read, or git or cargo do not run.
pub fn check(root: &Path) -> Result<Vec<Breach>, String> {
    let mut breaches = crates::check_licences(root)?;
    let mut sources = Vec::new();
    let mut page = String::new();
    let files = tracked(root)?;
    for path in files.clone() {
        // A file that is deleted but not yet committed is still listed.
        let Ok(bytes) = std::fs::read(root.join(&path)) else { continue };
        breaches.extend(words::check_bytes(&path, &bytes));
        let text = String::from_utf8_lossy(&bytes);
        if law::PAGES.contains(&path.as_str()) {
            breaches.extend(pages::check(&path, &text, &files));
        }
        match path.as_str() {
            law::UNSAFE_PAGE => page = text.into_owned(),
            _ if path.ends_with(".rs") => sources.push(Source::new(&path, &text)),
            _ if path.ends_with("Cargo.lock") => breaches.extend(crates::check_lock(&path, &text)),
            _ => {}
        }
    }
    spread_tests(&mut sources);
    for source in &sources {
        breaches.extend(layers::check(source));
        breaches.extend(sizes::check(source));
        breaches.extend(safety::check(source));
        breaches.extend(words::check(source));
    }
    breaches.extend(sizes::check_folders(&sources));
    breaches.extend(safety::check_count(&sources, &page));
    let mut breaches = except(breaches, law::EXCEPTIONS);
    breaches.sort();
    Ok(breaches)
}

/// Files that git tracks or would track, in order.
fn tracked(root: &Path) -> Result<Vec<String>, String> {
    let listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output =
        Command::new("git").arg("-C").arg(root).args(listing).output().map_err(|e| format!("git: {e}"))?;
    if !output.status.success() {
        return Err(format!("git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.split('\0').filter(|path| !path.is_empty()).map(str::to_string).collect())
}

/// A module declared under `#[cfg(test)]` in its parent is test code, with all that lies below it.
fn spread_tests(sources: &mut [Source]) {
    let modules: Vec<String> = sources.iter().flat_map(Source::test_modules).collect();
    for source in sources {
        let stem = source.path.trim_end_matches(".rs");
        let below = |module: &String| {
            stem.strip_prefix(module.as_str()).is_some_and(|r| r.is_empty() || r.starts_with('/'))
        };
        if modules.iter().any(below) {
            source.become_test();
        }
    }
}

/// Takes out what is borne, and puts in the exceptions that nothing needs any more.
fn except(breaches: Vec<Breach>, exceptions: &[law::Exception]) -> Vec<Breach> {
    let covers = |e: &law::Exception, b: &Breach| e.law == b.law && e.path == b.path;
    let idle = exceptions.iter().filter(|e| !breaches.iter().any(|b| covers(e, b)));
    let idle: Vec<Breach> = idle
        .map(|e| Breach::new("exception", e.path, 1, format!("nothing breaks `{}` any more: drop it", e.law)))
        .collect();
    let kept = breaches.into_iter().filter(|b| !exceptions.iter().any(|e| covers(e, b)));
    kept.chain(idle).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_keeps_its_laws() {
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tools lies in the root of the tree");
        let breaches = check(root).unwrap();
        let shown: Vec<String> = breaches.iter().map(Breach::to_string).collect();
        assert!(breaches.is_empty(), "\n{}\n", shown.join("\n"));
    }

    #[test]
    fn an_exception_covers_its_breach_and_is_refused_when_idle() {
        let breach = Breach::new("layer", "a.rs", 3, "b".to_string());
        let exception = |path| law::Exception { law: "layer", path, since: "2026-11-22", reason: "" };
        assert_eq!(except(vec![breach.clone()], &[exception("a.rs")]), []);
        let left = except(vec![breach.clone()], &[exception("c.rs")]);
        assert_eq!(left.iter().map(|b| b.law).collect::<Vec<_>>(), ["layer", "exception"]);
    }

    #[test]
    fn a_module_declared_for_tests_is_test_code_with_its_children() {
        let mut sources = vec![
            Source::new("engine/src/net/mod.rs", "#[cfg(test)] mod laws; mod lawsuit;"),
            Source::new("engine/src/net/laws/mod.rs", "fn a() {}"),
            Source::new("engine/src/net/laws/deep.rs", "fn a() {}"),
            Source::new("engine/src/net/lawsuit.rs", "fn a() {}"),
        ];
        spread_tests(&mut sources);
        let production: Vec<bool> = sources.iter().map(|s| s.production().next().is_some()).collect();
        assert_eq!(production, [true, false, false, true]);
    }
}
