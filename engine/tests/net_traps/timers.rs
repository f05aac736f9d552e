//! The wheel on a driver: deadlines pass neither early nor much too late, whatever the shard does.

use crate::rig::{lone_pair, on_each, once, pause, wheel};
use ringgate::net::clock;
use ringgate::net::spawn::{race, spawn};
use ringgate::net::stream::Wait;
use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

/// How much earlier a deadline may seem to pass: the coarse clock lags by a scheduler tick, 10 ms at most.
const EARLY: Duration = Duration::from_millis(10);
/// How much later: a step of the wheel for near and far ones, and what a busy machine adds.
const LATE: Duration = Duration::from_millis(400);

#[test]
fn deadlines_pass_on_time() {
    on_each(|| async {
        let wheel = wheel();
        let passed = Rc::new(Cell::new(0));
        for span in [1, 30, 100, 101, 250, 990, 1000, 1300] {
            let span = Duration::from_millis(span);
            let (wheel, passed) = (wheel.clone(), passed.clone());
            spawn(async move {
                let begin = Instant::now();
                pause(&wheel, span).await;
                let took = begin.elapsed();
                assert!(took + EARLY >= span && took <= span + LATE, "{span:?} took {took:?}");
                passed.set(passed.get() + 1);
            });
        }
        pause(&wheel, Duration::from_millis(1300) + LATE).await;
        assert_eq!(passed.get(), 8, "each passed in its time");
    });
}

#[test]
fn a_deadline_set_earlier_wakes_a_wheel_that_sleeps_longer() {
    on_each(|| async {
        let wheel = wheel();
        let (far, near) = (wheel.deadline(), wheel.deadline());
        far.set(clock::coarse().after(Duration::from_secs(20)));
        // The wheel now sleeps towards the far one.
        thread::sleep(Duration::from_millis(5));
        pause(&wheel, Duration::from_millis(20)).await;
        let begin = Instant::now();
        near.set(clock::coarse().after(Duration::from_millis(50)));
        race(near.wait(), far.wait()).await;
        assert!(begin.elapsed() < LATE + Duration::from_millis(50), "{:?}", begin.elapsed());
    });
}

#[test]
fn a_wait_with_a_deadline_ends_by_it_and_the_socket_lives_on() {
    on_each(|| async {
        let wheel = wheel();
        let (stream, mut peer) = lone_pair();
        let deadline = wheel.deadline();
        for round in 0..20u8 {
            deadline.set(clock::coarse().after(Duration::from_millis(10)));
            let wait = stream.readable_by(&deadline).await;
            assert!(matches!(wait, Err(Wait::Expired)), "{wait:?}");
            std::io::Write::write_all(&mut peer, &[round]).expect("is taken");
            deadline.set(clock::coarse().after(Duration::from_secs(10)));
            stream.readable_by(&deadline).await.expect("the byte has come");
            let mut byte = [0];
            assert_eq!((stream.try_read(&mut byte).expect("is there"), byte[0]), (1, round));
        }
    });
}

#[test]
fn a_shard_that_was_held_up_for_longer_than_the_wheel_goes_round_catches_up() {
    on_each(|| async {
        let wheel = wheel();
        pause(&wheel, Duration::from_millis(10)).await;
        let deadlines: Vec<_> = (1..=100).map(|_| wheel.deadline()).collect();
        for (at, deadline) in deadlines.iter().enumerate() {
            deadline.set(clock::coarse().after(Duration::from_millis(at as u64 * 60)));
        }
        // The wheel goes round in 5.12 s.
        wheel.turn(clock::coarse().after(Duration::from_millis(5900)));
        let mut passed = 0;
        for deadline in &deadlines {
            passed += usize::from(once(&mut pin!(deadline.wait())).await);
        }
        assert!((98..=99).contains(&passed), "{passed} of 100 have passed: all before 5.9 s");
    });
}
