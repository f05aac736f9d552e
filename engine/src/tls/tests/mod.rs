//! Sessions over a wire in memory: both roles, every way in which bytes may be torn, and every end.

mod wire;

use super::{Handshake, Progress, Refused, Wrong};
use crate::base::Proven;
use crate::certs::{Identity, Name, OriginTerms, Roots, Sealing, Terms, Trust};
use crate::mem::Pool;
use crate::net::Stream;
use crate::net::stream::{Cover, Idle};
use std::io;
use std::rc::Rc;
use wire::{Wire, joined};

const CA: &[u8] = include_bytes!("../../../tests/data/origins/ca.pem");
const ORIGIN: &[u8] = include_bytes!("../../../tests/data/origins/origin.pem");
const OTHER: &[u8] = include_bytes!("../../../tests/data/origins/other.pem");
const EXPIRED: &[u8] = include_bytes!("../../../tests/data/origins/expired.pem");
const KEY: &[u8] = include_bytes!("../../../tests/data/origins/leaf.key");
/// Self-signed, as one that signs others.
const SELF: &[u8] = include_bytes!("../../../tests/data/tls-a.pem");
const SELF_KEY: &[u8] = include_bytes!("../../../tests/data/tls-a.key");

fn trust(pem: &[u8]) -> Trust {
    Trust::Roots(Roots::read(pem).expect("are roots"))
}

fn terms(trust: Trust) -> OriginTerms {
    OriginTerms::new(trust, None, None, &[b"http/1.1"], None)
}

fn server(cert: &[u8], key: &[u8]) -> Terms {
    let identity = Identity::read(cert, key).expect("is an identity");
    Terms::new((&[identity], &[]), &[b"http/1.1"], None, Sealing::Own, None).expect("are terms")
}

/// The streams of client and server, and the wires.
type Joined = (Stream, Stream, [Rc<Wire>; 2]);

/// Both ends of a handshake, and the wires: up and down.
struct Pair {
    client: Handshake,
    server: Handshake,
    wires: [Rc<Wire>; 2],
}

impl Pair {
    fn new(origin: &OriginTerms, host: &str, listener: &Terms) -> Pair {
        let ((up, down), wires) = joined();
        let pool = Pool::new();
        let client = Handshake::of_client(up, (origin, host), &pool, None).expect("is a name");
        let server = Handshake::of_server(down, listener, &pool, None).expect("are terms");
        Pair { client, server, wires }
    }

    /// Lets `step` bytes pass each way at a time until both are done.
    fn shake(mut self, step: usize) -> Result<Joined, [Option<Refused>; 2]> {
        for _ in 0..100_000 {
            for wire in &self.wires {
                wire.takes.set(step);
                wire.gives.set(step);
            }
            match (self.client.advance(), self.server.advance()) {
                (Ok(Progress::Done), Ok(Progress::Done)) => {
                    self.wires.iter().for_each(|wire| wire.open());
                    return Ok((self.client.into_stream(), self.server.into_stream(), self.wires));
                }
                (Ok(_), Ok(_)) => {}
                // Who is told of it has the time to hear it.
                (Err(client), server) => {
                    self.wires.iter().for_each(|wire| wire.open());
                    return Err([Some(client), server.and_then(|_| self.server.advance()).err()]);
                }
                (_, Err(server)) => return Err([None, Some(server)]),
            }
        }
        panic!("the handshake does not end");
    }
}

fn session() -> Joined {
    Pair::new(&terms(trust(CA)), "origin.test", &server(ORIGIN, KEY)).shake(usize::MAX).expect("shake hands")
}

fn kind(result: io::Result<usize>) -> Result<usize, io::ErrorKind> {
    result.map_err(|error| error.kind())
}

const BLOCKED: Result<usize, io::ErrorKind> = Err(io::ErrorKind::WouldBlock);

