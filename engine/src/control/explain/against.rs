//! What differs between two reports of one request: a change for each fact that only one of them has, or that the two
//! have otherwise. Phases are compared by name, so that one more in a file is a change like any other.

use super::report::{Phase, Report, Verdict};
use serde_json::{Value, json};
use std::fmt;

/// One difference.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Of what: a phase and its fact, such as `route.pattern`.
    pub what: String,
    /// Before; none where there was nothing.
    pub before: Option<Value>,
    /// After, likewise.
    pub after: Option<Value>,
}

/// The differences from `before` to `after`, in the order of the request.
pub fn changes(before: &Report, after: &Report) -> Vec<Change> {
    let mut all = Vec::new();
    let outcomes = [before, after].map(|report| Some(Value::from(report.outcome.to_string())));
    let [one, other] = outcomes;
    note(
        &mut all,
        "listener".into(),
        Some(before.listener.as_str().into()),
        Some(after.listener.as_str().into()),
    );
    let named =
        |report: &'_ Report, name: &str| report.phases.iter().find(|phase| phase.name == name).cloned();
    let only_after = after.phases.iter().filter(|phase| named(before, phase.name).is_none());
    for name in before.phases.iter().chain(only_after).map(|phase| phase.name) {
        let (old, new) = (named(before, name), named(after, name));
        let verdict = |phase: &Option<Phase>| {
            phase.as_ref().map(|phase| match phase.verdict {
                Verdict::Pass => Value::from("pass"),
                Verdict::Answer(_) => Value::from(phase.says.as_str()),
            })
        };
        note(&mut all, format!("{name}.verdict"), verdict(&old), verdict(&new));
        let facts =
            |phase: &Option<Phase>| phase.as_ref().map(|phase| phase.facts.clone()).unwrap_or_default();
        let (old, new) = (facts(&old), facts(&new));
        let of = |facts: &[(&str, Value)], name: &str| {
            facts.iter().find(|(other, _)| *other == name).map(|(_, fact)| fact.clone())
        };
        let only_new = new.iter().filter(|(fact, _)| of(&old, fact).is_none());
        for (fact, _) in old.iter().chain(only_new) {
            note(&mut all, format!("{name}.{fact}"), of(&old, fact), of(&new, fact));
        }
    }
    note(&mut all, "outcome".into(), one, other);
    all
}

fn note(all: &mut Vec<Change>, what: String, before: Option<Value>, after: Option<Value>) {
    if before != after {
        all.push(Change { what, before, after });
    }
}

impl Change {
    /// As JSON: `what`, `before`, `after`.
    pub fn json(&self) -> Value {
        json!({ "what": self.what, "before": self.before, "after": self.after })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |value: &Option<Value>| match value {
            None | Some(Value::Null) => "none".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(items)) => {
                let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                format!("[{}]", items.join(", "))
            }
            Some(other) => other.to_string(),
        };
        write!(out, "{}: {} -> {}", self.what, told(&self.before), told(&self.after))
    }
}
