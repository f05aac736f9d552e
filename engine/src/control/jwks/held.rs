//! What is remembered of one key set: the keys, since when, when to fetch again. Pure: time, what was fetched and chance
//! are arguments.
//!
//! A set is fetched again at 80 to 90 % of the time that its server gives it. While that fails, the last good one is
//! used for [`KEPT`]; then nobody is let in. A failed fetch is repeated after 0.5 s, 1 s, 2 s and so on, 30 s at most.
//! A token with an unknown key may have it fetched at once, but only every [`HURRY`]: else whoever makes up keys would
//! have the server asked as often as they like.

use crate::base::Tick;
use crate::control::fresh::{Standing, ahead, pause};
use crate::policy::auth::keys::KeySet;
use std::sync::Arc;
use std::time::Duration;

/// How long a good set is used while no other can be fetched.
pub const KEPT: Duration = Duration::from_secs(24 * 3600);
/// From one fetch for an unknown key to the next.
pub const HURRY: Duration = Duration::from_secs(10);
/// Until the first repetition of a fetch that failed, and until later ones at most.
const REPEAT: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// How long a set is good whose server says nothing of it.
const LIFETIME: Duration = Duration::from_secs(600);
/// What a server may say.
const LIFETIMES: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(12 * 3600));

/// One key set.
#[derive(Debug, Clone)]
pub struct Held {
    keys: Option<Arc<KeySet>>,
    /// When they were fetched.
    since: Tick,
    /// When the next fetch is due; never while one runs.
    due: Tick,
    /// When a fetch for an unknown key may begin.
    again: Tick,
    failures: u32,
    /// Fetches that have ended.
    ended: u64,
    standing: Standing,
}

impl Held {
    /// A set to be fetched at once.
    pub fn new(now: Tick) -> Held {
        Held { keys: None, since: now, due: now, again: now, failures: 0, ended: 0, standing: Standing::New }
    }

    /// The keys that are good now.
    pub fn keys(&self) -> Option<&Arc<KeySet>> {
        self.keys.as_ref()
    }

