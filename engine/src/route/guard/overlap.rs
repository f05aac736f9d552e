//! What two rules of one host and path have in common, as far as it can be told without asking a request. `build`
//! reports with it which rules never see a request, and between which only their order in the file decides.

use super::{Ask, Guard, Guards, Wants};
use crate::route::Scratch;

/// What the later of two rules of equal host, path and precedence is left with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::route) enum Overlap {
    /// Nothing: what it takes, the earlier one takes first.
    Covered,
    /// Some requests that the earlier one would take too.
    Shared,
    /// All that it asks for: no request fulfils both.
    Apart,
}

/// Compares two rules, of which `first` is asked before `second`.
pub(in crate::route) fn overlap(
    first: Option<&Guard>,
    second: Option<&Guard>,
    guards: &Guards,
    scratch: &Scratch,
) -> Overlap {
    let Some(first) = first else { return Overlap::Covered };
    let Some(second) = second else { return Overlap::Shared };
    let pairs = || first.asks.iter().flat_map(|one| second.asks.iter().map(move |other| (one, other)));
    let same = |(one, other): &(&Ask, &Ask)| one.of == other.of;
    let method_apart =
        !first.methods.is_empty() && !second.methods.is_empty() && !first.methods.meets(second.methods);
    let [ours, theirs] = [&first.listeners, &second.listeners];
    let holds = |listener| ours.contains(listener);
    let listener_apart = !ours.is_empty() && !theirs.is_empty() && !theirs.iter().any(holds);
    if method_apart
        || listener_apart
        || pairs().filter(same).any(|(one, other)| one.wants.excludes(&other.wants, guards, scratch))
    {
        return Overlap::Apart;
    }
    let method_covered =
        first.methods.is_empty() || !second.methods.is_empty() && first.methods.holds(second.methods);
    let covered = |one: &Ask| {
        let others = second.asks.iter().filter(|other| one.of == other.of);
        others.clone().any(|other| one.wants.covers(&other.wants, guards, scratch))
    };
    let listener_covered = ours.is_empty() || !theirs.is_empty() && theirs.iter().all(holds);
    match method_covered && listener_covered && first.asks.iter().all(covered) {
        true => Overlap::Covered,
        false => Overlap::Shared,
    }
}

impl Wants {
    /// Whether whatever `other` takes, this takes too. False where that cannot be told.
    fn covers(&self, other: &Wants, guards: &Guards, scratch: &Scratch) -> bool {
        match (self, other) {
            (Wants::Present, _) => true,
            (Wants::Matching(automaton), Wants::Exact(text)) => {
                guards.automata[*automaton].is_match(text, scratch)
            }
            _ => self == other,
        }
    }

    /// Whether the two never take the same value. False where that cannot be told.
    fn excludes(&self, other: &Wants, guards: &Guards, scratch: &Scratch) -> bool {
        match (self, other) {
            (Wants::Exact(one), Wants::Exact(other)) => one != other,
            (Wants::Exact(text), Wants::Matching(automaton))
            | (Wants::Matching(automaton), Wants::Exact(text)) => {
                !guards.automata[*automaton].is_match(text, scratch)
            }
            _ => false,
        }
    }
}
