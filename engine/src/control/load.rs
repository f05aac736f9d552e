//! From a file to a table: the one place that opens configuration files.

use super::acme;
use super::resolve::{self, Stamp, stamp};
use crate::base::Generation;
use crate::config::read::{Part, Pointer};
use crate::config::{self, Config, Pattern, Problem, Problems, Severity, Source};
use crate::net::clock;
use crate::table::acme::Issuer;
use crate::table::{Admin, Table, build};
use rustls_native_certs::load_native_certs;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files and environment of this process. Remembers which files were read, each as it was before.
#[derive(Debug, Default)]
pub struct Disk {
    read: Vec<Seen>,
    found: Vec<(Pattern, Vec<Seen>)>,
}

/// A file, and what stood there.
type Seen = (PathBuf, Option<Stamp>);

fn seen(path: PathBuf) -> Seen {
    let stamp = stamp(&path).ok();
    (path, stamp)
}

/// The files that `pattern` takes, by name, each as it is now.
fn find(pattern: &Pattern) -> io::Result<Vec<Seen>> {
    let folder = match pattern.folder() {
        here if here.as_os_str().is_empty() => Path::new("."),
        folder => folder,
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let path = pattern.folder().join(&name);
        if name.to_str().is_some_and(|name| pattern.takes(name)) && !path.is_dir() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths.into_iter().map(seen).collect())
}

fn told(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

impl Source for Disk {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        if self.read.iter().all(|(known, _)| known != path) {
            self.read.push(seen(path.to_owned()));
        }
        fs::read(path).map_err(|error| told(&error))
    }

    fn find(&mut self, pattern: &Pattern) -> Result<Vec<PathBuf>, String> {
        let found = find(pattern);
        let paths = found.as_ref().map(|found| found.iter().map(|(path, _)| path.clone()).collect());
        let paths = paths.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => "no such folder".to_owned(),
            _ => told(error),
        });
        self.found.push((pattern.clone(), found.unwrap_or_default()));
        paths
    }

    fn real(&self, path: &Path) -> PathBuf {
        fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
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

/// The files that a configuration is made of, each with what stood there: all of them also where it was refused. Of
/// the patterns that it includes, what each of them found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    read: Vec<Seen>,
    found: Vec<(Pattern, Vec<Seen>)>,
}

impl Files {
    /// Whether each still leads to what was read.
    pub fn are_current(&self) -> bool {
        *self == self.now()
    }

    /// The same files as they are now.
    pub fn now(&self) -> Files {
        let read = self.read.iter().map(|(path, _)| seen(path.clone())).collect();
        let found =
            self.found.iter().map(|(pattern, _)| (pattern.clone(), find(pattern).unwrap_or_default()));
        Files { read, found: found.collect() }
    }

    /// Their paths, those of the patterns among them.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> {
        let read = self.read.iter().map(|(path, _)| path.clone());
        read.chain(self.found.iter().map(|(pattern, _)| pattern.path()))
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
        let files = Files { read: disk.read, found: disk.found };
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
/// where it is refused, and then the files of endpoints that it is refused for.
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
    let mut disk = Disk { read: std::mem::take(&mut files.read), ..Disk::default() };
    let mut means = build::Means { files: &mut disk, now, offset };
    let built = build::build(config, generation, previous, &mut means);
    files.read = disk.read;
    let (table, mut told) = built?;
    let (of_lists, refused) = resolve::problems(&table, previous);
    told.extend(of_lists);
    told.extend(storages(config, &table));
    // Whoever watches files watches these too: a reload that is refused for one of them comes once it is mended.
    files.read.extend(refused.into_iter().map(seen));
    let problems = Problems(told).sorted();
    if problems.refuse() { Err(problems) } else { Ok((table, problems.0)) }
}

/// Folders of issuers in which nothing could be kept.
fn storages(config: &Config, table: &Table) -> Vec<Problem> {
    let mut issuers: Vec<_> = table.acme.orders.iter().map(|order| &order.issuer).collect();
    issuers.sort_by(|one, other| one.name.cmp(&other.name));
    issuers.dedup_by(|one, other| one.name == other.name);
    let problem = |issuer: &Arc<Issuer>| {
        let why = acme::unfit(&issuer.folder)?;
        let at = Pointer::default().key("acme").key(&issuer.name).key("storage");
        let message = match config.origin.is_drawn(&at) {
            true => "nothing can be kept in this folder".to_owned(),
            false => format!("'{}' {why}", issuer.folder.display()),
        };
        let fix = "nothing is obtained before it can be: give a folder that the gateway's user may write to";
        let place = config.origin.place(&at, Part::Value);
        Some(config.origin.problem(Severity::Warning, place, message, Some(fix.into())))
    };
    issuers.into_iter().filter_map(problem).collect()
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

    fn find(&mut self, pattern: &Pattern) -> Result<Vec<PathBuf>, String> {
        Disk::default().find(pattern)
    }

    fn env(&mut self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}
