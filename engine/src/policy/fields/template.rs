//! Values put together from parts of a request, such as `user-${claim.sub}`. Compiled once; a value of fixed text costs
//! no more than the text.

use crate::config::values;
use crate::policy::Facts;
use crate::policy::Passage;
use crate::policy::auth::ClaimPath;
use std::io::Write;

/// A compiled value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Box<[Piece]>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Box<[u8]>),
    Of(Of),
}

/// A part of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Of {
    Header(Box<[u8]>),
    Query(Box<[u8]>),
    Cookie(Box<[u8]>),
    Parameter(Box<str>),
    Path,
    ClientIp,
    RequestId,
    Method,
    Host,
    Scheme,
    Listener,
    Route,
    Claim(ClaimPath),
    Consumer,
    Tier,
    User,
}

/// What a reference may be, as problems tell it.
const KNOWN: &str = "write ${header.NAME}, ${query.NAME}, ${cookie.NAME}, ${path.NAME}, ${client.ip}, \
${request.id}, ${method}, ${host}, ${scheme}, ${path}, ${listener}, ${route}, \
${claim.NAME}, ${user}, ${consumer} or ${tier}";

impl Template {
    /// Compiles a value.
    ///
    /// # Errors
    /// What is wrong with it, as the rest of a sentence that begins with the reference, and what is accepted.
    pub fn compile(given: &values::Template) -> Result<Template, (String, &'static str)> {
        let mut pieces = Vec::new();
        let text = |text: &str, pieces: &mut Vec<Piece>| {
            if !text.is_empty() {
                pieces.push(Piece::Text(text.as_bytes().into()));
            }
        };
        let mut from = 0;
        for asked in &given.asked {
            text(&given.text[from..asked.start], &mut pieces);
            let reference = &given.text[asked.start + 2..asked.end - 1];
            let of = Of::parse(reference)
                .ok_or_else(|| (format!("'${{{reference}}}' is no part of a request"), KNOWN))?;
            pieces.push(Piece::Of(of));
            from = asked.end;
        }
        text(&given.text[from..], &mut pieces);
        Ok(Template(pieces.into()))
    }

    /// The names of path parameters that it reads.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Of(Of::Parameter(name)) => Some(&**name),
            _ => None,
        })
    }

    /// Whether it tells who calls.
    pub fn tells_caller(&self) -> bool {
        let tells =
            |piece: &Piece| matches!(piece, Piece::Of(Of::Claim(_) | Of::Consumer | Of::Tier | Of::User));
        self.0.iter().any(tells)
    }

    /// The value, which may be put together in `space`. None where a part of it is missing.
    pub fn value<'v>(
        &'v self,
        facts: &Facts<'v>,
        passage: &Passage,
        space: &'v mut Vec<u8>,
    ) -> Option<&'v [u8]> {
        match &*self.0 {
            [] => Some(b""),
            [Piece::Text(text)] => Some(text),
            pieces => {
                space.clear();
                for piece in pieces {
                    match piece {
                        Piece::Text(text) => space.extend_from_slice(text),
                        Piece::Of(of) => of.put(facts, passage, space)?,
                    }
                }
                Some(space)
            }
        }
    }
}

impl Of {
    fn parse(reference: &str) -> Option<Of> {
        let (word, name) = reference.split_once('.').unwrap_or((reference, ""));
        Some(match (word, name) {
            ("path", "") => Of::Path,
            ("client", "ip") => Of::ClientIp,
            ("request", "id") => Of::RequestId,
            ("method", "") => Of::Method,
            ("host", "") => Of::Host,
            ("scheme", "") => Of::Scheme,
            ("listener", "") => Of::Listener,
            ("route", "") => Of::Route,
            ("consumer", "") => Of::Consumer,
            ("tier", "") => Of::Tier,
            ("user", "") => Of::User,
            (_, "") => return None,
            ("header", name) => Of::Header(name.as_bytes().into()),
            ("query", name) => Of::Query(name.as_bytes().into()),
            ("cookie", name) => Of::Cookie(name.as_bytes().into()),
            ("path", name) => Of::Parameter(name.into()),
            ("claim", name) => Of::Claim(ClaimPath::new(name).ok()?),
            _ => return None,
        })
    }

    fn put(&self, facts: &Facts<'_>, passage: &Passage, out: &mut Vec<u8>) -> Option<()> {
        let part = match self {
            Of::Header(name) => facts.sent().named(name)?,
            Of::Query(name) => facts.query(name)?,
            Of::Cookie(name) => facts.cookie(name)?,
            Of::Parameter(name) => facts.parameter(name)?,
            Of::Path => facts.path,
            Of::ClientIp => {
                let _ = write!(out, "{}", facts.client?.to_canonical());
                b""
            }
            Of::RequestId => facts.request_id,
            Of::Method => facts.head.method_bytes(),
            Of::Host => facts.host,
            Of::Scheme if facts.is_https => b"https",
            Of::Scheme => b"http",
            Of::Listener => facts.listener.as_bytes(),
            Of::Route => facts.route.as_bytes(),
            Of::Claim(path) => return passage.principal.write_claim(path, out).then_some(()),
            Of::Consumer => passage.principal.consumer()?,
            Of::Tier => passage.principal.tier()?,
            Of::User => passage.principal.subject_as_field()?,
        };
        out.extend_from_slice(part);
        Some(())
    }
}
