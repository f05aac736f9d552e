//! What a condition cannot have been meant to say, though it is CEL: comparisons that no request makes true, since a
//! variable never has such a text, and a whole that is no truth value. Told when it is loaded: asked, the first would
//! leave a policy out unseen, and the second refuses every request.

use super::check::Found;
use cel::common::ast::{CallExpr, Expr, LiteralValue, SelectExpr, operators};
use cel::parser::Expression;
use std::net::IpAddr;

/// Kinds of values, as they are told.
const TEXT: &str = "a text";
const LIST: &str = "a list";
const MAP: &str = "a map";
const NUMBER: &str = "a number";
const TRUTH: &str = "a truth value";
const VALUE: &str = "a value";
/// What variables stand in.
const GROUPS: [&str; 3] = ["request", "client", "caller"];
/// Functions whose value is a truth value.
const TRUTHS: [&str; 4] = ["contains", "startsWith", "endsWith", "bool"];
/// Maps of texts by name, whose items are known to be texts.
const TEXTS: [&str; 3] = ["request.headers", "request.cookies", "request.parameters"];
/// Operators that ask for truth values.
const LOGIC: [&str; 3] = [operators::LOGICAL_AND, operators::LOGICAL_OR, operators::LOGICAL_NOT];
/// Operators whose sides are of one kind, or never hold.
const MATCHED: [&str; 6] = [
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::LESS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::GREATER_EQUALS,
];
/// Functions that hold one text to another.
const OF_TEXTS: [&str; 3] = ["contains", "startsWith", "endsWith"];
/// Operators and functions that hold a text to another.
const COMPARED: [&str; 6] =
    [operators::EQUALS, operators::NOT_EQUALS, operators::IN, "contains", "startsWith", "endsWith"];

/// Whether what is called is given what it takes, and texts that there can be.
pub(super) fn call(call: &CallExpr) -> Found {
    let name = call.func_name.as_str();
    let sides: Vec<&Expression> = call.target.iter().map(Box::as_ref).chain(&call.args).collect();
    fits(name, &sides)?;
    if let ([map, key], operators::INDEX) | ([key, map], operators::IN) = (&sides[..], name)
        && variable(map).as_deref() == Some("request.headers")
    {
        return texts(key).into_iter().try_for_each(field_name);
    }
    let [left, right] = sides[..] else { return Ok(()) };
    if !COMPARED.contains(&name) {
        return Ok(());
    }
    for (side, other) in [(left, right), (right, left)] {
        if let Some(variable) = variable(side) {
            texts(other).into_iter().try_for_each(|text| value(&variable, name, text))?;
        }
    }
    Ok(())
}

/// Whether each side is of a kind that the operator or function `name` takes: else it fails for each request, or never holds.
fn fits(name: &str, sides: &[&Expression]) -> Found {
    let [left, right] = *sides else { return Ok(()) };
    let (lefts, rights) = (kind(left), kind_of_value(right));
    if name == operators::INDEX {
        return items(left);
    }
    if name == operators::IN && kind(right) == Some(TEXT) {
        let fix = format!("write {}.contains(…)", variable(right).unwrap_or_else(|| "the text".into()));
        return Err((format!("{} is a text, and nothing is in it", said(right)), fix));
    }
    if OF_TEXTS.contains(&name) {
        if let Some(kind @ (LIST | MAP)) = lefts {
            return Err((
                format!("{} is {kind}, and {name}() is of texts", said(left)),
                "write \"a\" in it".into(),
            ));
        }
        if let Some(kind) = rights.filter(|kind| lefts == Some(TEXT) && *kind != TEXT && *kind != VALUE) {
            let fix = "write a text in quotes".into();
            return Err((format!("{name}() of a text and {kind}"), fix));
        }
    }
    if MATCHED.contains(&name) {
        let (ours, theirs) = (kind_of_value(left), rights);
        let known = |kind: &&str| [TEXT, LIST, MAP, NUMBER, TRUTH].contains(kind);
        if let (Some(ours), Some(theirs)) = (ours.filter(known), theirs.filter(known))
            && ours != theirs
        {
            let fix = match (ours, theirs) {
                (TEXT, NUMBER) | (NUMBER, TEXT) => "write the number in quotes, or int(…) around the text",
                (LIST, TEXT) | (TEXT, LIST) => "write \"a\" in the list",
                _ => "compare what is alike",
            };
            return Err((format!("{} is {ours}, and is compared with {theirs}", said(left)), fix.into()));
        }
    }
    Ok(())
}

/// A text has no items, whether they are asked for by a dot or in brackets.
fn items(of: &Expression) -> Found {
    if kind(of) != Some(TEXT) || variable(of).is_some_and(|name| GROUPS.contains(&name.as_str())) {
        return Ok(());
    }
    let fix = match variable(of).as_deref() {
        Some("request.query") => {
            "write request.query.contains(\"name=value\"): it is the query as it was sent"
        }
        _ => "compare the text itself",
    };
    Err((format!("{} is a text, and has no items", said(of)), fix.into()))
}

/// What an expression is that is known, numbers and truth values too.
fn kind_of_value(expression: &Expression) -> Option<&'static str> {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(_)) => Some(TEXT),
        Expr::Literal(LiteralValue::Boolean(_)) => Some(TRUTH),
        Expr::Literal(LiteralValue::Int(_) | LiteralValue::UInt(_) | LiteralValue::Double(_)) => Some(NUMBER),
        Expr::Call(call) if call.func_name == "size" => Some(NUMBER),
        Expr::Ident(name) if GROUPS.contains(&name.as_str()) => None,
        _ => kind(expression),
    }
}

