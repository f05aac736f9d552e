//! The mailbox wakes a parked shard from other threads, each time.

use crate::rig::{on_each, pause, soon, wheel};
use ringgate::net::mailbox::Mailbox;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Round trips: the shard parks before each, the sender waits for each.
const TRIPS: u32 = 5000;

#[test]
fn a_parked_shard_is_woken_by_every_message() {
    on_each(|| async {
        let wheel = wheel();
        let mailbox = Mailbox::new(4);
        let (ack, acked) = mpsc::channel::<u32>();
        let sender = {
            let mailbox = mailbox.clone();
            thread::spawn(move || {
                for trip in 0..TRIPS {
                    // Sooner and later after the shard's last poll: before it parks, as it parks, when it sleeps.
                    for _ in 0..trip % 512 * 8 {
                        std::hint::spin_loop();
                    }
                    mailbox.send(trip).expect("has room");
                    assert_eq!(acked.recv().expect("the shard lives"), trip);
                }
            })
        };
        for trip in 0..TRIPS {
            assert_eq!(soon(&wheel, "a message", mailbox.recv()).await, trip);
            ack.send(trip).expect("the sender lives");
        }
        sender.join().expect("sends");
    });
}

#[test]
fn messages_of_several_threads_all_arrive_and_those_of_one_in_order() {
    const SENDERS: u32 = 4;
    on_each(|| async {
        let wheel = wheel();
        let mailbox = Mailbox::new(64);
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let mailbox = mailbox.clone();
                thread::spawn(move || {
                    for n in 0..TRIPS {
                        let mut message = (sender, n);
                        while let Err(refused) = mailbox.send(message) {
                            message = refused;
                            thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        let mut next = [0; SENDERS as usize];
        for _ in 0..SENDERS * TRIPS {
            let (sender, n) = soon(&wheel, "a message", mailbox.recv()).await;
            assert_eq!(n, next[sender as usize], "of {sender}");
            next[sender as usize] += 1;
        }
        senders.into_iter().for_each(|sender| sender.join().expect("sends"));
        assert_eq!(mailbox.try_recv(), None);
    });
}

#[test]
fn a_full_mailbox_gives_the_message_back_and_takes_more_when_it_is_emptied() {
    on_each(|| async {
        let wheel = wheel();
        let mailbox = Mailbox::new(2);
        assert_eq!([mailbox.send(1), mailbox.send(2), mailbox.send(3)], [Ok(()), Ok(()), Err(3)]);
        assert_eq!([mailbox.recv().await, mailbox.recv().await], [1, 2]);
        pause(&wheel, Duration::from_millis(1)).await;
        assert_eq!(mailbox.send(4), Ok(()));
        assert_eq!(mailbox.recv().await, 4);
    });
}
