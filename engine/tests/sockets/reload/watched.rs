//! `gateway.watch`: a file that changes is a reload, one that is being written is not.

use super::{Text, ask, until};
use crate::support::{Gateway, each_driver};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};
use tools::upstream::Origin;

fn watching(driver: crate::support::Driver, origin: &Origin) -> Text {
    Text { gateway: "watch: true".to_owned(), ..Text::of(driver, 1, origin) }
}

fn says(gateway: &Gateway, body: &str) -> bool {
    ask(&mut gateway.connect(), "/new").text() == body
}

#[test]
fn a_file_renamed_over_is_taken_and_a_faulty_one_is_not() {
    each_driver(|driver| {
        let origin = Origin::start();
        let text = watching(driver, &origin);
        let gateway = text.start();
        gateway.replace(&text.answers("/new", "one").yaml());
        gateway.serves(2);
        assert!(says(&gateway, "one"));
        gateway.replace("version: 1\nlisteners: [\n");
        gateway.refused(1);
        assert!(says(&gateway, "one"));
        gateway.replace(&text.answers("/new", "two").yaml());
        gateway.serves(3);
        assert!(says(&gateway, "two"));
    });
}

#[test]
fn a_file_in_the_middle_of_being_written_is_never_taken() {
    each_driver(|driver| {
        let origin = Origin::start();
        let text = watching(driver, &origin);
        let gateway = text.start();
        // The first half would load: it only lacks what comes behind it.
        let (half, rest) =
            (text.yaml(), "- { name: new, match: { path: /new }, respond: { body: whole } }\n");
        let mut file = File::create(gateway.file()).unwrap();
        file.write_all(half.as_bytes()).unwrap();
        file.write_all(b"- { name: half, match: { path: /half }, respond: { body: half } }\n").unwrap();
        file.sync_all().unwrap();
        // Far longer than a change has to be over to be taken.
        let looked_at = Instant::now() + Duration::from_millis(1500);
        let mut client = gateway.connect();
        while Instant::now() < looked_at {
            assert_ne!(ask(&mut client, "/half").text(), "half", "half a file is served");
        }
        file.write_all(rest.as_bytes()).unwrap();
        drop(file);
        gateway.serves(2);
        assert!(says(&gateway, "whole"));
    });
}

#[test]
fn a_symlink_that_turns_elsewhere_is_taken() {
    each_driver(|driver| {
        let origin = Origin::start();
        let text = watching(driver, &origin);
        let gateway = text.start();
        let folder = gateway.file().parent().unwrap().to_owned();
        // As Kubernetes exchanges a ConfigMap: the file is a link through a link to a folder, and that one turns.
        let lay = |number: u32, text: &Text| {
            let data = folder.join(format!("..data-{number}"));
            fs::create_dir(&data).unwrap();
            fs::write(data.join("ringgate.yaml"), text.yaml()).unwrap();
            symlink(data.file_name().unwrap(), folder.join("..next")).unwrap();
            fs::rename(folder.join("..next"), folder.join("..data")).unwrap();
        };
        lay(1, &text.answers("/new", "first"));
        fs::remove_file(gateway.file()).unwrap();
        symlink("..data/ringgate.yaml", gateway.file()).unwrap();
        gateway.serves(2);
        assert!(says(&gateway, "first"));
        lay(2, &text.answers("/new", "second"));
        gateway.serves(3);
        assert!(says(&gateway, "second"));
        fs::remove_dir_all(folder.join("..data-1")).unwrap();
        lay(3, &text.answers("/new", "third"));
        gateway.serves(4);
        assert!(says(&gateway, "third"));
    });
}

#[test]
fn an_included_file_is_watched_too_and_watching_can_be_turned_off() {
    each_driver(|driver| {
        let origin = Origin::start();
        let text = watching(driver, &origin);
        let gateway = text.start();
        let more = gateway.file().with_file_name("more.yaml");
        let route = |body: &str| {
            format!("routes: [{{ name: new, match: {{ path: /new }}, respond: {{ body: {body} }} }}]\n")
        };
        fs::write(&more, route("one")).unwrap();
        let including =
            |text: &Text| text.yaml().replace("version: 1\n", "version: 1\ninclude: [more.yaml]\n");
        gateway.replace(&including(&text));
        gateway.serves(2);
        fs::write(&more, route("two")).unwrap();
        gateway.serves(3);
        assert!(says(&gateway, "two"));
        let off = Text { gateway: "watch: false".to_owned(), ..text.clone() };
        gateway.replace(&including(&off));
        gateway.serves(4);
        fs::write(&more, route("three")).unwrap();
        let looked_at = Instant::now() + Duration::from_millis(1500);
        while Instant::now() < looked_at {
            assert!(says(&gateway, "two"), "nothing is watched any more");
        }
        gateway.hangup();
        gateway.serves(5);
        until("a signal is taken all the same", || says(&gateway, "three"));
    });
}

#[test]
fn a_file_that_a_pattern_finds_comes_changes_and_goes() {
    each_driver(|driver| {
        let origin = Origin::start();
        let text = watching(driver, &origin);
        let gateway = text.start();
        let folder = gateway.file().with_file_name("conf.d");
        fs::create_dir(&folder).unwrap();
        gateway.replace(&text.yaml().replace("version: 1\n", "version: 1\ninclude: [\"conf.d/*.yaml\"]\n"));
        gateway.serves(2);
        let new = folder.join("new.yaml");
        let route = |body: &str| {
            format!("routes: [{{ name: new, match: {{ path: /new }}, respond: {{ body: {body} }} }}]\n")
        };
        fs::write(&new, route("one")).unwrap();
        gateway.serves(3);
        assert!(says(&gateway, "one"));
        fs::write(&new, route("two")).unwrap();
        gateway.serves(4);
        assert!(says(&gateway, "two"));
        // One that is still being written is not there yet.
        let more = folder.join("more.yaml");
        let mut writer = fs::File::create(&more).unwrap();
        writer
            .write_all(b"routes:\n- { name: half, match: { path: /half }, respond: { body: half } }\n")
            .unwrap();
        std::thread::sleep(Duration::from_millis(1500));
        assert_eq!(ask(&mut gateway.connect(), "/half").status, 404);
        writer.write_all(b"- { name: rest, match: { path: /rest }, respond: { body: rest } }\n").unwrap();
        drop(writer);
        gateway.serves(5);
        assert_eq!(ask(&mut gateway.connect(), "/rest").status, 200);
        // What the pattern does not take is no change.
        for other in ["new.yaml~", ".new.yaml", "new.json"] {
            fs::write(folder.join(other), "nonsense: 1").unwrap();
        }
        fs::rename(&new, folder.join("gone")).unwrap();
        gateway.serves(6);
        assert_eq!(ask(&mut gateway.connect(), "/new").status, 404);
    });
}
