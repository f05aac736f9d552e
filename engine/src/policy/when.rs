//! `when:`, the condition under which a policy applies, in CEL (the Common Expression Language). Parsed and checked when
//! it is loaded: names that are no variables, functions that are none, loops within loops are problems then. A variable is
//! made when it is read. Cost is bounded by the nodes of an expression and of its loops, and by what its variables take
//! to make. A condition that cannot be told, since a claim that it reads is missing, a type does not fit or its cost is
//! past the bound, gives none: the chain refuses the request.

use super::auth::Principal;
use super::auth::document::{Document, Kind as Json, Value as JsonValue};
use super::{Facts, Passage, Phase};
use crate::wire::cookie::cookies;
use cel::common::ast::{EntryExpr, Expr};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::parser::Expression;
use cel::{Context, Env, Program, Value};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes of a condition at most.
const TEXT_BYTES_MAX: usize = 2048;
/// Brackets within brackets at most: its parser goes down one call after the other.
const NESTING_MAX: usize = 32;
/// Nodes of its tree at most.
const NODES_MAX: usize = 200;
/// Nodes of the part that a loop repeats.
const LOOP_NODES_MAX: usize = 40;
/// What the variables of one evaluation may cost, in bytes. With [`ITEM_COST`] it bounds how often a loop turns: 4096 times.
const COST_MAX: usize = 1024 * 1024;
/// What each text or item costs besides its bytes: its allocation, and a turn of a loop over it.
const ITEM_COST: usize = 256;

/// Variables: a group, and what is in it.
const GROUPS: [(&str, &[&str]); 3] = [
    ("request", &["method", "path", "host", "scheme", "id", "query", "headers", "cookies", "parameters"]),
    ("client", &["ip", "certificate"]),
    ("caller", &["user", "consumer", "tier", "scopes", "roles", "claims"]),
];

/// Variables without a group.
const ALONE: [&str; 2] = ["listener", "route"];

const FUNCTIONS: [&str; 11] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "string",
    "int",
    "uint",
    "double",
    "bool",
    "bytes",
    "type",
];

/// Names of types, for comparisons with `type`.
const TYPES: [&str; 10] =
    ["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"];

/// A compiled condition.
#[derive(Debug)]
pub struct When(Program);

/// What a shard evaluates with.
#[derive(Default)]
pub struct Evaluator(Option<Arc<Env>>);

impl std::fmt::Debug for Evaluator {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Evaluator(..)")
    }
}

impl When {
    /// Compiles the condition of a policy that is asked in `phase`.
    ///
    /// # Errors
    /// What is wrong with it, and what is accepted.
    pub fn compile(text: &str, phase: Phase) -> Result<When, (String, String)> {
        if text.len() > TEXT_BYTES_MAX {
            let message = format!("a condition of {} bytes", text.len());
            return Err((message, format!("{TEXT_BYTES_MAX} at most")));
        }
        if nesting(text) > NESTING_MAX {
            return Err((
                format!("a condition nested {} deep", nesting(text)),
                format!("{NESTING_MAX} brackets within each other at most"),
            ));
        }
        let program = Env::stdlib().compile(text).map_err(|errors| {
            let first = errors.errors.first();
            let (column, why) = first.map_or((0, "it is not CEL"), |error| (error.pos.1, error.msg.as_str()));
            let why = why.lines().next().unwrap_or_default();
            let message = format!("'{text}' is no condition: {why}, at character {}", column.max(0) + 1);
            (
                message,
                "write CEL, such as request.method == \"POST\" && !(\"x-batch\" in request.headers)"
                    .to_owned(),
            )
        })?;
        let mut check = Check { phase, scope: Vec::new(), nodes: 0, loops: 0 };
        check.walk(program.expression())?;
        if check.nodes > NODES_MAX {
            return Err((format!("a condition of {} parts", check.nodes), format!("{NODES_MAX} at most")));
        }
        Ok(When(program))
    }

    /// Whether it holds for a request; none if it cannot be told.
    pub fn holds(&self, facts: &Facts<'_>, passage: &Passage, evaluator: &mut Evaluator) -> Option<bool> {
        let env = evaluator.0.get_or_insert_with(|| Arc::new(Env::stdlib()));
        let variables =
            Variables { facts, caller: &passage.principal, purse: Purse(AtomicUsize::new(COST_MAX)) };
        let mut context = Context::with_env(Arc::clone(env));
        context.set_variable_resolver(&variables);
        match self.0.execute(&context) {
            Ok(Value::Bool(holds)) => Some(holds),
            _ => None,
        }
    }
}

/// How deep brackets stand within each other; those in texts are counted too.
fn nesting(text: &str) -> usize {
    let deeper = |(depth, most): (usize, usize), byte| match byte {
        b'(' | b'[' | b'{' => (depth + 1, most.max(depth + 1)),
        b')' | b']' | b'}' => (depth.saturating_sub(1), most),
        _ => (depth, most),
    };
    text.bytes().fold((0, 0), deeper).1
}

