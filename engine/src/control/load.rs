//! From a file to a table: the one place that opens configuration files.

use super::resolve::{self, Stamp, stamp};
use crate::base::Generation;
use crate::config::{self, Config, Problem, Problems, Source};
use crate::net::clock;
use crate::table::{Admin, Table, build};
use rustls_native_certs::load_native_certs;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Files and environment of this process. Remembers which files were read, each as it was before.
#[derive(Debug, Default)]
pub struct Disk {
    read: Vec<(PathBuf, Option<Stamp>)>,
}

impl Source for Disk {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        if self.read.iter().all(|(known, _)| known != path) {
            self.read.push((path.to_owned(), stamp(path).ok()));
        }
        fs::read(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => "no such file".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        })
    }

    fn env(&mut self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    /// `SSL_CERT_FILE` and `SSL_CERT_DIR` name others than the system's.
    fn roots(&mut self) -> Result<Vec<Vec<u8>>, String> {
        let found = load_native_certs();
        match found.errors.first() {
            Some(error) if found.certs.is_empty() => Err(error.to_string()),
            _ => Ok(found.certs.iter().map(|cert| cert.to_vec()).collect()),
        }
    }
}

/// The files that a configuration is made of, each with what stood there: all of them also where it was refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files(Vec<(PathBuf, Option<Stamp>)>);

impl Files {
    /// Whether each still leads to what was read.
    pub fn are_current(&self) -> bool {
        self.0.iter().all(|(path, was)| stamp(path).ok() == *was)
    }

    /// The same files as they are now.
    pub fn now(&self) -> Files {
        Files(self.0.iter().map(|(path, _)| (path.clone(), stamp(path).ok())).collect())
    }

    /// Their paths.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(|(path, _)| path.as_path())
    }
}

/// Times that files are read which change while they are.
const READINGS: usize = 5;

/// Reads the file at `path` and all it includes.
///
/// # Errors
/// All problems.
pub fn read(path: &Path) -> Result<Config, Problems> {
    gather(path).0
}

/// As [`read`]; tells which files it read. What changed while it was read is read again: an old file with a new one that
/// it includes is neither of two configurations.
pub fn gather(path: &Path) -> (Result<Config, Problems>, Files) {
    let mut reading = 1;
    loop {
        let mut disk = Disk::default();
        let config = config::read(&mut disk, path);
        let files = Files(disk.read);
        if reading == READINGS || files.are_current() {
            return (config, files);
        }
        reading += 1;
    }
}

/// The administration interface of the gateway that runs with the file at `path`, whatever else stands in it: it may hold
/// faults by now, and name what only the gateway's own user and environment have.
///
/// # Errors
/// What is wrong with it.
pub fn admin(path: &Path) -> Result<Option<Admin>, Problems> {
    let config = config::read_section(&mut Disk::default(), path, "admin")?;
    build::admin_of(&config)
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
    compile_of(config, generation, previous, &mut Files::default())
}

/// As [`compile`]; adds to `files` those that its policies are made of: users, keys, consumers, schemas. All of them also
/// where it is refused.
///
/// # Errors
/// All problems.
pub fn compile_of(
    config: &Config,
    generation: Generation,
    previous: Option<&Table>,
    files: &mut Files,
) -> Result<(Table, Vec<Problem>), Problems> {
    let now = clock::now();
    let offset = (clock::unix_ms() * 1_000_000).saturating_sub(now.0);
    let mut disk = Disk { read: std::mem::take(&mut files.0) };
    let mut means = build::Means { files: &mut disk, now, offset };
    let built = build::build(config, generation, previous, &mut means);
    files.0 = disk.read;
    let (table, mut told) = built?;
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
        if path == Path::new(self.name) {
            Ok(self.text.clone().into_bytes())
        } else {
            fs::read(path).map_err(|error| error.to_string())
        }
    }

    fn env(&mut self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}
