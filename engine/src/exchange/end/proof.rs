//! What an issuer is answered that looks by http whether a name is served here (RFC 8555 §8.3): before redirects, routes and
//! policies, on listeners that speak plain text, and only for a token that an order waits for. Every other request goes on.

use crate::exchange::context::Context;
use crate::exchange::end::Own;
use crate::wire::edits::Edits;
use crate::wire::field::Field;
use crate::wire::head::Head;
use crate::wire::method::Method;

/// The answer, made in `edits` and `space`; none where the request is another one. *Cost*: a look at the table where nothing
/// is obtained by http, one relaxed load where no order is under way.
#[inline]
pub fn proof<'a>(
    ctx: &Context<'_>,
    (head, path): (Head<'_>, &[u8]),
    edits: &'a mut Edits,
    space: &'a mut Vec<u8>,
) -> Option<Own<'a>> {
    let text = ctx.table.acme.tokens.as_ref()?.find(path)?;
    let is_plain = ctx.table.listeners[ctx.peer.listener.index()].tls.is_none();
    if !is_plain || !matches!(head.method(), Method::Get | Method::Head) {
        return None;
    }
    space.clear();
    space.extend_from_slice(&text);
    edits.clear();
    edits.set_own(Field::CONTENT_TYPE, b"application/octet-stream");
    Some(Own { status: 200, edits, content: space })
}
