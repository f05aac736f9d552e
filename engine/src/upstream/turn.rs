//! What an exchange waits for before it dials: that no other one dials for it, and a slot of its upstream's cap. A part of a
//! shared connection that comes free meanwhile is as good.

use super::call::{CallFault, Plan};
use super::http2;
use super::lent::Lent;
use super::pool::Conn;
use super::shared::{Dialling, Sends, Wanting};
use super::slots::{Held, Slots};
use super::station::Picked;
use crate::base::{Place, Tick};
use crate::net::{Deadline, clock};
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

/// How often a wait for a slot looks at the process's count, which other shards change without waking this one; and how
/// often they are asked for one.
const SLOT_LOOK: Duration = Duration::from_millis(20);

/// How often one in line is given a connection to the endpoint that was picked for it, though one to another endpoint is
/// parked: one dial for so long a time, so that an endpoint that is new or back is not left without any.
const RESEAT_EVERY: Duration = Duration::from_millis(100);

/// What comes of the wish for a shared connection.
pub enum Turn<'a> {
    /// There is one.
    Join(http2::Stream),
    /// Nobody else is at it: dial.
    Dial(Dialling<'a>),
}

/// What comes of the wish for another connection.
pub enum Free {
    /// It may be made.
    Slot(Held),
    /// One that is shared has room.
    Stream(http2::Stream),
    /// One was parked, by an exchange with this endpoint.
    Parked(Picked, Conn),
}

/// Waits while another exchange dials the endpoint, or a connection to it does not know yet how much the origin takes.
///
/// # Errors
/// `ConnectTimeout`: `end` has passed.
pub async fn dialling<'a>(
    plan: Plan<'a>,
    (picked, sends): (&Picked, Sends),
    end: &Deadline,
) -> Result<Turn<'a>, CallFault> {
    let mut wanting = Wanting::new(plan.station, picked);
    loop {
        if let Some(dialling) = Dialling::begin(plan.station, picked) {
            return Ok(Turn::Dial(dialling));
        }
        let mut waits = false;
        let ended = poll_fn(|cx| {
            let waited = std::mem::replace(&mut waits, true);
            if !wanting.wait(cx.waker()) && waited {
                return Poll::Ready(false);
            }
            end.poll_passed(cx).map(|()| true)
        })
        .await;
        if let Some(stream) = plan.station.join(picked, sends) {
            return Ok(Turn::Join(stream));
        }
        if ended {
            return Err(CallFault::ConnectTimeout);
        }
    }
}

