//! What rules ask for besides host and path, compiled: one [`Guard`] a rule that asks for anything. A request is held
//! to it only where host and path have led to the rule.

use super::Scratch;
use super::automaton::{Automaton, Regex};
use super::value::{self, FieldName};
use super::{Facts, Rule};
use crate::base::ListenerId;
use crate::wire::cookie::cookie;
use condition::{Condition, Part, Value};
use method::{MethodSet, Methods};

pub(super) mod condition;
pub(super) mod method;
pub(super) mod overlap;

/// A request and what is needed to hold it to a guard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'r> {
    pub(super) facts: &'r Facts<'r>,
    pub(super) scratch: &'r Scratch,
    pub(super) guards: &'r Guards,
}

/// The guards of all rules.
#[derive(Debug, Default)]
pub(super) struct Guards {
    pub(super) methods: Methods,
    /// By the rule's place in the file's order.
    pub(super) list: Vec<Option<Guard>>,
    /// The expressions that values must match, one each.
    pub(super) automata: Vec<Automaton>,
}

/// What one rule asks for.
#[derive(Debug)]
pub(super) struct Guard {
    /// Empty is every listener.
    pub(super) listeners: Box<[ListenerId]>,
    /// Empty is every method.
    pub(super) methods: MethodSet,
    /// In the order of the rule's conditions.
    pub(super) asks: Box<[Ask]>,
}

#[derive(Debug)]
pub(super) struct Ask {
    pub(super) of: Of,
    pub(super) wants: Wants,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Of {
    Field(FieldName),
    Cookie(Box<[u8]>),
    Query(Box<[u8]>),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wants {
    Present,
    Exact(Box<[u8]>),
    /// The automaton's place in [`Guards::automata`].
    Matching(usize),
}

/// The first thing a request failed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    Listener,
    Method,
    /// The number of the condition.
    Condition(usize),
}

impl Guard {
    /// Compiles what `rule` asks for; `automaton` gives the place of an expression's. None when it asks for nothing.
    pub(super) fn compile(
        rule: &Rule,
        methods: MethodSet,
        automaton: impl Fn(&Regex) -> usize,
    ) -> Option<Guard> {
        if rule.listeners.is_empty() && methods.is_empty() && rule.conditions.is_empty() {
            return None;
        }
        let ask = |condition: &Condition| {
            let name = || condition.name.as_bytes().into();
            let of = match condition.part {
                Part::Header => Of::Field(FieldName::of(&condition.name)),
                Part::Cookie => Of::Cookie(name()),
                Part::Query => Of::Query(name()),
            };
            let wants = match &condition.value {
                Value::Present => Wants::Present,
                Value::Exact(text) => Wants::Exact(text.as_bytes().into()),
                Value::Matching(expression) => Wants::Matching(automaton(expression)),
            };
            Ask { of, wants }
        };
        let listeners = rule.listeners.iter().map(|(id, _)| *id).collect();
        Some(Guard { listeners, methods, asks: rule.conditions.iter().map(ask).collect() })
    }

    /// Whether the request may pass. The method is looked at first, being among the cheapest.
    pub(super) fn passes(&self, request: &Request<'_>) -> bool {
        self.takes_method(request) && self.fulfilled(request)
    }

    /// Whether all but the method hold.
    pub(super) fn fulfilled(&self, request: &Request<'_>) -> bool {
        self.takes_listener(request) && self.asks.iter().all(|ask| ask.holds(request))
    }

    /// What stops the request first, if anything does.
    pub(super) fn failed(&self, request: &Request<'_>) -> Option<Failed> {
        if !self.takes_listener(request) {
            return Some(Failed::Listener);
        }
        if !self.takes_method(request) {
            return Some(Failed::Method);
        }
        self.asks.iter().position(|ask| !ask.holds(request)).map(Failed::Condition)
    }

    fn takes_listener(&self, request: &Request<'_>) -> bool {
        self.listeners.is_empty() || self.listeners.contains(&request.facts.listener)
    }

    fn takes_method(&self, request: &Request<'_>) -> bool {
        self.methods.is_empty() || self.methods.meets(request.guards.methods.of(request.facts.method))
    }
}

impl Ask {
    fn holds(&self, request: &Request<'_>) -> bool {
        let head = request.facts.head;
        match &self.of {
            Of::Field(name) => {
                let mut room = request.scratch.text();
                name.value(head, &mut room).is_some_and(|value| self.wants.takes(value, request))
            }
            Of::Cookie(name) => cookie(head, name).is_some_and(|value| self.wants.takes(value, request)),
            Of::Query(name) => {
                let Some(raw) = head.query().and_then(|query| value::parameter(query, name)) else {
                    return false;
                };
                match &self.wants {
                    Wants::Present => true,
                    Wants::Exact(text) => value::same(raw, text),
                    Wants::Matching(_) => {
                        let mut room = request.scratch.text();
                        self.wants.takes(value::plain(raw, &mut room), request)
                    }
                }
            }
        }
    }
}

impl Wants {
    fn takes(&self, value: &[u8], request: &Request<'_>) -> bool {
        match self {
            Wants::Present => true,
            Wants::Exact(text) => **text == *value,
            Wants::Matching(automaton) => {
                request.guards.automata[*automaton].is_match(value, request.scratch)
            }
        }
    }
}
