//! What is linked: no banned crate in a lock file, and of every crate that is built a licence from the list. An
//! SPDX expression passes when what it demands is allowed: one side of OR, both sides of AND.

use super::Breach;
use super::law::{BANNED_CRATES, LICENCES};
use std::path::Path;
use std::process::Command;

/// Looks for banned crates in the text of a lock file.
pub fn check_lock(path: &str, text: &str) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let name = line.strip_prefix("name = \"").and_then(|rest| rest.strip_suffix('"'));
        if let Some(name) = name.filter(|name| BANNED_CRATES.contains(name)) {
            breaches.push(Breach::new(
                "banned",
                path,
                number as u32 + 1,
                format!("`{name}` may not be linked"),
            ));
        }
    }
    breaches
}

/// Reads the licence of every crate of the workspace's build.
///
/// # Errors
/// When cargo does not run or prints what it never prints.
pub fn check_licences(root: &Path) -> Result<Vec<Breach>, String> {
    let text = metadata(root)?;
    let tree: serde_json::Value = serde_json::from_str(&text).map_err(|e| format!("cargo metadata: {e}"))?;
    let packages = tree["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    let mut breaches = Vec::new();
    for package in packages {
        let name = format!("{} {}", text_of(&package["name"]), text_of(&package["version"]));
        let licence = text_of(&package["license"]);
        if !is_allowed(licence) {
            breaches.push(Breach::new("licence", &name, 1, format!("`{licence}` is not in the list")));
        }
    }
    Ok(breaches)
}

fn text_of(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Asks cargo without the network first. Crates that only other parts of the workspace need may not be here yet;
/// then cargo may fetch them, still held to the lock file.
fn metadata(root: &Path) -> Result<String, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_string());
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let run = |more: &[&str]| {
        let base = ["metadata", "--format-version", "1", "--locked", "--filter-platform", &platform];
        Command::new(&cargo).current_dir(root).args(base).args(more).output()
    };
    let offline = run(&["--offline"]).map_err(|e| format!("{cargo}: {e}"))?;
    let output = match offline.status.success() {
        true => offline,
        false => run(&[]).map_err(|e| format!("{cargo}: {e}"))?,
    };
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    String::from_utf8(output.stdout).map_err(|e| format!("cargo metadata: {e}"))
}

/// Whether an SPDX expression can be met with allowed licences. `/`, the old form of OR, is read too, and operators in
/// lower case, which SPDX 3 allows; `X WITH Y` grants more than X.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let operator = |word| match word {
        "or" => "OR",
        "and" => "AND",
        "with" => "WITH",
        word => word,
    };
    let words: Vec<&str> = spaced.split_whitespace().map(operator).collect();
    let mut at = 0;
    either(&words, &mut at) == Some(true) && at == words.len()
}

fn either(words: &[&str], at: &mut usize) -> Option<bool> {
    let mut met = both(words, at)?;
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= both(words, at)?;
    }
    Some(met)
}

fn both(words: &[&str], at: &mut usize) -> Option<bool> {
    let mut met = one(words, at)?;
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at)?;
    }
    Some(met)
}

fn one(words: &[&str], at: &mut usize) -> Option<bool> {
    let word = *words.get(*at)?;
    *at += 1;
    if word == "(" {
        let met = either(words, at)?;
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return closed.then_some(met);
    }
    if words.get(*at) == Some(&"WITH") {
        *at += 2;
    }
    Some(LICENCES.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_banned_crate_is_found_by_its_whole_name() {
        let lock =
            "[[package]]\nname = \"rsa\"\n\n[[package]]\nname = \"rsa-like\"\ndependencies = [\"rsa\"]\n";
        let found = check_lock("Cargo.lock", lock);
        assert_eq!((found.len(), found[0].line), (1, 2));
    }

    #[test]
    fn an_expression_passes_when_what_it_demands_is_allowed() {
        for licence in [
            "MIT",
            "MIT OR Apache-2.0",
            "MIT/Apache-2.0",
            "MIT or Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
            "0BSD OR (GPL-3.0 AND MIT)",
        ] {
            assert!(is_allowed(licence), "{licence}");
        }
        for licence in
            ["", "AGPL-3.0", "MIT AND GPL-3.0", "MIT OR", "(MIT", "MIT)", "MIT Apache-2.0", "mit", "OR"]
        {
            assert!(!is_allowed(licence), "{licence}");
        }
    }
}
