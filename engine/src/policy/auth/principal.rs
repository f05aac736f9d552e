//! Who calls: what authentication leaves for all that comes behind it, authorization, limits by principal, fields for the
//! upstream, the log. A [`Principal`] is scratch of the exchange, lent by the shard: its claims are ranges of one text,
//! whatever method found them, so that a warm exchange allocates nothing. Says nothing of anybody until a method
//! has let the caller in.

use super::document::{Document, Kind, Place, Value};
use crate::wire::token::{is_ows, is_value};

/// How a caller was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// By a signed token.
    Jwt,
    /// By a key.
    ApiKey,
    /// By name and password.
    Basic,
    /// By a token that its server was asked about.
    Introspection,
    /// By a service that was asked about the request.
    ForwardAuth,
    /// By the certificate of its connection.
    Mtls,
}

impl Method {
    /// Its word in logs and in `explain`.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Jwt => "jwt",
            Method::ApiKey => "api_key",
            Method::Basic => "basic",
            Method::Introspection => "introspection",
            Method::ForwardAuth => "forward_auth",
            Method::Mtls => "mtls",
        }
    }
}

/// Who calls.
#[derive(Debug, Default)]
pub struct Principal {
    /// None: nobody is known, and whatever else stands here means nothing.
    method: Option<Method>,
    claims: Document,
    subject: Option<Place>,
    scopes: Option<Place>,
    roles: Option<Place>,
    /// The consumer's name, its tier behind it.
    consumer: Vec<u8>,
    name_len: usize,
    /// A keyed hash of the credential, for counts by credential; zero where there is none.
    credential: [u8; 16],
}

impl Principal {
    /// Forgets whom it was about and keeps the memory.
    pub fn clear(&mut self) {
        self.method = None;
        self.claims.clear();
        (self.subject, self.scopes, self.roles) = (None, None, None);
        self.consumer.clear();
        self.name_len = 0;
        self.credential = [0; 16];
    }

    /// Takes over whom `other` is about: copies, no allocation once the memory has its usual size.
    pub fn copy_from(&mut self, other: &Principal) {
        let Principal { method, claims, subject, scopes, roles, consumer, name_len, credential } = other;
        self.claims.copy_from(claims);
        self.consumer.clone_from(consumer);
        self.method = *method;
        (self.subject, self.scopes, self.roles) = (*subject, *scopes, *roles);
        (self.name_len, self.credential) = (*name_len, *credential);
    }

    /// Whether somebody is known.
    pub fn is_known(&self) -> bool {
        self.method.is_some()
    }

    /// How the caller was known; none if nobody is.
    pub fn method(&self) -> Option<Method> {
        self.method
    }

