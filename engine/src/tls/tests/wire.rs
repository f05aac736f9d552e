//! Two streams in memory, joined. Whoever holds the wire says how many bytes pass, and may change what is under way. Shared with
//! the fuzz target; whoever takes it in brings `Cover`, `Idle`, `Proven` and `Stream`.

use super::{Cover, Idle, Proven, Stream};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::rc::Rc;

/// One direction.
#[derive(Debug, Default)]
pub struct Wire {
    /// What was written and not read.
    pub bytes: RefCell<VecDeque<u8>>,
    /// Bytes that it still takes.
    pub takes: Cell<usize>,
    /// Bytes that it still gives.
    pub gives: Cell<usize>,
    /// Whether nothing more will be written.
    pub closed: Cell<bool>,
    /// Whether the writer reset it.
    pub reset: Cell<bool>,
}

impl Wire {
    /// Lets all bytes pass from now on.
    pub fn open(&self) {
        self.takes.set(usize::MAX);
        self.gives.set(usize::MAX);
    }
}

#[derive(Debug)]
struct End {
    out: Rc<Wire>,
    input: Rc<Wire>,
}

/// Two streams: what is written to one goes over its wire to the other. First the one that writes to the first wire.
pub fn joined() -> ((Stream, Stream), [Rc<Wire>; 2]) {
    let wires = [Rc::<Wire>::default(), Rc::default()];
    let [one, other] = &wires;
    let stream = |out: &Rc<Wire>, input: &Rc<Wire>| {
        Stream::covered(Box::new(End { out: out.clone(), input: input.clone() }))
    };
    ((stream(one, other), stream(other, one)), wires)
}

impl Drop for End {
    fn drop(&mut self) {
        self.out.closed.set(true);
    }
}

impl Cover for End {
    fn below(&self) -> &Stream {
        unreachable!("nobody waits on a wire")
    }

    fn proven(&self) -> Option<&Proven> {
        None
    }

    fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        let mut bytes = self.input.bytes.borrow_mut();
        let len = into.len().min(bytes.len()).min(self.input.gives.get());
        if len == 0 {
            return if bytes.is_empty() && self.input.closed.get() {
                Ok(0)
            } else {
                Err(io::ErrorKind::WouldBlock.into())
            };
        }
        self.input.gives.set(self.input.gives.get() - len);
        into.iter_mut().zip(bytes.drain(..len)).for_each(|(place, byte)| *place = byte);
        Ok(len)
    }

    fn try_write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let len = parts.iter().map(|part| part.len()).sum::<usize>().min(self.out.takes.get());
        if len == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.out.takes.set(self.out.takes.get() - len);
        self.out.bytes.borrow_mut().extend(parts.iter().flat_map(|part| part.iter()).take(len));
        Ok(len)
    }

    fn asked(&self) -> Option<&str> {
        None
    }

    fn wrong(&self) -> Option<&'static str> {
        None
    }

    fn speaks_http2(&self) -> bool {
        false
    }

    fn holds_input(&self) -> bool {
        false
    }

    fn idle(&self) -> Idle {
        Idle::Quiet
    }

    fn shutdown_write(&self) {
        self.out.closed.set(true);
    }

    fn reset_on_close(&self) {
        self.out.reset.set(true);
    }
}
