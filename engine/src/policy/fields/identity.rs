//! Fields that tell an origin who calls. They are the gateway's alone: what a client sends under such a name is removed
//! from every request of every route, whether or not its route has anybody sign in, and however the name is spelled:
//! servers that hand fields on as variables take `X_User_Id` and `X.User.Id` for `X-User-Id`. Trailers are no way round
//! it: some servers merge them into the head.

use crate::policy::fault::FieldName;
use crate::wire::edits::Edits;
use crate::wire::field::Field;
use crate::wire::head::Head;
use crate::wire::http1::encode;

/// The names of all policies.
#[derive(Debug, Default)]
pub struct Identity(Box<[FieldName]>);

impl Identity {
    /// These names, each once.
    pub fn new(names: impl Iterator<Item = FieldName>) -> Identity {
        let mut all: Vec<FieldName> = Vec::new();
        for name in names {
            if !all.iter().any(|known| known.text.eq_ignore_ascii_case(&name.text)) {
                all.push(name);
            }
        }
        Identity(all.into())
    }

    /// Whether there is no such name.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes what the client of `head` sends under these names. *Cost*: a walk over the lines whose names are not
    /// well known.
    pub fn strip(&self, head: Head<'_>, edits: &mut Edits) {
        for name in self.0.iter().filter(|name| name.field != Field::OTHER && head.has(name.field)) {
            edits.remove(name.field);
        }
        if !head.has(Field::OTHER) {
            return;
        }
        for (field, sent, _) in head.lines() {
            if field == Field::OTHER && self.holds(sent) {
                edits.remove(sent);
            }
        }
    }

    /// Whether a server may take `sent` for one of these names.
    #[inline]
    pub fn holds(&self, sent: &[u8]) -> bool {
        self.0.iter().any(|name| is_taken_for(&name.text, sent))
    }
}

/// The fields of a request without those that are the gateway's alone, so that nobody writes his own name there, and
/// without those that its client named in Connection, which no origin gets to see: what policies read of it.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'r> {
    head: Head<'r>,
    ours: &'r Identity,
}

impl<'r> Sent<'r> {
    /// Those of `head`; `ours` are the gateway's.
    pub fn new(head: Head<'r>, ours: &'r Identity) -> Sent<'r> {
        Sent { head, ours }
    }

    /// The value of the field of this name.
    pub fn named(self, name: &[u8]) -> Option<&'r [u8]> {
        if self.is_hidden(name) { None } else { self.head.named(name) }
    }

    /// The values of all lines of this name.
    pub fn all_named<'n>(self, name: &'n [u8]) -> impl Iterator<Item = &'r [u8]> + use<'r, 'n> {
        let head = if self.is_hidden(name) { None } else { Some(self.head) };
        head.into_iter().flat_map(move |head| head.all_named(name))
    }

    /// Names and values.
    pub fn lines(self) -> impl Iterator<Item = (&'r [u8], &'r [u8])> {
        let lines = self.head.lines().filter(move |(_, name, _)| !self.is_hidden(name));
        lines.map(|(_, name, value)| (name, value))
    }

    fn is_hidden(self, name: &[u8]) -> bool {
        self.ours.holds(name) || encode::is_nominated(self.head, name)
    }
}

/// Whether a server may take `sent` for `name`: variables have letters and digits, and one mark for all else.
pub fn is_taken_for(name: &[u8], sent: &[u8]) -> bool {
    let plain = |byte: u8| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' };
    name.len() == sent.len() && name.iter().zip(sent).all(|(a, b)| plain(*a) == plain(*b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::head::Lines;
    use crate::wire::http1::{HeadLimits, request};

    fn identity(names: &[&str]) -> Identity {
        let name =
            |text: &&str| FieldName { field: Field::of(text.as_bytes()), text: text.as_bytes().into() };
        Identity::new(names.iter().map(name))
    }

    #[test]
    fn a_name_is_removed_however_it_is_spelled() {
        let identity = identity(&["X-User-Id", "x-user-id", "X_Roles", "Referer"]);
        let text = b"GET / HTTP/1.1\r\nHost: a\r\nx-user-ID: 1\r\nX_User_Id: 2\r\nX-User_id: 3\r\nX-User-I: 4\r\nX-Roles: 5\r\n\
            Referer: 6\r\nX-Other: 7\r\nX.User.Id: 8\r\nx~user!ID: 9\r\nXUserId: 10\r\nX-User--Id: 11\r\n\r\n";
        let mut lines = Lines::new();
        request::parse(text, &mut lines, &HeadLimits::default()).expect("parses");
        let mut edits = Edits::new();
        identity.strip(Head::new(text, &lines), &mut edits);
        for gone in ["X-User-Id", "X_User_Id", "X-User_Id", "X-Roles", "Referer", "X.User.Id", "x~user!ID"] {
            assert!(edits.removes(Field::of(gone.as_bytes()), gone.as_bytes()), "{gone}");
        }
        for kept in ["X-User-I", "X-Other", "XUserId", "X-User--Id"] {
            assert!(!edits.removes(Field::OTHER, kept.as_bytes()), "{kept}");
        }
    }
}