    fn value(&self, place: Option<Place>) -> Option<Value<'_>> {
        self.method?;
        self.claims.at(place?)
    }

    /// The caller's own name: the claim `sub`, the name of a consumer, the user name.
    pub fn subject(&self) -> Option<&[u8]> {
        self.value(self.subject)?.string()
    }

    /// The consumer of the configuration that the caller is.
    pub fn consumer(&self) -> Option<&[u8]> {
        self.method?;
        (self.name_len > 0).then(|| &self.consumer[..self.name_len])
    }

    /// The consumer's tier.
    pub fn tier(&self) -> Option<&[u8]> {
        self.method?;
        let tier = &self.consumer[self.name_len..];
        (!tier.is_empty()).then_some(tier)
    }

    /// What tells the caller's credential from all others, without giving it away; none for tokens.
    pub fn credential(&self) -> Option<&[u8]> {
        self.method.filter(|_| self.credential != [0; 16]).map(|_| &self.credential[..])
    }

    /// The scopes granted: a text of words (RFC 8693 §4.2), or a list.
    pub fn scopes(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let value = self.value(self.scopes);
        let words = value.and_then(Value::string).map(|text| text.split(|byte| *byte == b' '));
        let list = value.filter(|value| value.kind() == Kind::Array).map(Value::items);
        let words = words.into_iter().flatten().filter(|word| !word.is_empty());
        words.chain(list.into_iter().flatten().filter_map(Value::string))
    }

    /// The roles held: a list, or a text that is one role.
    pub fn roles(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let value = self.value(self.roles);
        let list = value.filter(|value| value.kind() == Kind::Array).map(Value::items);
        let items = list.into_iter().flatten().filter_map(Value::string);
        value.and_then(Value::string).into_iter().chain(items)
    }

    /// Whether `scope` is granted.
    pub fn has_scope(&self, scope: &[u8]) -> bool {
        self.scopes().any(|granted| granted == scope)
    }

    /// Whether `role` is held.
    pub fn has_role(&self, role: &[u8]) -> bool {
        self.roles().any(|held| held == role)
    }

    /// The claim at `path`; none where it is `null`.
    pub fn claim(&self, path: &ClaimPath) -> Option<Value<'_>> {
        self.method?;
        path.find(self.claims.root()?).filter(|value| value.kind() != Kind::Null)
    }

    /// The claim at a way that is written as in [`ClaimPath`]. *Cost*: no allocation.
    pub fn claim_at(&self, path: &[u8]) -> Option<Value<'_>> {
        self.method?;
        follow(self.claims.root()?, path).filter(|value| value.kind() != Kind::Null)
    }

    /// All claims as they were read; none while nobody is known.
    pub fn all_claims(&self) -> Option<Value<'_>> {
        self.method?;
        self.claims.root()
    }

    /// The claim at `path` as one text, for limit keys and comparisons: a string's content, of all else the text as
    /// written.
    pub fn claim_bytes(&self, path: &ClaimPath) -> Option<&[u8]> {
        self.claim(path).map(Value::bytes)
    }

    /// Appends the claim at `path` as a field's value, a list of plain values with commas between, without those texts that hold
    /// a comma: one must not look like two. Appends nothing and gives false where there is no such claim, where it is an empty text
    /// or nothing of it is left, or where it holds what may not stand in a field or would not arrive as it is: a token must not be able to write a
    /// line of its own into a head, or to look like another one.
    pub fn write_claim(&self, path: &ClaimPath, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let written = self.claim(path).is_some_and(|value| write_field(value, out));
        if !written {
            out.truncate(start);
        }
        written
    }

    /// The caller's own name as a field's value; none where it has none, or one that would not arrive as it is.
    pub fn subject_as_field(&self) -> Option<&[u8]> {
        self.subject().filter(|name| !name.is_empty() && arrives(name))
    }

    /// Where the claims of a token are put.
    pub(super) fn claims_mut(&mut self) -> &mut Document {
        &mut self.claims
    }

    /// The claims, whether or not they were believed yet.
    pub(super) fn claims(&self) -> &Document {
        &self.claims
    }

    /// Lets the caller in.
    pub(super) fn admit(&mut self, method: Method, marks: Marks) {
        self.method = Some(method);
        (self.subject, self.scopes, self.roles) = (marks.subject, marks.scopes, marks.roles);
    }

    /// Says that a caller who was let in was known in another way.
    pub(super) fn set_method(&mut self, method: Method) {
        self.method = Some(method);
    }

    /// Names the consumer that the caller is.
    pub(super) fn set_consumer(&mut self, name: &[u8], tier: &[u8]) {
        self.consumer.clear();
        self.consumer.extend_from_slice(name);
        self.consumer.extend_from_slice(tier);
        self.name_len = name.len();
    }

    /// Keeps what tells the credential from others.
    pub(super) fn set_credential(&mut self, tag: &[u8; 32]) {
        self.credential.copy_from_slice(&tag[..16]);
    }

    /// Leaves it as it is if `is_known`, else about nobody, in the same time: a branch would tell which.
    pub(super) fn keep_if(&mut self, is_known: bool) {
        let methods = [None, self.method];
        self.method = methods[usize::from(is_known)];
    }

    /// Bytes that a copy of it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Principal>() + self.claims.bytes() + self.consumer.len()
    }
}

/// Where what is asked for most stands among the claims.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Marks {
    pub subject: Option<Place>,
    pub scopes: Option<Place>,
    pub roles: Option<Place>,
}

