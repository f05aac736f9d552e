//! Dialling: connected, refused, too late; IPv4 and IPv6.

use crate::rig::{listener, on_each, read_exact, wheel, write_all};
use ringgate::net::clock;
use ringgate::net::dial::dial;
use ringgate::net::listener::Bound;
use socket2::{Domain, Socket, Type};
use std::io::{self, Read, Write};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn a_dialled_stream_carries_bytes_both_ways_without_delay() {
    on_each(|| async {
        let wheel = wheel();
        for addr in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(addr) else {
                println!("{addr} cannot be bound here");
                continue;
            };
            let addr = listener.local_addr().expect("is bound");
            let peer = thread::spawn(move || {
                let (mut peer, from) = listener.accept().expect("is dialled");
                let mut got = [0; 4];
                peer.read_exact(&mut got).expect("comes");
                peer.write_all(&got).expect("is taken");
                from
            });
            let deadline = wheel.deadline();
            deadline.set(clock::coarse().after(Duration::from_secs(10)));
            let stream = dial(&addr.into(), &deadline).await.expect("is listened to");
            write_all(&stream, b"ping").await;
            assert_eq!(read_exact(&stream, 4).await, b"ping");
            assert_eq!(stream.local_addr(), Some(peer.join().expect("answers")));
        }
    });
}

#[test]
fn a_port_without_a_listener_refuses_at_once() {
    on_each(|| async {
        let wheel = wheel();
        for addr in [SocketAddr::from(([127, 0, 0, 1], 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))] {
            // Bound and not listening: nobody else can take the port meanwhile.
            let socket =
                Socket::new(Domain::for_address(addr), Type::STREAM, None).expect("there are descriptors");
            if socket.bind(&addr.into()).is_err() {
                println!("{addr} cannot be bound here");
                continue;
            }
            let bound = socket.local_addr().expect("is bound").as_socket().expect("is an IP address");
            let deadline = wheel.deadline();
            deadline.set(clock::coarse().after(Duration::from_secs(10)));
            let refused = dial(&bound.into(), &deadline).await.expect_err("nobody listens");
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        }
    });
}

#[test]
fn a_peer_that_does_not_answer_is_given_up_at_the_deadline() {
    on_each(|| async {
        let wheel = wheel();
        // A listener whose queue is full drops what comes further.
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are descriptors");
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("binds");
        socket.listen(0).expect("listens");
        let addr = socket.local_addr().expect("is bound").as_socket().expect("is an IP address");
        let mut queued = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&addr, Duration::from_millis(200)) {
            queued.push(stream);
            assert!(queued.len() < 100, "the queue is bounded");
        }
        let deadline = wheel.deadline();
        deadline.set(clock::coarse().after(Duration::from_millis(200)));
        let begin = Instant::now();
        let late = dial(&addr.into(), &deadline).await.expect_err("the queue is full");
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        let took = begin.elapsed();
        assert!(took >= Duration::from_millis(180) && took < Duration::from_secs(2), "{took:?}");
    });
}

#[test]
fn a_dial_that_is_given_up_leaves_no_descriptor() {
    on_each(|| async {
        let wheel = wheel();
        let (_listener, addr) = listener();
        let deadline = wheel.deadline();
        deadline.set(clock::coarse().after(Duration::from_secs(10)));
        let before = crate::accepts::sockets_of(addr.port());
        let to = addr.into();
        for _ in 0..100 {
            let mut dialling = std::pin::pin!(dial(&to, &deadline));
            crate::rig::once(&mut dialling).await;
        }
        crate::rig::pause(&wheel, Duration::from_millis(50)).await;
        assert_eq!(crate::accepts::sockets_of(addr.port()), before);
    });
}

#[test]
fn ipv4_and_ipv6_can_be_bound_to_the_same_port() {
    on_each(|| async {
        let Ok(six) = Bound::new(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)), 8) else {
            println!("IPv6 cannot be bound here");
            return;
        };
        let port = six.addr().expect("is bound").port();
        let four = Bound::new(SocketAddr::from(([0, 0, 0, 0], port)), 8).expect("is apart from IPv6");
        let (six, four) = (six.listen().expect("registers"), four.listen().expect("registers"));
        for (listener, addr) in [
            (&six, SocketAddr::from((Ipv6Addr::LOCALHOST, port))),
            (&four, SocketAddr::from(([127, 0, 0, 1], port))),
        ] {
            let _client = TcpStream::connect(addr).expect("is listened to");
            listener.ready().await.expect("the driver waits");
            let (_, from) = listener.try_accept().expect("is queued");
            assert_eq!(from.ip().map(|ip| ip.is_ipv6()), Some(addr.is_ipv6()));
        }
    });
}
