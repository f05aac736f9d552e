//! `when:`, the condition under which a policy applies, in CEL (the Common Expression Language). Parsed and checked when
//! it is loaded: names that are no variables, functions that are none, loops within loops are problems then. A variable is
//! made when it is read. Cost is bounded by the nodes of an expression, and for the one loop that each may have by the
//! fields of a request. A condition that cannot be told, since a claim that it reads is missing, holds: a guard
//! stays at its post.

use super::auth::Principal;
use super::auth::document::{Kind as Json, Value as JsonValue};
use super::{Facts, Passage, Phase};
use crate::wire::cookie::cookies;
use cel::common::ast::{EntryExpr, Expr};
use cel::common::types::CelString;
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::parser::Expression;
use cel::{Context, Env, Program, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes of a condition at most.
const TEXT_BYTES_MAX: usize = 2048;
/// Nodes of its tree at most.
const NODES_MAX: usize = 200;

/// Variables: a group, and what is in it.
const GROUPS: [(&str, &[&str]); 3] = [
    ("request", &["method", "path", "host", "scheme", "id", "query", "headers", "cookies", "parameters"]),
    ("client", &["ip"]),
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
        let variables = Variables { facts, caller: &passage.principal };
        let mut context = Context::with_env(Arc::clone(env));
        context.set_variable_resolver(&variables);
        match self.0.execute(&context) {
            Ok(Value::Bool(holds)) => Some(holds),
            _ => None,
        }
    }
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
                let before = self.scope.len();
                self.scope.extend([looped.iter_var.as_str(), looped.accu_var.as_str()]);
                self.scope.extend(looped.iter_var2.as_deref());
                for part in [&looped.accu_init, &looped.loop_cond, &looped.loop_step, &looped.result] {
                    self.walk(part)?;
                }
                self.scope.truncate(before);
                self.loops -= 1;
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

/// Makes a variable when it is read.
struct Variables<'r> {
    facts: &'r Facts<'r>,
    caller: &'r Principal,
}

impl VariableResolver for Variables<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let Variables { facts, caller } = self;
        Some(match variable {
            "request.method" => text(facts.head.method_bytes()),
            "request.path" => text(facts.path),
            "request.host" => text(facts.host),
            "request.scheme" => text(if facts.is_https { b"https" } else { b"http" }),
            "request.id" => text(facts.request_id),
            "request.query" => text(facts.head.query().unwrap_or_default()),
            "request.headers" => made(headers(facts)),
            "request.cookies" => made(map(cookies(facts.head))),
            "request.parameters" => {
                let named = facts
                    .parameters
                    .iter()
                    .filter_map(|one| Some((one.name.as_bytes(), facts.parameter(&one.name)?)));
                made(map(named))
            }
            "client.ip" => {
                let ip = facts.client.map(|ip| ip.to_canonical().to_string());
                made(Value::from(ip.unwrap_or_default()))
            }
            "listener" => text(facts.listener.as_bytes()),
            "route" => text(facts.route.as_bytes()),
            "caller.user" => text(caller.subject().unwrap_or_default()),
            "caller.consumer" => text(caller.consumer().unwrap_or_default()),
            "caller.tier" => text(caller.tier().unwrap_or_default()),
            "caller.scopes" => made(list(caller.scopes())),
            "caller.roles" => made(list(caller.roles())),
            "caller.claims" => made(caller.all_claims().map_or_else(|| map(std::iter::empty()), claim)),
            _ => return None,
        })
    }
}

fn text(bytes: &[u8]) -> CowVal<'_, '_> {
    CowVal::owned(CelString::from(String::from_utf8_lossy(bytes)))
}

fn made<'b>(value: Value) -> CowVal<'b, 'b> {
    // Of the values made here each has its counterpart.
    Box::<dyn Val>::try_from(value).map_or_else(|_| text(b""), CowVal::Owned)
}

fn owned(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn list<'i>(items: impl Iterator<Item = &'i [u8]>) -> Value {
    Value::List(Arc::new(items.map(|item| Value::from(owned(item))).collect()))
}

