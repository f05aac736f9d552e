//! What handshakes are shown of what disks keep.

use super::*;
use crate::certs::{Identity, Obtained, OriginTerms, Trust};
use crate::table::acme::Issuer;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use std::path::{Path, PathBuf};

/// A folder of this test's own, that goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        Folder(std::env::temp_dir().join(format!("ringgate-acme-{name}-{}", std::process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A certificate of a.test with its key that ends with this year.
fn pem(year: i32) -> String {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(year, 12, 31));
    format!("{}{}", key.serialize_pem(), params.self_signed(&key).unwrap().pem())
}

fn identity(pem: &str) -> Identity {
    disk::identity(pem.as_bytes()).unwrap()
}

/// An order of a.test that is kept in this folder.
fn order(folder: &Path) -> Order {
    let issuer = Issuer {
        name: "test".to_owned(),
        directory: "https://localhost:1/dir".to_owned(),
        folder: folder.to_owned(),
        contact: Vec::new(),
        challenge: Challenge::Handshake,
        terms: OriginTerms::new(Trust::Anyone, None, None, &[b"http/1.1"], None),
        external: None,
        renew_before: None,
    };
    Order {
        issuer: Arc::new(issuer),
        names: Box::new(["a.test".into()]),
        obtained: Arc::new(Obtained::default()),
    }
}

fn resolver() -> Resolver {
    let second = Duration::from_secs(1);
    Resolver { servers: Vec::new(), timeout: second, ttl_min: second, ttl_max: second, stale: second }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[test]
fn what_the_disk_has_is_shown_in_the_place_of_another_issuers_however_long_that_is_good() {
    let folder = Folder::new("issuers");
    let (staging, good) = (order(&folder.0.join("staging")), order(&folder.0.join("ca")));
    let good = Order { obtained: staging.obtained.clone(), ..good };
    let kept = pem(2035);
    disk::write(&good.file(), kept.as_bytes()).unwrap();
    let validity = |pem: &str| Some(identity(pem).validity());
    good.obtained.show(identity(&pem(2040)), &staging.file());
    assert!(run(restored(&good)));
    assert_eq!(good.obtained.validity(), validity(&kept));
    // Its own, which could not be written down.
    let newer = pem(2045);
    good.obtained.show(identity(&newer), &good.file());
    assert!(run(restored(&good)));
    assert_eq!(good.obtained.validity(), validity(&newer));
}

#[test]
fn nothing_is_ordered_that_could_not_be_kept() {
    // Nobody can make a folder there.
    let order = order(Path::new("/proc/ringgate/acme"));
    let desk = Desk::new(order.issuer.clone(), resolver());
    let Err((failure, None)) = run(desk.serve(&order, None)) else { panic!("nothing is there to ask") };
    assert!(failure.why.starts_with("'/proc/ringgate/acme' cannot be written: "), "{}", failure.why);
}

#[test]
fn a_disk_that_hangs_is_waited_for_so_long_and_no_longer_and_read_once_it_answers() {
    let folder = Folder::new("hangs");
    let order = order(&folder.0);
    std::fs::create_dir_all(&folder.0).unwrap();
    // Nothing comes of it until somebody writes.
    let made = std::process::Command::new("mkfifo").arg(order.file()).status().unwrap();
    assert!(made.success());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let begun = Instant::now();
    let by = begun + Duration::from_millis(200);
    let asked = runtime.block_on(async { [restored_by(&order, by).await, restored_by(&order, by).await] });
    assert_eq!(asked, [Kept::Unknown, Kept::Unknown]);
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(order.obtained.validity(), None);
    let task = Task {
        order: order.clone(),
        desk: Arc::new(Desk::new(order.issuer.clone(), resolver())),
        tokens: None,
        hurry: Arc::default(),
        numbers: Arc::default(),
    };
    // The first reading ends, and there is a good disk.
    std::fs::write(order.file(), b"").unwrap();
    std::fs::remove_file(order.file()).unwrap();
    disk::write(&order.file(), pem(2199).as_bytes()).unwrap();
    runtime.block_on(async {
        let numbers = task.numbers.clone();
        let kept = Ended(tokio::spawn(task.keep(Kept::Unknown)));
        while order.obtained.validity().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(20), "it is never read");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(kept);
        assert_eq!(numbers.failed.now(), 0, "nothing is ordered");
    });
}
