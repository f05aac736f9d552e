//! The claims of a verified token (RFC 7519 §4.1) held to what the policy asks for. A registered claim of the wrong kind
//! refuses the token, whether or not it is asked for: whoever issued it does not speak the same language.

use super::super::denial::Denial;
use super::super::document::{Document, Kind, Value};
use super::super::principal::{ClaimPath, Marks};
use super::date::{Round, millis};

/// What claims must say.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Accepted values of `iss`; empty accepts all.
    pub issuers: Vec<Box<[u8]>>,
    /// Names by which `aud` may call us.
    pub audiences: Vec<Box<[u8]>>,
    /// Whether a token may be meant for anybody.
    pub any_audience: bool,
    /// By how much clocks may differ, in milliseconds.
    pub leeway_ms: i64,
    /// Whether a token must expire.
    pub require_exp: bool,
    /// Whether a registered claim that is `null` counts as one that is not there: authorization servers write so what they do not
    /// know. In a token it is of the wrong kind.
    pub nulls_say_nothing: bool,
    /// Claims that must be there.
    pub required: Vec<ClaimPath>,
    /// Where scopes and roles stand; the first that is there counts.
    pub scopes: Vec<ClaimPath>,
    /// See `scopes`.
    pub roles: Vec<ClaimPath>,
}

/// When a token is good, in milliseconds since 1970, leeway included: from the first moment up to, and not at, the
/// second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first moment at which it is good.
    pub from: i64,
    /// The first moment at which it is over.
    pub until: i64,
}

impl Window {
    /// Whether it is good at this moment.
    pub fn holds(self, now: i64) -> bool {
        self.from <= now && now < self.until
    }
}

impl Rules {
    /// Whether the claims hold now; where what is asked for most stands in them, and how long they hold. No allocation.
    ///
    /// # Errors
    /// The first rule that they break.
    pub fn check(&self, claims: &Document, unix_ms: i64) -> Result<(Marks, Window), Denial> {
        let root = claims.root().filter(|root| root.kind() == Kind::Object).ok_or(Denial::Claims)?;
        let mut seen = Registered::default();
        let is_silent = |claim: &Value<'_>| self.nulls_say_nothing && claim.kind() == Kind::Null;
        for claim in root.items().filter(|claim| !is_silent(claim)) {
            seen.note(claim)?;
        }
        let window = self.window(&seen, unix_ms)?;
        if !self.issuers.is_empty() && !seen.issuer.is_some_and(|issuer| is_one(issuer, &self.issuers)) {
            return Err(Denial::Issuer);
        }
        self.audience(seen.audience)?;
        // An empty text names nobody and nothing.
        let says = |value: Value<'_>| value.kind() != Kind::Null && value.string() != Some(b"");
        let is_missing = |path: &ClaimPath| !path.find(root).is_some_and(says);
        if self.required.iter().any(is_missing) {
            return Err(Denial::Required);
        }
        let first = |paths: &[ClaimPath]| paths.iter().find_map(|path| path.find(root)).map(Value::place);
        let subject = seen.subject.map(Value::place);
        Ok((Marks { subject, scopes: first(&self.scopes), roles: first(&self.roles) }, window))
    }

    fn window(&self, seen: &Registered<'_>, now: i64) -> Result<Window, Denial> {
        let until = match seen.expires {
            Some(expires) => expires.saturating_add(self.leeway_ms),
            None if self.require_exp => return Err(Denial::NoExpiry),
            None => i64::MAX,
        };
        if now >= until {
            return Err(Denial::Expired);
        }
        let from = |begin: Option<i64>| begin.map_or(i64::MIN, |begin| begin.saturating_sub(self.leeway_ms));
        let (begins, issued) = (from(seen.begins), from(seen.issued));
        if now < begins {
            return Err(Denial::NotYet);
        }
        if now < issued {
            return Err(Denial::FutureIssue);
        }
        Ok(Window { from: begins.max(issued), until })
    }

    /// A token that names its audience is for no one else (RFC 7519 §4.1.3).
    fn audience(&self, named: Option<Value<'_>>) -> Result<(), Denial> {
        let mut named = match named {
            Some(value) => Some(value.strings().ok_or(Denial::Claims)?),
            None => None,
        };
        let is_ours = match &mut named {
            Some(named) => named.any(|name| is_one(name, &self.audiences)),
            None => self.audiences.is_empty(),
        };
        if is_ours || self.any_audience && self.audiences.is_empty() { Ok(()) } else { Err(Denial::Audience) }
    }
}

fn is_one(text: &[u8], known: &[Box<[u8]>]) -> bool {
    known.iter().any(|known| **known == *text)
}

/// The registered claims of one token.
#[derive(Default)]
struct Registered<'c> {
    expires: Option<i64>,
    begins: Option<i64>,
    issued: Option<i64>,
    issuer: Option<&'c [u8]>,
    audience: Option<Value<'c>>,
    subject: Option<Value<'c>>,
}

