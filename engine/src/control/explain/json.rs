//! A report for programs.

use super::report::{Outcome, Phase, Report, Row, Verdict};
use crate::exchange::Answer;
use serde_json::{Map, Value, json};

impl Report {
    /// As JSON: `generation`, `listener`, `phases` in order, `outcome`.
    pub fn json(&self) -> Value {
        let mut outcome = self.outcome.json();
        if let Some(policy) = &self.provided {
            outcome["provided"] = policy.as_str().into();
        }
        json!({
            "generation": self.generation,
            "listener": self.listener,
            "phases": self.phases.iter().map(Phase::json).collect::<Vec<_>>(),
            "outcome": outcome,
        })
    }
}

impl Phase {
    fn json(&self) -> Value {
        let mut of = Map::new();
        of.insert("phase".into(), self.name.into());
        match self.verdict {
            Verdict::Pass => of.insert("verdict".into(), "pass".into()),
            Verdict::Answer(reason) => {
                of.insert("reason".into(), reason.as_str().into());
                of.insert("detail".into(), reason.detail().into());
                of.insert("status".into(), Answer::of(reason).map(|answer| answer.status).into());
                of.insert("verdict".into(), "answer".into())
            }
        };
        of.insert("says".into(), self.says.as_str().into());
        let facts: Map<String, Value> =
            self.facts.iter().map(|(name, fact)| ((*name).to_owned(), fact.clone())).collect();
        of.insert("facts".into(), facts.into());
        let (name, rows) = &self.rows;
        if !rows.is_empty() {
            of.insert((*name).into(), rows.iter().map(Row::json).collect::<Vec<_>>().into());
        }
        let more: Map<String, Value> =
            self.more.iter().map(|(name, count)| (name.replace(' ', "_"), (*count).into())).collect();
        if !more.is_empty() {
            of.insert("not_listed".into(), more.into());
        }
        if !self.notes.is_empty() {
            of.insert("notes".into(), self.notes.clone().into());
        }
        of.into()
    }
}

impl Row {
    fn json(&self) -> Value {
        let mut of = json!({ "name": self.name, "what": self.what, "picked": self.picked, "why": self.why });
        for (name, fact) in &self.facts {
            of[*name] = fact.clone();
        }
        of
    }
}

impl Outcome {
    fn json(&self) -> Value {
        let status = self.status();
        match self {
            Outcome::Refused(reason) => {
                json!({ "kind": "refused", "status": status, "reason": reason.as_str() })
            }
            Outcome::Responds(_) => json!({ "kind": "responds", "status": status }),
            Outcome::Redirects(_, place) => {
                json!({ "kind": "redirects", "status": status, "location": place })
            }
            Outcome::Forwards(upstream, endpoint) => {
                json!({ "kind": "forwards", "upstream": upstream, "endpoint": endpoint })
            }
        }
    }
}