/// Whether a field that is read with a dot is one that there can be.
pub(super) fn select(select: &SelectExpr) -> Found {
    items(&select.operand)?;
    if variable(&select.operand).as_deref() == Some("request.headers") {
        return field_name(&select.field);
    }
    Ok(())
}

/// Whether the whole, and each side of its `&&`, `||` and `!`, can be a truth value.
pub(super) fn truth(expression: &Expression) -> Found {
    match &expression.expr {
        Expr::Call(call) if LOGIC.contains(&call.func_name.as_str()) => call.args.iter().try_for_each(truth),
        Expr::Call(call) if call.func_name == operators::CONDITIONAL => call.args.iter().try_for_each(truth),
        _ => kind(expression).map_or(Ok(()), |kind| {
            let fix = "compare it, such as request.method == \"POST\" or size(caller.scopes) > 0";
            Err((format!("{} is {kind}, and no condition", said(expression)), fix.into()))
        }),
    }
}

/// What an expression is that is known to be no truth value.
fn kind(expression: &Expression) -> Option<&'static str> {
    match &expression.expr {
        Expr::Ident(_) => variable(expression).map(|_| TEXT),
        Expr::Select(select) if select.test => None,
        Expr::Select(select) => match variable(expression)?.as_str() {
            "caller.scopes" | "caller.roles" => Some(LIST),
            "caller.claims" | "client.certificate" => Some(MAP),
            name if TEXTS.contains(&name) => Some(MAP),
            name if name.matches('.').count() == 1 => Some(TEXT),
            _ => variable(&select.operand).filter(|map| TEXTS.contains(&map.as_str())).map(|_| TEXT),
        },
        Expr::Call(call) => match call.func_name.as_str() {
            operators::ADD
            | operators::SUBSTRACT
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO
            | operators::NEGATE => Some(VALUE),
            operators::INDEX => {
                let map = call.args.first().and_then(variable)?;
                TEXTS.contains(&map.as_str()).then_some(TEXT)
            }
            name if is_function(name) && !TRUTHS.contains(&name) => Some(VALUE),
            _ => None,
        },
        // What `map` and `filter` begin with.
        Expr::Comprehension(looped) => matches!(looped.accu_init.expr, Expr::List(_)).then_some(LIST),
        Expr::List(_) => Some(LIST),
        Expr::Map(_) => Some(MAP),
        Expr::Literal(LiteralValue::Boolean(_)) => None,
        Expr::Literal(_) => Some(VALUE),
        Expr::Struct(_) | Expr::Unspecified => None,
    }
}

fn is_function(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The words for an expression in a message.
fn said(expression: &Expression) -> String {
    match &expression.expr {
        Expr::Call(call) if is_function(&call.func_name) => format!("{}(…)", call.func_name),
        _ => variable(expression).map_or_else(|| "what stands here".into(), |name| format!("'{name}'")),
    }
}

/// A variable's name with its group and whatever is read of it with dots; none for any other expression.
fn variable(expression: &Expression) -> Option<String> {
    match &expression.expr {
        Expr::Ident(name)
            if matches!(name.as_str(), "request" | "client" | "caller" | "listener" | "route") =>
        {
            Some(name.clone())
        }
        Expr::Select(select) => Some(format!("{}.{}", variable(&select.operand)?, select.field)),
        _ => None,
    }
}

/// The text that an expression is, or those of a list.
fn texts(expression: &Expression) -> Vec<&str> {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(text)) => vec![text.inner()],
        Expr::List(list) => list.elements.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// Fields are known by names in lower case.
fn field_name(name: &str) -> Found {
    let lower = name.to_ascii_lowercase();
    if lower == name {
        return Ok(());
    }
    let fix = format!("did you mean '{lower}'? Names in request.headers are in lower case");
    Err((format!("'{name}' is no name in request.headers"), fix))
}

/// Whether a variable can have, or hold, a text, as `name` compares it.
fn value(variable: &str, name: &str, text: &str) -> Found {
    let is_whole = matches!(name, operators::EQUALS | operators::NOT_EQUALS | operators::IN);
    let (meant, form) = match variable {
        "request.method" => (text.to_ascii_uppercase(), "upper case"),
        "request.host" => (plain_host(text), "lower case, without port and closing dot"),
        "request.scheme" => (text.to_ascii_lowercase(), "lower case"),
        "request.path" if (is_whole || name == "startsWith") && !text.starts_with('/') && text != "*" => {
            (format!("/{text}"), "the form of a path")
        }
        "client.ip" if is_whole => return address(text),
        _ => return Ok(()),
    };
    if meant == text {
        return Ok(());
    }
    let fix = format!("did you mean '{meant}'? {variable} is in {form}");
    Err((format!("{variable} is never '{text}'"), fix))
}

/// Whether the client's address can be this text.
fn address(text: &str) -> Found {
    match text.parse::<IpAddr>() {
        Ok(address) if address.to_string() == text => Ok(()),
        Ok(address) => Err((format!("client.ip is never '{text}'"), format!("did you mean '{address}'?"))),
        Err(_) => {
            let fix = "write one address; for networks there is a policy 'ip: { allow: [10.0.0.0/8] }'";
            Err((format!("client.ip is never '{text}'"), fix.into()))
        }
    }
}

/// A host as it is compared. Parts of one, such as `.example.com`, are parts still.
fn plain_host(text: &str) -> String {
    let name = match text.rsplit_once(':') {
        Some((name, port))
            if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) && !name.contains(':') =>
        {
            name
        }
        _ => text,
    };
    name.strip_suffix('.').filter(|name| !name.is_empty()).unwrap_or(name).to_ascii_lowercase()
}
