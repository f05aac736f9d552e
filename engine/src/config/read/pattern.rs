//! A pattern of file names, such as `conf.d/*.yaml`: what `include` may name in place of each file. Which files there are
//! the [`Source`](super::Source) tells.

use std::path::{Path, PathBuf};

/// Names of one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    folder: PathBuf,
    names: glob::Pattern,
}

impl Pattern {
    /// The pattern that `path` is; none where it is the path of one file.
    ///
    /// # Errors
    /// Why it is none that can be followed.
    pub fn of(path: &Path) -> Option<Result<Pattern, String>> {
        let has_wildcard = |part: &Path| part.to_str().is_some_and(|text| text.contains(['*', '?']));
        if !has_wildcard(path) {
            return None;
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        let names = match path.file_name().and_then(|name| name.to_str()) {
            Some(names) if !has_wildcard(folder) => names,
            _ => return Some(Err("a pattern stands in the last part of a path".to_owned())),
        };
        Some(match glob::Pattern::new(names) {
            Ok(names) => Ok(Pattern { folder: folder.to_owned(), names }),
            Err(error) => Err(error.msg.to_owned()),
        })
    }

    /// Where the files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The pattern as a path.
    pub fn path(&self) -> PathBuf {
        self.folder.join(self.names.as_str())
    }

    /// Whether a file of its folder with this name is one. A hidden name is taken only by a pattern that begins with its
    /// dot, as in a shell.
    pub fn takes(&self, name: &str) -> bool {
        self.names.matches(name) && (!name.starts_with('.') || self.names.as_str().starts_with('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_takes_names_of_its_folder_and_no_hidden_ones() {
        let pattern =
            Pattern::of(Path::new("conf.d/*.yaml")).expect("is a pattern").expect("can be followed");
        assert_eq!(pattern.folder(), Path::new("conf.d"));
        assert_eq!(pattern.path(), Path::new("conf.d/*.yaml"));
        let names = ["a.yaml", ".yaml", ".a.yaml.swp", "a.yaml~", "..data", "b.c.yaml", ".b.yaml", "a.YAML"];
        assert_eq!(
            names.map(|name| pattern.takes(name)),
            [true, false, false, false, false, true, false, false]
        );
        assert_eq!(Pattern::of(Path::new("conf.d/[a].yaml")), None);
        for (path, why) in [
            ("*/a.yaml", "a pattern stands in the last part of a path"),
            ("a?/*.yaml", "a pattern stands in the last part of a path"),
            ("a/***", "wildcards are either regular `*` or recursive `**`"),
        ] {
            assert_eq!(Pattern::of(Path::new(path)), Some(Err(why.to_owned())), "{path}");
        }
    }
}
