//! Files of endpoints: read at start, then looked at each [`LOOK_EVERY`] on the blocking pool. A new text is taken when the
//! file has not changed between two looks, so that one in the middle of being written is not; a rename or a symlink
//! that leads elsewhere is a change like any other. A faulty or missing file leaves the last good list as it is.

use crate::config::{Problem, Severity};
use crate::control::diagnostics::endpoints_refused;
use crate::table::endpoints::{Flaw, assemble, read_list};
use crate::table::{Endpoints, Source, Table};
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc::Sender;

/// How often files are looked at.
pub const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Looks after which a text is taken whose last line does not end: whoever writes it may have paused within that line.
const UNENDED_LOOKS: u8 = 6;
/// Bytes of a file at most.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Which text a path leads to: device, inode, length, time of change in seconds and nanoseconds.
pub type Stamp = (u64, u64, u64, i64, i64);

/// One file.
#[derive(Debug)]
pub struct List {
    path: PathBuf,
    /// The text that was read last; none when there was no file.
    read: Option<Stamp>,
    /// What the last look saw.
    seen: Option<Stamp>,
    /// Looks that have seen it so.
    looks: u8,
}

impl List {
    /// The file at `path`, not read yet.
    pub fn new(path: PathBuf) -> List {
        List { path, read: None, seen: None, looks: 0 }
    }

    /// Reads it now, settled or not.
    ///
    /// # Errors
    /// What is wrong.
    pub fn read(&mut self) -> Result<Vec<Source>, Vec<Problem>> {
        self.read = stamp(&self.path).ok();
        self.seen = self.read;
        taken(&self.path)
    }

    /// Reads it if it changed and has settled.
    fn look(&mut self) -> Option<Result<Vec<Source>, Vec<Problem>>> {
        let now = stamp(&self.path).ok();
        if std::mem::replace(&mut self.seen, now) != now {
            self.looks = 0;
            return None;
        }
        if now == self.read {
            return None;
        }
        self.looks += 1;
        let is_whole = self.looks >= UNENDED_LOOKS || is_ended(&self.path);
        is_whole.then(|| self.read())
    }
}

/// Watches `lists` for as long as somebody takes what they say: the index of a list and its sources.
pub async fn watch(mut lists: Vec<List>, news: Sender<(usize, Vec<Source>)>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if news.is_closed() {
            return;
        }
        // Files may lie on a disk that hangs; the control thread does not.
        let looked = tokio::task::spawn_blocking(move || {
            let looks: Vec<_> = lists.iter_mut().map(List::look).collect();
            (lists, looks)
        });
        let Ok((kept, looks)) = looked.await else { return };
        lists = kept;
        for (index, look) in looks.into_iter().enumerate() {
            let sources = match look {
                Some(Ok(sources)) => sources,
                Some(Err(problems)) => {
                    problems.iter().for_each(endpoints_refused);
                    continue;
                }
                None => continue,
            };
            if news.send((index, sources)).await.is_err() {
                return;
            }
        }
    }
}

/// What is wrong with the files that `table` names, and those that it is refused for. One that is not there may come later: a
/// warning. So is whatever is wrong with one that `previous` names too, since what that took last goes on.
pub fn problems(table: &Table, previous: Option<&Table>) -> (Vec<Problem>, Vec<PathBuf>) {
    let files = |table: &'_ Table| -> Vec<PathBuf> {
        table.upstreams.iter().filter_map(|upstream| upstream.file.clone()).collect()
    };
    let known = previous.map(files).unwrap_or_default();
    let (mut problems, mut refused) = (Vec::new(), Vec::new());
    for path in files(table) {
        let Err(mut told) = taken(&path) else { continue };
        if known.contains(&path) {
            for problem in &mut told {
                problem.severity = Severity::Warning;
                problem.message.push_str("; the last good list stays");
            }
        }
        if told.iter().any(|problem| problem.severity == Severity::Error) {
            refused.push(path);
        }
        problems.append(&mut told);
    }
    (problems, refused)
}

/// Gives the upstreams of `table` the endpoints in their files beside those that are written. No name is looked up; a
/// file that cannot be taken gives none, which [`problems`] tells.
pub fn read_into(table: &mut Table) {
    for upstream in &mut table.upstreams {
        let Some(listed) = upstream.file.as_ref().and_then(|path| taken(path).ok()) else { continue };
        upstream.sources.extend(listed);
        let set = assemble(upstream.sources.iter(), |_| &[]);
        upstream.endpoints = Endpoints::new(set, &upstream.balance);
    }
}

fn taken(path: &Path) -> Result<Vec<Source>, Vec<Problem>> {
    let file = path.display().to_string();
    let text = match text(path) {
        Ok(text) => text,
        Err(error) => {
            let fix = "its endpoints are used once it can be read".to_owned();
            let problem = Problem::of_file(&file, format!("the list of endpoints: {error}"), Some(fix));
            return Err(vec![Problem { severity: Severity::Warning, ..problem }]);
        }
    };
    // As a file is that was just cut off, to be written anew or since the disk is full.
    if text.trim_ascii().is_empty() {
        let fix = "write one endpoint a line, or `# none` for a list without any".to_owned();
        let problem = Problem::of_file(&file, "the list of endpoints is empty".to_owned(), Some(fix));
        return Err(vec![Problem { severity: Severity::Warning, ..problem }]);
    }
    read_list(&text).map_err(|flaws| flaws.into_iter().map(|flaw| problem(&file, &text, flaw)).collect())
}

fn problem(file: &str, text: &[u8], flaw: Flaw) -> Problem {
    let line = text.split(|byte| *byte == b'\n').nth(flaw.line as usize - 1).unwrap_or_default();
    let excerpt = String::from_utf8_lossy(line).trim_end().to_owned();
    let width = excerpt.chars().count().max(1) as u32;
    let base = Problem::of_file(file, flaw.message, Some(flaw.fix));
    Problem { line: flaw.line, column: 1, width, excerpt: Some(excerpt), ..base }
}

/// Whether the last line of the file at `path` has its end; so has that of one that cannot be read.
fn is_ended(path: &Path) -> bool {
    text(path).map_or(true, |text| text.is_empty() || text.ends_with(b"\n"))
}

/// Which text `path` leads to now.
pub fn stamp(path: &Path) -> io::Result<Stamp> {
    let about = fs::metadata(path)?;
    Ok((about.dev(), about.ino(), about.len(), about.ctime(), about.ctime_nsec()))
}

fn text(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut text)?;
    match text.len() as u64 > FILE_BYTES_MAX {
        true => Err(io::Error::other("is longer than 1 MiB")),
        false => Ok(text),
    }
}
