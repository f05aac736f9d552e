//! The free lists. One pool a shard, never shared between threads.

use super::buf::Buf;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Bytes of a small buffer: heads and small bodies.
pub const SMALL_BYTES: usize = 4 * 1024;
/// Bytes of a bulk buffer: bodies on the move, large heads.
pub const BULK_BYTES: usize = 64 * 1024;

/// Free buffers kept of each class; more are given back to the allocator.
const SMALL_KEPT: usize = 512;
const BULK_KEPT: usize = 64;

/// The two sizes of buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// [`SMALL_BYTES`].
    Small,
    /// [`BULK_BYTES`].
    Bulk,
}

impl Class {
    /// The class for a message of `len` bytes that has to lie in one piece; bulk for all that is not small.
    pub fn holding(len: usize) -> Class {
        if len <= SMALL_BYTES { Class::Small } else { Class::Bulk }
    }
}

#[derive(Debug)]
struct Lists {
    small: RefCell<Vec<Box<[u8]>>>,
    bulk: RefCell<Vec<Box<[u8]>>>,
    lent: Cell<usize>,
}

/// A shard's buffers; cloning it clones a handle.
#[derive(Debug, Clone)]
pub struct Pool(Rc<Lists>);

impl Default for Pool {
    fn default() -> Self {
        Pool::new()
    }
}

impl Pool {
    /// An empty pool.
    pub fn new() -> Pool {
        let lists = Lists {
            small: RefCell::new(Vec::with_capacity(SMALL_KEPT)),
            bulk: RefCell::new(Vec::with_capacity(BULK_KEPT)),
            lent: Cell::new(0),
        };
        Pool(Rc::new(lists))
    }

    /// An empty buffer of `class`. Allocates only when the free list is empty.
    pub fn take(&self, class: Class) -> Buf {
        let free = match class {
            Class::Small => self.0.small.borrow_mut().pop(),
            Class::Bulk => self.0.bulk.borrow_mut().pop(),
        };
        let bytes = free.unwrap_or_else(|| {
            let len = match class {
                Class::Small => SMALL_BYTES,
                Class::Bulk => BULK_BYTES,
            };
            vec![0; len].into_boxed_slice()
        });
        self.0.lent.set(self.0.lent.get() + 1);
        Buf::new(bytes, self.clone())
    }

    /// Buffers lent out now; zero when a shard is quiet.
    pub fn lent(&self) -> usize {
        self.0.lent.get()
    }

    pub(super) fn put(&self, bytes: Box<[u8]>) {
        self.0.lent.set(self.0.lent.get() - 1);
        let (list, kept) = match bytes.len() {
            SMALL_BYTES => (&self.0.small, SMALL_KEPT),
            _ => (&self.0.bulk, BULK_KEPT),
        };
        let mut list = list.borrow_mut();
        if list.len() < kept {
            list.push(bytes);
        }
    }

    /// Gives free buffers back to the allocator until `small` and `bulk` are left; called when a shard is idle.
    pub fn shrink(&self, small: usize, bulk: usize) {
        self.0.small.borrow_mut().truncate(small);
        self.0.bulk.borrow_mut().truncate(bulk);
    }
}
