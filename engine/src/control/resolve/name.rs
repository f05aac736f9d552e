//! What is remembered of one name: the addresses behind it, until when they hold, when to ask again. Pure: time, answers
//! and chance are arguments.
//!
//! An address holds for the TTL of its answer, clamped. Before that is over, at 80 to 90 % of it, the name is asked again.
//! While no complete answer comes, an address is used for `stale` past its time. That the name does not exist is
//! treated as such a failure, since it is what a server says that has lost a zone: only when it has said so for the
//! stale time the addresses go. A failed lookup is repeated after 0.5 s, 1 s, 2 s and so on, 5 s at most.

use crate::base::Tick;
use crate::control::fresh::{Standing, ahead, pause};
use crate::table::Resolver;
use crate::table::endpoints::Found;
use std::time::Duration;

/// From one lookup of a name to the next at the least, when connections to its addresses fail.
const HURRY: Duration = Duration::from_secs(1);
/// Until the first repetition of a lookup that failed, and until later ones at most.
const REPEAT: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

/// What servers said of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The addresses; never none.
    pub found: Vec<Found>,
    /// The least TTL of the records.
    pub ttl: Duration,
    /// Whether every lookup that this took was answered: IPv4, IPv6, each target of a service.
    pub complete: bool,
}

/// One name.
#[derive(Debug, Clone)]
pub struct Name {
    /// Addresses with the end of their time.
    known: Vec<(Found, Tick)>,
    /// When the next lookup is due; never while one runs.
    due: Tick,
    /// When the last lookup began.
    asked: Tick,
    failures: u32,
    standing: Standing,
}

impl Name {
    /// A name to be asked at once.
    pub fn new() -> Name {
        let (due, asked) = (Tick::default(), Tick::default());
        Name { known: Vec::new(), due, asked, failures: 0, standing: Standing::New }
    }

