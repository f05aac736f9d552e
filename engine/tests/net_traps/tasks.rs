//! Tasks: one that never sleeps starves nobody, one that panics harms nobody.

use crate::rig::{listener, lone_pair, on_each, pair, pause, read_exact, wheel, write_all};
use ringgate::net::clock;
use ringgate::net::mailbox::Mailbox;
use ringgate::net::spawn::{give_way, spawn, spawn_guarded, yield_to_back};
use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

/// Round trips of the tasks that run beside a spinning one.
const TRIPS: usize = 50;

/// Has so many trips to a peer and back.
async fn echoed() {
    let (stream, mut peer) = lone_pair();
    let echo = thread::spawn(move || {
        let mut scrap = [0; 4];
        for _ in 0..TRIPS {
            peer.read_exact(&mut scrap).expect("comes whole");
            peer.write_all(&scrap).expect("is taken");
        }
    });
    for trip in 0..TRIPS as u32 {
        write_all(&stream, &trip.to_le_bytes()).await;
        assert_eq!(read_exact(&stream, 4).await, trip.to_le_bytes());
    }
    echo.join().expect("echoes");
}

#[test]
fn a_task_that_yields_for_ever_starves_no_task_no_socket_no_timer_and_no_mailbox() {
    on_each(|| async {
        let wheel = wheel();
        let mailbox = Mailbox::new(16);
        let (spinning, laps) = (Rc::new(Cell::new(true)), Rc::new(Cell::new(0u64)));
        let got = Rc::new(RefCell::new(Vec::new()));
        // What `gateway.spin` does: each lap turns the wheel and empties the mailbox, since a shard that never
        // parks has neither done for it.
        {
            let (wheel, mailbox, got) = (wheel.clone(), mailbox.clone(), got.clone());
            let (spinning, laps) = (spinning.clone(), laps.clone());
            spawn(async move {
                while spinning.get() {
                    yield_to_back().await;
                    wheel.turn(clock::now());
                    got.borrow_mut().extend(mailbox.try_recv());
                    laps.set(laps.get() + 1);
                }
            });
        }
        // A second one, so that two that yield do not only make room for each other.
        {
            let spinning = spinning.clone();
            spawn(async move {
                while spinning.get() {
                    yield_to_back().await;
                }
            });
        }
        let sender = thread::spawn(move || (0..10u32).for_each(|n| mailbox.send(n).expect("has room")));
        echoed().await;
        pause(&wheel, Duration::from_millis(50)).await;
        sender.join().expect("sends");
        while got.borrow().len() < 10 {
            pause(&wheel, Duration::from_millis(10)).await;
        }
        assert_eq!(*got.borrow(), (0..10).collect::<Vec<_>>());
        assert!(laps.get() > 100, "the spinning task span: {}", laps.get());
        spinning.set(false);
    });
}

#[test]
fn tasks_that_give_way_for_ever_starve_no_task_no_socket_no_timer_and_no_mailbox() {
    on_each(|| async {
        let (wheel, mailbox, laps) = (wheel(), Mailbox::new(16), Rc::new(Cell::new(0u64)));
        for _ in 0..3 {
            let laps = laps.clone();
            spawn(async move {
                loop {
                    give_way().await;
                    laps.set(laps.get() + 1);
                }
            });
        }
        let sending = mailbox.clone();
        let sender = thread::spawn(move || {
            for n in 0..10u32 {
                sending.send(n).expect("has room");
                thread::sleep(Duration::from_millis(1));
            }
        });
        // Nobody turns the wheel or looks into the mailbox but whoever waits.
        for n in 0..10 {
            assert_eq!(mailbox.recv().await, n);
        }
        echoed().await;
        pause(&wheel, Duration::from_millis(50)).await;
        sender.join().expect("sends");
        assert!(laps.get() > 100, "those that give way go on: {}", laps.get());
    });
}

#[test]
fn a_yield_lets_every_runnable_task_run_once() {
    on_each(|| async {
        let order = Rc::new(RefCell::new(Vec::new()));
        for task in 0..3 {
            let order = order.clone();
            spawn(async move {
                for _ in 0..3 {
                    order.borrow_mut().push(task);
                    yield_to_back().await;
                }
            });
        }
        while order.borrow().len() < 9 {
            yield_to_back().await;
        }
        assert_eq!(*order.borrow(), [0, 1, 2, 0, 1, 2, 0, 1, 2]);
    });
}

/// Counts itself as long as it lives.
struct Guard(Rc<Cell<i32>>);

impl Guard {
    fn new(count: &Rc<Cell<i32>>) -> Guard {
        count.set(count.get() + 1);
        Guard(count.clone())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

#[test]
fn a_panic_in_a_guarded_task_ends_that_task_alone_and_drops_what_it_holds() {
    on_each(|| async {
        let (listener, addr) = listener();
        let (held, ended) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let mut peers = Vec::new();
        for task in 0..20 {
            let (stream, peer) = pair(&listener, addr);
            peers.push(peer);
            let (outer, inner) = (Guard::new(&held), held.clone());
            let ended = ended.clone();
            let work = async move {
                let _inner = Guard::new(&inner);
                let byte = read_exact(&stream, 1).await;
                assert!(task % 2 == 0, "task {task} panics, as it should in this test");
                write_all(&stream, &byte).await;
            };
            spawn_guarded(work, move |end| {
                assert_eq!(end.is_err(), task % 2 == 1);
                ended.set(ended.get() + 1);
                drop(outer);
            });
        }
        peers.iter_mut().for_each(|peer| peer.write_all(b"x").expect("is taken"));
        while ended.get() < 20 {
            yield_to_back().await;
        }
        assert_eq!(held.get(), 0, "guards are dropped, those of tasks that panicked too");
        // Closing a socket takes the driver another turn.
        for _ in 0..3 {
            yield_to_back().await;
        }
        let wheel = wheel();
        pause(&wheel, Duration::from_millis(20)).await;
        for (task, peer) in peers.iter_mut().enumerate() {
            let mut got = Vec::new();
            peer.read_to_end(&mut got).expect("ends");
            assert_eq!(got.len(), 1 - task % 2, "task {task}");
        }
    });
}