/// Whether a text arrives as it is where it is a field's value: without control bytes, and without blanks at its ends, which
/// are no part of a value (RFC 9110 §5.5), so that `ann ` would be taken for `ann`.
fn arrives(text: &[u8]) -> bool {
    let is_bare = |byte: Option<&u8>| !byte.is_some_and(|byte| is_ows(*byte));
    is_value(text) && is_bare(text.first()) && is_bare(text.last())
}

fn write_field(value: Value<'_>, out: &mut Vec<u8>) -> bool {
    let plain = |value: Value<'_>, out: &mut Vec<u8>| {
        out.extend_from_slice(value.bytes());
        arrives(value.bytes()) && !matches!(value.kind(), Kind::Array | Kind::Object | Kind::Null)
    };
    if value.kind() != Kind::Array {
        // An empty text would name somebody who has no name.
        return !value.bytes().is_empty() && plain(value, out);
    }
    let is_one = |item: &Value<'_>| item.kind() != Kind::String || !item.bytes().contains(&b',');
    let mut items = value.items().filter(is_one);
    let Some(first) = items.next() else { return value.items().next().is_none() };
    plain(first, out)
        && items.all(|item| {
            out.push(b',');
            plain(item, out)
        })
}

/// The way to a claim: names with dots between, such as `realm_access.roles`. Names may hold dots themselves, as those
/// of OpenID issuers do (`https://example.com/roles`): the longest name that exists is taken at each step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPath(Box<[u8]>);

/// Dots in a path at most.
const DOTS_MAX: usize = 16;

impl ClaimPath {
    /// The way that `text` names.
    ///
    /// # Errors
    /// What is wrong with it, as the rest of a sentence that begins with the text.
    pub fn new(text: &str) -> Result<ClaimPath, &'static str> {
        if text.is_empty() || text.starts_with('.') || text.ends_with('.') || text.contains("..") {
            return Err("has a name that is empty");
        }
        if text.bytes().filter(|byte| *byte == b'.').count() > DOTS_MAX {
            return Err("has too many dots");
        }
        Ok(ClaimPath(text.as_bytes().into()))
    }

    /// The way as it was written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Where it leads from `root`.
    pub fn find<'d>(&self, root: Value<'d>) -> Option<Value<'d>> {
        follow(root, &self.0)
    }
}