    /// The addresses to use.
    pub fn found(&self) -> Vec<Found> {
        self.known.iter().map(|(found, _)| found.clone()).collect()
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// When it is to be asked again; never while it is.
    pub fn due(&self) -> Tick {
        self.due
    }

    /// When the first of its addresses has to go, unless an answer comes.
    pub fn lapses(&self, rule: &Resolver) -> Tick {
        self.known.iter().map(|(_, until)| until.after(rule.stale)).min().unwrap_or(Tick::NEVER)
    }

    /// A lookup begins.
    pub fn asks(&mut self, now: Tick) {
        self.asked = now;
        self.due = Tick::NEVER;
    }

    /// Whoever asked for it does so no more: it is asked anew, where it was being asked or `at_once`.
    pub fn again(&mut self, now: Tick, at_once: bool) {
        if at_once || self.due == Tick::NEVER {
            self.due = now;
        }
    }

    /// A lookup ended: with an answer, or not. `chance` is any number, so that names do not move in step.
    pub fn told(&mut self, answer: Option<Answer>, now: Tick, rule: &Resolver, chance: u64) {
        let Some(answer) = answer else {
            let wait = pause(REPEAT, self.failures, chance);
            self.failures += 1;
            self.due = now.after(wait);
            self.standing = Standing::after_failure(!self.known.is_empty());
            return;
        };
        // The configuration says that the least is not above the most.
        let ttl = answer.ttl.max(rule.ttl_min).min(rule.ttl_max);
        let is_told = |known: &Found| answer.found.iter().any(|found| found.addr == known.addr);
        // What a part did not answer that failed is not known to have gone.
        self.known.retain(|(known, _)| !answer.complete && !is_told(known));
        self.known.extend(answer.found.into_iter().map(|found| (found, now.after(ttl))));
        self.failures = 0;
        self.due = now.after(ahead(ttl, chance));
        self.standing = Standing::Good;
    }

    /// Drops addresses that were stale for too long.
    pub fn lapse(&mut self, now: Tick, rule: &Resolver) {
        self.known.retain(|(_, until)| now < until.after(rule.stale));
        if self.known.is_empty() && matches!(self.standing, Standing::Good | Standing::Stale) {
            self.standing = Standing::Lost;
        }
    }

    /// A connection to one of its addresses could not be made: it is asked soon, once in [`HURRY`] at most.
    pub fn hurry(&mut self, now: Tick) {
        // A lookup that runs will tell.
        if self.due != Tick::NEVER {
            self.due = self.due.min(self.asked.after(HURRY).max(now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn rule() -> Resolver {
        let (ttl_min, ttl_max) = (SECOND, 300 * SECOND);
        Resolver { servers: vec![], timeout: 2 * SECOND, ttl_min, ttl_max, stale: 30 * SECOND }
    }

    fn at(seconds: f64) -> Tick {
        Tick::default().after(Duration::from_secs_f64(seconds))
    }

    fn answer(hosts: &[u8], ttl: u64, complete: bool) -> Option<Answer> {
        let found = |host: &u8| Found {
            priority: 0,
            addr: ([10, 0, 0, *host], 80).into(),
            weight: 1,
            host: "a.test:80".into(),
        };
        Some(Answer { found: hosts.iter().map(found).collect(), ttl: Duration::from_secs(ttl), complete })
    }

    fn hosts(name: &Name) -> Vec<u8> {
        let mut hosts: Vec<u8> = name
            .found()
            .iter()
            .map(|found| match found.addr.ip() {
                std::net::IpAddr::V4(ip) => ip.octets()[3],
                std::net::IpAddr::V6(_) => 0,
            })
            .collect();
        hosts.sort_unstable();
        hosts
    }

    #[test]
    fn a_name_is_asked_ahead_of_its_time() {
        let mut name = Name::new();
        assert!(name.due() <= at(0.0));
        name.asks(at(0.0));
        assert_eq!(name.due(), Tick::NEVER);
        for chance in [0, 500, 1023, u64::MAX] {
            name.told(answer(&[1], 10, true), at(0.0), &rule(), chance);
            assert!(name.due() >= at(8.0) && name.due() <= at(9.0), "{:?}", name.due());
        }
    }

    #[test]
    fn a_ttl_is_clamped() {
        let mut name = Name::new();
        name.told(answer(&[1], 0, true), at(0.0), &rule(), 0);
        assert_eq!((name.due(), name.lapses(&rule())), (at(0.8), at(31.0)));
        name.told(answer(&[1], 86_400, true), at(0.0), &rule(), 0);
        assert_eq!((name.due(), name.lapses(&rule())), (at(240.0), at(330.0)));
    }

    #[test]
    fn a_complete_answer_takes_the_place_of_the_one_before() {
        let mut name = Name::new();
        name.told(answer(&[1, 2], 10, true), at(0.0), &rule(), 0);
        name.told(answer(&[2, 3], 10, true), at(1.0), &rule(), 0);
        assert_eq!(hosts(&name), [2, 3]);
    }

    #[test]
    fn what_a_failed_part_did_not_tell_of_stays_for_the_stale_time() {
        let mut name = Name::new();
        name.told(answer(&[1, 2], 10, true), at(0.0), &rule(), 0);
        name.told(answer(&[2], 100, false), at(9.0), &rule(), 0);
        name.lapse(at(39.0), &rule());
        assert_eq!(hosts(&name), [1, 2]);
        name.lapse(at(40.0), &rule());
        assert_eq!((hosts(&name), name.standing()), (vec![2], Standing::Good));
    }

    #[test]
    fn addresses_are_used_past_their_time_and_no_longer() {
        let mut name = Name::new();
        name.told(answer(&[1], 10, true), at(0.0), &rule(), 0);
        name.told(None, at(9.0), &rule(), 0);
        assert_eq!((hosts(&name), name.standing()), (vec![1], Standing::Stale));
        assert_eq!(name.lapses(&rule()), at(40.0));
        name.lapse(at(40.0), &rule());
        assert_eq!((hosts(&name), name.standing()), (vec![], Standing::Lost));
        name.told(answer(&[1], 10, true), at(50.0), &rule(), 0);
        assert_eq!((hosts(&name), name.standing()), (vec![1], Standing::Good));
    }

    #[test]
    fn failures_are_repeated_ever_more_slowly() {
        let mut name = Name::new();
        let mut waits = Vec::new();
        for _ in 0..40 {
            name.told(None, at(0.0), &rule(), 0);
            waits.push(name.due().since(at(0.0)).as_millis());
        }
        assert_eq!((&waits[..5], waits[39]), (&[400, 800, 1600, 3200, 4000][..], 4000));
        name.told(answer(&[1], 10, true), at(0.0), &rule(), 0);
        name.told(None, at(0.0), &rule(), 0);
        assert_eq!(name.due(), at(0.4));
    }

    #[test]
    fn a_failed_connection_hastens_the_next_lookup_once_a_second() {
        let mut name = Name::new();
        name.asks(at(0.0));
        name.hurry(at(0.1));
        assert_eq!(name.due(), Tick::NEVER, "the lookup that runs will tell");
        name.told(answer(&[1], 100, true), at(0.2), &rule(), 0);
        name.hurry(at(0.3));
        assert_eq!(name.due(), at(1.0));
        name.asks(at(1.0));
        name.told(answer(&[1], 100, true), at(1.0), &rule(), 0);
        name.hurry(at(50.0));
        assert_eq!(name.due(), at(50.0));
    }
}
