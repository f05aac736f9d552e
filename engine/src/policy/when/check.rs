//! What a condition may say: its size, its names, its functions and its loops. All of it is known when it is loaded.

use super::meant;
use crate::policy::Phase;
use cel::common::ast::{EntryExpr, Expr};
use cel::parser::Expression;

/// Bytes of a condition at most.
const TEXT_BYTES_MAX: usize = 2048;
/// Brackets within brackets at most: its parser goes down one call after the other.
const NESTING_MAX: usize = 32;
/// Nodes of its tree at most.
const NODES_MAX: usize = 200;
/// Nodes of the part that a loop repeats.
const LOOP_NODES_MAX: usize = 40;

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

/// What is wrong, and what is accepted.
pub(super) type Flaw = (String, String);
pub(super) type Found = Result<(), Flaw>;

/// Whether a condition is short and flat enough to be parsed.
pub(super) fn text(text: &str) -> Found {
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
    Ok(())
}

/// Whether the tree of one that is asked in `phase` holds to what there is.
pub(super) fn tree(root: &Expression, phase: Phase) -> Found {
    let mut check = Check { phase, scope: Vec::new(), nodes: 0, loops: 0 };
    check.walk(root)?;
    meant::truth(root)?;
    if check.nodes > NODES_MAX {
        return Err((format!("a condition of {} parts", check.nodes), format!("{NODES_MAX} at most")));
    }
    Ok(())
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

impl<'e> Check<'e> {
    fn walk(&mut self, expression: &'e Expression) -> Found {
        self.nodes += 1;
        match &expression.expr {
            Expr::Ident(name) => self.alone(name),
            Expr::Select(select) => match &select.operand.expr {
                Expr::Ident(group) if !self.scope.contains(&group.as_str()) && group_of(group).is_some() => {
                    self.member(group, &select.field)
                }
                _ => self.walk(&select.operand).and_then(|()| meant::select(select)),
            },
            Expr::Call(call) => {
                meant::call(call)?;
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
