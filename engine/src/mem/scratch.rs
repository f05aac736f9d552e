//! Reusable working memory of one type: parsed heads, edits. Taken for an exchange, given back when dropped,
//! last in first out, so that a warm exchange allocates nothing.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

/// Pieces kept; more are given back to the allocator.
const KEPT: usize = 256;

/// A shard's free pieces of one type; cloning it clones a handle.
#[derive(Debug)]
pub struct Scratches<T>(Rc<RefCell<Vec<Box<T>>>>);

/// One piece in use. It holds whatever its last user left: clear it first.
#[derive(Debug)]
pub struct Scratch<T> {
    piece: Option<Box<T>>,
    home: Scratches<T>,
}

impl<T> Clone for Scratches<T> {
    fn clone(&self) -> Self {
        Scratches(self.0.clone())
    }
}

impl<T> Default for Scratches<T> {
    fn default() -> Self {
        Scratches(Rc::default())
    }
}

impl<T: Default> Scratches<T> {
    /// A piece; made anew only when none is free.
    pub fn take(&self) -> Scratch<T> {
        let free = self.0.borrow_mut().pop();
        Scratch { piece: Some(free.unwrap_or_default()), home: self.clone() }
    }

    /// Gives free pieces back to the allocator until `kept` are left.
    pub fn shrink(&self, kept: usize) {
        self.0.borrow_mut().truncate(kept);
    }
}

impl<T> Deref for Scratch<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.piece.as_ref().expect("a piece stays until it is dropped")
    }
}

impl<T> DerefMut for Scratch<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.piece.as_mut().expect("a piece stays until it is dropped")
    }
}

impl<T> Drop for Scratch<T> {
    fn drop(&mut self) {
        let mut free = self.home.0.borrow_mut();
        if free.len() < KEPT {
            free.extend(self.piece.take());
        }
    }
}