/// The way through an expression.
struct Check<'e> {
    phase: Phase,
    /// Variables of the loop around.
    scope: Vec<&'e str>,
    nodes: usize,
    loops: usize,
}

type Found = Result<(), (String, String)>;

impl<'e> Check<'e> {
    fn walk(&mut self, expression: &'e Expression) -> Found {
        self.nodes += 1;
        match &expression.expr {
            Expr::Ident(name) => self.alone(name),
            Expr::Select(select) => match &select.operand.expr {
                Expr::Ident(group) if !self.scope.contains(&group.as_str()) && group_of(group).is_some() => {
                    self.member(group, &select.field)
                }
                _ => self.walk(&select.operand),
            },
            Expr::Call(call) => {
                let is_operator = !call.func_name.bytes().all(|byte| byte.is_ascii_alphanumeric());
                if !is_operator && !FUNCTIONS.contains(&call.func_name.as_str()) {
                    let message = format!("there is no function '{}'", call.func_name);
                    return Err((
                        message,
                        format!(
                            "known are {}, has, all, exists, exists_one, map, filter",
                            FUNCTIONS.join(", ")
                        ),
                    ));
                }
                call.target.iter().try_for_each(|target| self.walk(target))?;
                call.args.iter().try_for_each(|argument| self.walk(argument))
            }
            Expr::Comprehension(looped) => {
                self.walk(&looped.iter_range)?;
                if self.loops > 0 {
                    let fix = "name what is looked for, or write a policy for each";
                    return Err(("a condition with a loop within a loop".into(), fix.into()));
                }
                self.loops += 1;
                let (before, nodes) = (self.scope.len(), self.nodes);
                self.scope.extend([looped.iter_var.as_str(), looped.accu_var.as_str()]);
                self.scope.extend(looped.iter_var2.as_deref());
                for part in [&looped.accu_init, &looped.loop_cond, &looped.loop_step, &looped.result] {
                    self.walk(part)?;
                }
                self.scope.truncate(before);
                self.loops -= 1;
                let repeated = self.nodes - nodes;
                if repeated > LOOP_NODES_MAX {
                    let fix = format!("{LOOP_NODES_MAX} at most, with those of the loop itself");
                    return Err((format!("a condition that repeats {repeated} parts in a loop"), fix));
                }
                Ok(())
            }
            Expr::List(list) => list.elements.iter().try_for_each(|element| self.walk(element)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => self.walk(&entry.key).and_then(|()| self.walk(&entry.value)),
                EntryExpr::StructField(field) => self.walk(&field.value),
            }),
            Expr::Struct(made) => Err((
                format!("there is no type '{}'", made.type_name),
                "write a map: {\"key\": value}".into(),
            )),
            Expr::Literal(_) | Expr::Unspecified => Ok(()),
        }
    }

    fn alone(&self, name: &str) -> Found {
        if self.scope.contains(&name) || ALONE.contains(&name) || TYPES.contains(&name) {
            return Ok(());
        }
        match group_of(name) {
            Some(members) => {
                let message = format!("'{name}' alone is no variable");
                Err((message, format!("name a part of it: {}", listed(name, members))))
            }
            None => {
                let groups = GROUPS.iter().map(|(group, members)| listed(group, members));
                let known: Vec<String> = groups.chain(ALONE.map(str::to_owned)).collect();
                Err((format!("there is no variable '{name}'"), format!("known are {}", known.join(", "))))
            }
        }
    }

    fn member(&self, group: &str, member: &str) -> Found {
        let members = group_of(group).unwrap_or_default();
        if !members.contains(&member) {
            let message = format!("there is no variable '{group}.{member}'");
            return Err((message, format!("known are {}", listed(group, members))));
        }
        if group == "caller" && self.phase <= Phase::Authenticate {
            let message = format!("'{group}.{member}' is not known yet when this policy is asked");
            return Err((message, "policies of this kind are asked before anybody has signed in".into()));
        }
        Ok(())
    }
}

fn group_of(name: &str) -> Option<&'static [&'static str]> {
    GROUPS.iter().find(|(group, _)| *group == name).map(|(_, members)| *members)
}

