//! `gateway.spin`: stay awake for a while after whatever was done last, since waking a halted CPU costs more than the
//! request. A shard that never parks is not served by its driver's timer nor by foreign wakers, so each lap turns
//! the wheel and empties the mailbox itself.

use super::run::Shard;
use crate::net::spawn::yield_to_back;
use crate::net::{clock, must_park};
use std::future::poll_fn;
use std::rc::Rc;

/// Spins for as long as the table that is served wants it.
pub async fn spin(shard: Rc<Shard>) {
    let lent = &shard.lent;
    let mailbox = shard.shared.mailboxes[shard.index].clone();
    let mut seen = lent.activity.beats();
    let ending = &shard.ending;
    loop {
        if lent.table().gateway.spin.is_none() {
            shard.spinning.set(false);
            return;
        }
        let mut last = clock::now();
        loop {
            yield_to_back().await;
            while let Some(message) = mailbox.try_recv() {
                if let Some(within) = shard.told(message) {
                    ending.begin(within);
                    return;
                }
            }
            let now = clock::now();
            // By the clock that whoever has a deadline compares it with.
            lent.upstream.wheel.turn(clock::coarse());
            if std::mem::replace(&mut seen, lent.activity.beats()) != lent.activity.beats() {
                last = now;
            }
            match lent.table().gateway.spin {
                Some(span) if now.since(last) <= span && !must_park() => {}
                _ => break,
            }
        }
        poll_fn(|cx| lent.activity.poll_past(seen, cx)).await;
    }
}