/// Of equal names the first counts.
fn map<'i>(pairs: impl Iterator<Item = (&'i [u8], &'i [u8])>) -> Value {
    let mut map: HashMap<String, String> = HashMap::new();
    for (name, value) in pairs {
        map.entry(owned(name)).or_insert_with(|| owned(value));
    }
    Value::from(map)
}

/// Fields by name in lower case; the values of one that repeats are joined.
fn headers(facts: &Facts<'_>) -> Value {
    let mut map: HashMap<String, String> = HashMap::new();
    for (_, name, value) in facts.head.lines() {
        let value = owned(value);
        map.entry(owned(name).to_ascii_lowercase())
            .and_modify(|known| *known = format!("{known}, {value}"))
            .or_insert(value);
    }
    Value::from(map)
}

fn claim(value: JsonValue<'_>) -> Value {
    match value.kind() {
        Json::String => Value::from(owned(value.bytes())),
        Json::Bool => Value::Bool(value.bytes() == b"true"),
        Json::Null => Value::Null,
        Json::Number => {
            let text = owned(value.bytes());
            let whole = text.parse().map(Value::Int).or_else(|_| text.parse().map(Value::UInt));
            whole.unwrap_or_else(|_| Value::Float(text.parse().unwrap_or(f64::NAN)))
        }
        Json::Array => Value::List(Arc::new(value.items().map(claim).collect())),
        Json::Object => {
            let members: HashMap<String, Value> =
                value.items().map(|item| (owned(item.name()), claim(item))).collect();
            Value::from(members)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ClientAddr, Tick};
    use crate::wire::head::{Head, Lines};
    use crate::wire::http1::{HeadLimits, request};

    fn holds(condition: &str) -> Option<bool> {
        let when =
            When::compile(condition, Phase::Transform).unwrap_or_else(|told| panic!("{condition}: {told:?}"));
        let bytes =
            b"POST /orders/7?a=b HTTP/1.1\r\nHost: api.test\r\nX-A: 1\r\nx-a: 2\r\nCookie: c=d\r\n\r\n";
        let mut lines = Lines::new();
        request::parse(bytes, &mut lines, &HeadLimits::default()).expect("parses");
        let facts = Facts {
            head: Head::new(bytes, &lines),
            path: b"/orders/7",
            parameters: &[crate::policy::Parameter { name: "id".into(), segment: 1 }],
            client: "192.0.2.7".parse().ok(),
            peer: ClientAddr::Unix,
            is_https: true,
            host: b"api.test",
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
            (r#"request.parameters.id == "7" && client.ip == "192.0.2.7""#, Some(true)),
            (r#"request.scheme == "https" && listener == "public" && route != "x""#, Some(true)),
            (r#"caller.user == "" && size(caller.scopes) == 0"#, Some(true)),
            (r#"["GET", "POST"].exists(m, m == request.method)"#, Some(true)),
            (r#"has(caller.claims.dep)"#, Some(false)),
            // What cannot be told.
            (r#"caller.claims.dep == "x""#, None),
            (r#"request.headers["x-b"] == "1""#, None),
            ("1 + 1", None),
        ] {
            assert_eq!(holds(condition), expected, "{condition}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_told_at_load() {
        let long = "1 == 1 && ".repeat(60) + "true";
        for (condition, phase, expected) in [
            ("request.methd == \"POST\"", Phase::Transform, "there is no variable 'request.methd'"),
            ("user == \"ann\"", Phase::Transform, "there is no variable 'user'"),
            ("size(request) == 1", Phase::Transform, "'request' alone is no variable"),
            ("request.path.matches(\"a\")", Phase::Transform, "there is no function 'matches'"),
            ("caller.user == \"ann\"", Phase::Ip, "'caller.user' is not known yet"),
            ("[1].all(a, [2].all(b, a < b))", Phase::Transform, "a condition with a loop within a loop"),
            ("request.method ==", Phase::Transform, "'request.method ==' is no condition"),
            (&long, Phase::Transform, "a condition of"),
        ] {
            let (message, _) =
                When::compile(condition, phase).err().unwrap_or_else(|| panic!("{condition} is taken"));
            assert!(message.starts_with(expected), "{condition}: {message}");
        }
    }
}
