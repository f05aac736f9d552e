//! Paths that the pages of the code name: what stands between backticks and begins with a room leads to a file or a folder.
//! Behind `::` stand names within it, which are not looked at.

use super::Breach;

/// Where the rooms lie.
const ROOMS: &str = "engine/src/";

/// Holds the `text` of a page to the files of the tree.
pub fn check(page: &str, text: &str, files: &[String]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (line, written) in
        text.lines().zip(1..).flat_map(|(line, at)| quoted(line).map(move |path| (at, path)))
    {
        let path = written.split("::").next().unwrap_or_default().trim_end_matches('/');
        if is_of_a_room(path, files) && !leads_somewhere(path, files) {
            breaches.push(Breach::new("path", page, line, format!("`{path}` is no file and no folder")));
        }
    }
    breaches
}

/// What stands between backticks.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn is_of_a_room(path: &str, files: &[String]) -> bool {
    let Some((room, _)) = path.split_once('/') else { return false };
    let folder = format!("{ROOMS}{room}/");
    files.iter().any(|file| file.starts_with(&folder))
}

fn leads_somewhere(path: &str, files: &[String]) -> bool {
    files.iter().filter_map(|file| file.strip_prefix(ROOMS)).any(|file| {
        let rest = file.strip_prefix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest == ".rs" || rest.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_begin_with_a_room_lead_to_files_or_folders() {
        let files =
            ["engine/src/net/timer.rs", "engine/src/net/body/mod.rs", "docs/PATH.md"].map(str::to_owned);
        let found = |text: &str| check("docs/PATH.md", text, &files).len();
        for good in [
            "`net/timer.rs`",
            "`net/timer`, `net/body` and `net/body/`",
            "`net/timer::Wheel::pass_all`",
            "`net` and `other/room` and net/nowhere",
            "`a/b`, `text/event-stream`",
        ] {
            assert_eq!(found(good), 0, "{good}");
        }
        for bad in ["`net/time`", "`net/timer.r`", "`net/mailbox::Mailbox`", "`x` and `net/body/reader.rs`"] {
            assert_eq!(found(bad), 1, "{bad}");
        }
        let breach = &check("docs/PATH.md", "one\n`net/two`\n", &files)[0];
        assert_eq!(breach.to_string(), "docs/PATH.md:2: path: `net/two` is no file and no folder");
    }
}