#[test]
fn whoever_proves_the_name_that_was_written_is_believed_and_nobody_else() {
    use Wrong::Certificate as C;
    for (roots, host, cert, expected) in [
        (CA, "origin.test", ORIGIN, None),
        (CA, "ORIGIN.test.", ORIGIN, None),
        (CA, "127.0.0.1", ORIGIN, None),
        (CA, "127.0.0.2", ORIGIN, Some(C("wrong_name"))),
        (CA, "origin.test", OTHER, Some(C("wrong_name"))),
        (CA, "localhost", EXPIRED, Some(C("expired"))),
        (SELF, "origin.test", ORIGIN, Some(C("unknown_issuer"))),
    ] {
        let pair = Pair::new(&terms(trust(roots)), host, &server(cert, KEY));
        let found = pair.shake(usize::MAX).err().and_then(|[client, _]| client);
        assert_eq!(found, expected.map(Refused::Wrong), "{host}");
        let pair = Pair::new(&terms(Trust::Anyone), host, &server(cert, KEY));
        assert!(pair.shake(usize::MAX).is_ok(), "{host}");
    }
    let pair = Pair::new(&terms(trust(SELF)), "a.test", &server(SELF, SELF_KEY));
    let [client, told] = pair.shake(usize::MAX).expect_err("signs others");
    assert_eq!(client, Some(Refused::Wrong(C("signs_others"))));
    assert!(
        matches!(told, Some(Refused::Wrong(Wrong::Protocol(alert))) if alert.starts_with("alert")),
        "{told:?}"
    );
}

#[test]
fn what_is_no_name_cannot_be_proved() {
    let ((up, _down), _wires) = joined();
    let found = Handshake::of_client(up, (&terms(trust(CA)), "no name"), &Pool::new(), None);
    assert_eq!(found.err(), Some(Refused::Wrong(Wrong::Certificate("no_name_to_verify"))));
}

#[test]
fn a_name_of_ones_own_takes_the_place_of_the_endpoints() {
    let named = OriginTerms::new(trust(CA), Name::parse("other.test"), None, &[], None);
    assert!(Pair::new(&named, "origin.test", &server(OTHER, KEY)).shake(usize::MAX).is_ok());
    assert!(Pair::new(&named, "origin.test", &server(ORIGIN, KEY)).shake(usize::MAX).is_err());
}

#[test]
fn bytes_come_whole_and_in_order_however_they_are_torn() {
    for step in [1, 2, 3, 7, 1000] {
        let pair = Pair::new(&terms(trust(CA)), "origin.test", &server(ORIGIN, KEY));
        let (client, server, wires) = pair.shake(step).expect("shake hands");
        let text: Vec<u8> = (0..40_000_u32).map(|n| (n % 251) as u8).collect();
        for (from, to) in [(&client, &server), (&server, &client)] {
            let (mut sent, mut got, mut into) = (0, Vec::new(), [0; 3000]);
            while got.len() < text.len() {
                for wire in &wires {
                    wire.takes.set(step * 100);
                    wire.gives.set(step * 90);
                }
                match from.try_write(&text[sent..]) {
                    Ok(len) => sent += len,
                    Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
                }
                match to.try_read(&mut into) {
                    Ok(len) => got.extend_from_slice(&into[..len]),
                    Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
                }
            }
            assert!(got == text, "{step}");
        }
    }
}

#[test]
fn a_write_in_hand_is_done_by_the_same_bytes_and_by_no_other() {
    let text = vec![b'x'; 50_000];
    for (again, expected) in [
        (&text[..], Ok(50_000)),
        // What follows the bytes in hand is new.
        (&[&text[..], b"more"].concat()[..], Ok(50_004)),
        // Less than what was made records of, which is a buffer's worth.
        (&text[..40_000], Err(io::ErrorKind::InvalidInput)),
        (&[b"y", &text[..]].concat()[..], Err(io::ErrorKind::InvalidInput)),
        (b"", Err(io::ErrorKind::InvalidInput)),
    ] {
        let (client, server, wires) = session();
        wires[0].takes.set(20_000);
        assert_eq!(kind(client.try_write(&text)), BLOCKED);
        assert_eq!(kind(client.try_write(&text)), BLOCKED, "still not taken");
        wires[0].open();
        assert_eq!(kind(client.try_write(again)), expected);
        let mut into = vec![0; 60_000];
        if let Ok(len) = expected {
            let mut got = 0;
            while let Ok(more) = server.try_read(&mut into[got..]) {
                got += more;
            }
            assert_eq!(&into[..got], again, "nothing twice");
            assert_eq!(got, len);
        } else {
            assert_eq!(kind(client.try_read(&mut into)), expected, "of no more use");
        }
    }
}

