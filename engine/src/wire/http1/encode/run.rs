//! The copying under the encoder: which lines go, and runs of the others in one copy each.

use super::{Length, NoRoom};
use crate::wire::edits::Edits;
use crate::wire::field::{Field, FieldSet};
use crate::wire::head::{Head, Version};
use crate::wire::http1::framing;

/// The lines of a head that are not copied.
#[derive(Copy, Clone)]
pub(super) struct Dropped<'a> {
    /// Well-known ones; with [`Field::OTHER`] an unknown name has to be looked at.
    fields: FieldSet,
    head: Head<'a>,
    edits: &'a Edits,
}

impl<'a> Dropped<'a> {
    /// `always`, what edits remove, and what the head names in Connection, but for `whatever_named`.
    pub(super) fn of(
        head: Head<'a>,
        edits: &'a Edits,
        always: FieldSet,
        whatever_named: FieldSet,
    ) -> Dropped<'a> {
        let mut fields = always.and(edits.removed());
        if head.has(Field::CONNECTION) {
            for option in framing::connection_options(head) {
                let field = Field::of(option);
                if !is_usual(option) && !whatever_named.contains(field) {
                    fields.insert(field);
                }
            }
        }
        Dropped { fields, head, edits }
    }

    /// Keeps or drops `field` whatever was found so far.
    pub(super) fn decide(&mut self, field: Field, keeps: bool) {
        self.fields = if keeps { self.fields.without(field) } else { self.fields.with(field) };
    }

    /// Whether the lines of a well-known field are dropped.
    pub(super) fn drops(&self, field: Field) -> bool {
        self.fields.contains(field)
    }

    /// Whether an unknown name is dropped, when some are.
    #[cold]
    fn drops_name(&self, name: &[u8]) -> bool {
        self.edits.removes(Field::OTHER, name)
            || framing::connection_options(self.head).any(|option| option.eq_ignore_ascii_case(name))
    }
}

/// Options that name no field.
fn is_usual(option: &[u8]) -> bool {
    option.eq_ignore_ascii_case(b"keep-alive") || option.eq_ignore_ascii_case(b"close")
}

/// Where the field lines of `head` begin: behind the start line.
pub(super) fn lines_start(head: Head<'_>) -> usize {
    head.parts().list().first().map_or(head.head_len() - 2, |line| line.name.start as usize)
}

/// Writes from the front of a buffer's room.
pub(super) struct Writer<'o> {
    room: &'o mut [u8],
    at: usize,
}

impl<'o> Writer<'o> {
    pub(super) fn new(room: &'o mut [u8]) -> Writer<'o> {
        Writer { room, at: 0 }
    }

    /// Bytes written.
    pub(super) fn len(&self) -> usize {
        self.at
    }

    #[inline]
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), NoRoom> {
        let end = self.at + bytes.len();
        let to = self.room.get_mut(self.at..end).ok_or(NoRoom)?;
        to.copy_from_slice(bytes);
        self.at = end;
        Ok(())
    }

    #[inline]
    pub(super) fn all(&mut self, parts: &[&[u8]]) -> Result<(), NoRoom> {
        parts.iter().try_for_each(|part| self.put(part))
    }

    /// Where a head begins whose start line is copied with the lines: behind the empty lines.
    pub(super) fn skipped(&self, head: Head<'_>) -> usize {
        head.parts().start.skipped as usize
    }

    /// Writes the status line if it has to be, and gives where the first run begins.
    pub(super) fn status_line(&mut self, head: Head<'_>) -> Result<usize, NoRoom> {
        const PREFIX: usize = "HTTP/1.1 200 ".len();
        // Without a reason the space behind the status may be missing, which RFC 9112 §4 does not allow to send.
        if head.version() == Version::Http11 && head.bytes()[PREFIX - 1] == b' ' {
            return Ok(0);
        }
        self.all(&[b"HTTP/1.1 ", &head.bytes()[PREFIX - 4..PREFIX - 1], b" ", head.reason(), b"\r\n"])?;
        Ok(lines_start(head))
    }

    /// Copies the head from byte `from`, at or before the first line, without the dropped lines and the last CRLF.
    pub(super) fn kept(&mut self, head: Head<'_>, dropped: &Dropped<'_>, from: usize) -> Result<(), NoRoom> {
        let bytes = head.bytes();
        let lines = head.parts().list();
        let end = head.head_len() - 2;
        let mut run = from;
        for (index, line) in lines.iter().enumerate() {
            if !dropped.fields.contains(line.field)
                || line.field == Field::OTHER && !dropped.drops_name(line.name.of(bytes))
            {
                continue;
            }
            let start = line.name.start as usize;
            if run < start {
                self.put(&bytes[run..start])?;
            }
            run = lines.get(index + 1).map_or(end, |next| next.name.start as usize);
        }
        self.put(&bytes[run..end])
    }

    /// Writes the lines that edits add, but for those of fields in `decided`.
    pub(super) fn added(&mut self, edits: &Edits, decided: FieldSet) -> Result<(), NoRoom> {
        if !edits.added_fields().meets(decided) {
            return self.put(edits.text());
        }
        for (field, name, value) in edits.added() {
            if !decided.contains(field) {
                self.all(&[name, b": ", value, b"\r\n"])?;
            }
        }
        Ok(())
    }

    /// Writes the framing of a body, unless its line was `kept`.
    pub(super) fn length(&mut self, length: Length, kept: bool) -> Result<(), NoRoom> {
        match length {
            Length::Exact(bytes) if !kept => {
                let mut digits = itoa::Buffer::new();
                self.all(&[b"Content-Length: ", digits.format(bytes).as_bytes(), b"\r\n"])
            }
            Length::Chunked => self.put(b"Transfer-Encoding: chunked\r\n"),
            _ => Ok(()),
        }
    }
}
