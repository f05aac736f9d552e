//! The loop of a run: readiness drives connections, a pace says when requests are due.

use super::client::{Client, Step, Target};
use super::cpu::Watch;
use super::report::{Errors, Report};
use super::{Histogram, Plan};
use mio::{Events, Poll, Token};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long answers of a fixed rate may come late, after the measured time.
const GRACE: Duration = Duration::from_secs(2);

/// Failures without a single answer after which a run is given up.
const FAILURES_MAX: u64 = 1000;

/// How long a connection that failed waits before it tries again, so that a dead target is not hammered.
const BACKOFF: Duration = Duration::from_millis(5);

/// Runs `plan` to its end.
///
/// # Errors
/// When readiness cannot be had, or the target gives no answer at all.
pub fn run(plan: &Plan) -> Result<Report, String> {
    let mut poll = Poll::new().map_err(|e| format!("poll: {e}"))?;
    let registry = poll.registry().try_clone().map_err(|e| format!("poll: {e}"))?;
    let request = plan.request();
    let target = Target { addr: plan.url.addr, request: &request, registry: &registry };
    let mut work = Work::new(plan, target);
    let mut events = Events::with_capacity(1024);
    loop {
        let now = Instant::now();
        work.mark(now);
        if work.is_over(now) {
            break;
        }
        work.launch(now);
        work.give_up()?;
        let wait = work.wait(Instant::now());
        if wait.is_zero() {
            // The target or its origin may want this CPU.
            std::thread::yield_now();
        }
        let waited = poll.poll(&mut events, Some(wait));
        match waited {
            Err(e) if e.kind() != std::io::ErrorKind::Interrupted => return Err(format!("poll: {e}")),
            _ => {}
        }
        for event in &events {
            work.ready(event.token());
        }
    }
    Ok(work.report())
}

/// When requests are due.
#[derive(Debug)]
enum Pace {
    /// As soon as a connection is idle.
    Closed,
    /// At fixed moments, `interval` apart; `next` is the first that was not started.
    Fixed { next: Instant, interval: Duration },
}

struct Work<'a> {
    plan: &'a Plan,
    target: Target<'a>,
    clients: Vec<Client>,
    idle: VecDeque<usize>,
    /// Connections that failed, with the moment they may try again.
    resting: VecDeque<(Instant, usize)>,
    pace: Pace,
    scratch: Vec<u8>,
    /// The measured time.
    from: Instant,
    until: Instant,
    latency: Histogram,
    errors: Errors,
    answers: u64,
    watch: Watch,
    cpu_at_start: Option<Duration>,
    cpu: Option<Duration>,
}

