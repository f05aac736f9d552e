//! From a file to a table: the one place that opens configuration files.

use super::resolve;
use crate::base::Generation;
use crate::config::{self, Config, Problem, Problems, Source};
use crate::net::clock;
use crate::table::{Table, build};
use std::fs;
use std::io;
use std::path::Path;

/// Files and environment of this process.
#[derive(Debug, Default)]
pub struct Disk;

impl Source for Disk {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        fs::read(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => "no such file".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        })
    }

    fn env(&mut self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

/// Reads the file at `path` and all it includes.
///
/// # Errors
/// All problems.
pub fn read(path: &Path) -> Result<Config, Problems> {
    config::read(&mut Disk, path)
}

/// Compiles `config` and looks into the files of endpoints that it names. Gives the warnings too. No name is looked up.
///
/// # Errors
/// All problems.
pub fn compile(
    config: &Config,
    generation: Generation,
    previous: Option<&Table>,
) -> Result<(Table, Vec<Problem>), Problems> {
    let now = clock::now();
    let offset = (clock::unix_ms() * 1_000_000).saturating_sub(now.0);
    let mut means = build::Means { files: &mut Disk, now, offset };
    let (table, mut told) = build::build(config, generation, previous, &mut means)?;
    told.extend(resolve::problems(&table));
    let problems = Problems(told).sorted();
    if problems.refuse() { Err(problems) } else { Ok((table, problems.0)) }
}

/// Reads a configuration from `text`, as if it stood in a file called `name`.
///
/// # Errors
/// All problems.
pub fn parse(name: &str, text: String) -> Result<Config, Problems> {
    config::read(&mut Text { name, text }, Path::new(name))
}

/// One text and the environment of this process.
struct Text<'a> {
    name: &'a str,
    text: String,
}

impl Source for Text<'_> {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        if path == Path::new(self.name) { Ok(self.text.clone().into_bytes()) } else { Disk.read(path) }
    }

    fn env(&mut self, name: &str) -> Option<String> {
        Disk.env(name)
    }
}
