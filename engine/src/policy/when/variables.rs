//! What a condition reads of a request, made when it is read, and paid for.

use crate::policy::Facts;
use crate::policy::auth::Principal;
use crate::policy::auth::document::{Document, Kind as Json, Value as JsonValue};
use crate::wire::cookie::cookies;
use cel::Value;
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What the variables of one evaluation may cost, in bytes. With [`ITEM_COST`] it bounds how often a loop turns: 4096 times.
const COST_MAX: usize = 1024 * 1024;
/// What each text or item costs besides its bytes: its allocation, and a turn of a loop over it.
const ITEM_COST: usize = 256;

/// What is left to spend on variables. The library wants its resolver to be one that threads could share; it is not.
struct Purse(AtomicUsize);

impl Purse {
    /// Takes the cost of one text or item of so many bytes; none when it is not there.
    fn pay(&self, bytes: usize) -> Option<()> {
        let left = self.0.load(Relaxed).checked_sub(bytes.saturating_add(ITEM_COST))?;
        self.0.store(left, Relaxed);
        Some(())
    }

    fn text(&self, bytes: &[u8]) -> Option<String> {
        self.pay(bytes.len())?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    }

    fn list<'i>(&self, items: impl Iterator<Item = &'i [u8]>) -> Option<Value> {
        let items: Option<Vec<Value>> = items.map(|item| self.text(item).map(Value::from)).collect();
        Some(Value::List(Arc::new(items?)))
    }

    /// Of equal names the first counts.
    fn map<'i>(&self, mut pairs: impl Iterator<Item = (&'i [u8], &'i [u8])>) -> Option<Value> {
        let mut map: HashMap<String, String> = HashMap::new();
        pairs.try_for_each(|(name, value)| {
            let (name, value) = (self.text(name)?, self.text(value)?);
            map.entry(name).or_insert(value);
            Some(())
        })?;
        Some(Value::from(map))
    }

    /// Fields by name in lower case; the values of one that repeats are joined.
    fn headers(&self, facts: &Facts<'_>) -> Option<Value> {
        let mut map: HashMap<String, String> = HashMap::new();
        for (name, value) in facts.sent().lines() {
            let (name, value) = (self.text(name)?.to_ascii_lowercase(), self.text(value)?);
            map.entry(name)
                .and_modify(|known| {
                    known.push_str(", ");
                    known.push_str(&value);
                })
                .or_insert(value);
        }
        Some(Value::from(map))
    }

    /// How deep it goes was bounded when the token was read.
    fn claim(&self, value: JsonValue<'_>) -> Option<Value> {
        Some(match value.kind() {
            Json::String => Value::from(self.text(value.bytes())?),
            Json::Bool => Value::Bool(value.bytes() == b"true"),
            Json::Null => Value::Null,
            Json::Number => {
                let text = self.text(value.bytes())?;
                let whole = text.parse().map(Value::Int).or_else(|_| text.parse().map(Value::UInt));
                whole.unwrap_or_else(|_| Value::Float(text.parse().unwrap_or(f64::NAN)))
            }
            Json::Array => {
                let items: Option<Vec<Value>> =
                    value.items().map(|item| self.pay(0).and_then(|()| self.claim(item))).collect();
                Value::List(Arc::new(items?))
            }
            Json::Object => {
                let members: Option<HashMap<String, Value>> =
                    value.items().map(|item| Some((self.text(item.name())?, self.claim(item)?))).collect();
                Value::from(members?)
            }
        })
    }
}

/// Makes a variable when it is read.
pub(super) struct Variables<'r> {
    facts: &'r Facts<'r>,
    caller: &'r Principal,
    purse: Purse,
}

impl<'r> Variables<'r> {
    /// Those of one evaluation, for a request of `caller`.
    pub(super) fn new(facts: &'r Facts<'r>, caller: &'r Principal) -> Variables<'r> {
        Variables { facts, caller, purse: Purse(AtomicUsize::new(COST_MAX)) }
    }
}

impl VariableResolver for Variables<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let Variables { facts, caller, purse } = self;
        let text = |bytes: &[u8]| purse.text(bytes).map(Value::from);
        let made = match variable {
            "request.method" => text(facts.head.method_bytes()),
            "request.path" => text(facts.path),
            "request.host" => text(&facts.plain_host()),
            "request.scheme" => text(if facts.is_https { b"https" } else { b"http" }),
            "request.id" => text(facts.request_id),
            "request.query" => text(facts.head.query().unwrap_or_default()),
            "request.headers" => purse.headers(facts),
            "request.cookies" => purse.map(cookies(facts.head)),
            "request.parameters" => {
                let parameters = facts.parameters.iter();
                purse.map(
                    parameters.filter_map(|one| Some((one.name.as_bytes(), facts.parameter(&one.name)?))),
                )
            }
            "client.ip" => {
                let ip = facts.client.map(|ip| ip.to_canonical().to_string());
                text(ip.unwrap_or_default().as_bytes())
            }
            "client.certificate" => match facts.certificate {
                Some(certificate) => {
                    let mut document = Document::default();
                    document.read(&certificate.claims).ok()?;
                    purse.claim(document.root()?)
                }
                None => purse.map(std::iter::empty()),
            },
            "listener" => text(facts.listener.as_bytes()),
            "route" => text(facts.route.as_bytes()),
            "caller.user" => text(caller.subject().unwrap_or_default()),
            "caller.consumer" => text(caller.consumer().unwrap_or_default()),
            "caller.tier" => text(caller.tier().unwrap_or_default()),
            "caller.scopes" => purse.list(caller.scopes()),
            "caller.roles" => purse.list(caller.roles()),
            "caller.claims" => match caller.all_claims() {
                Some(claims) => purse.claim(claims),
                None => purse.map(std::iter::empty()),
            },
            _ => None,
        };
        Box::<dyn Val>::try_from(made?).ok().map(CowVal::Owned)
    }
}