/// What an exchange may go on with, at once or in its turn: a slot of the upstream's cap, that is a free one, that of an idle
/// connection of this shard, or one that another shard gives up when asked; or where `parks`, a connection that was parked
/// meanwhile. Where others wait and any endpoint will do, one that was parked at another endpoint will nearly always do too: to
/// close it for a new one would cost a connection a request for as long as the cap is reached. Where nobody waits, the
/// endpoint that was picked is the one that is asked.
///
/// # Errors
/// `PoolFull`: `end` has passed.
pub async fn slot(
    lent: &Lent,
    plan: Plan<'_>,
    (picked, sends, parks): (&Picked, Sends, bool),
    end: &Deadline,
) -> Result<Free, CallFault> {
    let Plan { upstream, station, .. } = plan;
    let slots = &station.slots;
    if !slots.has_line()
        && let Some(free) = take(plan, (picked, parks), false)
    {
        return Ok(free);
    }
    let look = lent.wheel.deadline();
    let mut queued = Queued { slots, place: Place::default() };
    let mut wanting = upstream.http2.then(|| Wanting::new(station, picked));
    loop {
        if let Some(asker) = slots.asks(clock::coarse(), SLOT_LOOK) {
            (lent.ask_slot)(&upstream.name, &asker);
        }
        look.set(clock::coarse().after(SLOT_LOOK));
        let (mut waits, mut has_turn) = (false, false);
        let ended = poll_fn(|cx| {
            if end.poll_passed(cx).is_ready() {
                return Poll::Ready(true);
            }
            if has_turn {
                return Poll::Ready(false);
            }
            let waited = std::mem::replace(&mut waits, true);
            let is_called = !queued.wait(cx);
            let may_join = wanting.as_mut().is_some_and(|wanting| !wanting.wait(cx.waker()));
            has_turn = waited && (is_called || may_join) || queued.is_given(cx);
            if has_turn {
                // Whoever serves the client looks first whether it is still there: the turn of one that has gone is the next one's.
                lent.doubts.set(true);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            look.poll_passed(cx).map(|()| false)
        })
        .await;
        look.set(Tick::NEVER);
        if upstream.http2
            && let Some(stream) = station.join(picked, sends)
        {
            return Ok(Free::Stream(stream));
        }
        if let Some(free) = take(plan, (picked, parks), true) {
            queued.served(upstream.count.now() < upstream.connections || station.parked() > 0);
            return Ok(free);
        }
        if ended {
            return Err(CallFault::PoolFull);
        }
    }
}

/// What there is now, for one that has `waited` or comes while nobody waits.
fn take(plan: Plan<'_>, (picked, parks): (&Picked, bool), waited: bool) -> Option<Free> {
    let Plan { upstream, station, .. } = plan;
    let (slots, now) = (&station.slots, clock::coarse());
    if parks && let Some(conn) = station.take(picked, now) {
        return Some(Free::Parked(picked.clone(), conn));
    }
    let given = slots.take_given(&upstream.count);
    if let Some(slot) = given.or_else(|| slots.take(&upstream.count, upstream.connections)) {
        return Some(Free::Slot(slot));
    }
    let is_to_reseat = || station.parked() > 0 && slots.is_to_reseat(now, RESEAT_EVERY);
    if parks
        && waited
        && !is_to_reseat()
        && let Some((at, conn)) = station.take_any(now)
    {
        return Some(Free::Parked(at, conn));
    }
    let idle = station.evict();
    if idle.is_none() {
        station.leave_idle();
    }
    idle.map(|conn| Free::Slot(conn.into_slot()))
}

/// The place of an exchange among those that wait for a slot, until this is dropped. What it was called for and did not take
/// is the next one's.
struct Queued<'a> {
    slots: &'a Slots,
    place: Place,
}

impl Queued<'_> {
    /// Has `cx` woken when there may be a slot; false if that has happened since it was asked last.
    fn wait(&mut self, cx: &Context<'_>) -> bool {
        self.slots.line(|line| line.keep(&mut self.place, cx.waker()))
    }

    /// Whether another shard gave a slot, for the first in line. If not, `cx` is woken when one does.
    fn is_given(&self, cx: &Context<'_>) -> bool {
        self.slots.line(|line| line.is_first(self.place)) && self.slots.is_given(cx)
    }

    /// It has what it waited for. If there is more, which another shard may have left, or an exchange parked while nobody
    /// was there to be called, the next one is called.
    fn served(&mut self, is_more: bool) {
        self.slots.line(|line| {
            line.leave(std::mem::take(&mut self.place));
            if is_more {
                line.call();
            }
        });
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.slots.line(|line| {
            if line.leave(self.place) {
                line.call();
            }
        });
        self.slots.left();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::task::{Wake, Waker};

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn what_one_was_called_for_and_did_not_take_is_the_next_ones() {
        // It was served and there is more, it was served and there is none, or it leaves with nothing.
        for (served, called) in [(Some(true), 1), (Some(false), 0), (None, 1)] {
            let slots = Slots::new(Arc::default());
            let woken: [Arc<Woken>; 2] = Default::default();
            let [mut first, mut second] = [(); 2].map(|()| Queued { slots: &slots, place: Place::default() });
            for (queued, woken) in [&mut first, &mut second].into_iter().zip(&woken) {
                assert!(queued.wait(&Context::from_waker(&Waker::from(woken.clone()))));
            }
            slots.call();
            if let Some(is_more) = served {
                first.served(is_more);
            }
            drop(first);
            assert_eq!(woken.each_ref().map(|woken| woken.0.load(Relaxed)), [1, called], "{served:?}");
            drop(second);
            assert!(!slots.has_line());
        }
    }
}