#[test]
fn an_end_is_told_when_a_session_is_dropped() {
    let mut into = [0; 100];
    let (client, server, _wires) = session();
    assert_eq!(kind(client.try_write(b"whole")), Ok(5));
    drop(client);
    assert_eq!(kind(server.try_read(&mut into)), Ok(5));
    assert_eq!(kind(server.try_read(&mut into)), Ok(0));
    let (client, server, _wires) = session();
    assert_eq!(kind(server.try_write(b"whole")), Ok(5));
    server.shutdown_write();
    assert_eq!(kind(client.try_read(&mut into)), Ok(5));
    assert_eq!(kind(client.try_read(&mut into)), Ok(0));
    // The other direction goes on; what was said is not said twice.
    assert_eq!(kind(client.try_write(b"more")), Ok(4));
    assert_eq!(kind(server.try_read(&mut into)), Ok(4));
    drop(server);
    assert_eq!(kind(client.try_read(&mut into)), Ok(0));
}

#[test]
fn a_cut_looks_cut() {
    let mut into = [0; 100];
    // An origin that goes without a word.
    let (client, server, wires) = session();
    assert_eq!(kind(server.try_write(b"half")), Ok(4));
    wires[1].takes.set(0);
    drop(server);
    assert_eq!(kind(client.try_read(&mut into)), Ok(4));
    assert_eq!(kind(client.try_read(&mut into)), Err(io::ErrorKind::UnexpectedEof));
    // A client that does, as browsers do: its requests say where they end.
    let (client, server, wires) = session();
    wires[0].takes.set(0);
    drop(client);
    assert_eq!(kind(server.try_read(&mut into)), Ok(0));
    // Within a record that is a cut.
    let (client, server, wires) = session();
    wires[0].takes.set(10);
    assert_eq!(kind(client.try_write(b"half")), BLOCKED);
    drop(client);
    assert_eq!(kind(server.try_read(&mut into)), Err(io::ErrorKind::UnexpectedEof));
    // Nor does a reset say goodbye first.
    let (client, server, wires) = session();
    assert_eq!(kind(server.try_write(b"half")), Ok(4));
    server.reset_on_close();
    drop(server);
    assert!(wires[1].reset.get());
    assert_eq!(kind(client.try_read(&mut into)), Ok(4));
    assert_eq!(kind(client.try_read(&mut into)), Err(io::ErrorKind::UnexpectedEof));
}

#[test]
fn an_altered_record_is_the_end_of_its_session() {
    let (client, server, wires) = session();
    assert_eq!(kind(client.try_write(b"altered")), Ok(7));
    *wires[0].bytes.borrow_mut().back_mut().expect("is there") ^= 1;
    let mut into = [0; 100];
    assert_eq!(kind(server.try_read(&mut into)), Err(io::ErrorKind::InvalidData));
    assert_eq!(server.wrong(), Some("undecipherable"));
    assert_eq!(kind(server.try_read(&mut into)), Err(io::ErrorKind::InvalidData));
    // Who sent it is told.
    assert_eq!(kind(client.try_read(&mut into)), Err(io::ErrorKind::InvalidData));
    assert_eq!(client.wrong(), Some("alert"));
}

#[test]
fn what_is_sent_before_the_handshake_leaves_with_it() {
    let ((up, down), wires) = joined();
    wires.iter().for_each(|wire| wire.open());
    let pool = Pool::new();
    let mut first = pool.take(crate::mem::Class::Small);
    assert!(first.put(b"PROXY UNKNOWN\r\n"));
    let mut client =
        Handshake::of_client(up, (&terms(trust(CA)), "origin.test"), &pool, Some(first)).expect("is a name");
    assert_eq!(client.advance(), Ok(Progress::Reads));
    let mut announced = [0; 15];
    assert_eq!(kind(down.try_read(&mut announced)), Ok(15));
    assert_eq!(&announced, b"PROXY UNKNOWN\r\n");
    let mut server = Handshake::of_server(down, &server(ORIGIN, KEY), &pool, None).expect("are terms");
    assert_eq!(server.advance(), Ok(Progress::Reads));
    assert_eq!(client.advance(), Ok(Progress::Done));
    assert_eq!(server.advance(), Ok(Progress::Done));
    assert_eq!(server.into_stream().asked(), Some("origin.test"));
}

