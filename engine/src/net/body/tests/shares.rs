//! A body that flows as fast as it can leaves others their turn.

use super::rig::on_each;
use crate::base::{Fault, Tick};
use crate::net::body::{BodySink, BodySource, Plain, Spliced, pump};
use crate::net::pipe::Pipes;
use crate::net::spawn::{give_way, spawn, spawn_guarded};
use crate::net::{SHARE_BYTES, clock};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

const PIECE: [u8; 16 * 1024] = [b'a'; 16 * 1024];

/// Has its next piece always.
struct Ready {
    left: u64,
    count: u64,
}

impl BodySource for Ready {
    fn ends_soon(&self) -> bool {
        false
    }

    async fn fill(&mut self) -> Result<&[u8], Fault> {
        Ok(&PIECE[..self.left.min(PIECE.len() as u64) as usize])
    }

    fn consume(&mut self, n: usize) {
        self.left -= n as u64;
        self.count += n as u64;
    }

    fn trailers(&self) -> &[u8] {
        b""
    }

    fn ended(&self) -> bool {
        self.left == 0
    }

    fn rewind(&mut self) -> bool {
        false
    }

    async fn hold(&mut self, _: u64, _: Tick) -> Result<bool, Fault> {
        Ok(false)
    }

    fn here(&mut self) -> Option<&[u8]> {
        None
    }

    fn plain(&self) -> Option<Plain<'_>> {
        None
    }

    fn passed(&mut self, _: u64) {}

    async fn ready(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn count(&self) -> u64 {
        self.count
    }

    fn may_trail(&self) -> bool {
        false
    }

    fn be_patient(&mut self) {}
}

/// Has room always.
#[derive(Default)]
struct Roomy(u64);

impl BodySink for Roomy {
    async fn write(&mut self, data: &[u8]) -> Result<usize, Fault> {
        self.0 += data.len() as u64;
        Ok(data.len())
    }

    async fn flush(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    async fn finish(&mut self, _: &[u8]) -> Result<(), Fault> {
        Ok(())
    }

    fn splice(&mut self, _: Plain<'_>, _: &Pipes) -> Result<Spliced, Fault> {
        Ok(Spliced::Refused)
    }

    fn sent(&self) -> u64 {
        self.0
    }

    fn started(&self) -> bool {
        self.0 > 0
    }

    fn stays_open(&mut self) {}
}

#[test]
fn a_body_whose_ends_are_always_ready_is_carried_in_shares_with_turns_of_others_between() {
    on_each(|bench| async move {
        const SHARES: u64 = 200;
        let (laps, told) = (Rc::new(Cell::new(0u64)), Rc::new(Cell::new(false)));
        let beside = laps.clone();
        spawn(async move {
            loop {
                give_way().await;
                beside.set(beside.get() + 1);
            }
        });
        let timer = told.clone();
        let deadline = bench.wheel.deadline();
        deadline.set(clock::coarse().after(Duration::from_millis(20)));
        spawn(async move {
            deadline.wait().await;
            timer.set(true);
        });
        let carrying = async move {
            let mut carried = 0;
            // The timer is another one's, and nothing here waits for it.
            while carried < SHARES || !told.get() {
                let mut source = Ready { left: SHARE_BYTES, count: 0 };
                let mut sink = Roomy::default();
                pump(&mut source, &mut sink, &bench.pipes).await.expect("nothing is wrong");
                assert_eq!(sink.0, SHARE_BYTES);
                carried += 1;
                assert!(carried < 1_000_000, "the timer passes");
            }
            assert!(laps.get() >= SHARES, "{} laps beside {carried} shares", laps.get());
        };
        let (over, held) = mpsc::channel();
        spawn_guarded(carrying, move |ended| over.send(ended.is_ok()).expect("is waited for"));
        let ended = loop {
            if let Ok(ended) = held.try_recv() {
                break ended;
            }
            give_way().await;
        };
        assert!(ended);
    });
}
