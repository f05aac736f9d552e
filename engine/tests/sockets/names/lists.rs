//! Files of endpoints: whichever way one is replaced, its new text takes effect; a faulty one never does.

use super::*;
use crate::support::{each_driver, run_to_end};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

/// A folder that goes with this.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("ringgate-lists-{}-{}", std::process::id(), NUMBER.fetch_add(1, Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    /// A file in it, with this text.
    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn listed(path: &Path) -> String {
    format!("endpoints_file: \"{}\"", path.display())
}

/// Whether `origin` alone answers from now on.
fn serves(gateway: &Gateway, origin: &Origin) -> bool {
    endpoints(gateway, "listed", 4).iter().all(|endpoint| *endpoint == origin.addr().to_string())
}

#[test]
fn a_list_is_replaced_by_writing_renaming_and_linking() {
    each_driver(|driver| {
        let (dns, folder) = (NameServer::start(), Folder::new());
        let (origins, _) = origins(3);
        let line = |n: usize| format!("# served now\n{} 2 0\n", origins[n].addr());
        let path = folder.file("list.txt", &line(0));
        let gateway = start(driver, 2, &dns, HASTE, &[("listed", &listed(&path))]);
        assert!(serves(&gateway, &origins[0]));
        fs::write(&path, line(1)).unwrap();
        until("written", || serves(&gateway, &origins[1]));
        fs::rename(folder.file("new.txt", &line(2)), &path).unwrap();
        until("renamed", || serves(&gateway, &origins[2]));
        for n in [0, 1] {
            let (text, link) = (folder.file(&format!("{n}.txt"), &line(n)), folder.0.join("link"));
            symlink(text, &link).unwrap();
            fs::rename(link, &path).unwrap();
            until("linked", || serves(&gateway, &origins[n]));
        }
        until("connections to those that left are closed", || origins[0].open() + origins[2].open() == 0);
    });
}

#[test]
fn a_faulty_list_is_told_by_its_line_and_changes_nothing() {
    each_driver(|driver| {
        let (dns, folder) = (NameServer::start(), Folder::new());
        let (origins, _) = origins(2);
        let path = folder.file("list.txt", &origins[0].addr().to_string());
        let gateway = start(driver, 1, &dns, HASTE, &[("listed", &listed(&path))]);
        fs::write(&path, format!("{}\nnonsense\n", origins[1].addr())).unwrap();
        let told = format!("{}:2: 'nonsense' is not a host and a port", path.display());
        gateway.said().wait("the fault", |lines| lines.iter().any(|line| line.contains(&told)));
        assert!(serves(&gateway, &origins[0]));
        fs::remove_file(&path).unwrap();
        let told = format!("{}: ", path.display());
        gateway
            .said()
            .wait("its absence", |lines| lines.iter().filter(|line| line.contains(&told)).count() == 1);
        assert!(serves(&gateway, &origins[0]));
        folder.file("list.txt", &origins[1].addr().to_string());
        until("a good one is taken again", || serves(&gateway, &origins[1]));
    });
}

// The writer pauses within a line, or has cut the file off and not begun: neither is what it means.
#[test]
fn a_list_that_is_being_written_changes_nothing() {
    each_driver(|driver| {
        let (dns, folder) = (NameServer::start(), Folder::new());
        let (origins, _) = origins(2);
        let path = folder.file("list.txt", &format!("{}\n", origins[0].addr()));
        let gateway = start(driver, 1, &dns, HASTE, &[("listed", &listed(&path))]);
        let mut writer = fs::File::create(&path).unwrap();
        let told = format!("{}: the list of endpoints is empty", path.display());
        gateway.said().wait("the fault", |lines| lines.iter().any(|line| line.contains(&told)));
        assert!(serves(&gateway, &origins[0]));
        let whole = format!("{}\n", origins[1].addr());
        let (first, rest) = whole.split_at(whole.len() - 3);
        writer.write_all(first.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(1800));
        assert!(serves(&gateway, &origins[0]), "half a port is none");
        writer.write_all(rest.as_bytes()).unwrap();
        until("it is whole", || serves(&gateway, &origins[1]));
    });
}

