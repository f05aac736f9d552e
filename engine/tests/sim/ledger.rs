//! What was seen in a run: by clients of their answers, by origins of their requests. The laws judge it at the end.

use crate::plan::Plan;
use crate::wire::Broken;
use ringgate::base::Tick;
use ringgate::net::clock;
use ringgate::net::sim::Random;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// How a final answer came.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// Whether an origin made it, not the gateway.
    pub of_origin: bool,
    /// Whether its body came to its end.
    pub whole: bool,
    /// Body bytes that came.
    pub bytes: usize,
    /// Whether it said that the connection closes.
    pub closes: bool,
}

impl Answer {
    /// An answer that broke off before its head was whole.
    pub fn cut_in_head() -> Answer {
        Answer { status: 0, of_origin: true, whole: false, bytes: 0, closes: true }
    }
}

/// Points on the way of a message whose parts come apart. What left must come before the next part leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// The reply's head.
    Head,
    /// The first half of the reply's body.
    Half,
    /// The first half of the request's body.
    Sent,
    /// The whole exchange: it leaves with the request's first byte, and comes with the end of the answer.
    Whole,
}

/// What an origin saw of a request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deliveries {
    /// Heads that came.
    pub heads: u32,
    /// Of these, requests that were read to their end.
    pub whole: u32,
}

/// What a run's tasks share.
pub struct Run {
    pub plan: Plan,
    pub random: Rc<Random>,
    pub answers: RefCell<BTreeMap<u32, Answer>>,
    pub deliveries: RefCell<BTreeMap<u32, Deliveries>>,
    /// When a part of a request's exchange left, and when it came.
    pub left: RefCell<BTreeMap<(u32, Moment), Tick>>,
    pub came: RefCell<BTreeMap<(u32, Moment), Tick>>,
    pub violations: RefCell<Vec<String>>,
    pub sessions_open: Cell<usize>,
}

impl Run {
    pub fn new(plan: Plan) -> Rc<Run> {
        Rc::new(Run {
            random: Rc::new(Random::new(plan.seed ^ 0x00AC_7015)),
            plan,
            answers: RefCell::default(),
            deliveries: RefCell::default(),
            left: RefCell::default(),
            came: RefCell::default(),
            violations: RefCell::default(),
            sessions_open: Cell::new(0),
        })
    }

    /// Notes a broken law.
    pub fn breach(&self, text: impl Into<String>) {
        self.violations.borrow_mut().push(text.into());
    }

    /// Notes what is garbled; an end or a reset breaks no law by itself.
    pub fn garbled(&self, who: &str, broken: &Broken) {
        if let Broken::Garbled(text) = broken {
            self.breach(format!("{who} received what cannot be: {text}"));
        }
    }

    pub fn leaves(&self, id: u32, moment: Moment) {
        self.left.borrow_mut().insert((id, moment), clock::now());
    }

    /// How long the exchange of request `id` took its client.
    pub fn took(&self, id: u32) -> Option<Duration> {
        let whole = (id, Moment::Whole);
        let (left, came) = (self.left.borrow().get(&whole).copied(), self.came.borrow().get(&whole).copied());
        Some(came?.since(left?))
    }

    pub fn comes(&self, id: u32, moment: Moment) {
        self.came.borrow_mut().entry((id, moment)).or_insert_with(clock::now);
    }

    pub fn head_came(&self, id: u32) {
        self.deliveries.borrow_mut().entry(id).or_default().heads += 1;
    }

    pub fn whole_came(&self, id: u32) {
        self.deliveries.borrow_mut().entry(id).or_default().whole += 1;
    }
}