#[test]
fn what_comes_with_the_end_of_the_handshake_is_read_whole_though_its_sender_is_done() {
    let pair = Pair::new(&terms(trust(CA)), "origin.test", &server(ORIGIN, KEY));
    let Pair { mut client, mut server, wires } = pair;
    wires.iter().for_each(|wire| wire.open());
    assert_eq!((client.advance(), server.advance()), (Ok(Progress::Reads), Ok(Progress::Reads)));
    assert_eq!(client.advance(), Ok(Progress::Done));
    // The end of the handshake, a request and the end of what the client has to say lie in one piece.
    let client = client.into_stream();
    assert_eq!(kind(client.try_write(b"GET / HTTP/1.1\r\n\r\n")), Ok(18));
    client.shutdown_write();
    assert_eq!(server.advance(), Ok(Progress::Done));
    let server = server.into_stream();
    let mut into = [0; 100];
    assert_eq!(kind(server.try_read(&mut into)), Ok(18));
    assert_eq!(kind(server.try_read(&mut into)), Ok(0));
    // It still listens.
    assert_eq!(kind(server.try_write(b"HTTP/1.1 200 OK\r\n\r\n")), Ok(19));
    assert_eq!(kind(client.try_read(&mut into)), Ok(19));
}

#[test]
fn a_peer_that_is_done_before_it_has_shaken_hands_is_not_let_in() {
    let ((up, down), wires) = joined();
    wires.iter().for_each(|wire| wire.open());
    let mut server = Handshake::of_server(down, &server(ORIGIN, KEY), &Pool::new(), None).expect("are terms");
    assert_eq!(server.advance(), Ok(Progress::Reads));
    // An alert in clear: close_notify.
    assert_eq!(kind(up.try_write(&[21, 3, 3, 0, 2, 1, 0])), Ok(7));
    assert_ne!(server.advance(), Ok(Progress::Done));
}

#[test]
fn a_peer_that_does_not_speak_tls_is_told_so() {
    let ((up, down), wires) = joined();
    wires.iter().for_each(|wire| wire.open());
    let mut client =
        Handshake::of_client(up, (&terms(trust(CA)), "origin.test"), &Pool::new(), None).expect("is a name");
    assert_eq!(client.advance(), Ok(Progress::Reads));
    assert_eq!(kind(down.try_write(b"HTTP/1.1 400 Bad Request\r\n\r\n")), Ok(28));
    assert_eq!(client.advance(), Err(Refused::Wrong(Wrong::Protocol("malformed"))));
    drop(client);
    let ((up, down), wires) = joined();
    wires.iter().for_each(|wire| wire.open());
    let mut client =
        Handshake::of_client(up, (&terms(trust(CA)), "origin.test"), &Pool::new(), None).expect("is a name");
    assert_eq!(client.advance(), Ok(Progress::Reads));
    drop(down);
    assert_eq!(client.advance(), Err(Refused::Silent));
}

#[test]
fn a_session_at_rest_holds_no_buffer() {
    let ((up, down), wires) = joined();
    wires.iter().for_each(|wire| wire.open());
    let pool = Pool::new();
    let mut client =
        Handshake::of_client(up, (&terms(trust(CA)), "origin.test"), &pool, None).expect("is a name");
    let mut server = Handshake::of_server(down, &server(ORIGIN, KEY), &pool, None).expect("are terms");
    while (client.advance(), server.advance()) != (Ok(Progress::Done), Ok(Progress::Done)) {}
    let (client, server) = (client.into_stream(), server.into_stream());
    // Tickets have come with the handshake; they are nothing that nobody asked for.
    assert_eq!(client.idle(), Idle::Quiet);
    let mut into = [0; 1000];
    assert_eq!(kind(client.try_write(&[7; 5000])), Ok(5000));
    assert_eq!(kind(server.try_read(&mut into)), Ok(1000));
    assert!(pool.lent() > 0, "what nobody had room for is held");
    assert_eq!(server.idle(), Idle::Spoiled);
    while let Ok(1..) = server.try_read(&mut into) {}
    assert_eq!((client.idle(), server.idle(), pool.lent()), (Idle::Quiet, Idle::Quiet, 0));
}

#[test]
fn equal_terms_are_the_ones_before() {
    let first = terms(trust(CA));
    let again = OriginTerms::new(trust(CA), None, None, &[b"http/1.1"], Some(&first));
    assert!(again.is(&first));
    let client = Identity::read(ORIGIN, KEY).expect("is an identity");
    for other in [
        OriginTerms::new(trust(SELF), None, None, &[b"http/1.1"], Some(&first)),
        OriginTerms::new(Trust::Anyone, None, None, &[b"http/1.1"], Some(&first)),
        OriginTerms::new(trust(CA), Name::parse("a.test"), None, &[b"http/1.1"], Some(&first)),
        OriginTerms::new(trust(CA), None, Some(&client), &[b"http/1.1"], Some(&first)),
        OriginTerms::new(trust(CA), None, None, &[b"h2", b"http/1.1"], Some(&first)),
    ] {
        assert!(!other.is(&first));
    }
}
