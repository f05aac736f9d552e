//! Lays the field lines that httparse found into [`Lines`], and checks what httparse leaves out.

use super::fault::LineFault;
use crate::wire::field::Field;
use crate::wire::head::{Line, Lines, Span};
use crate::wire::token;
use std::mem::MaybeUninit;

/// Field lines parsed without an allocation; heads with more of them cost one each.
const ON_STACK: usize = 128;

/// Options that Connection may have. Each unknown one is compared with every field when a head is written.
const OPTIONS_MAX: usize = 32;

/// A slot that httparse writes one line to.
pub(super) type Slot<'b> = MaybeUninit<httparse::Header<'b>>;

/// Calls `parse` with `fields` slots.
#[inline]
pub(super) fn with_slots<'b, T>(fields: u16, parse: impl FnOnce(&mut [Slot<'b>]) -> T) -> T {
    let fields = usize::from(fields);
    if fields <= ON_STACK {
        let mut slots = [const { MaybeUninit::uninit() }; ON_STACK];
        parse(&mut slots[..fields])
    } else {
        let mut slots = Vec::new();
        slots.resize_with(fields, MaybeUninit::uninit);
        parse(&mut slots)
    }
}

/// Lays `fields` of a head that ends at `end` into `lines`. httparse has checked names, values and every CR; what is
/// left is a line that ends in LF alone. A name begins right behind the line ending before it, so looking at two
/// bytes before each name and four at the end looks at every line ending there is.
#[inline]
pub(super) fn lay(
    bytes: &[u8],
    end: usize,
    fields: &[httparse::Header<'_>],
    lines: &mut Lines,
) -> Result<(), LineFault> {
    let mut strict = bytes[..end].ends_with(b"\r\n\r\n");
    lines.extend(fields.iter().map(|field| {
        let name = Span::within(bytes, field.name.as_bytes());
        strict &= bytes[..name.start as usize].ends_with(b"\r\n");
        Line { field: Field::of(field.name.as_bytes()), name, value: Span::within(bytes, field.value) }
    }));
    if !strict {
        return Err(LineFault::BareLf);
    }
    if lines.seen().contains(Field::CONNECTION) && options_exceed(bytes, lines) {
        return Err(LineFault::ManyOptions);
    }
    Ok(())
}

/// Whether Connection has more than [`OPTIONS_MAX`] options, over all its lines.
fn options_exceed(bytes: &[u8], lines: &Lines) -> bool {
    // The usual single short value cannot hold that many.
    let lists = lines.list().iter().filter(|line| line.field == Field::CONNECTION);
    let most: usize = lists.clone().map(|line| line.value.len as usize / 2 + 1).sum();
    most > OPTIONS_MAX && lists.flat_map(|line| token::list(line.value.of(bytes))).count() > OPTIONS_MAX
}
