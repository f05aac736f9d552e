//! Lines that come out of a pipe, kept for the test to wait on.

use super::PATIENCE;
use std::io::{self, BufRead, BufReader};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

/// The lines read so far; a thread reads on until the pipe ends.
#[derive(Debug, Clone)]
pub struct Lines(Arc<(Mutex<Kept>, Condvar)>);

#[derive(Debug, Default)]
struct Kept {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    /// Reads lines from `pipe` from now on.
    pub fn of(pipe: impl io::Read + Send + 'static) -> Lines {
        let lines = Lines(Arc::default());
        let own = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                own.change(|read| read.lines.push(line));
            }
            own.change(|read| read.ended = true);
        });
        lines
    }

    fn change(&self, change: impl FnOnce(&mut Kept)) {
        let (kept, changed) = &*self.0;
        change(&mut kept.lock().unwrap_or_else(PoisonError::into_inner));
        changed.notify_all();
    }

    /// Waits until `holds` of the lines, then gives them.
    ///
    /// # Panics
    /// When it did not within [`PATIENCE`].
    #[track_caller]
    pub fn wait(&self, what: &str, holds: impl Fn(&[String]) -> bool) -> Vec<String> {
        self.until(what, |read| holds(&read.lines))
    }

    /// Waits until the pipe has ended, then gives all lines.
    pub fn ended(&self) -> Vec<String> {
        self.until("the end", |read| read.ended)
    }

    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn(&Kept) -> bool) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        let (kept, changed) = &*self.0;
        let mut read = kept.lock().unwrap_or_else(PoisonError::into_inner);
        while !holds(&read) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let last = &read.lines[read.lines.len().saturating_sub(20)..];
                panic!("{what}: not in time; the last of {} lines are {last:#?}", read.lines.len());
            }
            read = changed.wait_timeout(read, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        read.lines.clone()
    }

    /// The lines so far.
    pub fn now(&self) -> Vec<String> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).lines.clone()
    }
}
