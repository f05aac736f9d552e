//! Pooled pipes for splice(2): large plain bodies go from socket to socket without entering user space.

use super::sys;
use std::cell::RefCell;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::rc::Rc;

/// Capacity asked of a pipe, in bytes. A page of it holds one network fragment, so a larger pipe takes a whole
/// receive window in one call.
const PIPE_BYTES: i32 = 256 * 1024;
/// Empty pipes kept by a shard.
const PIPES_KEPT: usize = 32;

#[derive(Debug)]
struct Ends {
    read: OwnedFd,
    write: OwnedFd,
}

/// A shard's empty pipes.
#[derive(Debug, Clone, Default)]
pub struct Pipes(Rc<RefCell<Vec<Ends>>>);

/// A pipe in use. Dropped empty it goes back to its shard; dropped with bytes in it, it is closed.
#[derive(Debug)]
pub struct Pipe {
    ends: Option<Ends>,
    held: usize,
    home: Pipes,
}

impl Pipes {
    /// An empty pipe.
    ///
    /// # Errors
    /// When no descriptor is left; the caller copies instead.
    pub fn take(&self) -> io::Result<Pipe> {
        let kept = self.0.borrow_mut().pop();
        let ends = match kept {
            Some(ends) => ends,
            None => sys::pipe(PIPE_BYTES).map(|(read, write)| Ends { read, write })?,
        };
        Ok(Pipe { ends: Some(ends), held: 0, home: self.clone() })
    }
}

impl Pipe {
    fn ends(&self) -> &Ends {
        self.ends.as_ref().expect("a pipe has its ends until it is dropped")
    }

    /// Bytes in the pipe.
    pub fn held(&self) -> usize {
        self.held
    }

    pub(super) fn fill(&mut self, socket: RawFd, len: usize) -> io::Result<usize> {
        let moved = sys::splice(socket, self.ends().write.as_raw_fd(), len)?;
        self.held += moved;
        Ok(moved)
    }

    pub(super) fn drain(&mut self, socket: RawFd) -> io::Result<usize> {
        let moved = sys::splice(self.ends().read.as_raw_fd(), socket, self.held)?;
        self.held -= moved;
        Ok(moved)
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let Some(ends) = self.ends.take() else { return };
        let mut kept = self.home.0.borrow_mut();
        if self.held == 0 && kept.len() < PIPES_KEPT {
            kept.push(ends);
        }
    }
}