fn listed(group: &str, members: &[&str]) -> String {
    members.iter().map(|member| format!("{group}.{member}")).collect::<Vec<_>>().join(", ")
}

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
struct Variables<'r> {
    facts: &'r Facts<'r>,
    caller: &'r Principal,
    purse: Purse,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ClientAddr, Tick};
    use crate::policy::fields::Identity;
    use crate::wire::head::{Head, Lines};
    use crate::wire::http1::framing::request_length;
    use crate::wire::http1::{HeadLimits, request};

    fn holds(condition: &str) -> Option<bool> {
        holds_of(
            condition,
            b"POST /orders/7?a=b HTTP/1.1\r\nHost: api.test\r\nX-A: 1\r\nx-a: 2\r\nCookie: c=d\r\n\r\n",
        )
    }

    fn holds_of(condition: &str, bytes: &[u8]) -> Option<bool> {
        let when =
            When::compile(condition, Phase::Transform).unwrap_or_else(|told| panic!("{condition}: {told:?}"));
        let mut lines = Lines::new();
        request::parse(bytes, &mut lines, &HeadLimits::default()).expect("parses");
        let facts = Facts {
            head: Head::new(bytes, &lines),
            ours: &Identity::default(),
            length: request_length(Head::new(bytes, &lines)).expect("is framed"),
            path: b"/orders/7",
            parameters: &[crate::policy::Parameter { name: "id".into(), segment: 1 }],
            client: "192.0.2.7".parse().ok(),
            peer: ClientAddr::Unix,
            certificate: None,
            is_https: true,
            host: b"API.test.:8080",
            listener: "public",
            route: "orders",
            request_id: b"id-1",
            now: Tick(1),
            unix_ms: 1,
        };
        when.holds(&facts, &Passage::default(), &mut Evaluator::default())
    }

    #[test]
    fn a_condition_reads_the_request() {
        for (condition, expected) in [
            (r#"request.method == "POST""#, Some(true)),
            (r#"request.path.startsWith("/orders/") && request.query == "a=b""#, Some(true)),
            (r#"request.headers["x-a"] == "1, 2""#, Some(true)),
            (r#""x-b" in request.headers"#, Some(false)),
            (r#"has(request.cookies.c) && request.cookies.c == "d""#, Some(true)),
            (r#"request.host == "api.test""#, Some(true)),
            (r#"request.parameters.id == "7" && client.ip == "192.0.2.7""#, Some(true)),
            (r#"request.scheme == "https" && listener == "public" && route != "x""#, Some(true)),
            (r#"caller.user == "" && size(caller.scopes) == 0"#, Some(true)),
            (r#"["GET", "POST"].exists(m, m == request.method)"#, Some(true)),
            (r#"has(caller.claims.dep)"#, Some(false)),
            // What cannot be told.
            (r#"caller.claims.dep == "x""#, None),
            (r#"request.headers["x-b"] == "1""#, None),
            ("1 + 1", None),
            (r#"request.method > 5"#, None),
            (r#"request.path + 1 == "x""#, None),
            ("1 / 0 == 1", None),
            // What decides by itself needs no other side.
            (r#"request.method == "GET" && caller.claims.dep == "x""#, Some(false)),
            (r#"caller.claims.dep == "x" || request.method == "POST""#, Some(true)),
        ] {
            assert_eq!(holds(condition), expected, "{condition}");
        }
    }

    #[test]
    fn what_costs_too_much_cannot_be_told() {
        let turns = vec!["1"; 100].join(",");
        let condition = format!(r#"[{turns}].exists(turn, "x-none" in request.headers)"#);
        let request =
            |bytes: usize| format!("GET / HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "x".repeat(bytes));
        assert_eq!(holds_of(&condition, request(1_000).as_bytes()), Some(false));
        assert_eq!(holds_of(&condition, request(12_000).as_bytes()), None, "each turn reads all of it");
        // As many cookies as a head can have are still too many to loop over.
        let many =
            |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: {}\r\n\r\n", cookies_of(count));
        let condition = r#"request.cookies.all(name, name != "x")"#;
        assert_eq!(holds_of(condition, many(200).as_bytes()), Some(true));
        assert_eq!(holds_of(condition, many(2_100).as_bytes()), None);
    }

    fn cookies_of(count: usize) -> String {
        (0..count).map(|at| format!("c{at}=1")).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn what_cannot_be_meant_is_told_at_load() {
        let long = "1 == 1 && ".repeat(60) + "true";
        let repeated = format!("[1].all(a, {} a == 1)", "a == 1 && ".repeat(12));
        let wide = format!("{}true", " ".repeat(2050));
        let deep = format!("{}1{} == 1", "(".repeat(500), ")".repeat(500));
        for (condition, phase, expected) in [
            ("request.methd == \"POST\"", Phase::Transform, "there is no variable 'request.methd'"),
            ("user == \"ann\"", Phase::Transform, "there is no variable 'user'"),
            ("size(request) == 1", Phase::Transform, "'request' alone is no variable"),
            ("request.path.matches(\"a\")", Phase::Transform, "there is no function 'matches'"),
            ("caller.user == \"ann\"", Phase::Ip, "'caller.user' is not known yet"),
            ("[1].all(a, [2].all(b, a < b))", Phase::Transform, "a condition with a loop within a loop"),
            ("request.method ==", Phase::Transform, "'request.method ==' is no condition"),
            (&long, Phase::Transform, "a condition of"),
            (&wide, Phase::Transform, "a condition of 2054 bytes"),
            (&repeated, Phase::Transform, "a condition that repeats"),
            (&deep, Phase::Transform, "a condition nested 500 deep"),
        ] {
            let (message, _) =
                When::compile(condition, phase).err().unwrap_or_else(|| panic!("{condition} is taken"));
            assert!(message.starts_with(expected), "{condition}: {message}");
        }
    }
}
