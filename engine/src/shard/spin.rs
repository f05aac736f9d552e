//! `gateway.spin`: stay awake for a while after whatever was done last, since waking a halted CPU costs more than the
//! request. A shard that never parks is not served by its driver's timer nor by foreign wakers, so each lap turns
//! the wheel and empties the mailbox itself.

use super::run::Shard;
use crate::net::clock;
use crate::net::spawn::yield_to_back;
use std::future::poll_fn;
use std::rc::Rc;

/// Spins for as long as the table that is served wants it.
pub async fn spin(shard: Rc<Shard>) {
    let lent = &shard.lent;
    let mailbox = shard.shared.mailboxes[shard.index].clone();
    let mut seen = lent.activity.beats();
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
            let beats = lent.activity.beats();
            if beats != seen {
                (seen, last) = (beats, now);
            } else if now.since(last) > span {
                break;
            }
        }
        poll_fn(|cx| lent.activity.poll_past(seen, cx)).await;
    }
}
