//! Age: a connection that has become old makes room for another one, and no request is lost by it.

use crate::http2::frames::{NO_ERROR, Peer, get};
use crate::requests::head;
use crate::support::{Client, End, Gateway, Ids, Setup, each_driver};
use std::time::{Duration, Instant};
use tools::upstream::Origin;

const AGE: Duration = Duration::from_millis(400);
/// A tenth of the age less, and what the gateway's clock is behind.
const NO_SOONER: Duration = Duration::from_millis(350);

#[test]
fn a_client_whose_connection_is_old_is_told_with_an_answer_and_a_silent_one_a_moment_later() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { timeouts: "age: 400ms", ..Setup::of(&origin) });
        let (mut busy, mut silent) = (gateway.connect(), gateway.connect());
        let began = Instant::now();
        silent.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").reply().expect(200);
        let mut answers = 0;
        let told = loop {
            let reply = busy.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").reply().expect(200);
            answers += 1;
            if reply.says_close() {
                break began.elapsed();
            }
        };
        assert!(answers > 1 && told > NO_SOONER && told < 10 * AGE, "{answers} answers, {told:?}");
        assert_eq!(busy.end(), End::Fin);
        assert_eq!(silent.end(), End::Fin);
        let ended = began.elapsed();
        assert!(ended > NO_SOONER + Duration::from_secs(1) && ended < Duration::from_secs(9), "{ended:?}");
    });
}

#[test]
fn an_old_connection_of_http2_is_left_once_its_streams_are_answered() {
    each_driver(|driver| {
        let origin = Origin::start();
        let setup =
            Setup { timeouts: "age: 400ms", listener: "protocols: [http1, http2]", ..Setup::of(&origin) };
        let gateway = Gateway::start(driver, &setup);
        let (mut busy, mut silent) = (Peer::greeted(gateway.connect()), Peer::greeted(gateway.connect()));
        let began = Instant::now();
        silent.ask(1, "/ok").expect(200);
        busy.send(get(1, "/slow-head/1500"));
        busy.until("a GOAWAY", |peer| peer.goaway.is_some());
        let told = began.elapsed();
        assert!(told > NO_SOONER && told < Duration::from_millis(1400), "{told:?}");
        assert!(busy.goaway.is_some_and(|(_, code)| code == NO_ERROR));
        busy.answer(1).expect(200);
        assert_eq!(busy.rest(), End::Fin);
        silent.until("a GOAWAY", |peer| peer.goaway.is_some());
        assert_eq!(silent.rest(), End::Fin);
    });
}

#[test]
fn a_connection_to_an_origin_that_is_old_is_closed_behind_its_exchange() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { pool: "age: 400ms", ..Setup::of(&origin) });
        let mut client: Client = gateway.connect();
        let began = Instant::now();
        let mut asked = 0;
        while origin.connections() < 2 {
            let id = Ids::next();
            client.send(format!("GET /echo?{id} HTTP/1.1\r\nHost: a\r\n\r\n")).reply().expect(200);
            head(&origin, &id);
            asked += 1;
            assert!(began.elapsed() < 10 * AGE);
        }
        assert!(asked > 2 && began.elapsed() > NO_SOONER, "{asked} in {:?}", began.elapsed());
        assert!(origin.wait(|seen| seen[0].end.is_some()), "the first one is closed");
    });
}