// Nothing of their requests was sent yet.
#[test]
fn who_waits_in_line_goes_where_the_list_leads_by_then() {
    each_driver(|driver| {
        let (dns, folder) = (NameServer::start(), Folder::new());
        let (origins, _) = origins(2);
        origins[0].script("whole", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec());
        let path = folder.file("list.txt", &format!("{}\n", origins[0].addr()));
        let capped = format!("{}, pool: {{ connections: 1 }}", listed(&path));
        let text = text(driver, 1, &dns, HASTE, &[("capped", &capped), ("listed", &listed(&path))]);
        let gateway = Gateway::with(&text.replace("to: capped", "timeouts: { connect: 9s }, to: capped"), 1);
        let mut holder = gateway.connect();
        holder.send("GET /held/0/whole HTTP/1.1\r\nHost: capped\r\n\r\n");
        assert!(origins[0].wait_held(1));
        let mut line: Vec<_> = (0..3).map(|_| gateway.connect()).collect();
        for client in &mut line {
            client.send("POST /ok HTTP/1.1\r\nHost: capped\r\nContent-Length: 2\r\n\r\nhi");
        }
        fs::write(&path, format!("{}\n", origins[1].addr())).unwrap();
        until("written", || serves(&gateway, &origins[1]));
        // Both upstreams are told in the same look.
        until("told", || ask(&gateway, "listed").status == 200);
        origins[0].release();
        holder.reply().expect(200);
        for client in &mut line {
            client.reply().expect(200);
            assert_eq!(gateway.log_of(client.addr())["endpoint"], origins[1].addr().to_string());
        }
    });
}

#[test]
fn a_list_may_come_late_hold_names_and_become_empty() {
    each_driver(|driver| {
        let (dns, folder) = (NameServer::start(), Folder::new());
        let (origins, port) = origins(1);
        dns.set("api.test", 0, &hosts(&[0]));
        let path = folder.0.join("list.txt");
        let gateway = start(driver, 1, &dns, HASTE, &[("listed", &listed(&path))]);
        assert_eq!(ask(&gateway, "listed").expect(503).reason(), "no_endpoint");
        folder.file("list.txt", &format!("api.test:{port}"));
        until("its name is found", || ask(&gateway, "listed").status == 200);
        assert!(serves(&gateway, &origins[0]));
        folder.file("list.txt", "# nobody\n");
        until("it is empty", || ask(&gateway, "listed").status == 503);
        let asked = dns.asked("api.test").len();
        fs::write(&path, "127.0.0.9:9 # nor here").unwrap();
        until("there is an endpoint", || ask(&gateway, "listed").status == 502);
        let later = dns.asked("api.test").len();
        assert!(later <= asked + 2, "a name that no list has is asked no more: {asked}, then {later}");
    });
}

#[test]
fn check_and_run_tell_what_is_wrong_with_a_list() {
    each_driver(|driver| {
        let (dns, folder) = (NameServer::start(), Folder::new());
        let path = folder.file("list.txt", "127.0.0.1:80\n127.0.0.1:0 # x\n");
        let text = text(driver, 1, &dns, HASTE, &[("listed", &listed(&path))]);
        let told = format!("{}:2:1: error: '127.0.0.1:0' is not where a server listens", path.display());
        let (checked, _) = run_to_end("check", &text);
        let shown = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert!(checked.status.code() == Some(1) && shown.contains(&told), "{shown}");
        let (ran, _) = run_to_end("run", &text);
        let shown = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.code() == Some(1) && shown.contains(&told), "{shown}");
        fs::remove_file(&path).unwrap();
        let (checked, _) = run_to_end("check", &text);
        let shown = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert!(
            checked.status.code() == Some(0) && shown.contains("warning: the list of endpoints"),
            "{shown}"
        );
    });
}
