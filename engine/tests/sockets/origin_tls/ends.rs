//! Ends: what was not told to be whole is cut, and what is no record is the end.

use super::*;
use crate::support::{Delimited, Whole, each_driver};
use tools::upstream::{Origin, pattern};

#[test]
fn a_cut_looks_cut_and_a_whole_body_whole() {
    each_driver(|driver| {
        let origin = Origin::start();
        let told = Front::start(origin.addr(), Rules::default());
        let silent = Front::start(origin.addr(), Rules { manner: Manner::Silent, ..Rules::default() });
        let ours = tls("");
        let sides: [Side<'_>; 2] = [("told", &[&told.addr()], &ours), ("silent", &[&silent.addr()], &ours)];
        let gateway = start(driver, &sides);
        let mut logged = Vec::new();
        for (target, is_whole, reason) in [
            ("/told/close-delimited/30000", true, "ok"),
            ("/silent/close-delimited/30000", false, "upstream_cut"),
            // Its length says where it ends, and the connection is not used again.
            ("/silent/bytes/30000", true, "ok"),
            ("/silent/close-after", true, "ok"),
            ("/silent/close-after", true, "ok"),
            ("/told/cut-length?after=1000", false, "upstream_cut"),
            ("/silent/cut-length?after=1000", false, "upstream_cut"),
            ("/told/cut-chunked?after=1000", false, "upstream_cut"),
            ("/silent/reset-mid-body?after=1000", false, "upstream_cut"),
        ] {
            for version in ["1.1", "1.0"] {
                let mut client = gateway.connect();
                client.send(format!("GET {target} HTTP/{version}\r\nHost: a\r\n\r\n"));
                let reply = client.reply();
                assert_eq!((reply.status, reply.whole == Whole::Yes), (200, is_whole), "{target} {version}");
                if is_whole && target.ends_with("30000") {
                    assert!(reply.body == pattern(30_000), "{target} {version}");
                }
                if version == "1.0" && reply.delimited == Delimited::Close && !is_whole {
                    assert_eq!(reply.whole, Whole::Reset, "{target}");
                }
                logged.push((client.addr(), target, reason));
            }
        }
        // Lines are written some at a time.
        for (client, target, reason) in logged {
            let line = gateway.log_of(client);
            assert_eq!(line["reason"], reason, "{target}: {line}");
        }
        let mut client = gateway.connect();
        for side in ["told", "silent"] {
            let reply = get(&mut client, &format!("/{side}/close-before-head")).expect(502);
            assert_eq!(reply.reason(), "upstream_reset");
        }
    });
}

#[test]
fn what_is_no_record_is_the_end_of_its_connection_alone() {
    each_driver(|driver| {
        let origin = Origin::start();
        let front =
            |bytes| Front::start(origin.addr(), Rules { manner: Manner::Garbage(bytes), ..Rules::default() });
        let (none, some) = (front(0), front(5000));
        let ours = tls("");
        let sides: [Side<'_>; 2] = [("none", &[&none.addr()], &ours), ("some", &[&some.addr()], &ours)];
        let gateway = start(driver, &sides);
        let mut client = gateway.connect();
        let reply = get(&mut client, "/none/ok").expect(502);
        assert_eq!(reply.reason(), "upstream_tls");
        assert_eq!(gateway.log_of(client.addr())["detail"], "undecipherable");
        let reply = get(&mut client, "/some/bytes/30000");
        assert_eq!((reply.status, reply.whole == Whole::Yes), (200, false));
        assert!(reply.body == pattern(30_000)[..reply.body.len()]);
        get(&mut gateway.connect(), "/some/ok").expect(200);
    });
}
