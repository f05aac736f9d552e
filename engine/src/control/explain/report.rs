//! What is told of a request: phases in the order in which it meets them, each with a verdict, a sentence for people,
//! facts for programs, and the rows that were chosen from. A phase more, such as a policy's, is one more [`Phase`]; who
//! shows a report knows none of them by name.

use crate::exchange::Answer;
use crate::observe::Reason;
use serde_json::Value;

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The table's number.
    pub generation: u64,
    /// The listener it came in by.
    pub listener: String,
    /// What it met, in order. The last one may be the one that answered.
    pub phases: Vec<Phase>,
    /// How it ends.
    pub outcome: Outcome,
    /// The policy that must let it pass for that, where only somebody else can tell whether it does.
    pub provided: Option<String>,
}

/// One thing that a request meets.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// Its name.
    pub name: &'static str,
    /// What it does with the request.
    pub verdict: Verdict,
    /// The same in a line, for people.
    pub says: String,
    /// The same for programs; what differs between two files is found here.
    pub facts: Vec<(&'static str, Value)>,
    /// What was to choose from, in order, and what they are called.
    pub rows: (&'static str, Vec<Row>),
    /// How many rows are not shown, and why.
    pub more: Vec<(&'static str, usize)>,
    /// What should be known besides.
    pub notes: Vec<String>,
}

/// What a phase does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Leads it on.
    Pass,
    /// Ends it with this answer of our own.
    Answer(Reason),
}

/// One of several to choose from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// What it is called.
    pub name: String,
    /// What it is, such as a pattern; may be empty.
    pub what: String,
    /// Whether it was chosen.
    pub picked: bool,
    /// Why, or why not.
    pub why: String,
    /// The same for programs.
    pub facts: Vec<(&'static str, Value)>,
}

/// How a request ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// By an answer of our own for a reason.
    Refused(Reason),
    /// By an answer that is no refusal: the route's, or that of the last hop.
    Responds(u16),
    /// By sending the client to this place.
    Redirects(u16, String),
    /// At this endpoint of an upstream, where one is known.
    Forwards(String, Option<String>),
}

impl Phase {
    /// One that leads on.
    pub fn pass(name: &'static str, says: impl Into<String>) -> Phase {
        Phase {
            name,
            verdict: Verdict::Pass,
            says: says.into(),
            facts: Vec::new(),
            rows: ("rows", Vec::new()),
            more: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// One that ends with the answer for `reason`.
    pub fn answers(name: &'static str, reason: Reason) -> Phase {
        let says = match reason.detail() {
            "" => reason.as_str().to_owned(),
            detail => format!("{}: {detail}", reason.as_str()),
        };
        Phase { verdict: Verdict::Answer(reason), ..Phase::pass(name, says) }
    }

    /// With one fact more.
    #[must_use]
    pub fn fact(mut self, name: &'static str, value: impl Into<Value>) -> Phase {
        self.facts.push((name, value.into()));
        self
    }

    /// With these rows to choose from.
    #[must_use]
    pub fn rows(mut self, name: &'static str, rows: Vec<Row>) -> Phase {
        self.rows = (name, rows);
        self
    }

    /// With something that should be known.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Phase {
        self.notes.push(note.into());
        self
    }
}

impl Outcome {
    /// The status that the client sees, where it is known.
    pub fn status(&self) -> Option<u16> {
        match self {
            Outcome::Refused(reason) => Answer::of(*reason).map(|answer| answer.status),
            Outcome::Responds(status) | Outcome::Redirects(status, _) => Some(*status),
            Outcome::Forwards(..) => None,
        }
    }
}
