//! What is kept from one connection to the next, and from one configuration to the next.

use super::*;
use crate::support::each_driver;
use crate::tls::files::Folder;
use tools::upstream::Origin;

fn resumed(front: &Front) -> Vec<bool> {
    front.shaken().iter().map(|shaken| shaken.resumed).collect()
}

#[test]
fn sessions_are_resumed_and_nothing_made_on_other_terms_is_used() {
    each_driver(|driver| {
        let origin = Origin::start();
        let old = Rules { versions: OLD, ..Rules::default() };
        for rules in [Rules::default(), old] {
            let front = Front::start(origin.addr(), rules);
            let (ours, named) = (tls(""), tls(", server_name: origin.test"));
            let gateway = start(driver, &[("a", &[&front.addr()], &ours)]);
            let mut client = gateway.connect();
            // Each answer ends with its connection.
            for count in 1..=3 {
                get(&mut client, "/a/close-delimited/5").expect(200);
                front.wait("the end is told", |all| {
                    all.len() == count && all.iter().all(|one| one.told_end == Some(true))
                });
            }
            assert_eq!(resumed(&front), [false, true, true]);
            // Equal terms: what is parked is used, and so are the tickets.
            get(&mut client, "/a/ok").expect(200);
            gateway.hangup();
            gateway.serves(2);
            get(&mut client, "/a/ok").expect(200);
            assert_eq!(front.shaken().len(), 4);
            get(&mut client, "/a/close-delimited/5").expect(200);
            front.wait("closed", |all| all[3].told_end.is_some());
            get(&mut client, "/a/ok").expect(200);
            assert_eq!(resumed(&front), [false, true, true, true, true]);
            // Other terms: the parked connection is closed, which is told, and its session is no use.
            gateway.replace(&text(driver, &[("a", &[&front.addr()], &named)]));
            gateway.hangup();
            gateway.serves(3);
            front.wait("the parked one is closed", |all| all[4].told_end == Some(true));
            get(&mut client, "/a/ok").expect(200);
            let last = front.shaken().pop().unwrap();
            assert_eq!((last.resumed, last.asked.as_deref()), (false, Some("origin.test")));
        }
    });
}

#[test]
fn a_changed_file_of_roots_is_a_reload() {
    each_driver(|driver| {
        let origin = Origin::start();
        let front = Front::start(origin.addr(), Rules::default());
        let roots =
            std::env::temp_dir().join(format!("ringgate-roots-{}-{}.pem", std::process::id(), driver.name()));
        std::fs::copy(file("../tls-a.pem"), &roots).unwrap();
        let keys = format!("tls: {{ roots: {} }}", roots.display());
        let text = text(driver, &[("a", &[&front.addr()], &keys)]).replace("watch: false", "watch: true");
        let gateway = Gateway::with(&text, 1);
        let mut client = gateway.connect();
        assert_eq!(get(&mut client, "/a/ok").expect(502).reason(), "upstream_certificate");
        std::fs::copy(file("ca.pem"), &roots).unwrap();
        gateway.serves(2);
        let reply = get(&mut client, "/a/ok");
        std::fs::remove_file(&roots).unwrap();
        reply.expect(200);
    });
}

#[test]
fn a_file_of_roots_that_cannot_be_used_holds_up_nothing_and_the_last_good_one_stays() {
    each_driver(|driver| {
        let origin = Origin::start();
        let front = Front::start(origin.addr(), Rules::default());
        let folder = Folder::new();
        folder.put("roots.pem", &std::fs::read(file("ca.pem")).unwrap());
        let path = folder.path("roots.pem").display().to_string();
        let keys = format!("tls: {{ roots: {path} }}");
        let text = |more: &str| text(driver, &[("a", &[&front.addr()], &keys)]) + more;
        let gateway = Gateway::with(&text(""), 1);
        let mut client = gateway.connect();
        let other = "- { name: new, match: { path: /new }, respond: { body: ok } }\n";
        for (generation, broken, told) in
            [(2, true, "holds no certificate"), (3, false, "cannot be read: no such file")]
        {
            match broken {
                true => folder.put("roots.pem", b"garbage"),
                false => std::fs::remove_file(&path).unwrap(),
            }
            gateway.replace(&text(other));
            gateway.hangup();
            gateway.serves(generation);
            let told = format!("'{path}' {told}; the last good one stays");
            let said = gateway.said().now();
            assert!(said.iter().any(|line| line.contains(&told)), "{told}: {said:#?}");
            assert_eq!(get(&mut client, "/new").expect(200).text(), "ok");
            get(&mut client, "/a/close-delimited/5").expect(200);
        }
        // Another one than the last is taken.
        folder.put("roots.pem", &std::fs::read(file("../tls-a.pem")).unwrap());
        gateway.hangup();
        gateway.serves(4);
        assert_eq!(get(&mut client, "/a/ok").expect(502).reason(), "upstream_certificate");
    });
}

#[test]
fn a_connection_on_which_another_name_was_proven_is_not_used() {
    each_driver(|driver| {
        let origin = Origin::start();
        let front = Front::start(origin.addr(), Rules::default());
        let ours = tls("");
        let gateway = start(driver, &[("a", &[&front.addr()], &ours)]);
        let mut client = gateway.connect();
        get(&mut client, "/a/ok").expect(200);
        // The same server, by a name that it has to prove as well.
        let named = format!("localhost:{}", front.addr().port());
        gateway.replace(&text(driver, &[("a", &[&named], &ours)]));
        gateway.hangup();
        gateway.serves(2);
        get(&mut client, "/a/ok").expect(200);
        let asked: Vec<Option<String>> = front.shaken().into_iter().map(|shaken| shaken.asked).collect();
        assert_eq!(asked, [None, Some("localhost".to_owned())]);
    });
}
