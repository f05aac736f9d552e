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
#[inline]
fn options_exceed(bytes: &[u8], lines: &Lines) -> bool {
    // A single short value, as nearly all are, cannot hold that many.
    let short = !lines.repeated().contains(Field::CONNECTION)
        && lines.first(Field::CONNECTION).is_none_or(|value| (value.len as usize) < 2 * OPTIONS_MAX);
    !short && options(bytes, lines).take(OPTIONS_MAX + 1).count() > OPTIONS_MAX
}

fn options<'b>(bytes: &'b [u8], lines: &Lines) -> impl Iterator<Item = &'b [u8]> {
    let lists = lines.list().iter().filter(|line| line.field == Field::CONNECTION);
    lists.flat_map(|line| token::list(line.value.of(bytes)))
}
