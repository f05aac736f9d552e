use super::world::Task;
use super::*;
use std::cell::RefCell;
use std::io::{ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

const PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 80);

fn rough() -> Weather {
    Weather { short_reads: 50, short_writes: 50, torn: 50, spurious: 5, room: 1..64, ..Weather::calm() }
}

fn within(seed: u64, weather: Weather, main: impl Future<Output = ()>) -> Report<()> {
    run(Setup { seed, weather, within: Duration::from_secs(60), trace: false }, main).expect("the run ends")
}

async fn pair() -> (Socket, Socket) {
    let listener = listen(PORT);
    let dialled = connect(PORT).await.expect("connects");
    (dialled, listener.accept().await)
}

async fn read_all(socket: &Socket) -> std::io::Result<Vec<u8>> {
    let (mut all, mut some) = (Vec::new(), [0; 700]);
    loop {
        match socket.read(&mut some).await? {
            0 => return Ok(all),
            n => all.extend_from_slice(&some[..n]),
        }
    }
}

#[test]
fn bytes_arrive_whole_and_in_order_however_torn() {
    for seed in 0..50 {
        within(seed, rough(), async {
            let (a, b) = pair().await;
            let sent: Vec<u8> = (0..5000u32).map(|n| (n * 7 % 251) as u8).collect();
            let bytes = sent.clone();
            spawn(Box::pin(async move { b.write_all(&bytes).await.expect("is read") }));
            assert_eq!(read_all(&a).await.expect("ends"), sent);
        });
    }
}

