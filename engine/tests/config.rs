//! The committed configurations: what stands in config/ loads and builds, what stands in config/invalid/ is
//! refused with exactly the text beside it, and config/schema.json is current. `RINGGATE_BLESS=1` writes the
//! expected texts and the schema anew.

use ringgate::base::{Generation, Tick};
use ringgate::config::{self, Problems, Source};
use ringgate::table::{Table, build};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::{Path, PathBuf};

/// Paths are given from the root of the repository, so that expected texts name them as a user there would.
struct Disk;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the engine stands in the repository").to_owned()
}

impl Source for Disk {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        std::fs::read(root().join(path)).map_err(|error| error.kind().to_string())
    }

    fn find(&mut self, pattern: &config::Pattern) -> Result<Vec<PathBuf>, String> {
        Err(format!("no example has a pattern such as {}", pattern.path().display()))
    }

    fn env(&mut self, _: &str) -> Option<String> {
        None
    }

    fn roots(&mut self) -> Result<Vec<Vec<u8>>, String> {
        let file = root().join("engine/tests/data/origins/ca.pem");
        CertificateDer::from_pem_file(file).map(|cert| vec![cert.to_vec()]).map_err(|error| error.to_string())
    }
}

fn load(path: &str) -> Result<(Table, Problems), Problems> {
    let config = config::read(&mut Disk, Path::new(path))?;
    // When the certificates that stand in config/ are valid.
    let mut means = build::Means { files: &mut Disk, now: Tick(1), offset: 1_900_000_000 * 1_000_000_000 };
    build::build(&config, Generation(1), None, &mut means)
        .map(|(table, warnings)| (table, Problems(warnings)))
}

/// Files of `folder` that are configurations, sorted.
fn configurations(folder: &str) -> Vec<String> {
    let mut paths: Vec<String> = std::fs::read_dir(root().join(folder))
        .expect("the folder is committed")
        .map(|entry| entry.expect("a readable entry").file_name().into_string().expect("a plain name"))
        .filter(|name| name.ends_with(".yaml") || name.ends_with(".toml"))
        .map(|name| format!("{folder}/{name}"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{folder} holds configurations");
    paths
}

fn check_text(path: &str, current: &str) {
    let place = root().join(path);
    if std::env::var_os("RINGGATE_BLESS").is_some() {
        std::fs::write(&place, current).expect("a writable working copy");
    }
    let expected = std::fs::read_to_string(&place).unwrap_or_default();
    assert!(expected == current, "{path} is not current; it should be:\n{current}");
}

#[test]
fn the_default_and_the_examples_build_without_a_warning() {
    let mut paths = configurations("config/examples");
    paths.push("config/ringgate.yaml".to_owned());
    for path in paths {
        let (_, warnings) = load(&path).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(warnings.0, [], "{path}");
    }
}

#[test]
fn the_first_line_of_each_names_the_schema() {
    let mut paths = configurations("config/examples");
    paths.push("config/ringgate.yaml".to_owned());
    for path in paths {
        let text = std::fs::read_to_string(root().join(&path)).expect("a readable file");
        let schema =
            text.lines().next().and_then(|line| line.strip_prefix("# yaml-language-server: $schema="));
        let schema = schema.unwrap_or_else(|| panic!("{path} names no schema"));
        let folder = root().join(&path).parent().expect("a folder").to_owned();
        assert!(folder.join(schema).exists(), "{path} names {schema}");
    }
}

/// The starter shows each default in a comment. Uncommented, it must mean the same.
#[test]
fn what_the_default_shows_in_comments_are_the_defaults() {
    let path = "config/ringgate.yaml";
    let text = std::fs::read_to_string(root().join(path)).expect("a readable file");
    let key = |line: &str| {
        let rest = line.trim_start().strip_prefix("# ")?;
        let word = rest.trim_start().split(':').next()?;
        let is_key = rest.contains(':') && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        is_key.then(|| line.replacen("# ", "", 1))
    };
    let shown: Vec<String> = text
        .lines()
        // `host` has no default to show.
        .filter(|line| !line.trim_start().starts_with("# host:"))
        .map(|line| key(line).unwrap_or_else(|| line.to_owned()))
        .collect();
    let read = |text: &str| {
        let memory = config::Memory::default().file(path, text);
        memory.read(path).unwrap_or_else(|problems| panic!("{problems}"))
    };
    let (mut shown, mut written) = (read(&shown.join("\n")), read(&text));
    assert_ne!(shown.origin, written.origin, "something was uncommented");
    shown.origin = Default::default();
    written.origin = Default::default();
    assert_eq!(shown, written);
}

#[test]
fn each_invalid_configuration_is_refused_with_the_text_beside_it() {
    for path in configurations("config/invalid") {
        let problems = load(&path).err().unwrap_or_else(|| panic!("{path} is taken"));
        let beside = Path::new(&path).with_extension("expected");
        check_text(&beside.display().to_string(), &problems.to_string());
    }
}

#[test]
fn the_committed_schema_is_current() {
    check_text("config/schema.json", &config::schema());
}
