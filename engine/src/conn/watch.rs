//! A client that is gone while its exchange waits for somebody else: nothing is read of it meanwhile, so it is looked at.

use crate::net::{Deadline, Link, clock};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// From the beginning to the first look. Each next one comes twice as late, up to the longest: what has lasted will last.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(8);

/// Has `work` come to its end; none where the client of `link` reset its connection before. That it ended its side is no sign:
/// it may wait for the answer. `watch` is for this alone; it is also looked at when `doubts` says so, behind a wait in line. *Cost*: nothing but a glance at the deadline for what ends sooner.
pub(super) async fn while_there<T>(
    link: &Link,
    (watch, doubts): (&Deadline, &Cell<bool>),
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut next = FIRST;
    watch.set(clock::coarse().after(next));
    let mut work = pin!(work);
    let done = poll_fn(|cx| {
        loop {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Some(done));
            }
            if !doubts.take() {
                break;
            }
            if link.stream.is_reset() {
                return Poll::Ready(None);
            }
        }
        while watch.poll_passed(cx).is_ready() {
            if link.stream.is_reset() {
                return Poll::Ready(None);
            }
            next = (next * 2).min(LONGEST);
            watch.set(clock::coarse().after(next));
        }
        Poll::Pending
    })
    .await;
    watch.clear();
    done
}