    /// When they were fetched; none where there are none.
    pub fn since(&self) -> Option<Tick> {
        self.keys.as_ref().map(|_| self.since)
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Fetches that failed since the last good one.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Fetches that have ended, well or not.
    pub fn ended(&self) -> u64 {
        self.ended
    }

    /// When it is to be fetched; never while it is.
    pub fn due(&self) -> Tick {
        self.due
    }

    /// From when on an unknown key is worth another fetch.
    pub fn again(&self) -> Tick {
        self.again
    }

    /// When its keys are too old, unless others come.
    pub fn lapses(&self) -> Tick {
        if self.keys.is_some() { self.since.after(KEPT) } else { Tick::NEVER }
    }

    /// A fetch begins.
    pub fn fetches(&mut self) {
        self.due = Tick::NEVER;
    }

    /// A fetch ended: with keys and the time that they are good for, if the server names it, or not. `chance` is any
    /// number, so that gateways do not move in step.
    pub fn told(&mut self, told: Option<(Arc<KeySet>, Option<Duration>)>, now: Tick, chance: u64) {
        self.ended += 1;
        let Some((keys, lifetime)) = told else {
            let wait = pause(REPEAT, self.failures, chance);
            self.failures = self.failures.saturating_add(1);
            self.due = now.after(wait);
            self.standing = Standing::after_failure(self.keys.is_some());
            return;
        };
        let lifetime = lifetime.map_or(LIFETIME, |given| given.clamp(LIFETIMES.0, LIFETIMES.1));
        self.due = now.after(ahead(lifetime, chance));
        // The same keys stay the same in memory: shards keep what they verified by them.
        if self.keys.as_ref().is_none_or(|known| known.version() != keys.version()) {
            self.keys = Some(keys);
        }
        (self.since, self.failures, self.standing) = (now, 0, Standing::Good);
    }

    /// Forgets keys that are too old.
    pub fn lapse(&mut self, now: Tick) -> bool {
        let is_over = self.lapses() <= now;
        if is_over {
            (self.keys, self.standing) = (None, Standing::Lost);
        }
        is_over
    }

    /// A token names a key that is not known: it is fetched now, if that may be.
    pub fn hurry(&mut self, now: Tick) {
        // A fetch that runs will tell.
        if self.due != Tick::NEVER && self.again <= now {
            self.due = now;
            self.again = now.after(HURRY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::auth::keys::Key;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: f64) -> Tick {
        Tick::default().after(Duration::from_secs_f64(seconds))
    }

    fn keys(byte: u8) -> Arc<KeySet> {
        Arc::new(KeySet::new(vec![Key::secret(&[byte; 32]).expect("is long enough")]))
    }

    fn fetched(lifetime: Option<Duration>) -> Held {
        let mut held = Held::new(at(0.0));
        held.fetches();
        held.told(Some((keys(1), lifetime)), at(0.0), 0);
        held
    }

    #[test]
    fn a_set_is_fetched_ahead_of_its_time() {
        for (lifetime, due) in [
            (None, 480.0),
            (Some(SECOND), 48.0),
            (Some(1000 * SECOND), 800.0),
            (Some(1_000_000 * SECOND), 34_560.0),
        ] {
            assert_eq!(fetched(lifetime).due(), at(due), "{lifetime:?}");
        }
        let mut held = Held::new(at(0.0));
        assert_eq!(held.due(), at(0.0));
        held.told(Some((keys(1), Some(100 * SECOND))), at(0.0), u64::MAX);
        assert!(held.due() > at(80.0) && held.due() < at(90.0));
    }

    #[test]
    fn the_last_good_set_is_kept_for_a_day_and_no_longer() {
        let mut held = fetched(None);
        let day = KEPT.as_secs_f64();
        for failure in 0..100 {
            held.fetches();
            held.told(None, at(480.0), 0);
            assert_eq!((held.standing(), held.failures()), (Standing::Stale, failure + 1));
        }
        assert!(!held.lapse(at(day - 0.1)) && held.keys().is_some());
        assert_eq!(held.since(), Some(at(0.0)));
        assert!(held.lapse(at(day)) && held.keys().is_none() && held.since().is_none());
        assert_eq!(held.standing(), Standing::Lost);
        assert!(!held.lapse(at(day + 1.0)), "it is told once");
        held.told(Some((keys(2), None)), at(day + 2.0), 0);
        assert_eq!((held.standing(), held.failures()), (Standing::Good, 0));
    }

    #[test]
    fn failures_are_repeated_ever_more_slowly() {
        let mut held = Held::new(at(0.0));
        let mut waits = Vec::new();
        for _ in 0..40 {
            held.fetches();
            held.told(None, at(0.0), 0);
            waits.push(held.due().since(at(0.0)).as_millis());
        }
        assert_eq!((&waits[..4], waits[39]), (&[400, 800, 1600, 3200][..], 24_000));
        assert_eq!(held.standing(), Standing::Lost);
    }

    #[test]
    fn an_unknown_key_has_it_fetched_once_in_ten_seconds() {
        let mut held = fetched(None);
        held.hurry(at(1.0));
        assert_eq!((held.due(), held.again()), (at(1.0), at(11.0)));
        held.fetches();
        held.hurry(at(1.1));
        assert_eq!(held.due(), Tick::NEVER, "the fetch that runs will tell");
        held.told(Some((keys(1), None)), at(1.2), 0);
        let due = held.due();
        held.hurry(at(10.9));
        assert_eq!(held.due(), due);
        held.hurry(at(11.0));
        assert_eq!(held.due(), at(11.0));
    }

    #[test]
    fn the_same_keys_stay_the_same_in_memory() {
        let mut held = fetched(None);
        let first = held.keys().cloned().expect("are there");
        held.told(Some((keys(1), None)), at(1.0), 0);
        assert!(held.keys().is_some_and(|keys| Arc::ptr_eq(keys, &first)));
        held.told(Some((keys(2), None)), at(2.0), 0);
        assert!(held.keys().is_some_and(|keys| !Arc::ptr_eq(keys, &first)));
    }
}