impl<'c> Registered<'c> {
    #[inline]
    fn note(&mut self, claim: Value<'c>) -> Result<(), Denial> {
        let text = || claim.string().ok_or(Denial::Claims);
        let date = |round: Round| match claim.kind() {
            Kind::Number => millis(claim.bytes(), round).map(Some).ok_or(Denial::Claims),
            _ => Err(Denial::Claims),
        };
        match claim.name() {
            b"exp" => self.expires = date(Round::Down)?,
            b"nbf" => self.begins = date(Round::Up)?,
            b"iat" => self.issued = date(Round::Up)?,
            b"iss" => self.issuer = Some(text()?),
            b"aud" => self.audience = Some(claim),
            b"sub" => self.subject = text().map(|_| Some(claim))?,
            b"jti" => drop(text()?),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn check(rules: &Rules, claims: &str) -> Result<Window, Denial> {
        let mut document = Document::default();
        document.read(claims.as_bytes()).expect("is JSON");
        rules.check(&document, NOW).map(|(_, window)| window)
    }

    fn strings(texts: &[&str]) -> Vec<Box<[u8]>> {
        texts.iter().map(|text| text.as_bytes().into()).collect()
    }

    #[test]
    fn a_token_is_good_from_nbf_up_to_exp() {
        let rules = Rules { require_exp: true, ..Rules::default() };
        for (claims, expected) in [
            (r#"{"exp":1700000001}"#, None),
            (r#"{"exp":1700000000.001}"#, None),
            (r#"{"exp":1700000000}"#, Some(Denial::Expired)),
            (r#"{"exp":1700000000.0009}"#, Some(Denial::Expired)),
            (r#"{"exp":-1}"#, Some(Denial::Expired)),
            ("{}", Some(Denial::NoExpiry)),
            (r#"{"exp":null}"#, Some(Denial::Claims)),
            (r#"{"exp":"1800000000"}"#, Some(Denial::Claims)),
            (r#"{"exp":true}"#, Some(Denial::Claims)),
            (r#"{"exp":1e400}"#, Some(Denial::Claims)),
            (r#"{"exp":18446744073709551616}"#, Some(Denial::Claims)),
            (r#"{"exp":1.8e9,"nbf":1700000000,"iat":1700000000}"#, None),
            (r#"{"exp":1.8e9,"nbf":1700000001}"#, Some(Denial::NotYet)),
            (r#"{"exp":1.8e9,"nbf":1700000000.0001}"#, Some(Denial::NotYet)),
            (r#"{"exp":1.8e9,"iat":1700000000.5}"#, Some(Denial::FutureIssue)),
            (r#"{"exp":1.8e9,"iat":[]}"#, Some(Denial::Claims)),
        ] {
            assert_eq!(check(&rules, claims).err(), expected, "{claims}");
        }
        let lenient = Rules { leeway_ms: 2000, ..Rules::default() };
        assert_eq!(
            check(&lenient, r#"{"exp":1699999999,"nbf":1700000002,"iat":1700000001}"#),
            Ok(Window { from: NOW, until: NOW + 1000 })
        );
        assert_eq!(check(&lenient, r#"{"exp":1699999998}"#), Err(Denial::Expired));
        assert_eq!(check(&lenient, "{}"), Ok(Window { from: i64::MIN, until: i64::MAX }));
    }

    #[test]
    fn issuer_and_audience_are_exact() {
        let rules = Rules {
            issuers: strings(&["https://id", "https://id2"]),
            audiences: strings(&["api", "web"]),
            ..Rules::default()
        };
        for (claims, expected) in [
            (r#"{"iss":"https://id","aud":"api"}"#, None),
            (r#"{"iss":"https://id2","aud":["x","web"]}"#, None),
            (r#"{"iss":"https://id/","aud":"api"}"#, Some(Denial::Issuer)),
            (r#"{"aud":"api"}"#, Some(Denial::Issuer)),
            (r#"{"iss":["https://id"],"aud":"api"}"#, Some(Denial::Claims)),
            (r#"{"iss":"https://id","aud":"API"}"#, Some(Denial::Audience)),
            (r#"{"iss":"https://id","aud":[]}"#, Some(Denial::Audience)),
            (r#"{"iss":"https://id"}"#, Some(Denial::Audience)),
            (r#"{"iss":"https://id","aud":["api",1]}"#, Some(Denial::Claims)),
            (r#"{"iss":"https://id","aud":{"api":1}}"#, Some(Denial::Claims)),
        ] {
            assert_eq!(check(&rules, claims).err(), expected, "{claims}");
        }
        assert_eq!(check(&Rules::default(), r#"{"aud":"api"}"#), Err(Denial::Audience));
        let any = Rules { any_audience: true, ..Rules::default() };
        assert!(check(&any, r#"{"aud":"api"}"#).is_ok() && check(&any, "{}").is_ok());
        assert_eq!(check(&any, r#"{"aud":1}"#), Err(Denial::Claims));
    }

    #[test]
    fn required_claims_are_there_and_registered_ones_of_their_kind() {
        let path = |text: &str| ClaimPath::new(text).expect("is a path");
        let rules = Rules { required: vec![path("sub"), path("a.b")], ..Rules::default() };
        for (claims, expected) in [
            (r#"{"sub":"x","a":{"b":false}}"#, None),
            (r#"{"sub":"x","a":{"b":null}}"#, Some(Denial::Required)),
            (r#"{"sub":"","a":{"b":false}}"#, Some(Denial::Required)),
            (r#"{"sub":"x","a":{"b":""}}"#, Some(Denial::Required)),
            (r#"{"sub":"x"}"#, Some(Denial::Required)),
            (r#"{"sub":7,"a":{"b":1}}"#, Some(Denial::Claims)),
            (r#"{"sub":"x","jti":7,"a":{"b":1}}"#, Some(Denial::Claims)),
            ("[]", Some(Denial::Claims)),
            ("\"sub\"", Some(Denial::Claims)),
        ] {
            assert_eq!(check(&rules, claims).err(), expected, "{claims}");
        }
    }
}
