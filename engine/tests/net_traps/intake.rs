//! Requests begin a few at a time, in the order they came, and what is under way goes first.

use crate::rig::{lone_pair, on_each, pause, read_exact, wheel};
use ringgate::net::Intake;
use ringgate::net::spawn::spawn;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::Write;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

/// Requests that are there at once.
const CROWD: usize = 1000;

#[test]
fn a_crowd_of_requests_begins_in_order_and_a_reply_goes_before_those_that_wait() {
    on_each(|| async {
        let (stream, mut peer) = lone_pair();
        peer.write_all(b"r").expect("is taken");
        let (begun, before_reply) = (Rc::new(RefCell::new(Vec::new())), Rc::new(Cell::new(None)));
        let intake = Intake::default();
        for request in 0..CROWD {
            let (intake, begun) = (intake.clone(), begun.clone());
            spawn(async move {
                intake.enter().await;
                begun.borrow_mut().push(request);
            });
        }
        {
            let (begun, before_reply) = (begun.clone(), before_reply.clone());
            spawn(async move {
                stream.readable().await.expect("the driver waits");
                read_exact(&stream, 1).await;
                before_reply.set(Some(begun.borrow().len()));
            });
        }
        let wheel = wheel();
        for _ in 0..200 {
            pause(&wheel, Duration::from_millis(10)).await;
            if begun.borrow().len() == CROWD {
                break;
            }
        }
        assert_eq!(*begun.borrow(), (0..CROWD).collect::<Vec<_>>());
        let before = before_reply.get().expect("the reply was read");
        assert!(before < CROWD / 2, "{before} requests began before the reply that was there was read");
    });
}

#[test]
fn a_request_never_waits_while_those_before_it_move_on() {
    on_each(|| async {
        let intake = Intake::default();
        for _ in 0..CROWD {
            let mut enter = pin!(intake.enter());
            let polled = enter.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_ready());
            intake.moved_on();
        }
    });
}

#[test]
fn a_request_that_gave_up_waiting_holds_nobody_up() {
    on_each(|| async {
        let intake = Intake::default();
        for _ in 0..CROWD {
            // Polled once and dropped: most of them in the queue.
            let mut enter = pin!(intake.enter());
            let _ = enter.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        }
        intake.enter().await;
    });
}
