//! `gateway.spin`: stay awake for a while after the last activity, since waking a halted CPU costs more than the
//! request. A shard that never parks is not served by its driver's timer nor by foreign wakers, so each lap turns
//! the wheel and empties the mailbox itself.

use super::run::Shard;
use crate::net::clock;
use crate::net::spawn::yield_to_back;
use std::rc::Rc;
use std::time::Duration;

/// How often a sleeping spinner looks whether the shard is active again.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Spins for as long as the table that is served wants it.
pub async fn spin(shard: Rc<Shard>) {
    let lent = &shard.lent;
    let mailbox = shard.shared.mailboxes[shard.index].clone();
    let look = lent.upstream.wheel.deadline();
    let mut seen = lent.activity.get();
    let ending = &shard.ending;
    loop {
        let Some(span) = lent.table().gateway.spin else {
            shard.spinning.set(false);
            return;
        };
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
            lent.upstream.wheel.turn(now);
            let active = lent.activity.get();
            if active != seen {
                (seen, last) = (active, now);
            } else if now.since(last) > span {
                break;
            }
        }
        while lent.activity.get() == seen {
            look.set(clock::coarse().after(LOOK_EVERY));
            look.wait().await;
        }
    }
}