fn follow<'d>(value: Value<'d>, text: &[u8]) -> Option<Value<'d>> {
    if let Some(found) = value.member(text) {
        return Some(found);
    }
    let dots = (0..text.len()).rev().filter(|at| text[*at] == b'.');
    let mut ways = dots.filter_map(|dot| Some((value.member(&text[..dot])?, &text[dot + 1..])));
    ways.find_map(|(inner, rest)| follow(inner, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(claims: &str) -> Principal {
        let mut principal = Principal::default();
        principal.claims_mut().read(claims.as_bytes()).expect("is JSON");
        let place = |name: &str| principal.claims.member(name.as_bytes()).map(Value::place);
        let marks = Marks { subject: place("sub"), scopes: place("scope"), roles: place("roles") };
        principal.admit(Method::Jwt, marks);
        principal
    }

    fn path(text: &str) -> ClaimPath {
        ClaimPath::new(text).expect("is a path")
    }

    #[test]
    fn scopes_are_words_or_a_list_and_roles_a_list_or_one() {
        let texts = |list: Vec<&[u8]>| -> Vec<String> {
            list.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect()
        };
        for (claims, scopes, roles) in [
            (r#"{"scope":"a b  c ","roles":["x","y z"]}"#, vec!["a", "b", "c"], vec!["x", "y z"]),
            (r#"{"scope":["a","b c",1],"roles":"x y"}"#, vec!["a", "b c"], vec!["x y"]),
            (r#"{"scope":{"a":"b"},"roles":7}"#, vec![], vec![]),
            (r#"{"scope":"","roles":[]}"#, vec![], vec![]),
            ("{}", vec![], vec![]),
        ] {
            let principal = caller(claims);
            assert_eq!(texts(principal.scopes().collect()), scopes, "{claims}");
            assert_eq!(texts(principal.roles().collect()), roles, "{claims}");
        }
        let principal = caller(r#"{"scope":"orders.read"}"#);
        assert!(principal.has_scope(b"orders.read") && !principal.has_scope(b"orders"));
    }

    #[test]
    fn a_claim_is_found_by_the_longest_name_at_each_step() {
        let principal = caller(
            r#"{"a":{"b":{"c":"1"}},"a.b":{"c":"2"},"https://x.y/z":{"roles":["r"]},"n":null,"d":{"e.f":3}}"#,
        );
        for (way, expected) in [
            ("a.b.c", Some("2")),
            ("https://x.y/z.roles", Some(r#"["r"]"#)),
            ("d.e.f", Some("3")),
            ("n", None),
            ("a.x", None),
            ("a.b.c.d", None),
        ] {
            assert_eq!(principal.claim_bytes(&path(way)), expected.map(str::as_bytes), "{way}");
        }
        for bad in ["", ".", "a.", ".a", "a..b"] {
            assert!(ClaimPath::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_claim_becomes_a_field_value_or_nothing() {
        let principal = caller(
            r#"{"s":"x y","n":1.50,"t":true,"l":["a","b",3],"e":[],"bad":"a\r\nX-Admin: 1","lb":["a","b\u0000"],
                "o":{"a":1},"ll":[["a"]],"u":"\u00e9","c":["a","b,admin","d"],"oc":["b,admin"],"cl":["a",["b","c"]],
                "sc":"CN=a,O=b","es":"ann ","bs":" ann","et":"ann\t","is":"a n","el":["a"," b"],"em":""}"#,
        );
        for (way, expected) in [
            ("s", Some("x y")),
            ("n", Some("1.50")),
            ("t", Some("true")),
            ("l", Some("a,b,3")),
            ("e", Some("")),
            ("bad", None),
            ("lb", None),
            ("o", None),
            ("ll", None),
            ("gone", None),
            ("u", Some("\u{e9}")),
            ("c", Some("a,d")),
            ("oc", None),
            ("cl", None),
            ("sc", Some("CN=a,O=b")),
            ("es", None),
            ("bs", None),
            ("et", None),
            ("is", Some("a n")),
            ("el", None),
            ("em", None),
        ] {
            let mut out = b"before".to_vec();
            assert_eq!(principal.write_claim(&path(way), &mut out), expected.is_some(), "{way}");
            assert_eq!(out, [b"before", expected.unwrap_or_default().as_bytes()].concat(), "{way}");
        }
    }

    #[test]
    fn a_subject_that_would_not_arrive_as_it_is_is_no_field() {
        for (subject, expected) in [
            ("ann", Some("ann")),
            ("a n", Some("a n")),
            ("ann ", None),
            (" ann", None),
            ("ann\\t", None),
            ("a\\nb", None),
            ("", None),
        ] {
            let principal = caller(&format!(r#"{{"sub":"{subject}"}}"#));
            assert_eq!(principal.subject_as_field(), expected.map(str::as_bytes), "{subject}");
            assert!(principal.subject().is_some(), "{subject}");
        }
    }

    #[test]
    fn nothing_is_told_of_one_who_was_not_let_in() {
        let mut principal = caller(r#"{"sub":"ann","scope":"a","roles":["x"]}"#);
        principal.set_consumer(b"acme", b"partner");
        principal.set_credential(&[7; 32]);
        let mut other = Principal::default();
        other.copy_from(&principal);
        assert_eq!((other.subject(), other.consumer()), (Some(&b"ann"[..]), Some(&b"acme"[..])));
        assert_eq!((other.tier(), other.credential().map(<[u8]>::len)), (Some(&b"partner"[..]), Some(16)));
        other.keep_if(true);
        assert!(other.is_known());
        other.keep_if(false);
        assert!(!other.is_known() && other.subject().is_none() && other.consumer().is_none());
        assert!(
            other.tier().is_none() && other.credential().is_none() && other.claim(&path("sub")).is_none()
        );
        assert_eq!((other.scopes().count(), other.roles().count()), (0, 0));
        principal.clear();
        assert!(!principal.is_known() && principal.claims().root().is_none());
    }
}
