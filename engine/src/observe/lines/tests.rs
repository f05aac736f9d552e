use super::*;
use crate::base::ClientAddr;
use crate::observe::{Format, Met, Reason, Record, record};
use crate::wire::head::Version;
use std::cell::RefCell;
use std::rc::Rc;

/// A sink that keeps what it is given and refuses when `room` is used up.
fn sink(room: usize) -> (Sink, Rc<RefCell<Vec<Vec<u8>>>>) {
    let taken = Rc::new(RefCell::new(Vec::new()));
    let mut room = room;
    let keeps = taken.clone();
    let sink: Sink = Box::new(move |batch| {
        if room == 0 {
            return Err(batch);
        }
        room -= 1;
        keeps.borrow_mut().push(batch);
        Ok(Vec::new())
    });
    (sink, taken)
}

fn push(lines: &mut Lines, len: usize) {
    lines.push(|_, out| {
        out.resize(out.len() + len - 1, b'x');
        out.push(b'\n');
    });
}

#[test]
fn a_batch_is_handed_over_when_it_is_full_and_not_before() {
    let (sink, taken) = sink(9);
    let mut lines = Lines::new(sink, Arc::default());
    push(&mut lines, BATCH_BYTES - 1);
    assert_eq!(taken.borrow().len(), 0);
    push(&mut lines, 1);
    assert_eq!(taken.borrow().iter().map(Vec::len).collect::<Vec<_>>(), [BATCH_BYTES]);
    lines.flush();
    assert_eq!(taken.borrow().len(), 1, "nothing is handed over when there is nothing");
}

#[test]
fn a_flush_and_a_drop_hand_over_what_there_is() {
    let (sink, taken) = sink(9);
    let mut lines = Lines::new(sink, Arc::default());
    push(&mut lines, 10);
    push(&mut lines, 10);
    lines.flush();
    push(&mut lines, 30);
    drop(lines);
    assert_eq!(taken.borrow().iter().map(Vec::len).collect::<Vec<_>>(), [20, 30]);
}

#[test]
fn lines_of_a_refused_batch_are_counted_and_their_buffer_is_used_again() {
    let (sink, taken) = sink(1);
    let counts = Arc::new(Counts::default());
    let mut lines = Lines::new(sink, counts.clone());
    push(&mut lines, 10);
    lines.flush();
    (0..3).for_each(|_| push(&mut lines, 10));
    lines.flush();
    assert_eq!((counts.log_drops.now(), lines.batch.len()), (3, 0));
    assert!(lines.batch.capacity() > 0);
    push(&mut lines, 10);
    drop(lines);
    assert_eq!((counts.log_drops.now(), taken.borrow().len()), (4, 1));
}

#[test]
fn every_exchange_is_counted_and_logged_unless_the_log_is_off() {
    let exchange = Record {
        at_unix_ms: 0,
        shard: 0,
        generation: 1,
        listener: "public",
        client: ClientAddr::Ip("127.0.0.1:5000".parse().unwrap()),
        client_ip: "127.0.0.1".parse().ok(),
        method: b"POST",
        host: b"localhost",
        path: b"/api/orders",
        version: Version::Http11,
        route: None,
        upstream: None,
        endpoint: None,
        status: 413,
        reason: Reason::BodyTooLarge,
        bytes_in: 100,
        bytes_out: 7,
        request_id: b"1",
        user_agent: b"",
        referer: b"",
        tries: 0,
        reused: false,
        total_us: 9,
        first_byte_us: 0,
        upstream_us: 0,
        consumer: None,
        user: b"",
        policy: None,
        shadow: b"",
        replied: true,
        tunnel: false,
    };
    let (sink, taken) = sink(9);
    let counts = Arc::new(Counts::default());
    let mut lines = Lines::new(sink, counts.clone());
    let format = Format::compile("%{status} %{reason}").unwrap();
    record(&exchange, &counts, Met::default(), &mut lines, Some(&format));
    record(&exchange, &counts, Met::default(), &mut lines, None);
    drop(lines);
    assert_eq!(*taken.borrow(), [b"413 body_too_large\n".to_vec()]);
    assert_eq!(counts.requests[Counts::class(413)].now(), 2);
    assert_eq!(counts.reasons.of(Reason::BodyTooLarge).now(), 2);
    assert_eq!((counts.bytes_in.now(), counts.bytes_out.now()), (200, 14));
}
