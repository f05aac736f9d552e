//! JSON text → [`Tape`], a flat list of values that borrows its texts. Strict (RFC 8259), and stricter where two readers
//! may differ: keys of an object are unique, numbers keep their value, escapes make Unicode, nesting is bounded. The tape
//! is scratch of the shard: reading into a warm one allocates nothing.

mod node;
mod read;
mod unread;

#[cfg(test)]
mod tests;

pub use node::{Form, Node};
pub use unread::{Flaw, Unread};

/// Levels that a document may have at most, whatever is configured: what walks one calls itself once a level.
pub const DEPTH_MAX: u16 = 128;

/// A range of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    start: u32,
    end: u32,
}

/// One value; what is in a list or an object follows it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Slot {
    Null,
    Bool(bool),
    Number(Number),
    /// A text, as it stands.
    Plain(Range),
    /// A text that had escapes: a range of what they were resolved into.
    Resolved(Range),
    /// Items, and where the slot behind the last one is.
    List {
        items: u32,
        end: u32,
    },
    /// Members, each a text and a value, and where the slot behind the last one is.
    Map {
        members: u32,
        end: u32,
    },
}

/// A number that kept its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A whole number, not negative.
    Natural(u64),
    /// A negative whole number.
    Negative(i64),
    /// Any other.
    Real(f64),
}

/// Values in the order of the text, each followed by what is in it.
#[derive(Debug, Default)]
pub struct Tape {
    slots: Vec<Slot>,
    /// Texts whose escapes were resolved, one after the other.
    resolved: String,
    /// Levels of the document.
    depth: u16,
    /// Where large objects are searched for keys that stand there twice.
    keys: Vec<u32>,
}

/// A document: its text and the tape it was read into.
#[derive(Debug, Clone, Copy)]
pub struct Document<'t> {
    text: &'t str,
    tape: &'t Tape,
}

impl Tape {
    /// Reads `text`, one document of at most `depth` levels.
    ///
    /// # Errors
    /// The first thing that is wrong, and where.
    pub fn read<'t>(&'t mut self, text: &'t [u8], depth: u16) -> Result<Document<'t>, Unread> {
        // Offsets are 32 bits wide.
        if u32::try_from(text.len()).is_err() {
            return Err(Unread::new(0, Flaw::TooLong));
        }
        let text =
            std::str::from_utf8(text).map_err(|error| Unread::new(error.valid_up_to(), Flaw::NotUtf8))?;
        self.clear();
        read::read(self, text, depth.min(DEPTH_MAX))?;
        Ok(Document { text, tape: self })
    }

    /// Begins a document by hand, of texts that are parts of one `text`: see [`Tape::put_text`].
    pub fn clear(&mut self) {
        self.slots.clear();
        self.resolved.clear();
        self.depth = 0;
    }

    /// Appends a list of `items` values, which follow; none of them is a list or an object.
    pub fn put_list(&mut self, items: usize) {
        let end = self.slots.len() + 1 + items;
        self.slots.push(Slot::List { items: items as u32, end: end as u32 });
    }

    /// Appends the text at `start..end`.
    pub fn put_text(&mut self, start: usize, end: usize) {
        self.slots.push(Slot::Plain(Range { start: start as u32, end: end as u32 }));
    }

    /// Appends `true` or `false`.
    pub fn put_bool(&mut self, is: bool) {
        self.slots.push(Slot::Bool(is));
    }

    /// Appends a number.
    pub fn put_number(&mut self, number: Number) {
        self.slots.push(Slot::Number(number));
    }

    /// The document that was put together.
    pub fn document<'t>(&'t self, text: &'t str) -> Document<'t> {
        debug_assert!(!self.slots.is_empty(), "a document has a value");
        Document { text, tape: self }
    }

    /// Gives its memory back if it is more than `bytes`.
    pub fn shrink(&mut self, bytes: usize) {
        let kept =
            self.slots.capacity() * size_of::<Slot>() + self.resolved.capacity() + self.keys.capacity() * 4;
        if kept > bytes {
            *self = Tape::default();
        }
    }
}

impl<'t> Document<'t> {
    /// Its value.
    pub fn root(&'t self) -> Node<'t> {
        Node::root(self)
    }

    /// Levels of it; none for a text, a number or the like.
    pub fn depth(&self) -> u16 {
        self.tape.depth
    }

    /// Values in it.
    pub fn values(&self) -> usize {
        self.tape.slots.len()
    }

    fn slot(&self, at: u32) -> Slot {
        self.tape.slots[at as usize]
    }

    /// The slot behind the value at `at` and all that is in it.
    fn behind(&self, at: u32) -> u32 {
        match self.slot(at) {
            Slot::List { end, .. } | Slot::Map { end, .. } => end,
            _ => at + 1,
        }
    }

    /// The text at `at`; empty where there is none.
    fn text_at(&self, at: u32) -> &'t str {
        self.tape.text_of(self.text, self.slot(at))
    }
}

impl Tape {
    fn text_of<'t>(&'t self, text: &'t str, slot: Slot) -> &'t str {
        match slot {
            Slot::Plain(range) => &text[range.start as usize..range.end as usize],
            Slot::Resolved(range) => &self.resolved[range.start as usize..range.end as usize],
            _ => "",
        }
    }
}
