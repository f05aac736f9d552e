//! A reload with anything wrong changes nothing and names the place.

use super::{Text, ask};
use crate::support::{Driver, each_driver};
use std::net::TcpListener;
use tools::upstream::Origin;

#[test]
fn each_kind_of_error_leaves_everything_as_it_was_and_names_the_place() {
    each_driver(|driver| {
        let origin = Origin::start();
        let text = Text::of(driver, 1, &origin);
        let gateway = text.start();
        let mut kept = gateway.connect();
        ask(&mut kept, "/ok").expect(200);
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let busy = taken.local_addr().unwrap();
        let good = text.answers("/new", "new");
        let other = if driver == Driver::Epoll { "io_uring" } else { "epoll" };
        let list = gateway.file().with_file_name("bad.endpoints");
        std::fs::write(&list, "10.0.0.1:80\nnot an address\n").unwrap();
        let with = |from: &str, to: &str| {
            let text = good.yaml();
            assert!(text.contains(from), "{from} is in {text}");
            text.replacen(from, to, 1)
        };
        // The text, where it is wrong, and what is said of it.
        let cases = [
            ("version: 1\nlisteners: [\n".to_owned(), "ringgate.yaml:", "error"),
            (with("watch: false", "wacht: false"), "ringgate.yaml:2:", "watch"),
            (with("to: origin", "to: orgin"), "ringgate.yaml:10:", "did you mean 'origin'?"),
            (with("shards: 1", "shards: 3"), "ringgate.yaml:2:20:", "only a restart changes it"),
            (
                with(&format!("driver: {}", driver.name()), &format!("driver: {other}")),
                "ringgate.yaml:2:31:",
                "only a restart changes 'driver'",
            ),
            (with("path: stdout", "path: /nowhere/at/all.log"), "ringgate.yaml:3:21:", "cannot be opened"),
            (
                with(
                    "- { name: public, bind: 127.0.0.1:0 }",
                    &format!(
                        "- {{ name: public, bind: 127.0.0.1:0 }}\n- {{ name: second, bind: [\"127.0.0.1:0\", \"{busy}\"] }}"
                    ),
                ),
                "ringgate.yaml:6:41:",
                "listener second cannot bind",
            ),
            (
                with("endpoints: [", "endpoints_file: bad.endpoints, endpoints: ["),
                "bad.endpoints:2:",
                "error",
            ),
        ];
        for (count, (text, place, said)) in cases.iter().enumerate() {
            gateway.replace(text);
            gateway.hangup();
            let lines = gateway.refused(count + 1).join("\n");
            let last = lines.rsplit("generation 1 goes on").nth(1).unwrap_or_default();
            assert!(last.contains(place) && last.contains(said), "{place} and {said} in {last}");
            assert_ne!(ask(&mut kept, "/new").text(), "new");
            assert_ne!(ask(&mut gateway.connect(), "/new").text(), "new");
            assert_eq!(gateway.log_of(kept.addr())["generation"], 1);
        }
        // What was bound on the way to a refusal is let go, and nothing else is in the way of a good file.
        good.reload(&gateway, 2);
        assert_eq!(ask(&mut kept, "/new").text(), "new");
    });
}

#[test]
fn a_file_that_is_gone_is_refused_and_so_is_a_reload_of_what_it_includes() {
    each_driver(|driver| {
        let origin = Origin::start();
        let text = Text::of(driver, 1, &origin);
        let gateway = text.start();
        std::fs::remove_file(gateway.file()).unwrap();
        gateway.hangup();
        assert!(gateway.refused(1).join("\n").contains("no such file"));
        let more = gateway.file().with_file_name("more.yaml");
        std::fs::write(&more, "routes: [{ name: more, match: { path: /more }, respond: { body: more } }")
            .unwrap();
        let yaml = text.yaml().replace("version: 1\n", "version: 1\ninclude: [more.yaml]\n");
        gateway.replace(&yaml);
        gateway.hangup();
        assert!(gateway.refused(2).join("\n").contains("more.yaml:1:"));
        std::fs::write(&more, "routes: [{ name: more, match: { path: /more }, respond: { body: more } }]")
            .unwrap();
        gateway.hangup();
        gateway.serves(2);
        assert_eq!(ask(&mut gateway.connect(), "/more").text(), "more");
    });
}