/// A run in which ten tasks sleep and then say their number, with its digest and what was said.
fn chorus(seed: u64) -> (u64, Vec<u64>) {
    let order = Rc::new(RefCell::new(Vec::new()));
    let said = order.clone();
    let report = within(seed, rough(), async move {
        let (a, b) = pair().await;
        spawn(Box::pin(async move { b.write_all(&[1; 100]).await.expect("is read") }));
        for task in 0..10 {
            let order = order.clone();
            spawn(Box::pin(async move {
                sleep(Duration::from_millis(task % 3)).await;
                order.borrow_mut().push(task);
            }));
        }
        read_all(&a).await.expect("ends");
        sleep(Duration::from_millis(5)).await;
    });
    let said = said.borrow().clone();
    (report.digest, said)
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_another() {
    let mut orders: Vec<_> = (0..20)
        .map(|seed| {
            let first = chorus(seed);
            assert_eq!(first, chorus(seed), "seed {seed}");
            first.1
        })
        .collect();
    orders.sort();
    orders.dedup();
    assert!(orders.len() > 10, "{} orders of 20 runs", orders.len());
}

#[test]
fn a_write_blocks_when_the_reader_is_behind() {
    let weather = Weather { room: 10..11, ..Weather::calm() };
    within(1, weather, async {
        let (a, b) = pair().await;
        assert_eq!(a.try_write(&[IoSlice::new(&[1; 6]), IoSlice::new(&[2; 6])]).ok(), Some(10));
        assert_eq!(a.try_write(&[IoSlice::new(b"x")]).map_err(|e| e.kind()), Err(ErrorKind::WouldBlock));
        let mut four = [0; 4];
        assert_eq!(b.read(&mut four).await.ok(), Some(4));
        a.writable().await.expect("waits");
        assert_eq!(a.try_write(&[IoSlice::new(&[3; 9])]).ok(), Some(4));
    });
}

#[test]
fn half_a_close_leaves_the_other_half_open() {
    within(1, Weather::calm(), async {
        let (a, b) = pair().await;
        a.write_all(b"question").await.expect("sends");
        a.shutdown_write().expect("is connected");
        assert_eq!(read_all(&b).await.expect("ends"), b"question");
        b.write_all(b"answer").await.expect("sends");
        assert_eq!(a.write_all(b"more").await.map_err(|e| e.kind()), Err(ErrorKind::BrokenPipe));
        drop(b);
        assert_eq!(read_all(&a).await.expect("ends"), b"answer");
        assert_eq!(open_sockets(), 1);
    });
}

#[test]
fn a_reset_is_told_once_and_then_the_connection_is_gone() {
    for (discards, left) in [(0, Some(6)), (100, None)] {
        within(1, Weather { discards, ..Weather::calm() }, async move {
            let (a, b) = pair().await;
            a.write_all(b"unread").await.expect("sends");
            sleep(Duration::from_millis(1)).await;
            a.reset();
            sleep(Duration::from_millis(1)).await;
            let mut some = [0; 100];
            if left.is_some() {
                assert_eq!(b.try_read(&mut some).ok(), left);
            }
            assert_eq!(b.try_read(&mut some).map_err(|e| e.kind()), Err(ErrorKind::ConnectionReset));
            assert_eq!(b.try_read(&mut some).ok(), Some(0));
            assert_eq!(b.write_all(b"x").await.map_err(|e| e.kind()), Err(ErrorKind::BrokenPipe));
        });
    }
}

#[test]
fn bytes_for_a_closed_socket_are_answered_by_a_reset() {
    within(1, Weather::calm(), async {
        let (a, b) = pair().await;
        drop(b);
        sleep(Duration::from_millis(1)).await;
        assert_eq!(a.peek().ok(), Some(0), "a FIN came first");
        a.write_all(b"late").await.expect("nothing is known yet");
        sleep(Duration::from_millis(1)).await;
        assert_eq!(a.write_all(b"later").await.map_err(|e| e.kind()), Err(ErrorKind::BrokenPipe));
    });
}

#[test]
fn a_close_with_unread_bytes_resets() {
    within(1, Weather::calm(), async {
        let (a, b) = pair().await;
        a.write_all(b"unread").await.expect("sends");
        sleep(Duration::from_millis(1)).await;
        drop(b);
        sleep(Duration::from_millis(1)).await;
        assert_eq!(a.peek().map_err(|e| e.kind()), Err(ErrorKind::ConnectionReset));
    });
}

#[test]
fn a_port_refuses_swallows_or_takes() {
    within(1, Weather::calm(), async {
        assert_eq!(connect(PORT).await.map_err(|e| e.kind()).err(), Some(ErrorKind::ConnectionRefused));
        swallow(PORT);
        let socket = dial(PORT).expect("a run is on").expect("begins");
        sleep(Duration::from_secs(30)).await;
        assert_eq!(socket.try_write(&[IoSlice::new(b"x")]).map_err(|e| e.kind()), Err(ErrorKind::WouldBlock));
        let listener = listen(PORT);
        let taken = connect(PORT).await.expect("connects");
        drop((listener.accept().await, taken, socket));
        sleep(Duration::from_secs(1)).await;
        assert_eq!(open_sockets(), 0);
    });
}

#[test]
fn a_run_that_cannot_end_says_why() {
    let ended = |main| {
        run(Setup { seed: 1, weather: Weather::calm(), within: Duration::from_secs(60), trace: false }, main)
    };
    let never: Task = Box::pin(std::future::pending());
    assert_eq!(ended(never).map(|_| ()), Err(Stuck::Deadlock));
    let slow: Task = Box::pin(sleep(Duration::from_secs(61)));
    assert_eq!(ended(slow).map(|_| ()), Err(Stuck::Late));
    let spinning: Task = Box::pin(std::future::poll_fn(|cx| {
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    }));
    assert_eq!(ended(spinning).map(|_| ()), Err(Stuck::Spinning));
}

#[test]
fn the_real_wheel_turns_in_virtual_time() {
    within(1, Weather::calm(), async {
        let wheel = crate::net::Wheel::new();
        crate::net::spawn::spawn(wheel.clone().drive());
        let (near, far) = (wheel.deadline(), wheel.deadline());
        let begun = crate::net::clock::now();
        far.set(begun.after(Duration::from_secs(30)));
        sleep(Duration::from_secs(1)).await;
        near.set(begun.after(Duration::from_secs(2)));
        near.wait().await;
        let took = crate::net::clock::now().since(begun);
        assert!((2000..2020).contains(&took.as_millis()), "{took:?}");
        far.wait().await;
        assert!(crate::net::clock::now().since(begun).as_millis() < 30_200);
    });
}