impl<'a> Work<'a> {
    fn new(plan: &'a Plan, target: Target<'a>) -> Work<'a> {
        let now = Instant::now();
        let from = now + plan.warmup_time();
        let pace = match plan.rate.filter(|rate| *rate > 0) {
            Some(rate) => Pace::Fixed { next: now, interval: Duration::from_secs(1) / rate },
            None => Pace::Closed,
        };
        Work {
            plan,
            target,
            clients: (0..plan.connections).map(|_| Client::new(&plan.method)).collect(),
            idle: (0..plan.connections).collect(),
            resting: VecDeque::new(),
            pace,
            scratch: vec![0; 64 * 1024],
            from,
            until: from + plan.measured_time(),
            latency: Histogram::default(),
            errors: Errors::default(),
            answers: 0,
            watch: Watch::new(&plan.pid),
            cpu_at_start: None,
            cpu: None,
        }
    }

    /// Reads the CPU clocks at both ends of the measured time.
    fn mark(&mut self, now: Instant) {
        if self.cpu_at_start.is_none() && now >= self.from {
            self.cpu_at_start = Some(self.watch.time());
        }
        if self.cpu.is_none() && now >= self.until {
            let start = self.cpu_at_start.unwrap_or_default();
            self.cpu = Some(self.watch.time().saturating_sub(start));
        }
    }

    /// A closed loop ends with the measured time; a fixed rate waits for late answers.
    fn is_over(&self, now: Instant) -> bool {
        match self.pace {
            Pace::Closed => now >= self.until,
            Pace::Fixed { .. } => now >= self.until + GRACE || (now >= self.until && self.unanswered() == 0),
        }
    }

    /// Requests due before the end of the measured time and without an answer.
    fn unanswered(&self) -> u64 {
        let Pace::Fixed { next, interval } = self.pace else { return 0 };
        let under_way = self.clients.iter().filter(|c| c.due.is_some()).count() as u64;
        let unsent =
            self.until.saturating_duration_since(next).as_nanos().div_ceil(interval.as_nanos().max(1));
        under_way + unsent as u64
    }

    /// Starts what is due.
    fn launch(&mut self, now: Instant) {
        while self.resting.front().is_some_and(|(until, _)| *until <= now) {
            self.idle.extend(self.resting.pop_front().map(|(_, at)| at));
        }
        // Each connection once at most: one whose answer comes at once is idle again and waits for the next turn.
        for _ in 0..self.idle.len() {
            let due = match &mut self.pace {
                Pace::Closed => Instant::now(),
                Pace::Fixed { next, .. } if *next > now || *next >= self.until => return,
                Pace::Fixed { next, interval } => {
                    let due = *next;
                    *next += *interval;
                    due
                }
            };
            let Some(at) = self.idle.pop_front() else { return };
            let step = self.clients[at].start(due, &self.target, Token(at), &mut self.scratch);
            self.settle(at, step);
        }
    }

    fn ready(&mut self, token: Token) {
        let step = self.clients[token.0].drive(&self.target, &mut self.scratch);
        self.settle(token.0, step);
    }

    /// Books what a step of connection `at` brought.
    fn settle(&mut self, at: usize, step: Step) {
        if step == Step::Wait {
            return;
        }
        let now = Instant::now();
        let client = &mut self.clients[at];
        let due = client.due.take().unwrap_or(now);
        match step {
            Step::Wait => {}
            Step::Failed(failure) => {
                failure.count(&mut self.errors);
                self.resting.push_back((now + BACKOFF, at));
            }
            Step::Answered(verdict) => {
                self.answers += 1;
                if !verdict.is_success {
                    self.errors.status += 1;
                } else if self.is_measured(due, now) {
                    self.latency.add(now - due);
                }
                if !verdict.keeps_alive || self.plan.close {
                    self.clients[at].close();
                }
                self.idle.push_back(at);
            }
        }
    }

    /// A closed loop measures answers that come in the measured time, a fixed rate those to requests due in it.
    fn is_measured(&self, due: Instant, now: Instant) -> bool {
        let moment = if matches!(self.pace, Pace::Closed) { now } else { due };
        moment >= self.from && moment < self.until
    }

    /// How long readiness may be waited for. The kernel's wait has whole milliseconds, so nearer moments are met by
    /// looking again and again.
    fn wait(&self, now: Instant) -> Duration {
        let mut wake = if now < self.from { self.from } else { self.until };
        if let Some((until, _)) = self.resting.front() {
            wake = wake.min(*until);
        }
        match self.pace {
            Pace::Closed if self.idle.is_empty() => {}
            Pace::Closed => wake = now,
            Pace::Fixed { next, .. } if !self.idle.is_empty() && next < self.until => wake = wake.min(next),
            Pace::Fixed { .. } => wake = wake.max(now + Duration::from_millis(1)),
        }
        Duration::from_millis(wake.saturating_duration_since(now).as_millis() as u64)
    }

    /// Ends a run against a target that only fails.
    fn give_up(&self) -> Result<(), String> {
        match self.answers == 0 && self.errors.total() > FAILURES_MAX {
            true => Err(format!("{} gives no answer: {:?}", self.plan.url.addr, self.errors)),
            false => Ok(()),
        }
    }

    fn report(self) -> Report {
        Report {
            unanswered: self.unanswered(),
            elapsed: self.plan.measured_time(),
            cpu: self.cpu.filter(|_| !self.plan.pid.is_empty()),
            latency: self.latency,
            errors: self.errors,
        }
    }
}
