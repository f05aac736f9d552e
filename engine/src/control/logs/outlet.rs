//! Where lines go: stdout or a file, written to directly, since `std::io::stdout` would buffer and lock. A line
//! that was begun is always ended, whatever fails in between, so that no reader sees two lines in one.

use crate::net::append_at_once;
use crate::table::Table;
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

/// Owner reads and writes, the group reads: log lines hold addresses of people.
const FILE_MODE: u32 = 0o640;

/// How long a non-blocking stdout may take no byte before a batch is given up, looked at every [`PAUSE`].
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);

/// Where the access log is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The process's standard output.
    Stdout,
    /// A file, appended to, made if it is not there.
    File(PathBuf),
}

impl Target {
    /// What `access_log.path` names: `stdout`, or a file.
    pub fn named(path: &str) -> Target {
        if path == "stdout" { Target::Stdout } else { Target::File(path.into()) }
    }

    /// What `table` says; where it says `off`, any target serves.
    pub fn of(table: &Table) -> Target {
        table.gateway.access_log.as_ref().map_or(Target::Stdout, |log| Target::named(&log.path))
    }

    /// Whether it can be written to. *Errors*: why not.
    pub fn probe(&self) -> io::Result<()> {
        self.open().map(drop)
    }

    fn open(&self) -> io::Result<File> {
        match self {
            Target::Stdout => Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?)),
            // What waits for the log, the control thread at the start, would wait for the reader of a pipe, too.
            Target::File(path) => append_at_once(path, FILE_MODE),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Stdout => f.write_str("stdout"),
            Target::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Lines that could not be written, and why.
#[derive(Debug)]
pub struct Loss {
    pub lines: u64,
    pub cause: io::Error,
}

/// An open target.
#[derive(Debug)]
pub struct Outlet {
    target: Target,
    file: File,
    /// The end of a line whose beginning was written before a failure.
    owed: Vec<u8>,
    patience: Duration,
}

impl Outlet {
    pub fn open(target: Target) -> io::Result<Outlet> {
        let file = target.open()?;
        Ok(Outlet::of(target, file, PATIENCE))
    }

    pub(super) fn of(target: Target, file: File, patience: Duration) -> Outlet {
        Outlet { target, file, owed: Vec::new(), patience }
    }

    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Writes whole lines with one write(2), or with as many as the kernel makes of it. *Errors*: the lines that
    /// were lost. One that was begun is not lost but owed, and written before the next batch.
    pub fn write(&mut self, batch: &[u8]) -> Result<(), Loss> {
        let (paid, result) = self.push(&self.owed);
        self.owed.drain(..paid);
        result.map_err(|cause| Loss { lines: lines(batch), cause })?;

        let (written, result) = self.push(batch);
        result.map_err(|cause| {
            let rest = &batch[written..];
            let begun = written > 0 && batch[written - 1] != b'\n';
            let owed = if begun { first_line(rest) } else { 0 };
            self.owed.extend_from_slice(&rest[..owed]);
            Loss { lines: lines(&rest[owed..]), cause }
        })
    }

    /// Tries for the last time to end a line that was begun; gives how many were not.
    pub fn abandon(&mut self) -> u64 {
        let (_, result) = self.push(&self.owed);
        let torn = lines(&std::mem::take(&mut self.owed));
        if result.is_ok() { 0 } else { torn }
    }

    /// Writes all of `bytes`, or says how far it came and what went wrong.
    fn push(&self, bytes: &[u8]) -> (usize, io::Result<()>) {
        let mut written = 0;
        let mut waited = Duration::ZERO;
        while written < bytes.len() {
            match (&self.file).write(&bytes[written..]) {
                Ok(0) => return (written, Err(ErrorKind::WriteZero.into())),
                Ok(n) => {
                    written += n;
                    waited = Duration::ZERO;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock && waited < self.patience => {
                    thread::sleep(PAUSE);
                    waited += PAUSE;
                }
                Err(error) => return (written, Err(error)),
            }
        }
        (written, Ok(()))
    }
}

fn lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// Length of the first line, its line feed included.
fn first_line(bytes: &[u8]) -> usize {
    memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1)
}
