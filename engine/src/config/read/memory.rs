//! Files and environment in memory: for configurations that no disk holds, such as the demo's, and for tests.

use super::{Pattern, Source};
use crate::config::problem::Problems;
use crate::config::{Config, read};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A [`Source`] that holds all it lends.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    files: HashMap<PathBuf, Vec<u8>>,
    env: HashMap<String, String>,
    roots: Vec<Vec<u8>>,
}

impl Memory {
    /// Adds a file.
    pub fn file(mut self, path: &str, text: impl AsRef<[u8]>) -> Memory {
        self.files.insert(path.into(), text.as_ref().to_vec());
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Memory {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Adds a certificate that vouches for others, as DER.
    pub fn root(mut self, der: &[u8]) -> Memory {
        self.roots.push(der.to_vec());
        self
    }

    /// Reads the configuration that starts at `path`.
    ///
    /// # Errors
    /// All problems, in reading order.
    pub fn read(mut self, path: &str) -> Result<Config, Problems> {
        read(&mut self, Path::new(path))
    }
}

impl Source for Memory {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        self.files.get(path).cloned().ok_or_else(|| "no such file".into())
    }

    fn find(&mut self, pattern: &Pattern) -> Result<Vec<PathBuf>, String> {
        let folder = self.real(pattern.folder());
        let here =
            self.files.keys().filter(|path| path.parent().is_some_and(|parent| self.real(parent) == folder));
        let names = here.filter_map(|path| path.file_name().and_then(|name| name.to_str()));
        let mut found: Vec<PathBuf> =
            names.filter(|name| pattern.takes(name)).map(|name| pattern.folder().join(name)).collect();
        found.sort();
        Ok(found)
    }

    fn env(&mut self, name: &str) -> Option<String> {
        self.env.get(name).cloned()
    }

    fn roots(&mut self) -> Result<Vec<Vec<u8>>, String> {
        Ok(self.roots.clone())
    }
}
